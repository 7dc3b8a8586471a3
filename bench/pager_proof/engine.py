"""Engines of a run: forked by the nursery, watched by their process descriptors, spoken to over HTTP."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.pager_proof import faketime
from bench.pager_proof.orders import Orders

ROOT: Final = Path(__file__).resolve().parents[2]
START_S: Final = 15.0
_LOW, _HIGH = 20_000, 32_000
_PORTS = itertools.count(os.getpid() * 37 % (_HIGH - _LOW))


def port() -> int:
    """Give a port below those that the system hands out by itself, so that the next life of an engine finds it free."""
    for number in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", found := _LOW + number % (_HIGH - _LOW)))
                return found
    raise AssertionError("unreachable")  # pragma: no cover - the count never ends


class Nursery:
    """The fork server as a child of this process. Closing it ends every engine that it made."""

    def __init__(self, guide: Path) -> None:
        """Fork engines that work by this guide."""
        self._guide = guide
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Start it and wait until everything is imported."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUDGIFY_", "OPENAI_"))}
        environ = kept | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "JUDGIFY_LOG_LEVEL": "WARNING"}
        environ |= faketime.environ(self._guide.parent)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.pager_proof.nursery",
            str(self._guide),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environ,
            cwd=ROOT,
        )
        await self._line()

    async def close(self) -> None:
        """End it; what it forked ends with it."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def fork(self, environ: Mapping[str, str], orders: Orders, log: Path) -> int:
        """Make an engine; give its process id."""
        told = {"environ": dict(environ), "orders": asdict(orders), "log": str(log)}
        async with self._turn:
            if self._process is None or self._process.stdin is None:
                raise RuntimeError("the fork server is not open")
            self._process.stdin.write(json.dumps(told).encode() + b"\n")
            return int((await self._line())["pid"])

    async def _line(self) -> dict[str, Any]:
        line = b""
        if self._process is not None and self._process.stdout is not None:
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the fork server ended; its last words are on the standard error")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(slots=True)
class Life:
    """One life of an engine."""

    pid: int
    port: int
    handle: int
    ended: asyncio.Event

    def signal(self, number: int) -> None:
        """Send it a signal, if it still lives."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, number)

    def close(self) -> None:
        """Let go of it."""
        asyncio.get_running_loop().remove_reader(self.handle)
        os.close(self.handle)


async def begin(nursery: Nursery, environ: Mapping[str, str], orders: Orders, log: Path, number: int) -> Life:
    """Fork an engine that will listen on the port `number`."""
    pid = await nursery.fork({**environ, "JUDGIFY_PORT_RESPONSE": str(number)}, orders, log)
    ended = asyncio.Event()
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        handle = os.pidfd_open(os.getpid())
        ended.set()
        return Life(pid, number, handle, ended)
    asyncio.get_running_loop().add_reader(handle, ended.set)
    return Life(pid, number, handle, ended)


@dataclass(frozen=True, slots=True)
class Door:
    """Where engines are spoken to, and with which token."""

    token: str

    async def call(
        self, number: int, method: str, path: str, body: object = None, *, timeout_s: float = 1.0
    ) -> tuple[int, Any]:
        """Ask an engine; give status and document. Status 0 stands for no answer."""
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{number}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        writer = None
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_connection("127.0.0.1", number)
                writer.write(head.encode() + content)
                answer = await reader.read()
        except (OSError, TimeoutError):
            return 0, None
        finally:
            if writer is not None:
                writer.transport.abort()
        start, _, rest = answer.partition(b"\r\n\r\n")
        fields = start.split(b" ", 2)
        length = start.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0].strip()
        if len(fields) < 2 or (length and len(rest) < int(length)):
            return 0, None
        try:
            return int(fields[1]), json.loads(rest) if rest else None
        except ValueError:
            return int(fields[1]), None
