"""`python -m bench.timers sink|bare …`: where requests arrive, and a bare table of timers that sends them."""

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import Any, Final

import uvloop

_RECIPIENT: Final = re.compile(rb'"recipient":\s*"bench-(\d+)"')
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
LISTEN_S: Final = 90.0
_FAR_S: Final = 3_600.0


class Sink(asyncio.Protocol):
    """Notes when the first bytes of a request came, and answers once it is whole."""

    def __init__(self, arrived: list[tuple[int, float]]) -> None:
        """Note in `arrived`: the number of the page, and the moment."""
        self._arrived = arrived
        self._at = 0.0
        self._got = b""

    def connection_made(self, transport: Any) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        self._at = self._at or time.monotonic()
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower()) if found else None
        if length is None or len(body) < int(length[1]):
            return
        number = _RECIPIENT.search(body)
        if number is not None:
            self._arrived.append((int(number[1]), self._at))
        self._transport.write(_ANSWER)
        self._transport.close()


async def sink(port: int, pages: int, out: Path) -> None:
    """Listen until so many pages have come, or for `LISTEN_S`, then write down when each did."""
    arrived: list[tuple[int, float]] = []
    server = await asyncio.get_running_loop().create_server(lambda: Sink(arrived), "127.0.0.1", port, backlog=1024)
    until = time.monotonic() + LISTEN_S
    while len({number for number, _ in arrived}) < pages and time.monotonic() < until:  # noqa: ASYNC110 - cheapest
        await asyncio.sleep(0.2)
    await asyncio.sleep(0.5)
    server.close()
    scratch = out.with_suffix(".part")
    scratch.write_text(json.dumps(arrived))
    scratch.rename(out)


async def bare(port: int, pending: int, pages: int, start: float, span_s: float) -> None:
    """Set one timer for each page, and send each as it is due over a connection of its own."""
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []

    async def send(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps({"recipient": f"bench-{number}", "text": "x" * 600}).encode()
        writer.write(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
        )
        await reader.read(1024)
        writer.transport.abort()

    def fire(number: int) -> None:
        tasks.append(loop.create_task(send(number)))

    offset = loop.time() - time.monotonic()
    for number in range(pending):
        loop.call_at(start + _FAR_S + number / 1000 + offset, fire, number)
    for number in range(pages):
        loop.call_at(start + number * span_s / pages + offset, fire, number)
    await asyncio.sleep(max(0.0, start - time.monotonic()) + span_s + 1)
    await asyncio.gather(*tasks)


def main() -> None:
    """Run one of the two."""
    kind, *rest = sys.argv[1:]
    if kind == "sink":
        uvloop.run(sink(int(rest[0]), int(rest[1]), Path(rest[2])))
    else:
        uvloop.run(bare(int(rest[0]), int(rest[1]), int(rest[2]), float(rest[3]), float(rest[4])))


if __name__ == "__main__":
    main()
