"""The fast lane's connection to an upstream: one exchange at a time, each part passed on in the callback it came in."""

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from judgify.core.gateway.connection import MAX_HEAD
from judgify.core.gateway.express_answer import PlainAnswer, read_plain
from judgify.core.gateway.header import for_client, is_event_stream

if TYPE_CHECKING:
    from judgify.core.gateway.express import Lane, Ride

_NO_BODY: Final = frozenset({204, 304})


class ExpressConnection(asyncio.Protocol):
    """Carries rides one after the other. `usable` between them; whatever is odd closes it."""

    __slots__ = (
        "_answered",
        "_chunked",
        "_complete",
        "_framed",
        "_head",
        "_head_bytes",
        "_headers",
        "_interim",
        "_keep_alive",
        "_lane",
        "_left",
        "_parser",
        "_parts",
        "_transport",
        "closed",
        "idle_since",
        "ride",
        "upstream",
    )

    def __init__(self, lane: "Lane", upstream: str) -> None:
        """Prepare; the loop's `create_connection` connects."""
        self._lane = lane
        self.upstream = upstream
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._head: bytes | None = None
        self._answered = self._chunked = self._complete = self._framed = self._interim = self._keep_alive = False
        self._head_bytes = 0
        self._left = 0
        """Bytes of a plain answer's body that are still to come."""
        self.closed = False
        self.idle_since = 0.0
        self.ride: Ride | None = None

    @property
    def usable(self) -> bool:
        """Whether it is open, as far as is known."""
        return not self.closed and self._transport is not None and not self._transport.is_closing()

    def send(self, ride: "Ride", data: bytes) -> None:
        """Begin an exchange."""
        self.ride = ride
        self._headers = []
        self._head = None
        self._answered = self._chunked = self._complete = self._framed = False
        self._head_bytes = self._left = 0
        transport = self._transport
        if transport is not None:
            transport.write(data)

    def abort(self) -> None:
        """Close at once."""
        if not self.closed:
            self.closed = True
            self._lane.lost(self)
            if self._transport is not None:
                self._transport.abort()

    def resume(self) -> None:
        """Read on: the client takes more again."""
        if not self.closed and self._transport is not None:
            self._transport.resume_reading()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's transports are no subclass of asyncio's, so this cannot be asked of them.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came and pass it on."""
        ride = self.ride
        if ride is None:
            self.abort()  # bytes that nobody asked for
            return
        if self._left:
            self._more(ride, data)
            return
        if not self._answered:
            self._answered = True
            end = data.find(b"\r\n\r\n")
            # Only an id of ours is certain to stand nowhere else in a head.
            ours = None if ride.plan.request_id else ride.request_id.encode()
            plain = read_plain(data, end, ours) if end > 0 else None
            if plain is not None:
                self._plain(ride, plain, data, end + 4)
                return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if self.ride is not None:
                if self._head is not None:
                    ride.status = 0  # nothing of it was passed on
                self._lane.failed(self, ride, "the answer is not valid HTTP", answered=True)
            return
        if not ride.status and self._head is None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                self._lane.failed(self, ride, "the head of the answer is too large", answered=True)
            return
        self._pass_on(ride)

    def eof_received(self) -> bool:
        """An answer framed by neither length nor chunks is complete by its end."""
        ride = self.ride
        if ride is not None and ride.status and not (self._framed or self._complete or self._left):
            self._complete = True
            self._pass_on(ride)
        return False

    def connection_lost(self, _: Exception | None) -> None:
        """Fail a running exchange."""
        gone, self.closed = not self.closed, True
        if gone:
            self._lane.lost(self)
            ride = self.ride
            if ride is not None:
                reason = "the service closed the connection before its answer was complete"
                self._lane.failed(self, ride, reason, answered=self._answered)

    # -- httptools callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Make the head for the client, unless this one is interim (1xx)."""
        status = self._parser.get_status_code()
        if status < 200:
            self._interim = True
            self._headers = []
            return
        ride = self.ride
        if ride is None:
            return
        names = {name for name, _ in self._headers}
        self._framed = status in _NO_BODY or not names.isdisjoint({b"content-length", b"transfer-encoding"})
        self._chunked = status not in _NO_BODY and b"content-length" not in names
        pairs = for_client(self._headers, ride.request_id.encode())
        if self._chunked:
            pairs.append((b"transfer-encoding", b"chunked"))
        lines = [STATUS_LINE.get(status) or b"HTTP/1.1 %d \r\n" % status]
        lines += [b"%b: %b\r\n" % pair for pair in pairs]
        self._head = b"".join(lines)
        ride.status = status
        ride.streamed = is_event_stream(self._headers)

    def on_body(self, body: bytes) -> None:
        """Take a part."""
        if body:
            self._parts.append(b"%x\r\n%b\r\n" % (len(body), body) if self._chunked else body)

    def on_message_complete(self) -> None:
        """Note the end of the answer (or of an interim one)."""
        if self._interim:
            self._interim = False
            return
        self._complete = True
        self._keep_alive = bool(self._parser.should_keep_alive())

    # -- inside

    def _plain(self, ride: "Ride", plain: PlainAnswer, data: bytes, start: int) -> None:
        """Pass on the usual answer, or its beginning."""
        ride.status = plain.status
        self._left = plain.length - (len(data) - start)
        self._lane.progressed(ride)
        client = ride.client
        head = b"%bx-request-id: %b\r\n%b\r\n" % (plain.head, ride.request_id.encode(), client.closing_line)
        if self._left < 0:
            data = data[: self._left]  # what nobody asked for goes no further
        flowing = client.begin_answer(head + data[start:])
        if self._left > 0:
            self._hold(flowing=flowing)
        else:
            reusable, self._left = self._left == 0 and not self.closed, 0
            self._lane.finished(self, ride, reusable=reusable)

    def _more(self, ride: "Ride", data: bytes) -> None:
        """Pass on more of the usual answer's body."""
        left = self._left - len(data)
        self._left = max(0, left)
        self._lane.progressed(ride)
        flowing = ride.client.write(data if left >= 0 else data[:left])
        if left > 0:
            self._hold(flowing=flowing)
        else:
            self._lane.finished(self, ride, reusable=left == 0 and not self.closed)

    def _hold(self, *, flowing: bool) -> None:
        if not flowing and self._transport is not None and not self.closed:
            self._transport.pause_reading()

    def _pass_on(self, ride: "Ride") -> None:
        if self._complete and self._chunked:
            self._parts.append(b"0\r\n\r\n")
        data = b"".join(self._parts)
        self._parts.clear()
        self._lane.progressed(ride)
        if self._head is not None:
            head, self._head = self._head, None
            flowing = ride.client.begin_answer(head + ride.client.closing_line + b"\r\n" + data)
        else:
            flowing = ride.client.write(data)
        if self._complete:
            reusable = self._framed and self._keep_alive and not self.closed
            self._lane.finished(self, ride, reusable=reusable)
        else:
            self._hold(flowing=flowing)
