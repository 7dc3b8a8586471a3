"""The client side of the wire: uvicorn's httptools protocol, stricter about heads, refusing with problem+json."""

import asyncio
import json
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from judgify.core.gateway.failure import AddressTooLong, HeadersTooLarge, RequestTimeout
from judgify.core.gateway.header import MAX_BYTES, MAX_COUNT
from judgify.kit.errors import PROBLEM_CONTENT_TYPE, JudgifyError, Malformed
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger

log = get_logger("judgify.gateway.protocol")
HEAD_TIMEOUT_S: Final = 10.0
"""How long a client may take to send the head of a request."""
MAX_ADDRESS: Final = 16 * 1024


class StrictProtocol(HttpToolsProtocol):
    """Bounds the size of a request's head and the time it takes; refuses malformed requests and cuts them off."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Prepare as uvicorn does."""
        super().__init__(*args, **kwargs)
        self._refusal: JudgifyError | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it too
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; watch the time while a head is incomplete."""
        super().data_received(data)
        if not self._in_head:
            self._stop_timer()
        elif self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_late)

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Bound the address."""
        super().on_url(url)
        if len(self.url) > MAX_ADDRESS:
            self._refusal = AddressTooLong(f"the address has more than {MAX_ADDRESS} bytes")
            raise self._refusal

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bound the headers."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_BYTES or len(self.headers) >= MAX_COUNT:
            self._refusal = HeadersTooLarge(f"more than {MAX_COUNT} headers or {MAX_BYTES} bytes of them")
            raise self._refusal
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End a head."""
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse with problem+json and close; never in the midst of the answer to an earlier request."""
        # uvicorn declares the cycle as always present; it is None until the first head is complete.
        cycle: RequestResponseCycle | None = self.cycle
        if self.pipeline or (cycle is not None and cycle.response_started and not cycle.response_complete):
            self.transport.close()
            return
        self._refuse(self._refusal or Malformed(msg))

    def _head_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing() or not self._in_head:
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            return
        self._refuse(RequestTimeout(f"the head of the request did not arrive within {HEAD_TIMEOUT_S:g} s"))

    def _refuse(self, error: JudgifyError) -> None:
        request_id = new_id("req")
        body = json.dumps(error.problem(request_id), ensure_ascii=False).encode()
        head = (
            f"HTTP/1.1 {error.status} {error.title}\r\ncontent-type: {PROBLEM_CONTENT_TYPE}\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nx-content-type-options: nosniff\r\n"
            "connection: close\r\n\r\n"
        )
        log.warning("request refused before routing", status=error.status, problem=error.type_slug, request=request_id)
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
