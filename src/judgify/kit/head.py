"""HEAD answers as GET does, without a body: what a route can be asked for, it can be asked about."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class HeadMiddleware:
    """Runs a HEAD request as the GET of the same path and leaves out the body; a stream is ended after its head."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app."""
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked = False
        answered = asyncio.Event()

        async def head_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                answered.set()

        async def nothing_then_gone() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await answered.wait()
            return {"type": "http.disconnect"}

        # By this version of the protocol a stream learns that nobody listens by asking, and is cut off where it waits.
        asgi = {**scope.get("asgi", {}), "spec_version": "2.3"}
        inner = {**scope, "method": "GET", "asgi": asgi}
        try:
            await self._app(inner, nothing_then_gone, head_only)
        finally:
            if "route" in inner:
                scope["route"] = inner["route"]  # what is counted is counted by route
