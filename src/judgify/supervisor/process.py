"""Operating-system processes: start one in a session of its own, recognise it later, and learn of its end at once."""

import asyncio
import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from judgify.kit.clock import SystemClock
from judgify.kit.supervisor_launch import MARK

_POLL_S: Final = 0.1
_LINUX: Final = bool(sys.platform.startswith("linux"))
_LEFT_RUNNING: Final[list["subprocess.Popen[bytes]"]] = []


def identity(pid: int) -> str | None:
    """What tells this process from a later one with the same id; ``None`` when it does not live (a zombie does not)."""
    if _LINUX:
        return _linux_identity(pid)
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def _linux_identity(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        return None
    # The command name in parentheses may hold anything, parentheses included; the rest begins after the last.
    fields = text.rpartition(")")[2].split()
    status, start_ticks = fields[0], fields[19]
    return None if status in "ZXx" else f"{boot}:{start_ticks}"


def alive(pid: int, known: str) -> bool:
    """Whether the very process that had this identity still runs."""
    return identity(pid) == known


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    cwd: str,
    run_as: int | None,
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, its output appended to ``log``; it outlives the process that started it.

    Raises:
        OSError: the program, the folder or the log file cannot be used.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - argument lists from our own units, never a shell
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            user=run_as,
            group=run_as,
            extra_groups=[] if run_as is not None else None,
        )
    finally:
        os.close(descriptor)


class Handle:
    """One watched process: ``on_exit(code)`` is called once, as soon as it ends.

    The code is ``None`` when the process was adopted, since only a parent learns it.
    """

    def __init__(
        self, pid: int, known: str, popen: "subprocess.Popen[bytes] | None", on_exit: Callable[[int | None], None]
    ) -> None:
        """Begin to watch. An adopted process that has gone already is reported on the next turn of the loop."""
        self.pid = pid
        self.identity = known
        self._popen = popen
        self._on_exit = on_exit
        self._descriptor: int | None = None
        self._poller: asyncio.Task[None] | None = None
        self.exited = asyncio.Event()
        self.samples = psutil.Process(pid) if psutil.pid_exists(pid) else None
        self._watch()

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        if hasattr(os, "pidfd_open"):
            try:
                self._descriptor = os.pidfd_open(self.pid)
            except OSError:
                loop.call_soon(self._ended)
                return
            # Between writing the id down and opening it the process may have ended and another taken its id.
            if self._popen is None and not alive(self.pid, self.identity):
                loop.call_soon(self._ended)
                return
            loop.add_reader(self._descriptor, self._ended)
        else:  # pragma: no cover - macOS: no pidfd there
            self._poller = loop.create_task(self._poll())

    async def _poll(self) -> None:  # pragma: no cover - macOS: no pidfd there
        # Nothing signals the end of somebody else's child there.
        while alive(self.pid, self.identity) and (self._popen is None or self._popen.poll() is None):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        self._ended()

    def _ended(self) -> None:
        if self.exited.is_set():
            return
        self.release()
        self.exited.set()
        self._on_exit(self._popen.wait() if self._popen is not None else None)

    def release(self) -> None:
        """Stop watching; the process itself is left alone."""
        if self._descriptor is not None:
            with contextlib.suppress(RuntimeError, ValueError):
                asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
        if self._poller is not None and self._poller is not asyncio.current_task():  # pragma: no cover - macOS
            self._poller.cancel()
        if self._popen is not None and not self.exited.is_set() and self._popen.returncode is None:
            # Popen warns when it is collected before its process ends; for us that is the normal way to leave.
            _LEFT_RUNNING.append(self._popen)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself; nothing happens when it has gone."""
        if not self.exited.is_set() and alive(self.pid, self.identity):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill_group(self) -> None:
        """Kill the process and all that is left of its group (the group's id is its own: it leads a session)."""
        if self.pid > 1:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def tree(self) -> Iterator[psutil.Process]:
        """The process and its living descendants."""
        if self.samples is None or self.exited.is_set():
            return
        yield self.samples
        with contextlib.suppress(psutil.Error):
            yield from self.samples.children(recursive=True)


def rss(handle: Handle) -> int:
    """Resident memory in bytes of a process and its descendants; pages that they share are counted for each."""
    total = 0
    for process in handle.tree():
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def pin(pid: int, cpu_millis: int | None) -> int:
    """Bind a process to as many cores as ``cpu_millis`` asks for, rounded up; returns that number of cores.

    Does nothing but count where the system has no processor affinity.
    """
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    wanted = len(available) if cpu_millis is None else max(1, math.ceil(cpu_millis / 1000))
    chosen = available[:wanted]
    if chosen:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, chosen)
    return len(chosen)


def runs(pid: int, command: Sequence[str]) -> bool:
    """Whether this process was started with just this command."""
    try:
        return psutil.Process(pid).cmdline() == list(command)
    except psutil.Error:
        return False


def wait_gone(pids: Iterable[int], within_s: float) -> list[int]:
    """Wait until these processes have ended; gives those that have not. A zombie has ended."""
    known = {pid: mark for pid in pids if (mark := identity(pid)) is not None}
    clock = SystemClock()
    deadline = clock.monotonic() + within_s
    while known and clock.monotonic() < deadline:
        time.sleep(0.02)
        known = {pid: mark for pid, mark in known.items() if alive(pid, mark)}
    return list(known)


def marked(home: Path) -> list[tuple[int, str, int]]:
    """Processes that a supervisor of this home started: (process id, unit, index), children of such left out."""
    prefix = f"{home}:"
    found: dict[int, tuple[str, int]] = {}
    parents: dict[int, int] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError, ValueError):
            # A supervisor that the response engine started inherited the engine's mark.
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            mark = process.environ().get(MARK, "")
            if mark.startswith(prefix):
                unit, _, index = mark.removeprefix(prefix).partition(":")
                found[process.pid] = (unit, int(index))
                parents[process.pid] = process.ppid()
    return [(pid, unit, index) for pid, (unit, index) in found.items() if parents[pid] not in found]


def can_bind(port: int) -> bool:
    """Whether nobody listens on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str | None:
    """Who listens on this port of this machine, in words; ``None`` when nobody does."""
    listening, owner = _listener(port)
    if not listening:
        return None
    if owner is None:
        return "a process of another user"
    try:
        process = psutil.Process(owner)
        words = " ".join(" ".join(process.cmdline()).split())[:160]
        return f"process {owner} ({process.name()}): {words}"
    except psutil.Error:
        return f"process {owner}"


def holder_pid(port: int) -> int | None:
    """The process id that listens on this port, when it can be seen."""
    return _listener(port)[1]


def _listener(port: int) -> tuple[bool, int | None]:
    listening = False
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is not None:
                    return True, connection.pid
                listening = True
    return listening, None
