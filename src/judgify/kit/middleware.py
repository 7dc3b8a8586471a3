"""What surrounds every request of a service: request id, metrics by route pattern, body limit."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from judgify.kit.clock import Clock
from judgify.kit.errors import PROBLEM_CONTENT_TYPE, JudgifyError, TooLarge
from judgify.kit.ids import request_id
from judgify.kit.log import get_logger, request_id_var
from judgify.kit.metrics import Metrics

MAX_BODY: Final = 1024 * 1024
"""Largest body in bytes that a service accepts unless it says otherwise."""
DRAINED: Final = 64 * 1024 * 1024
"""Bytes of a refused body that are read and thrown away before it is answered."""
DRAIN_S: Final = 5.0
SECURITY: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""On every answer, unless the route says otherwise: nothing here is for another site's frame, or for a shared cache."""
_PUBLIC_TYPES: Final = (b"text/css", b"text/javascript", b"application/javascript", b"font/", b"image/x-icon")
"""What a browser may keep: files that come with the product, the same for everybody."""
_MAX_DIGITS: Final = 15
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,80}")

log = get_logger("judgify.web")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class ServiceMiddleware:
    """Give each request an id (a well-formed one that came with it is kept), time it, and refuse an oversized body.

    A refused body is answered 413 before the handler has changed anything.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, clock: Clock, max_body: int) -> None:
        """Wrap an ASGI app."""
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._max_body = max_body

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection event; everything but HTTP passes through untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_from(scope)
        reset = request_id_var.set(request_id)
        started = self._clock.monotonic()
        status = 0
        took: float | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers, streamed = _secured(message.get("headers", ()))
                if streamed:
                    # A stream lasts as long as its reader likes: only its beginning says how quick the service is.
                    took = self._clock.monotonic() - started
                headers.append((b"x-request-id", request_id.encode("ascii")))
                message["headers"] = headers
            await send(message)

        try:
            body = await self._read_body(scope, receive)
            if body is None:
                await _drain(receive, self._clock)
                await _problem(send_with_id, request_id, _too_large(self._max_body))
            else:
                await self._app(scope, _replay(body, receive), send_with_id)
        except Exception:
            # The named boundary for faults of our own: the caller learns the request id, the log learns the rest.
            log.exception("request failed", method=_method(scope))
            if status:
                raise  # The answer has begun: only a broken connection can still say that it is not whole.
            await _problem(send_with_id, request_id, JudgifyError())
        finally:
            route = scope.get("route")
            pattern = getattr(route, "path", "unmatched")
            seconds = self._clock.monotonic() - started if took is None else took
            self._metrics.observe_http(_method(scope), pattern, status or 500, seconds)
            request_id_var.reset(reset)

    async def _read_body(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes | None:
        length = _header(scope, b"content-length")
        if length is not None and (not length.isdecimal() or len(length) > _MAX_DIGITS or int(length) > self._max_body):
            return None
        if length is None and _header(scope, b"transfer-encoding") is None:
            return b""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)
            part = message.get("body", b"")
            size += len(part)
            if size > self._max_body:
                return None
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


def _secured(given: Iterable[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Give headers with those of `SECURITY` that are missing, and whether the answer is a stream of events."""
    headers = list(given)
    present = dict(headers)
    kind = present.get(b"content-type", b"")
    kept = kind.startswith(_PUBLIC_TYPES)
    headers += [pair for pair in SECURITY if pair[0] not in present and not (kept and pair[0] == b"cache-control")]
    return headers, kind.startswith(b"text/event-stream")


def request_id_from(scope: MutableMapping[str, Any]) -> str:
    """Give the caller's X-Request-ID when it is short and plain, else a fresh id."""
    given = _header(scope, b"x-request-id")
    if given is not None and is_request_id(given):
        return given
    return request_id()


def is_request_id(text: str) -> bool:
    """Tell whether a request id that came with a request is short and plain enough to be kept."""
    return _REQUEST_ID.fullmatch(text) is not None


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _drain(receive: Receive, clock: Clock) -> None:
    # A client that is still sending would see a reset connection instead of the answer.
    left, until = DRAINED, clock.monotonic() + DRAIN_S
    while left > 0 and clock.monotonic() < until:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit:,} bytes; send it in parts")


async def _problem(send: Send, request_id: str, error: JudgifyError) -> None:
    body = json.dumps(error.problem(request_id)).encode()
    headers = [(b"content-type", PROBLEM_CONTENT_TYPE.encode()), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(scope: MutableMapping[str, Any], name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def _method(scope: MutableMapping[str, Any]) -> str:
    method = str(scope["method"])
    return method if method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} else "other"
