"""One kept-alive HTTP/1.1 connection to an upstream: asyncio transport, httptools parser, back-pressure both ways."""

import asyncio
from collections import deque
from typing import Any, Final, cast

import httptools

HIGH_WATER: Final = 256 * 1024
LOW_WATER: Final = 64 * 1024
MAX_HEAD: Final = 64 * 1024


class UpstreamFault(Exception):
    """The exchange with an upstream failed: whether any byte of an answer had come, or none of the request was sent."""

    def __init__(self, reason: str, *, answered: bool = False, unsent: bool = False) -> None:
        """Keep a reason for the operator."""
        super().__init__(reason)
        self.reason = reason
        self.answered = answered
        self.unsent = unsent


class ClientGone(Exception):
    """The client hung up before its answer was complete."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time: `begin`, `write`, `await head`, `chunk` until None; then `reusable` or closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Prepare; the loop's `create_connection` connects."""
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._drained: asyncio.Future[None] | None = None
        self._wake: asyncio.Future[None] | None = None
        self._busy = False
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._paused = False
        self._complete = False
        self._interim = False
        self._framed = False
        self._head_only = False
        self._head_bytes = 0
        self._fault: BaseException | None = None
        self._answered = False
        self._sent = False
        self._keep_alive = False
        self._spoiled = False
        self.closed = False
        self.used_before = False
        self.idle_since = 0.0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.head: asyncio.Future[None] = loop.create_future()
        self.go_on = asyncio.Event()
        """Set when the upstream asks for the body (100 Continue), or when there is nothing to wait for any more."""

    # -- what the gateway calls

    def begin(self, *, head_only: bool) -> None:
        """Start an exchange; `head_only` for HEAD, whose answer has no body whatever its headers say."""
        self._parser = httptools.HttpResponseParser(self)
        self._busy = True
        self._chunks.clear()
        self._buffered = 0
        self._complete = self._interim = self._framed = self._answered = self._sent = self._keep_alive = False
        self._head_only = head_only
        self._head_bytes = 0
        self._fault = None
        self.status = 0
        self.headers = []
        self.head = self._loop.create_future()
        self.go_on.clear()

    def write(self, data: bytes) -> None:
        """Queue bytes of the request; call `drain` after large ones."""
        if self._transport is None or self.closed:
            raise UpstreamFault("the connection was closed", answered=self._answered, unsent=not self._sent)
        self._sent = True
        self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the upstream has taken enough of what was written."""
        if self._drained is not None:
            await self._drained
        if self._fault is not None:
            raise self._fault

    async def chunk(self) -> bytes | None:
        """Give the next piece of the answer's body, None at its end; raises when the answer broke off."""
        while not self._chunks:
            if self._complete:
                return None
            if self._fault is not None:
                raise self._fault
            self._wake = self._loop.create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        data = self._chunks.popleft() if len(self._chunks) == 1 else self._take_all()
        self._buffered -= len(data)
        if self._paused and self._buffered < LOW_WATER and self._transport is not None and not self.closed:
            self._paused = False
            self._transport.resume_reading()
        return data

    def fail(self, fault: BaseException) -> None:
        """End the exchange with an error and close the connection at once."""
        self._break(fault)
        self.abort()

    def finish(self) -> bool:
        """End the exchange; True when the connection can carry another one."""
        self._busy = False
        return self._complete and self._keep_alive and not (self._head_only or self._spoiled) and self.usable

    def abort(self) -> None:
        """Close at once, dropping what was not sent."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    @property
    def usable(self) -> bool:
        """Whether the connection is open in both directions as far as is known."""
        return not self.closed and self._transport is not None and not self._transport.is_closing()

    def spoil(self) -> None:
        """Note that the request was not sent to its end, so that no other may follow it on this connection."""
        self._spoiled = True

    @property
    def exhausted(self) -> bool:
        """Whether the whole answer has arrived and was read."""
        return self._complete and not self._chunks

    @property
    def complete(self) -> bool:
        """Whether the whole answer has arrived (it may still wait here to be read)."""
        return self._complete

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's transports are no subclass of asyncio's, so this cannot be asked of them.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came. Bytes that nobody asked for, or that are no HTTP, close the connection."""
        if not self._busy or self._complete:
            self._keep_alive = False
            self.abort()
            return
        self._answered = True
        if not self.head.done():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD + HIGH_WATER:
                self.fail(UpstreamFault("the head of the answer is too large", answered=True))
                return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # After a complete HEAD answer the parser waits for a body that never comes: nothing to complain about.
            if not self._complete:
                self.fail(UpstreamFault("the answer is not valid HTTP", answered=True))

    def eof_received(self) -> bool:
        """Note the end of the answer; an answer framed by neither length nor chunks is complete by it."""
        self.closed = True
        if self._busy and self.head.done() and not self._complete and not self._framed and self._fault is None:
            self._keep_alive = False
            self._complete = True
            self._notify()
        return False

    def connection_lost(self, _: Exception | None) -> None:
        """Fail a running exchange."""
        self.closed = True
        if self._busy and not self._complete:
            reason = "the service closed the connection before its answer was complete"
            self._break(UpstreamFault(reason, answered=self._answered))
        self.resume_writing()

    def pause_writing(self) -> None:
        """Make `drain` wait."""
        if self._drained is None:
            self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None

    # -- httptools callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Publish the head, unless it is an interim one (1xx)."""
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self._interim = True
            self.go_on.set()
            return
        self._framed = any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.headers)
        self._keep_alive = self._parser.should_keep_alive() and self._framed
        if self._head_only:
            self._complete = True
        if not self.head.done():
            self.head.set_result(None)
        self.go_on.set()

    def on_body(self, body: bytes) -> None:
        """Buffer a piece of the body; stop reading when the client is slower than the upstream."""
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > HIGH_WATER and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._notify()

    def on_message_complete(self) -> None:
        """Note the end of the answer (or of an interim one)."""
        if self._interim:
            self._interim = False
            self.headers = []
            return
        if self.status in {204, 304}:
            self._keep_alive = self._parser.should_keep_alive()
        self._complete = True
        self._notify()

    # -- inside

    def _take_all(self) -> bytes:
        data = b"".join(self._chunks)
        self._chunks.clear()
        return data

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _break(self, fault: BaseException) -> None:
        if self._fault is None:
            self._fault = fault
        if not self.head.done():
            self.head.set_exception(self._fault)
            # Marks it as seen: nobody may be waiting for the head at this moment.
            self.head.exception()
        self.go_on.set()
        self._notify()
        self.resume_writing()
