"""All units together: every operation of the API, serialised per unit, answered once per operation id."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import psutil

from judgify.kit.clock import Clock
from judgify.kit.errors import Conflict, Invalid, JudgifyError, NotFound, Unavailable
from judgify.kit.log import get_logger
from judgify.kit.secrets import mask_mapping
from judgify.kit.supervisor_launch import LOG
from judgify.kit.supervisor_types import (
    Change,
    Event,
    EventKind,
    Fleet,
    Instance,
    Limits,
    Resources,
    Revision,
    Traffic,
    Unit,
    UnitSpec,
)
from judgify.supervisor import logfile, model
from judgify.supervisor.journal import Journal
from judgify.supervisor.process import marked
from judgify.supervisor.runner import Prepare, Runner
from judgify.supervisor.store import DiskState

TICK_S: Final = 0.25
"""Between two looks at memory."""

ROTATE_EVERY: Final = 120
"""Ticks between two looks at the size of the logs."""

MAX_REPLICAS: Final = 16

_log = get_logger("judgify.supervisor.fleet")


class Supervisor:
    """The units of one home. Reads its state from the disk, finds running units again, and answers operations."""

    def __init__(
        self,
        disk: DiskState,
        clock: Clock,
        *,
        prepare: Mapping[str, Prepare] | None = None,
        inherited: Mapping[str, str] | None = None,
    ) -> None:
        """Load the state; nothing runs before `open`."""
        self.disk = disk
        self.clock = clock
        self.journal = Journal(disk, clock)
        self._prepare = dict(prepare or {})
        self._inherited = dict(inherited or {})
        self._runners = {name: self._runner(record) for name, record in disk.load_units().items()}
        self._operations = disk.load_operations()
        self._in_flight: dict[str, asyncio.Future[Any]] = {}
        self._ticker: asyncio.Task[None] | None = None

    def _runner(self, record: model.UnitRecord) -> Runner:
        return Runner(
            record,
            disk=self.disk,
            journal=self.journal,
            clock=self.clock,
            prepare=self._prepare.get(record.spec.prepare or ""),
            inherited=self._inherited,
        )

    def open(self, shipped: Iterable[UnitSpec] = ()) -> None:
        """Take in the shipped units, find running processes again, and begin to watch.

        A shipped unit is redefined only when what is shipped has changed since it was last taken in, so that a rollback
        or a definition made through the API outlives a restart of the supervisor.
        """
        for spec in shipped:
            self._take_in(spec)
        lost: dict[str, dict[int, int]] = {}
        known = {process.pid for runner in self._runners.values() for process in runner.record.living}
        for pid, unit, index in marked(self.disk.home):
            if pid not in known:
                lost.setdefault(unit, {})[index] = pid
        for name, runner in self._runners.items():
            runner.adopt(lost.get(name, {}))
        self._ticker = asyncio.get_running_loop().create_task(self._tick_for_ever())

    def close(self) -> None:
        """Stop watching; the units go on."""
        if self._ticker is not None:
            self._ticker.cancel()
        for runner in self._runners.values():
            runner.leave()

    def _take_in(self, spec: UnitSpec) -> None:
        now = self.clock.now()
        runner = self._runners.get(spec.name)
        if runner is None:
            record = model.define(spec, now, "supervisor", "shipped with this release")
            self._runners[spec.name] = self._runner(record)
            self.disk.save_unit(record)
            self.journal.add(spec.name, "defined", "supervisor", "shipped with this release", release=spec.release)
        elif runner.record.baseline != model.fingerprint(spec):
            changed = model.redefine(runner.record, spec, now, "supervisor", "the shipped definition changed")
            runner.record.baseline = model.fingerprint(spec)
            self.disk.save_unit(runner.record)
            if changed:
                detail = {"release": spec.release, "revision": runner.record.current}
                self.journal.add(spec.name, "defined", "supervisor", "the shipped definition changed", **detail)

    def retire(self, shipped: Iterable[str]) -> None:
        """Forget stopped units of an earlier shipped set (a store that is now given by its address)."""
        keep = set(shipped)
        for name, runner in list(self._runners.items()):
            if name not in keep and runner.record.baseline and not runner.handles:
                runner.leave()
                del self._runners[name]
                (self.disk.units_folder / f"{name}.json").unlink(missing_ok=True)

    # reading

    def units(self) -> list[Unit]:
        """All units, stores first, then by name."""
        ranks = {"store": 0, "service": 1, "engine": 2}
        views = [self._view(runner) for runner in self._runners.values()]
        return sorted(views, key=lambda unit: (ranks[unit.kind], unit.port or 0, unit.name))

    def unit(self, name: str) -> Unit:
        """One unit; `NotFound` names those that exist."""
        return self._view(self._get(name))

    def spec(self, name: str) -> UnitSpec:
        """The definition of a unit as it was given, for whoever wants to define it anew and back again."""
        return self._get(name).record.spec

    def logs(self, name: str, lines: int, instance: int) -> list[str]:
        """The last lines that a process of the unit wrote."""
        self._get(name)
        return logfile.tail(logfile.path_of(self.disk.home, name, instance), lines)

    def resources(self, name: str) -> Resources:
        """What the unit's processes use now; `Conflict` when none runs."""
        runner = self._get(name)
        if not runner.handles:
            raise Conflict(f'"{name}" is not running, so it uses nothing')
        memory = 0
        cpu = 0.0
        files = 0
        for handle in runner.handles:
            for process in handle.tree():
                with contextlib.suppress(psutil.Error):
                    memory += process.memory_info().rss
                    cpu += process.cpu_percent(None)
                    files += process.num_fds()
        began = model.since(runner.record)
        uptime = (self.clock.now() - began).total_seconds() if began is not None else 0.0
        return Resources(rss_bytes=memory, cpu_percent=round(cpu, 1), fds=files, uptime_s=uptime)

    async def events(self, after: int, limit: int, wait_s: float) -> list[Event]:
        """Events newer than ``after``; waits up to ``wait_s`` for the first."""
        return await self.journal.wait_after(after, limit, wait_s)

    def traffic(self) -> Traffic:
        """The gateway's switch."""
        return self.disk.load_traffic()

    # operations

    async def once(self, operation_id: str | None, operation: Callable[[], Awaitable[Any]]) -> Any:
        """Run an operation; the same id again, later or at once, gets the first answer. Failures are not kept."""
        if operation_id is None:
            return await operation()
        if operation_id in self._operations:
            return self._operations[operation_id]
        if operation_id in self._in_flight:
            return await asyncio.shield(self._in_flight[operation_id])
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._in_flight[operation_id] = future
        try:
            answer = await operation()
        except BaseException as error:
            future.set_exception(error if isinstance(error, JudgifyError) else Conflict("the first try was broken off"))
            future.exception()  # nobody else may be waiting; that is no fault
            raise
        else:
            self._operations[operation_id] = answer
            try:
                self.disk.save_operations(self._operations)
            except OSError as error:
                # The work is done; to answer "failed" would have it done twice.
                _log.exception("answer not kept on disk", error=str(error), operation_id=operation_id)
            future.set_result(answer)
            return answer
        finally:
            del self._in_flight[operation_id]

    async def start(self, name: str, by: str, reason: str, wait_s: float | None = None) -> Change:
        """Start a unit; one that runs already is left alone and the answer says so."""
        runner = self._get(name)
        async with runner.lock:
            await runner.settle()
            running = runner.record.desired == "running" and len(runner.handles) >= runner.record.replicas
            if not running:
                await runner.start(by, reason)
        return await self._answer(runner, wait_s, changed=not running)

    async def stop(self, name: str, by: str, reason: str) -> Change:
        """Stop a unit; one that is stopped already is left alone and the answer says so."""
        runner = self._get(name)
        async with runner.lock:
            stopped = runner.record.desired == "stopped" and not runner.handles
            if not stopped:
                await runner.stop(by, reason)
        return await self._answer(runner, None, changed=not stopped)

    async def restart(
        self, name: str, by: str, reason: str, wait_s: float | None = None, grace_s: float | None = None
    ) -> Change:
        """Restart a unit as a new revision of the same release; a stopped unit is started.

        ``grace_s`` shortens the time that a hanging service has for its stop; see `Runner.grace`.
        """
        runner = self._get(name)
        async with runner.lock:
            model.add_revision(runner.record, self.clock.now(), by, reason)
            await runner.restart(by, reason, grace_s=await runner.grace(grace_s))
        return await self._answer(runner, wait_s, changed=True)

    async def roll_back(
        self, name: str, by: str, reason: str, wait_s: float | None = None, grace_s: float | None = None
    ) -> Change:
        """Go back to the newest revision with another release that had been healthy; `Conflict` when there is none.

        Emergency changes of environment and limits stay. A stopped unit is not started by it.
        """
        runner = self._get(name)
        async with runner.lock:
            before, after = model.roll_back(runner.record, self.clock.now(), by, reason)
            detail = {
                "from_release": before.release,
                "to_release": after.release,
                "from_revision": before.number,
                "to_revision": after.number,
            }
            runner.save()
            runner.event("rolled-back", by, reason, **detail)
            if runner.record.desired == "running":
                await runner.restart(by, reason, grace_s=await runner.grace(grace_s))
        return await self._answer(runner, wait_s, changed=True, previous=detail)

    async def scale(self, name: str, replicas: int, by: str, reason: str, wait_s: float | None = None) -> Change:
        """Run so many processes of a unit on its one port. Stores and the response engine refuse."""
        runner = self._get(name)
        if not 1 <= replicas <= MAX_REPLICAS:
            raise Invalid(f"replicas must be from 1 to {MAX_REPLICAS}; to have none, stop the unit")
        if not runner.record.spec.scalable and replicas != 1:
            raise Conflict(f'"{name}" cannot run more than once on this machine')
        async with runner.lock:
            before = runner.record.replicas
            if before != replicas:
                await runner.resize(replicas)
                runner.event("scaled", by, reason, replicas=replicas, previous=before)
        return await self._answer(runner, wait_s, changed=before != replicas, previous={"replicas": before})

    async def set_env(
        self,
        name: str,
        to_set: Mapping[str, str],
        to_unset: list[str],
        *,
        by: str,
        reason: str,
        wait_s: float | None = None,
    ) -> Change:
        """Change variables of a unit: a new revision, and a restart when it is to run. ``previous`` is the undo."""
        runner = self._get(name)
        async with runner.lock:
            undo = model.change_env(runner.record, to_set, to_unset)
            model.add_revision(runner.record, self.clock.now(), by, reason)
            runner.save()
            runner.event("env-changed", by, reason, set=sorted(to_set), unset=sorted(to_unset))
            if runner.record.desired == "running":
                await runner.restart(by, reason)
        return await self._answer(runner, wait_s, changed=True, previous=undo)

    async def set_limits(self, name: str, limits: Limits, by: str, reason: str) -> Change:
        """Change what a unit may use, at once and without a restart. ``previous`` holds the limits before."""
        runner = self._get(name)
        async with runner.lock:
            before = runner.record.limits
            runner.record.limits = limits
            runner.save()
            cores = runner.apply_cpu_limit()
            detail = {"limits": limits.model_dump(), "previous": before.model_dump(), "cores": cores}
            runner.event("limits-changed", by, reason, **detail)
        return await self._answer(runner, None, changed=before != limits, previous=before.model_dump())

    async def put(self, spec: UnitSpec, by: str, reason: str, *, restart: bool, wait_s: float | None = None) -> Change:
        """Define a unit, or redefine it as a new revision; with ``restart`` a running unit takes it up at once."""
        now = self.clock.now()
        runner = self._runners.get(spec.name)
        if runner is None:
            record = model.define(spec, now, by, reason)
            record.baseline = ""
            runner = self._runners[spec.name] = self._runner(record)
            runner.save()
            runner.event("defined", by, reason, release=spec.release, revision=1)
            return await self._answer(runner, None, changed=True)
        async with runner.lock:
            changed = model.redefine(runner.record, spec, now, by, reason)
            runner.save()
            if changed:
                runner.event("defined", by, reason, release=spec.release, revision=runner.record.current)
                if restart and runner.record.desired == "running":
                    await runner.restart(by, reason)
        return await self._answer(runner, wait_s, changed=changed)

    def set_traffic(self, *, blocked: bool, retry_after_s: int, by: str, reason: str) -> Traffic:
        """Block or unblock the gateway's traffic. The same state again changes nothing but who and why."""
        before = self.traffic()
        now = self.clock.now() if blocked else None
        since = before.since if blocked and before.blocked else now
        after = Traffic(blocked=blocked, retry_after_s=retry_after_s, reason=reason, by=by, since=since)
        try:
            self.disk.save_traffic(after)
        except OSError as error:
            raise Unavailable(f"the switch could not be written: {error}", retry_after_s=5) from error
        if before.blocked != blocked:
            kind: EventKind = "traffic-blocked" if blocked else "traffic-unblocked"
            self.journal.add("gateway", kind, by, reason, retry_after_s=retry_after_s)
        return after

    async def start_all(self, by: str, reason: str, wait_s: float) -> Fleet:
        """Start every unit, in the order of their dependencies, those of one layer at once."""
        done: list[str] = []
        failed: list[str] = []

        async def one(name: str) -> None:
            try:
                change = await self.start(name, by, reason, wait_s)
            except JudgifyError as error:
                _log.warning("unit did not start", unit=name, error=error.detail)
                failed.append(name)
            else:
                (done if change.healthy else failed).append(name)

        specs = [runner.record.spec for runner in self._runners.values()]
        layers = model.order(spec for spec in specs if spec.kind != "engine")
        # The engine comes last: it would take services that are still starting for services that are down.
        for layer in [*layers, [spec.name for spec in specs if spec.kind == "engine"]]:
            await asyncio.gather(*(one(name) for name in layer))
        return Fleet(done=tuple(done), failed=tuple(failed))

    async def stop_all(self, by: str, reason: str) -> Fleet:
        """Stop every unit: the engine first (it would act on the exits), then the services, then the stores."""
        done: list[str] = []
        ranks = {"engine": 0, "service": 1, "store": 2}
        layers: dict[int, list[str]] = {}
        for name, runner in self._runners.items():
            layers.setdefault(ranks[runner.record.spec.kind], []).append(name)
        for rank in sorted(layers):
            changes = await asyncio.gather(*(self.stop(name, by, reason) for name in layers[rank]))
            done += [change.unit.name for change in changes]
        failed = [name for name in done if self._runners[name].handles]
        return Fleet(done=tuple(name for name in done if name not in failed), failed=tuple(failed))

    # inside

    def _get(self, name: str) -> Runner:
        try:
            return self._runners[name]
        except KeyError:
            known = ", ".join(sorted(self._runners)) or "none"
            raise NotFound(f'there is no unit named "{name}"; there are: {known}') from None

    async def _answer(
        self, runner: Runner, wait_s: float | None, *, changed: bool, previous: Mapping[str, Any] | None = None
    ) -> Change:
        healthy = None
        if wait_s is not None and runner.record.desired == "running":
            healthy = await runner.wait_healthy(wait_s)
        return Change(changed=changed, unit=self._view(runner), healthy=healthy, previous=dict(previous or {}))

    def _view(self, runner: Runner) -> Unit:
        record = runner.record
        return Unit(
            name=record.name,
            kind=record.spec.kind,
            state=model.state(record, self.clock.now(), preparing=runner.preparing),
            desired=record.desired,
            instances=tuple(
                Instance(**process.model_dump(exclude={"identity"}))
                for process in sorted(record.processes, key=lambda known: known.index)
                if not process.ended or process.index < record.replicas
            ),
            replicas=record.replicas,
            scalable=record.spec.scalable,
            release=record.revision.release,
            revision=record.current,
            revisions=tuple(Revision(**known.model_dump(exclude={"command", "env"})) for known in record.revisions),
            env=mask_mapping(model.environment(record)),
            limits=record.limits,
            restarts=record.restarts,
            autorestart=record.spec.autorestart,
            healthy=runner.healthy,
            probe=record.spec.probe,
            port=record.spec.port,
            depends_on=record.spec.depends_on,
            since=model.since(record),
            detail=record.failure,
        )

    async def _tick_for_ever(self) -> None:
        ticks = 0
        while True:
            await self.clock.sleep(TICK_S)
            ticks += 1
            if ticks % ROTATE_EVERY == 0:
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(logfile.rotate, self.disk.home / LOG)
            for runner in list(self._runners.values()):
                try:
                    runner.check_memory()
                    if ticks % ROTATE_EVERY == 0:
                        await asyncio.to_thread(runner.rotate_logs)
                except (OSError, psutil.Error) as error:
                    _log.warning("could not look at a unit", unit=runner.name, error=str(error))
