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
ANSWER_S: Final = 60.0
"""A fork server that says nothing for this long has failed; imports on a busy machine take a good part of it."""
_LOW, _HIGH = 27_000, 32_000
_NOT_OURS: Final = ("JUDGIFY_", "OPENAI_", "COVERAGE_", "COV_CORE_")
"""Not handed on: settings of whoever runs the proof, and the measuring of coverage, which an engine that is killed
never writes down and which slows it to a third."""
_PORTS = itertools.count(os.getpid() * 37 % (_HIGH - _LOW))


def port() -> int:
    """Give a port for every life of an engine: below those that the system hands out, above those that tests take."""
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
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.pager_proof.nursery",
            str(self._guide),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self.environ() | faketime.environ(self._guide.parent),
            cwd=ROOT,
        )
        await self._line()

    @staticmethod
    def environ() -> dict[str, str]:
        """Give the variables that it starts with."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
        return kept | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "JUDGIFY_LOG_LEVEL": "WARNING"}

    async def close(self) -> None:
        """End it; what it forked ends with it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def fork(self, environ: Mapping[str, str], orders: Orders, log: Path) -> int:
        """Make an engine; give its process id. An engine that nobody waits for any more when it comes is ended."""
        # A run may end while it waits here. The question must be read to its end all the same: else the next run takes
        # this answer for its own, and watches, and kills, an engine that is not its.
        asked = asyncio.ensure_future(
            self._asked({"environ": dict(environ), "orders": asdict(orders), "log": str(log)})
        )
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(_unwanted)
            raise

    async def _asked(self, told: dict[str, Any]) -> int:
        async with self._turn:
            if self._process is None or self._process.stdin is None:
                raise RuntimeError("the fork server is not open")
            self._process.stdin.write(json.dumps(told).encode() + b"\n")
            return int((await self._line())["pid"])

    async def _line(self) -> dict[str, Any]:
        line = b""
        if self._process is not None and self._process.stdout is not None:
            try:
                async with asyncio.timeout(ANSWER_S):
                    line = await self._process.stdout.readline()
            except TimeoutError:
                # What it says later would be taken for the next answer: it must not speak any more.
                self._process.kill()
                raise RuntimeError(f"the fork server gave no answer within {ANSWER_S:g} s") from None
        if not line:
            raise RuntimeError("the fork server ended; its last words are on the standard error")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(slots=True)
class Life:
    """One life of an engine."""

    pid: int
    port: int
    handle: int | None
    """Its process descriptor, which never means another process; None where it had ended before it could be watched."""
    ended: asyncio.Event

    def signal(self, number: int) -> None:
        """Send it a signal, if it still lives."""
        if self.handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, number)

    def close(self) -> None:
        """Let go of it."""
        if self.handle is not None:
            asyncio.get_running_loop().remove_reader(self.handle)
            os.close(self.handle)
            self.handle = None


def _unwanted(asked: "asyncio.Future[int]") -> None:
    if not asked.cancelled() and asked.exception() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(asked.result(), signal.SIGKILL)


async def begin(nursery: Nursery, environ: Mapping[str, str], orders: Orders, log: Path, number: int) -> Life:
    """Fork an engine that will listen on the port `number`."""
    pid = await nursery.fork({**environ, "JUDGIFY_PORT_RESPONSE": str(number)}, orders, log)
    ended = asyncio.Event()
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        ended.set()
        return Life(pid, number, None, ended)
    loop = asyncio.get_running_loop()

    def over() -> None:
        # The descriptor of a process that ended stays readable for ever: looked at any longer, it keeps this one busy.
        loop.remove_reader(handle)
        ended.set()

    loop.add_reader(handle, over)
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
