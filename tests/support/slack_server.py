"""A small Slack on a free port: the Web API methods that we call, and Socket Mode, answering as Slack documents."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

ROOM = "C0ROOM0001"


@dataclass
class Slack:
    """Keeps every call, answers it, and talks over the socket as a test asks."""

    token: str
    answers: dict[str, list[tuple[int, dict[str, str], Any]]] = field(default_factory=dict)
    """Canned answers by method, used up in order: status, headers, body (a dict is sent as JSON)."""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    acks: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    slow_s: float = 0.0
    posted: int = 0

    @property
    def api_url(self) -> str:
        """The address to give as `api_url`."""
        return f"http://localhost:{self.port}/api/"

    def of(self, method: str) -> list[dict[str, Any]]:
        """Give the arguments of every call of a method."""
        return [arguments for name, arguments in self.calls if name == method]

    async def until(self, what: Any, within_s: float = 10) -> None:
        """Wait until a condition holds."""
        async with asyncio.timeout(within_s):
            while not what():
                self.changed.clear()
                await self.changed.wait()

    async def send(self, envelope: dict[str, Any]) -> None:
        """Send an envelope over the newest socket."""
        await self.sockets[-1].send_str(json.dumps(envelope))

    async def method(self, request: web.Request) -> web.Response:
        """Answer one call of the Web API."""
        name = request.match_info["method"]
        raw = await request.text()
        given = json.loads(raw) if raw.startswith("{") else dict(await request.post())
        self.calls.append((name, given))
        self.changed.set()
        await asyncio.sleep(self.slow_s)
        canned = self.answers.get(name)
        if canned:
            status, headers, body = canned.pop(0)
            if isinstance(body, dict):
                return web.json_response(body, status=status, headers=headers)
            return web.Response(status=status, headers=headers, body=body)
        return web.json_response(self._answer(name, request, given))

    def _answer(self, name: str, request: web.Request, given: dict[str, Any]) -> dict[str, Any]:
        bearer = request.headers.get("Authorization", "")
        if name == "apps.connections.open":
            return {"ok": True, "url": f"ws://localhost:{self.port}/link?ticket=t-1"}
        if bearer != f"Bearer {self.token}":
            return {"ok": False, "error": "invalid_auth"}
        if name == "chat.postMessage":
            self.posted += 1
            return {"ok": True, "channel": ROOM, "ts": f"1700000000.{self.posted:06d}", "message": {}}
        if name == "chat.update":
            return {"ok": True, "channel": given["channel"], "ts": given["ts"], "text": given["text"]}
        return {"ok": True}

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one Socket Mode connection: hello first, then whatever `send` is given; keeps what comes back."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"}}))
        self.sockets.append(socket)
        self.changed.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.acks.append(json.loads(message.data))
                self.changed.set()
        return socket


@asynccontextmanager
async def slack_server(token: str) -> AsyncIterator[Slack]:
    """Serve a Slack on a free port of localhost."""
    slack = Slack(token)
    app = web.Application(client_max_size=4 << 20)
    app.router.add_post("/api/{method}", slack.method)
    app.router.add_get("/link", slack.socket)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.port = runner.addresses[0][1]
    try:
        yield slack
    finally:
        for socket in slack.sockets:
            await socket.close()
        await runner.cleanup()
