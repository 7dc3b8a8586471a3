"""Real HTTP and SMTP servers on free ports that answer, refuse, dawdle and break as a test asks them to."""

import asyncio
import contextlib
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the name localhost with the openssl program."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[int]:
    """Serve connections with a handler; give the port, a free one unless one is asked for."""
    tasks: set[asyncio.Task[None]] = set()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    server = await asyncio.start_server(tracked, "127.0.0.1", port, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@dataclass
class Received:
    """One HTTP request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


async def read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(head[0], headers, body)


@dataclass
class Web:
    """Answers every request with one canned answer, and keeps what it received."""

    status: str = "200 OK"
    headers: tuple[str, ...] = ()
    body: bytes = b"ok"
    received: list[Received] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received.append(await read_request(reader))
        head = [f"HTTP/1.1 {self.status}", f"Content-Length: {len(self.body)}", "Connection: close", *self.headers]
        writer.write("\r\n".join([*head, "", ""]).encode() + self.body)
        await writer.drain()


def _json(status: str, body: str) -> Callable[[], Web]:
    return lambda: Web(status, ("Content-Type: application/json",), body.encode())


PAGERDUTY_TAKES = _json("202 Accepted", '{"status":"success","message":"Event processed","dedup_key":"judgify:x"}')
DISCORD_TAKES = _json("200 OK", '{"id":"1234567890","type":0,"content":"…"}')
SLACK_TAKES = _json("200 OK", '{"ok":true,"channel":"C0ROOM0001","ts":"1700000000.000001","message":{}}')


def TEAMS_TAKES() -> Web:  # noqa: N802 - stands beside the others
    """Answer as a Power Automate workflow does."""
    return Web("202 Accepted", body=b"")


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection with RST instead of closing it."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def answer_never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything, answer nothing: half-open as the caller sees it."""
    while await reader.read(65_536):
        pass


async def reset_after_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    reset(writer)


async def close_after_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer so slowly that no single read ever times out."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


def closed_port() -> int:
    """Give a port that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Mail:
    """A small SMTP server: a dialogue by the letter, with a fault at the stage a test names."""

    fault: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    received: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._say(writer, self.answers.get("greeting", "220 test ESMTP"))
        while line := await reader.readline():
            command = line.decode().strip()
            verb = command.split(" ")[0].split(":")[0].upper()
            self.commands.append(command)
            if await self._broken(verb, reader, writer):
                return
            await self._say(writer, self.answers.get(verb, "354 go on" if verb == "DATA" else "250 fine"))
            if verb == "DATA" and self.answers.get("DATA", "354").startswith("354"):
                text = await reader.readuntil(b"\r\n.\r\n")
                if await self._broken("TEXT", reader, writer):
                    return
                self.received.append(text)
                await self._say(writer, self.answers.get("TEXT", "250 kept as 42"))
            if verb == "QUIT":
                return

    async def _broken(self, stage: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self.fault == f"reset {stage}":
            reset(writer)
            return True
        if self.fault == f"silent {stage}":
            await answer_never(reader, writer)
            return True
        return False

    @staticmethod
    async def _say(writer: asyncio.StreamWriter, text: str) -> None:
        writer.write(text.encode() + b"\r\n")
        await writer.drain()
