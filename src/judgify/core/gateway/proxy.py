"""The data path: one request to one upstream and its answer back, both streamed, nothing repeated that may have run."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from judgify.core.gateway.admission import Admission
from judgify.core.gateway.call import Call
from judgify.core.gateway.config import GatewayConfig
from judgify.core.gateway.connection import ClientGone, Connection, UpstreamFault
from judgify.core.gateway.failure import BadGateway, GatewayTimeout, RequestTimeout
from judgify.core.gateway.header import content_length, for_client, for_upstream, has_body, is_event_stream
from judgify.core.gateway.path import BATCH
from judgify.core.gateway.pool import Pool
from judgify.kit.errors import TooLarge

WATCH_AFTER_S: Final = 0.25
"""A client that hangs up while its answer is awaited is noticed from this moment on."""
CONTINUE_WAIT_S: Final = 1.0
"""How long an upstream may take to ask for a large body before it is sent unasked."""
HEALTH_TIMEOUT_S: Final = 5.0
"""A service that does not tell its state within this is not healthy."""
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Upstream:
    """A service behind the gateway: its connections and its queue."""

    name: str
    pool: Pool
    admission: Admission


class Proxy:
    """Passes calls on. Errors before the answer's head are raised; after it the client's connection is cut."""

    def __init__(self, config: GatewayConfig) -> None:
        """Take timeouts and limits from the configuration."""
        self._config = config

    async def forward(self, call: Call, upstream: Upstream, token: str, *, queued: bool = True) -> None:
        """Pass one call to an upstream and its answer back; `queued=False` goes past the queue, as health does.

        Raises `BadGateway`, `GatewayTimeout`, `Unavailable` (queue), `TooLarge`, `RequestTimeout`; `ClientGone` when
        there is nobody left to answer.
        """
        length = content_length(call.headers)
        if length is not None and length > self._config.max_body:
            call.closing = True
            raise self._too_large()
        if not queued:
            await self._exchange(call, upstream, token)
            return
        await upstream.admission.enter()
        try:
            await self._exchange(call, upstream, token)
        finally:
            upstream.admission.leave()

    async def _exchange(self, call: Call, upstream: Upstream, token: str) -> None:
        body = await self._first_part(call) if has_body(call.headers) else (b"", False)
        head = self._head(call, upstream, token, body)
        may_repeat = call.method in _REPEATABLE and not body[0] and not body[1]
        connection = await upstream.pool.acquire()
        try:
            try:
                await self._ask(call, connection, head, body)
            except UpstreamFault as fault:
                # A kept-alive connection may be closed by the other side just as it is picked. A request is sent again
                # when no byte of it had been sent, or when it changes nothing and no byte of an answer had come.
                if not (fault.unsent or (may_repeat and connection.used_before and not fault.answered)):
                    raise
                upstream.pool.discard(connection)
                connection = await upstream.pool.acquire(fresh=True)
                await self._ask(call, connection, head, body)
            await self._answer(call, connection)
        except UpstreamFault as fault:
            raise broke_off(upstream.name, fault) from None
        except TimeoutError as error:
            raise timed_out(upstream.name, error) from None
        finally:
            upstream.pool.release(connection)

    def _head(self, call: Call, upstream: Upstream, token: str, body: tuple[bytes, bool]) -> bytes:
        query = call.scope.get("query_string", b"")
        target = call.scope["raw_path"] + (b"?" + query if query else b"")
        headers = for_upstream(
            call.headers,
            host=upstream.pool.host_header,
            token=token.encode("ascii"),
            request_id=call.request_id.encode("ascii"),
            client=call.forwarded.encode("latin-1"),
            scheme=call.scheme.encode("ascii"),
        )
        length = content_length(call.headers)
        if not body[1]:
            # The whole body is here: its true length is known, however the client framed it.
            if body[0] or length is not None or call.method not in _REPEATABLE:
                headers.append((b"content-length", str(len(body[0])).encode("ascii")))
        elif length is not None:
            headers.append((b"content-length", str(length).encode("ascii")))
        else:
            headers.append((b"transfer-encoding", b"chunked"))
        if body[1]:
            # An upstream that will refuse the body says so before it is sent; else its refusal and its closing of the
            # connection would race with our writing.
            headers.append((b"expect", b"100-continue"))
        lines = [call.method.encode("ascii"), b" ", target, b" HTTP/1.1\r\n"]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    async def _first_part(self, call: Call) -> tuple[bytes, bool]:
        message = await self._receive(call)
        part = message.get("body", b"")
        if len(part) > self._config.max_body:
            call.closing = True
            raise self._too_large()
        return part, bool(message.get("more_body", False))

    async def _receive(self, call: Call) -> Any:
        try:
            async with asyncio.timeout(self._config.body_idle_s):
                message = await call.receive()
        except TimeoutError:
            call.closing = True
            raise RequestTimeout(f"no byte of the body came for {self._config.body_idle_s:g} s") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message

    async def _ask(self, call: Call, connection: Connection, head: bytes, body: tuple[bytes, bool]) -> None:
        connection.begin(head_only=call.method == "HEAD")
        first, more = body
        if more:
            await self._upload(call, connection, head, first)
        else:
            connection.write(head + first)
            await self._drain(connection)
        await self._head_of_answer(call, connection)

    async def _upload(self, call: Call, connection: Connection, head: bytes, first: bytes) -> None:
        chunked = b"\r\ntransfer-encoding: chunked\r\n" in head
        connection.write(head)
        await call.clock.wait(connection.go_on, CONTINUE_WAIT_S)
        size, part, more = 0, first, True
        while True:
            size += len(part)
            if size > self._config.max_body:
                call.closing = True
                raise self._too_large()
            if connection.head.done():
                # The upstream answered before it had the whole body: neither connection can be used again.
                call.closing = True
                connection.spoil()
                return
            if part:
                connection.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                await self._drain(connection)
            if not more:
                break
            message = await self._next_part(call, connection)
            part, more = message.get("body", b""), bool(message.get("more_body", False))
        if chunked:
            connection.write(b"0\r\n\r\n")

    async def _drain(self, connection: Connection) -> None:
        timeout_s = self._config.response_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await connection.drain()
        except TimeoutError:
            raise TimeoutError(f"{timeout_s:g}") from None

    async def _next_part(self, call: Call, connection: Connection) -> Any:
        part = asyncio.ensure_future(self._receive(call))
        try:
            await asyncio.wait({part, connection.head}, return_when=asyncio.FIRST_COMPLETED)
            return part.result() if part.done() else {"body": b"", "more_body": True}
        finally:
            if not part.done():
                part.cancel()

    async def _head_of_answer(self, call: Call, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        timeout_s = self._timeout_for(call)
        late = loop.call_later(timeout_s, connection.fail, TimeoutError(f"{timeout_s:g}"))
        watch = _Watch(call, connection)
        started = call.clock.monotonic()
        try:
            await connection.head
        finally:
            late.cancel()
            watch.stop()
            call.upstream_s = call.clock.monotonic() - started

    async def _answer(self, call: Call, connection: Connection) -> None:
        call.streamed = is_event_stream(connection.headers)
        await call.start(connection.status, for_client(connection.headers, call.request_id.encode("ascii")))
        loop = asyncio.get_running_loop()
        watch = None
        try:
            while True:
                if connection.complete:
                    data = await connection.chunk()
                    last = data is None or connection.exhausted
                else:
                    watch = watch or _Watch(call, connection)
                    late = loop.call_later(
                        self._config.stream_idle_s, connection.fail, UpstreamFault("its answer stalled", answered=True)
                    )
                    try:
                        data = await connection.chunk()
                    finally:
                        late.cancel()
                    last = data is None or connection.exhausted
                if last and watch is not None:
                    # From here on nobody else may read what the client sends.
                    watch.stop()
                await self._hand_over(call, data or b"", more=not last)
                if last:
                    return
        finally:
            if watch is not None:
                watch.stop()

    async def _hand_over(self, call: Call, data: bytes, *, more: bool) -> None:
        try:
            async with asyncio.timeout(self._config.stream_idle_s):
                await call.send_body(data, more=more)
        except TimeoutError:
            # The client takes nothing of its answer for so long: its place goes to somebody else.
            raise ClientGone from None

    def _timeout_for(self, call: Call) -> float:
        target = call.target
        if target is not None and target.is_health:
            return HEALTH_TIMEOUT_S
        if target is not None and target.service == "judgment" and BATCH in target.segments:
            return self._config.batch_timeout_s
        return self._config.response_timeout_s

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the body is larger than {self._config.max_body:,} bytes; send it in parts")


class _Watch:
    """Looks for the client hanging up, beginning a moment later so that a quick answer costs no task."""

    __slots__ = ("_call", "_connection", "_task", "_timer")

    def __init__(self, call: Call, connection: Connection) -> None:
        self._call = call
        self._connection = connection
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        while True:
            message = await self._call.receive()
            if message["type"] == "http.disconnect":
                self._connection.fail(ClientGone())
                return

    def stop(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()


def broke_off(name: str, fault: UpstreamFault | str) -> BadGateway:
    """Give the error for an exchange that broke before its answer's head was passed on."""
    reason = fault.reason if isinstance(fault, UpstreamFault) else fault
    detail = f"the {name} service: {reason}; a request that changes something may have been carried out"
    return BadGateway(detail, slug="upstream-broke-off", upstream=name)


def timed_out(name: str, error: TimeoutError | str) -> GatewayTimeout:
    """Give the error for an upstream that did not answer within `error` seconds."""
    return GatewayTimeout(
        f"the {name} service did not answer within {error} s; the request may still be carried out",
        slug="upstream-timeout",
        upstream=name,
    )
