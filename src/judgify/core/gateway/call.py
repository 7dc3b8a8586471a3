"""One request on its way through the gateway, and the ways to answer it."""

import asyncio
import json
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from judgify import __version__
from judgify.core.gateway.failure import RequestTimeout
from judgify.core.gateway.header import SECURITY
from judgify.core.gateway.path import Target
from judgify.kit.clock import Clock, iso
from judgify.kit.errors import (
    PROBLEM_CONTENT_TYPE,
    JudgifyError,
    Malformed,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from judgify.kit.middleware import Receive, Send

OWN_MAX_BODY: Final = 64 * 1024
"""Largest body in bytes of the gateway's own routes."""
LINGER_S: Final = 3.0
LINGER_BYTES: Final = 64 * 1024 * 1024
_OWN_HEADERS: Final = (
    *SECURITY,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


@dataclass(slots=True)
class Call:
    """A request, who made it, and what became of it."""

    scope: MutableMapping[str, Any]
    receive: Receive
    send: Send
    request_id: str
    method: str
    headers: list[tuple[bytes, bytes]]
    clock: Clock
    started: float
    peer: str = ""
    client: str = ""
    forwarded: str = ""
    scheme: str = "http"
    target: Target | None = None
    subject: str | None = None
    status: int = 0
    error: str | None = None
    upstream_s: float | None = None
    streamed: bool = False
    closing: bool = field(default=False)
    """Whether the connection must end after the answer, since the body was not read to its end."""

    @property
    def answered(self) -> bool:
        """Whether the head of an answer was sent."""
        return self.status != 0

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the head of the answer."""
        self.status = status
        if self.closing:
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def send_body(self, body: bytes, *, more: bool) -> None:
        """Send a piece of the answer's body.

        Where the connection must end and the client still sends, what it sends is thrown away for a while first:
        closing at once would make its machine drop the answer unread.
        """
        if more or not self.closing:
            await self.send({"type": "http.response.body", "body": body, "more_body": more})
            return
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        await self._drain()
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self) -> None:
        left = LINGER_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while left > 0:
                    message = await self.receive()
                    left -= len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return

    async def reply(
        self, status: int, body: bytes, content_type: str, extra: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Send a whole answer of the gateway's own."""
        await self.start(status, [*_own(len(body), content_type, self.request_id), *extra])
        await self.send_body(body, more=False)

    async def reply_json(self, status: int, document: Any, extra: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Send a JSON document as it is."""
        await self.reply(status, msgspec.json.encode(document), "application/json", extra)

    async def reply_data(self, data: Any, status: int = 200) -> None:
        """Send `{data, meta}`."""
        meta = {"timestamp": iso(self.clock.now()), "request_id": self.request_id, "version": __version__}
        await self.reply_json(status, {"data": data, "meta": meta})

    async def reply_problem(self, error: JudgifyError) -> None:
        """Send an error as problem+json."""
        self.error = error.type_slug
        body = json.dumps(error.problem(self.request_id), ensure_ascii=False).encode()
        await self.reply(error.status, body, PROBLEM_CONTENT_TYPE, _hints(error))

    async def read_body(self, limit: int = OWN_MAX_BODY, idle_s: float = 10.0) -> bytes:
        """Read a small body whole; `TooLarge` beyond the limit, `RequestTimeout` when it stops arriving."""
        parts: list[bytes] = []
        size = 0
        while True:
            try:
                async with asyncio.timeout(idle_s):
                    message = await self.receive()
            except TimeoutError:
                self.closing = True
                raise RequestTimeout from None
            if message["type"] != "http.request":
                raise Malformed("the request ended before its body was complete")
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                self.closing = True
                raise TooLarge(f"the body is larger than {limit:,} bytes")
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


def problem_answer(error: JudgifyError, request_id: str, closing_line: bytes = b"") -> bytes:
    """Give an error's whole answer as it goes over the wire; `closing_line` where the connection ends with it."""
    body = json.dumps(error.problem(request_id), ensure_ascii=False).encode()
    lines = [STATUS_LINE[error.status]]
    for name, value in (*_own(len(body), PROBLEM_CONTENT_TYPE, request_id), *_hints(error)):
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join([*lines, closing_line, b"\r\n", body])


def _own(length: int, content_type: str, request_id: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", content_type.encode("latin-1")),
        (b"content-length", str(length).encode("ascii")),
        (b"x-request-id", request_id.encode("ascii")),
        *_OWN_HEADERS,
    ]


def _hints(error: JudgifyError) -> list[tuple[bytes, bytes]]:
    hints = []
    if isinstance(error, TooMany | Unavailable):
        hints.append((b"retry-after", str(error.fields.get("retry_after_s", 1)).encode("ascii")))
    if isinstance(error, Unauthenticated):
        hints.append((b"www-authenticate", b"Bearer"))
    if "allow" in error.fields:
        hints.append((b"allow", str(error.fields["allow"]).encode("ascii")))
    return hints
