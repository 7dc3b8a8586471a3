"""The senders' side of the wire: uvicorn's protocol, which offers whole requests to the express lane first."""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from judgify.response.api.express import Express, Ride

MAX_HELD: Final = 256 * 1024
"""Bytes of further requests that are held while one is answered; then the sender is not read."""
_CLOSING: Final = b"connection: close\r\n"


class IntakeProtocol(HttpToolsProtocol):
    """Serves as uvicorn does what the lane of the app (`app.state.express`) does not take."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Prepare as uvicorn does."""
        super().__init__(*args, **kwargs)
        self._lane: Express | None = getattr(getattr(self.app, "state", None), "express", None)
        self._ride: Ride | None = None
        self._in_message = False
        self._held = b""
        self._turning = False
        self._ending = False

    def data_received(self, data: bytes) -> None:
        """Offer a whole request to the lane; leave everything else to uvicorn."""
        if self._ride is not None or self._turning:
            self._held += data
            if len(self._held) > MAX_HELD:
                self.flow.pause_reading()
            return
        if self._lane is not None and self._idle():
            self._ride = self._lane.board(self, data)
            if self._ride is not None:
                self._unset_keepalive_if_required()
                return
        super().data_received(data)

    def _idle(self) -> bool:
        # uvicorn declares the cycle as always present; it is None until the first head is complete.
        cycle: RequestResponseCycle | None = self.cycle
        return not self._in_message and not self._ending and (cycle is None or cycle.response_complete)

    def reply(self, ride: Ride, head: bytes, body: bytes) -> None:
        """Answer the request that the lane took; nothing where the sender has gone."""
        if self._ride is not ride:
            return
        self._ride = None
        if self.transport.is_closing():
            return
        self.server_state.total_requests += 1
        self.transport.write(b"%b%b\r\n%b" % (head, _CLOSING if self._ending else b"", body))
        if self._ending:
            self.transport.close()
            return
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        if self._held:
            self._turning = True
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        # What is read from here on comes after what was held.
        held, self._held, self._turning = self._held, b"", False
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.data_received(held)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget whom to answer; what was taken stays taken."""
        self._ride, self._held = None, b""
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End after the answer that is under way."""
        self._ending = True
        if self._ride is None:
            super().shutdown()

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_message = True

    def on_message_complete(self) -> None:
        """End a message."""
        super().on_message_complete()
        self._in_message = False
