"""A small HTTP/1.1 server for tests that says exactly what a test wants it to say, and remembers what it was told."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Heard:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    connection: int = 0

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Upstream:
    """The server: `answer` decides; connections are counted."""

    answer: Callable[[Heard, asyncio.StreamWriter], Awaitable[bool]]
    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    read_bodies: bool = True
    health: int = 200
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    server: asyncio.Server | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        number = self.connections
        try:
            while True:
                heard = await self._read(reader, writer)
                heard.connection = number
                if heard.target.endswith("/health"):
                    state = "ok" if self.health == 200 else "down"
                    await say(writer, self.health, json.dumps({"status": state}).encode())
                    continue
                self.heard.append(heard)
                if not await self.answer(heard, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, asyncio.CancelledError):
            # Ends here also when cancelled: the streams module would log a handler that ends so.
            pass
        finally:
            self.lost.set()
            self.tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Heard:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:] if line)]
        heard = Heard(method, target, headers)
        if not self.read_bodies:
            return heard
        if heard.header("expect") == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if heard.header("transfer-encoding") == "chunked":
            while size := int((await reader.readline()).strip(), 16):
                heard.body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        else:
            heard.body = await reader.readexactly(int(heard.header("content-length") or 0))
        return heard

    async def stop(self) -> None:
        """Refuse new connections and cut the open ones."""
        if self.server is not None:
            self.server.close()
            self.server = None
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def say(
    writer: asyncio.StreamWriter, status: int = 200, body: bytes = b"{}", *, headers: str = "", close: bool = False
) -> bool:
    """Send one whole answer; give whether the connection stays."""
    end = "connection: close\r\n" if close else ""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}{end}\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return not close


async def echo(heard: Heard, writer: asyncio.StreamWriter) -> bool:
    """Answer with what was heard."""
    document = {
        "method": heard.method,
        "target": heard.target,
        "headers": heard.headers,
        "length": len(heard.body),
        "connection": heard.connection,
    }
    return await say(writer, 200, b"" if heard.method == "HEAD" else json.dumps(document).encode())


@asynccontextmanager
async def upstream(
    answer: Callable[[Heard, asyncio.StreamWriter], Awaitable[bool]] = echo, *, port: int = 0, read_bodies: bool = True
) -> AsyncIterator[Upstream]:
    """Run an upstream on a free port (or a given one) of the loopback."""
    server = Upstream(answer, read_bodies=read_bodies)
    server.server = await asyncio.start_server(server.serve, "127.0.0.1", port, limit=1024 * 1024)
    server.port = server.server.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        await server.stop()
