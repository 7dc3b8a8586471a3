"""The client side of the wire: uvicorn's httptools protocol, stricter about heads, refusing with problem+json.

A whole request that comes in one or two pieces is offered to the fast lane first; uvicorn never sees it then.
"""

import asyncio
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from judgify.core.gateway.call import problem_answer
from judgify.core.gateway.express import WAIT, Boarding
from judgify.core.gateway.failure import AddressTooLong, HeadersTooLarge, RequestTimeout
from judgify.core.gateway.header import MAX_BYTES, MAX_COUNT
from judgify.kit.errors import JudgifyError, Malformed
from judgify.kit.ids import request_id
from judgify.kit.log import get_logger

if TYPE_CHECKING:
    from judgify.core.gateway.express import Lane
    from judgify.core.gateway.express_connection import ExpressConnection

log = get_logger("judgify.gateway.protocol")
HEAD_TIMEOUT_S: Final = 10.0
"""How long a client may take to send the head of a request."""
MAX_ADDRESS: Final = 16 * 1024
CLOSING: Final = b"connection: close\r\n"
PIECE_S: Final = 0.05
"""How long the fast lane waits for a body that did not come with its head."""
MAX_HELD: Final = 256 * 1024
"""Bytes of further requests that are held while one is answered; then the client is not read."""


class StrictProtocol(HttpToolsProtocol):
    """Bounds the size of a request's head and the time it takes; refuses malformed requests and cuts them off."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Prepare as uvicorn does."""
        super().__init__(*args, **kwargs)
        self._refusal: JudgifyError | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = True
        self._in_message = False
        self._lane: Lane | None = getattr(self.app, "lane", None)
        self._ride: ExpressConnection | None = None
        self._held = b""
        self._piece_timer: asyncio.TimerHandle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self._rest_since = 0.0
        self._flowing = True
        self.peer = ""
        self.closing_line = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it too
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self.peer = str(self.client[0]) if self.client else ""
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers; end what is being done for this client."""
        self._stop_timer()
        for timer in (self._piece_timer, self._rest_timer):
            if timer is not None:
                timer.cancel()
        ride, self._ride = self._ride, None
        if ride is not None and self._lane is not None:
            self._lane.abandon(ride)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Offer whole requests to the fast lane; leave everything else to the common way."""
        if self._ride is not None:
            self._held += data
            if len(self._held) > MAX_HELD:
                self.flow.pause_reading()
            return
        if self._piece_timer is not None:
            self._piece_timer.cancel()
            self._piece_timer = None
            data, self._held = self._held + data, b""
            if not self._offer(data, last=True):
                self.take_common_way(data)
        elif not self._offer(data, last=False):
            self.take_common_way(data)

    def _offer(self, data: bytes, *, last: bool) -> bool:
        lane = self._lane
        if lane is None or self._in_message or self.closing_line or self.pipeline:
            return False
        # uvicorn declares the cycle as always present; it is None until the first head is complete.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            return False
        ride = lane.board(self, data)
        if isinstance(ride, Boarding):
            if ride is WAIT and not last:
                self._held = data
                self._piece_timer = self.loop.call_later(PIECE_S, self._piece_late)
                return True
            return False
        self._ride = ride
        self._in_head = False
        self._stop_timer()
        self._unset_keepalive_if_required()
        return True

    def _piece_late(self) -> None:
        self._piece_timer = None
        data, self._held = self._held, b""
        if not self.transport.is_closing():
            self.take_common_way(data)

    def pause_writing(self) -> None:
        """The client takes nothing more for now."""
        self._flowing = False
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client takes more again."""
        self._flowing = True
        super().resume_writing()
        if self._ride is not None:
            self._ride.resume()

    def shutdown(self) -> None:
        """End after the answer that is under way."""
        if self._ride is not None:
            self.closing_line = CLOSING
        else:
            super().shutdown()

    # -- what the fast lane tells

    def begin_answer(self, head: bytes) -> bool:
        """Write an answer's head and first part; False while the client takes nothing more."""
        self.transport.write(head)
        return self._flowing

    def write(self, data: bytes) -> bool:
        """Write a further part; False while the client takes nothing more."""
        self.transport.write(data)
        return self._flowing

    def end_answer(self) -> None:
        """The answer is whole: the next request may come."""
        self._ride = None
        self.server_state.total_requests += 1
        if self.closing_line:
            self.transport.close()
            return
        if self._held:
            held, self._held = self._held, b""
            self.flow.resume_reading()
            self.loop.call_soon(self._go_on, held)
        self._rest_since = self.loop.time()
        if self._rest_timer is None:
            self._rest_timer = self.loop.call_later(self.timeout_keep_alive, self._rested)

    def cut(self) -> None:
        """The answer broke off: only a broken connection can say so."""
        self._ride = None
        self.transport.close()

    def take_common_way(self, data: bytes) -> None:
        """Have uvicorn read and serve these bytes; watch the time while a head is incomplete."""
        self._ride = None
        self._in_head = True
        super().data_received(data)
        if self._held:
            held, self._held = self._held, b""
            self.flow.resume_reading()
            super().data_received(held)
        if not self._in_head:
            self._stop_timer()
        elif self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_late)

    def _go_on(self, held: bytes) -> None:
        if not self.transport.is_closing():
            self.data_received(held)

    def _rested(self) -> None:
        self._rest_timer = None
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        busy = self._ride is not None or (cycle is not None and not cycle.response_complete) or self._in_message
        left = self.timeout_keep_alive - (self.loop.time() - self._rest_since)
        if busy:
            left = self.timeout_keep_alive
        if left <= 0:
            self.transport.close()
        else:
            self._rest_timer = self.loop.call_later(left, self._rested)

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head = self._in_message = True
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

    def on_message_complete(self) -> None:
        """End a message."""
        self._in_message = False
        super().on_message_complete()

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
        made = request_id()
        log.warning("request refused before routing", status=error.status, problem=error.type_slug, request=made)
        self.transport.write(problem_answer(error, made, CLOSING))
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
