"""Where pages arrive, in a process of its own: notes on the machine's monotonic clock when each mark came first.

`python -m bench.sink PATTERN` prints its port, answers every request 200, and when its standard input ends prints the
marks with their moments as JSON.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bench.process import python

_ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Sink:
    """The other side of a running sink."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        """Speak to a process that listens on a port."""
        self._process = process
        self.port = port

    def arrived(self) -> dict[str, float]:
        """End it; give for each mark the moment at which its first request began to arrive."""
        told, _ = self._process.communicate(timeout=20)
        return dict(json.loads(told))


@contextmanager
def sink(pattern: str) -> Iterator[Sink]:
    """Run a sink that looks for marks of a pattern."""
    process = subprocess.Popen(python("bench.sink", pattern), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above; for the type checker
        yield Sink(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()


class _Connection(asyncio.Protocol):
    def __init__(self, marks: "re.Pattern[bytes]", found: dict[str, float]) -> None:
        self._marks, self._found = marks, found
        self._data, self._began = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._began = self._began or time.perf_counter()
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or len(body) < (int(length[1]) if length else 0):
            return
        for mark in self._marks.findall(body):
            self._found.setdefault(mark.decode(), self._began)
        self._data, self._began = b"", 0.0
        assert isinstance(self._transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport.write(_ANSWER)


async def _serve(pattern: str) -> dict[str, float]:
    loop, found = asyncio.get_running_loop(), dict[str, float]()
    marks = re.compile(pattern.encode())
    server = await loop.create_server(lambda: _Connection(marks, found), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    return found


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        print(json.dumps(asyncio.run(_serve(sys.argv[1]))))
