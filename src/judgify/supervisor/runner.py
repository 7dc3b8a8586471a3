"""One unit and its processes: start, stop and watch. What a change *means* is decided in ``model``."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping
from typing import Any, Final

from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError, Unavailable
from judgify.kit.log import get_logger
from judgify.kit.supervisor_launch import MARK
from judgify.kit.supervisor_types import EventKind, UnitSpec
from judgify.supervisor import logfile, model
from judgify.supervisor.journal import Journal
from judgify.supervisor.model import Process, UnitRecord
from judgify.supervisor.probe import passes
from judgify.supervisor.process import Handle, alive, can_bind, holder, identity, pin, rss, runs, spawn
from judgify.supervisor.store import DiskState

Prepare = Callable[[UnitSpec, frozenset[int]], None]
"""Makes ready what a unit needs before it starts, leaving alone the given living process ids. Blocking; may raise."""

FAST_PROBE_S: Final = 0.1
"""Between probes until a unit is healthy."""

PROBE_S: Final = 1.0
"""Between probes of a healthy unit."""

PORT_GRACE_S: Final = 3.0
"""How long the port of a process that has just ended may take to become free."""

HANGS_AFTER_S: Final = 1.0
"""A unit that does not answer its probe within this hangs, when an incident wants it stopped."""

UNHEALTHY_AFTER: Final = 2
"""Failed probes in a row before a healthy unit is called unhealthy."""

CRASH_LOOP: Final = 3
"""Quick exits in a row after which nobody waits any longer for a unit to become healthy; it is still restarted."""

MIB: Final = 1024 * 1024

_STORE_VARIABLES: Final = ("PATH", "TZ", "LANG", "TMPDIR")
_log = get_logger("judgify.supervisor.runner")


class Runner:
    """Keeps one unit as its record wants it. Every mutation happens under ``lock``, one at a time for each unit."""

    def __init__(
        self,
        record: UnitRecord,
        *,
        disk: DiskState,
        journal: Journal,
        clock: Clock,
        prepare: Prepare | None,
        inherited: Mapping[str, str],
    ) -> None:
        """Nothing is started here; see `adopt` and `start`."""
        self.record = record
        self.lock = asyncio.Lock()
        self.healthy: bool | None = None
        self.settled = asyncio.Event()
        self.preparing = False
        self._disk = disk
        self._journal = journal
        self._clock = clock
        self._prepare = prepare
        self._inherited = inherited
        self._handles: dict[int, Handle] = {}
        self._ending: set[int] = set()
        self._killed_for: dict[int, dict[str, Any]] = {}
        self._misses = 0
        self._restart: asyncio.Task[None] | None = None
        self._prober: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The unit's name."""
        return self.record.name

    @property
    def handles(self) -> list[Handle]:
        """The living processes."""
        return list(self._handles.values())

    def save(self) -> None:
        """Put the record on the disk. A full one is reported and does not stop the work: the engine must come back.

        A process that is not written down is found again by its mark.
        """
        try:
            self._disk.save_unit(self.record)
        except OSError as error:
            _log.exception("unit state not kept on disk", unit=self.name, error=str(error))

    def event(self, kind: EventKind, by: str, reason: str, /, **detail: Any) -> None:
        """Note an event of this unit."""
        self._journal.add(self.name, kind, by, reason, **detail)

    # finding processes again

    def adopt(self, lost: Mapping[int, int]) -> None:
        """Watch the processes that outlived an earlier supervisor; note the end of those that did not.

        Args:
            lost: index → process id, of processes that carry this unit's mark but are not in its record.
        """
        now = self._clock.now()
        for process in self.record.living:
            if alive(process.pid, process.identity):
                self._watch(process, None)
                self.event("adopted", "supervisor", "found again by process id and start time", pid=process.pid)
            else:
                process.exited_at = now
                detail = {"pid": process.pid, "exit_code": None, "reason": "ended while no supervisor ran"}
                self.event("exited", "supervisor", "ended while no supervisor ran", **detail)
        known = {process.index for process in self.record.living}
        for index, pid in lost.items():
            mark = identity(pid)
            # A child that a killed unit left behind carries the mark as well, and is not the unit.
            if index in known or mark is None or not runs(pid, self.record.revision.command):
                continue
            process = Process(
                index=index,
                pid=pid,
                identity=mark,
                revision=self.record.current,
                started_at=now,
                log=str(logfile.path_of(self._disk.home, self.name, index)),
            )
            self.record.processes = [*self._other_processes(index), process]
            self._watch(process, None)
            self.event("adopted", "supervisor", "found by its mark", pid=pid)
        self.save()
        self._begin_probing()
        if self.record.spec.autorestart and self.record.desired == "running" and not self._handles:
            self._schedule_restart()

    def leave(self) -> None:
        """Stop watching; the processes go on."""
        for task in (self._restart, self._prober):
            if task is not None:
                task.cancel()
        for handle in self._handles.values():
            handle.release()

    async def settle(self) -> None:
        """Take note of processes that have ended this very moment: an order must not be answered from the past."""
        for handle in self.handles:
            if not alive(handle.pid, handle.identity):
                await self._clock.wait(handle.exited, 1)

    # operations; the caller holds the lock

    async def start(self, by: str, reason: str, *, kind: EventKind = "started") -> None:
        """Prepare and spawn what the record asks for; returns before the unit is healthy (see `wait_healthy`).

        Raises:
            Unavailable: it could not be prepared or spawned; the unit is then "failed" and says why.
        """
        self._cancel_restart()
        record = self.record
        record.desired = "running"
        record.was_healthy = False
        record.failure = None
        self._reset_health()
        self.preparing = True
        self.save()
        try:
            if self._prepare is not None:
                mine = frozenset(handle.pid for handle in self.handles)
                await asyncio.to_thread(self._prepare, record.spec, mine)
            await self._claim_port()
            for index in range(record.replicas):
                if index not in self._handles:
                    self._spawn(index)
        except (OSError, JudgifyError) as error:
            record.failure = str(error)
            self.save()
            self.settled.set()
            self.event("exited", "supervisor", f"could not be started: {error}", exit_code=None, reason=str(error))
            raise Unavailable(f'"{self.name}" could not be started: {error}', retry_after_s=5) from error
        finally:
            self.preparing = False
        self.save()
        pids = [handle.pid for handle in self.handles]
        self.event(kind, by, reason, pids=pids, release=record.revision.release, revision=record.current)
        self._begin_probing()

    async def grace(self, wanted_s: float | None) -> float:
        """How long a stop waits before it kills: the unit's stop timeout, or less for a service that hangs now.

        What hangs does not finish its work by being waited for, and what a service has answered is durable already. A
        unit that passes its probes at this moment, and a store at any time, keep their whole timeout.
        """
        spec = self.record.spec
        if wanted_s is None or wanted_s >= spec.stop_timeout_s or spec.kind == "store" or not self._handles:
            return spec.stop_timeout_s
        # Asked anew: the last regular probe of a unit that froze a moment ago was still good.
        probe = spec.probe.model_copy(update={"timeout_s": min(HANGS_AFTER_S, spec.probe.timeout_s)})
        return wanted_s if await passes(probe) is False else spec.stop_timeout_s

    async def stop(self, by: str, reason: str, *, quiet: bool = False, grace_s: float | None = None) -> None:
        """Stop every process: the unit's stop signal, then after the grace the kill of its whole group.

        The grace is the unit's ``stop_timeout_s`` unless given.
        """
        self._cancel_restart()
        self.record.desired = "stopped"
        self.save()
        pids = [handle.pid for handle in self.handles]
        await self.stop_processes(set(self._handles), grace_s)
        self.record.failure = None
        self.record.quick_exits = 0
        self._reset_health()
        self.save()
        if not quiet:
            self.event("stopped", by, reason, pids=pids)

    async def stop_processes(self, indexes: set[int], grace_s: float | None = None) -> None:
        """Stop some of the unit's processes; their end is not reported as an exit."""
        handles = [self._handles[index] for index in indexes if index in self._handles]
        self._ending |= indexes
        number = signal.Signals[self.record.spec.stop_signal]
        patience_s = self.record.spec.stop_timeout_s if grace_s is None else grace_s
        try:
            await asyncio.gather(*(self._end(handle, number, patience_s) for handle in handles))
        finally:
            self._ending -= indexes

    async def _end(self, handle: Handle, number: signal.Signals, patience_s: float) -> None:
        handle.signal(number)
        # A process that was frozen from outside cannot hear the signal before it is thawed.
        handle.signal(signal.SIGCONT)
        if not await self._clock.wait(handle.exited, patience_s):
            _log.warning("unit did not stop in time, killing its group", unit=self.name, pid=handle.pid)
            handle.kill_group()
            await self._clock.wait(handle.exited, 5)
        else:
            # Children that the leader left behind would hold its port.
            handle.kill_group()

    async def restart(
        self, by: str, reason: str, *, kind: EventKind = "restarted", grace_s: float | None = None
    ) -> None:
        """Stop and start; the record's current revision is what runs afterwards."""
        await self.stop(by, reason, quiet=True, grace_s=grace_s)
        await self.start(by, reason, kind=kind)

    async def resize(self, replicas: int) -> None:
        """Run so many processes; the ones that stay are not touched."""
        self.record.replicas = replicas
        self.save()
        if self.record.desired != "running":
            return
        surplus = {index for index in self._handles if index >= replicas}
        await self.stop_processes(surplus)
        for index in range(replicas):
            if index not in self._handles:
                self._spawn(index)
        self.save()

    async def wait_healthy(self, wait_s: float) -> bool:
        """Whether the unit came to pass its probes within so many seconds; false at once when it failed."""
        deadline = self._clock.monotonic() + wait_s
        while self.healthy is not True:
            left = deadline - self._clock.monotonic()
            if left <= 0 or self._hopeless():
                return False
            self.settled.clear()
            await self._clock.wait(self.settled, min(left, 1.0))
        return True

    def _hopeless(self) -> bool:
        """Whether waiting is of no use: nothing runs, and nothing will by itself, or it ends again and again."""
        return not self._handles and (not self._restarting or self.record.quick_exits >= CRASH_LOOP)

    # watching

    def check_memory(self) -> None:
        """Kill a process whose tree uses more memory than the unit may, like an out-of-memory kill."""
        limit = self.record.limits.memory_bytes
        if limit is None:
            return
        for index, handle in list(self._handles.items()):
            used = rss(handle)
            if used > limit and index not in self._killed_for:
                words = f"out of memory (limit): {used / MIB:.0f} MiB used, {limit / MIB:.0f} MiB allowed"
                self._killed_for[index] = {"reason": words, "rss_bytes": used, "limit_bytes": limit}
                _log.warning("memory limit passed, killing", unit=self.name, pid=handle.pid, rss=used, limit=limit)
                handle.kill_group()

    def apply_cpu_limit(self) -> int:
        """Bind the living processes to the cores they may use; returns how many."""
        cores = 0
        for handle in self._handles.values():
            cores = pin(handle.pid, self.record.limits.cpu_millis)
        return cores

    def rotate_logs(self) -> None:
        """Keep the logs of this unit small."""
        for index in range(self.record.replicas):
            with contextlib.suppress(OSError):
                logfile.rotate(logfile.path_of(self._disk.home, self.name, index))

    async def _claim_port(self) -> None:
        """Refuse to start beside a stranger: processes that share a port on purpose would not notice each other."""
        port = self.record.spec.port
        if port is None or self._handles:
            return
        deadline = self._clock.monotonic() + PORT_GRACE_S
        while not can_bind(port):
            if self._clock.monotonic() > deadline:
                who = await asyncio.to_thread(holder, port)
                raise Unavailable(f"port {port} is taken by {who or 'a process that cannot be seen'}")
            await self._clock.sleep(0.05)

    def _spawn(self, index: int) -> None:
        record = self.record
        path = logfile.path_of(self._disk.home, self.name, index)
        with contextlib.suppress(OSError):
            logfile.rotate(path)
        env = self._environment(index)
        popen = spawn(
            (*record.revision.command, *model.store_arguments(record.spec, env)),
            env=env,
            log=path,
            cwd=record.spec.cwd or str(self._disk.home),
            run_as=record.spec.run_as,
        )
        process = Process(
            index=index,
            pid=popen.pid,
            identity=identity(popen.pid) or "gone",
            revision=record.current,
            started_at=self._clock.now(),
            log=str(path),
        )
        record.processes = [*self._other_processes(index), process]
        self.save()
        self._watch(process, popen)
        if record.limits.cpu_millis is not None:
            pin(popen.pid, record.limits.cpu_millis)

    def _environment(self, index: int) -> dict[str, str]:
        spec = self.record.spec
        if spec.kind == "store":
            # Stores run as another account where we are root: they get none of the variables that may hold secrets.
            base = {name: self._inherited[name] for name in _STORE_VARIABLES if name in self._inherited}
        else:
            base = dict(self._inherited)
        base |= model.environment(self.record)
        for name in self.record.env_unset:
            base.pop(name, None)
        base[MARK] = f"{self._disk.home}:{self.name}:{index}"
        if spec.scalable:
            base |= {"JUDGIFY_REUSE_PORT": "1", "JUDGIFY_INSTANCE": str(index)}
        return base

    def _other_processes(self, index: int) -> list[Process]:
        return [process for process in self.record.processes if process.index != index]

    def _watch(self, process: Process, popen: Any) -> None:
        self._handles[process.index] = Handle(
            process.pid, process.identity, popen, lambda code: self._on_exit(process.index, process.pid, code)
        )

    def _on_exit(self, index: int, pid: int, code: int | None) -> None:
        handle = self._handles.get(index)
        if handle is None or handle.pid != pid:
            return
        del self._handles[index]
        now = self._clock.now()
        record = self.record
        process = next(known for known in record.processes if known.index == index)
        process.exited_at = now
        process.exit_code = code
        detail: dict[str, Any] = {"pid": pid, "exit_code": code, "release": record.revision.release}
        if code is not None and code < 0:
            detail["signal"] = signal.Signals(-code).name
        detail |= self._killed_for.pop(index, {})
        if index not in self._ending:
            quick = (now - process.started_at).total_seconds() < model.QUICK_EXIT_S
            record.quick_exits = record.quick_exits + 1 if quick else 1
            if not record.was_healthy and not self._handles:
                record.failure = f"ended before it was healthy ({_ending(code)})"
            if not self._handles:
                self._reset_health()
            words = str(detail.get("reason") or f"ended by itself ({_ending(code)})")
            self.event("exited", "supervisor", words, **detail)
            if record.spec.autorestart and record.desired == "running":
                self._schedule_restart()
        self.save()
        self.settled.set()

    # restart by itself: the response engine only

    def _missing(self) -> bool:
        return self.record.desired == "running" and not self._handles

    @property
    def _restarting(self) -> bool:
        return self._restart is not None and not self._restart.done()

    def _schedule_restart(self) -> None:
        if not self._restarting:
            self._restart = asyncio.get_running_loop().create_task(self._restart_by_itself())

    async def _restart_by_itself(self) -> None:
        while self._missing():
            await self._clock.sleep(model.pause_before_restart(self.record.quick_exits))
            async with self.lock:
                if not self._missing():
                    return
                self.record.restarts += 1
                try:
                    await self.start("supervisor", "restarted by itself after its exit", kind="restarted")
                except Unavailable as error:
                    self.record.quick_exits += 1
                    _log.warning("restart failed, trying again", unit=self.name, error=error.detail)
                else:
                    self._restart = None
                    if self._missing():  # it ended while it was being started
                        self._schedule_restart()
                    return

    def _cancel_restart(self) -> None:
        if self._restart is not None and self._restart is not asyncio.current_task():
            self._restart.cancel()
            self._restart = None

    # health

    def _reset_health(self) -> None:
        self.healthy = False if self._handles or self.record.desired == "running" else None
        self._misses = 0

    def _begin_probing(self) -> None:
        if self._prober is not None:
            self._prober.cancel()
        if self._handles:
            self._prober = asyncio.get_running_loop().create_task(self._probe_for_ever())

    async def _probe_for_ever(self) -> None:
        while self._handles:
            watched = {handle.pid for handle in self.handles}
            result = await passes(self.record.spec.probe)
            if watched & {handle.pid for handle in self.handles}:
                self._take_probe(good=result is not False, watched=watched)
            await self._clock.sleep(PROBE_S if self.healthy else FAST_PROBE_S)

    def _take_probe(self, *, good: bool, watched: set[int]) -> None:
        if good:
            self._misses = 0
            if self.healthy is not True:
                self.healthy = True
                self.settled.set()
                self._note_healthy(watched)
            return
        self._misses += 1
        if self.healthy is True and self._misses >= UNHEALTHY_AFTER:
            self.healthy = False
            self.settled.set()
            self.event("unhealthy", "supervisor", f"{self._misses} failed probes in a row")

    def _note_healthy(self, watched: set[int]) -> None:
        now = self._clock.now()
        revisions = {process.revision for process in self.record.living if process.pid in watched}
        for number in revisions:
            model.mark_healthy(self.record, number, now)
        self.save()
        self.event("healthy", "supervisor", "passes its probes", revision=max(revisions, default=self.record.current))


def _ending(code: int | None) -> str:
    if code is None:
        return "exit code unknown"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
