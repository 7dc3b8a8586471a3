"""One HTTP/1.1 exchange on a connection of its own, to an address that was checked; the syntax is h11's.

A general client spends several times as long on one request; a page on its way to a person is worth the difference.
"""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import h11

from judgify.kit.egress import Target
from judgify.notify.fence import pass_fence

_CHUNK: Final = 64 * 1024


@dataclass(slots=True)
class Begun:
    """Whether the first byte of the request may have gone out: from then on a failure leaves a doubt."""

    yes: bool = False


async def exchange(
    target: Target, request: h11.Request, body: bytes, *, tls: ssl.SSLContext | None, limit: int, begun: Begun
) -> tuple[h11.Response, bytes]:
    """Connect, send, and give the answer's head with at most `limit` bytes of its body; the connection is closed.

    Raises `OSError` (TLS faults among them) while connecting or when the connection breaks, `h11.ProtocolError` for an
    answer that is not HTTP, `EOFError` when it ends too early. The caller bounds the time.
    """
    reader, writer = await asyncio.open_connection(
        target.address, target.port, ssl=tls, server_hostname=target.host if tls is not None else None
    )
    try:
        protocol = h11.Connection(h11.CLIENT)
        parts = [protocol.send(part) for part in (request, h11.Data(data=body), h11.EndOfMessage())]
        await pass_fence()
        begun.yes = True
        writer.write(b"".join(part for part in parts if part))
        with suppress(
            ConnectionError
        ):  # one that answers without reading on may have closed its side: read what it says
            await writer.drain()
        return await _answer(protocol, reader, limit)
    finally:
        writer.transport.abort()


async def _answer(protocol: h11.Connection, reader: asyncio.StreamReader, limit: int) -> tuple[h11.Response, bytes]:
    head: h11.Response | None = None
    received = bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            part = await reader.read(_CHUNK)
            if not part and head is None:
                raise EOFError("the connection ended before an answer")
            protocol.receive_data(part)
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            received += event.data
        if head is not None and (isinstance(event, h11.EndOfMessage) or len(received) >= limit):
            return head, bytes(received[:limit])
