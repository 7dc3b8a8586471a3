"""An orchestrator that only remembers: for simulations, stories and tests. It behaves as the local one does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from judgify.kit.clock import Clock
from judgify.kit.errors import Conflict, Invalid, NotFound, Unavailable
from judgify.kit.secrets import mask, mask_mapping
from judgify.kit.supervisor_types import (
    Change,
    Event,
    EventKind,
    Instance,
    Limits,
    ProbeSpec,
    Resources,
    Revision,
    Traffic,
    Unit,
    UnitState,
)

T = TypeVar("T")
_RUNNING: Final = frozenset({"running", "starting"})


@dataclass(slots=True)
class _Unit:
    name: str
    kind: str
    revisions: list[Revision]
    current: int
    state: UnitState = "stopped"
    wanted: bool = False
    replicas: int = 1
    env: dict[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    restarts: int = 0
    instances: tuple[Instance, ...] = ()
    lines: list[str] = field(default_factory=list)

    @property
    def revision(self) -> Revision:
        return next(revision for revision in self.revisions if revision.number == self.current)


class MemoryOrchestrator:
    """Implements `ports.Orchestrator` without a process: units are healthy as soon as they run.

    `define`, `release`, `fail` and `say` play the world; `dead` makes it answer like a dead supervisor.
    """

    def __init__(self, clock: Clock) -> None:
        """Begin without units, traffic open."""
        self._clock = clock
        self._units: dict[str, _Unit] = {}
        self._events: list[Event] = []
        self._answers: dict[str, Any] = {}
        self._traffic = Traffic()
        self._next_pid = 1000
        self.dead = False
        self.broken: set[str] = set()
        """Units that do not come up when they are started."""

    # playing the world

    def define(self, name: str, release: str = "v1.0.0", *, kind: str = "service", running: bool = True) -> None:
        """Bring in a unit; a running one has been healthy."""
        first = Revision(number=1, release=release, created_at=self._clock.now(), reason="defined", by="memory")
        self._units[name] = _Unit(name, kind, [first], 1)
        self._tell(name, "defined", "memory", "defined")
        if running:
            self._run(self._units[name])

    def release(self, name: str, release: str) -> None:
        """Roll out another release, as a deployment would."""
        unit = self._get(name)
        self._revise(unit, release, "memory", f"release {release}")
        self._run(unit)

    def fail(self, name: str, exit_code: int = -9) -> None:
        """Let a unit die by itself."""
        unit = self._get(name)
        now = self._clock.now()
        unit.state = "exited"
        unit.instances = tuple(
            instance.model_copy(update={"exited_at": now, "exit_code": exit_code}) for instance in unit.instances
        )
        self._tell(name, "exited", "memory", f"ended with {exit_code}")

    def say(self, name: str, *lines: str) -> None:
        """Add lines to a unit's log."""
        self._get(name).lines.extend(lines)

    # reading

    async def units(self) -> tuple[Unit, ...]:
        """Give all units."""
        self._demand_life()
        return tuple(self._view(unit) for unit in self._units.values())

    async def unit(self, name: str) -> Unit:
        """Give one unit; `NotFound` for an unknown one."""
        self._demand_life()
        return self._view(self._get(name))

    async def logs(self, name: str, lines: int = 100) -> tuple[str, ...]:
        """Give the newest log lines of a unit, oldest first, masked."""
        self._demand_life()
        return tuple(mask(line) for line in self._get(name).lines[-lines:])

    async def resources(self, name: str) -> Resources:
        """Give what a unit uses; `Conflict` when it does not run."""
        self._demand_life()
        unit = self._get(name)
        if unit.state not in _RUNNING:
            raise Conflict(f'"{name}" does not run')
        return Resources(rss_bytes=64 * 1024 * 1024, cpu_percent=1.0, fds=16, uptime_s=1.0)

    async def events(self, after: int = 0, limit: int = 20) -> tuple[Event, ...]:
        """Give events with id > after, oldest first; with `after` below zero the newest `limit` ones."""
        self._demand_life()
        if after < 0:
            return tuple(self._events[-limit:])
        return tuple([event for event in self._events if event.id > after][:limit])

    async def traffic(self) -> Traffic:
        """Give the state of the switch."""
        self._demand_life()
        return self._traffic

    async def alive(self) -> bool:
        """Tell whether the orchestrator answers."""
        return not self.dead

    async def revive(self) -> bool:
        """Answer again."""
        self.dead = False
        return True

    # operations

    async def start(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Start a unit; starting a running one changes nothing."""

        def work() -> Change:
            unit = self._get(name)
            if unit.state in _RUNNING:
                return Change(changed=False, unit=self._view(unit))
            self._run(unit)
            self._tell(name, "started", by, reason)
            return Change(changed=True, unit=self._view(unit))

        return self._once(operation_id, work)

    async def stop(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Stop a unit; stopping a stopped one changes nothing."""

        def work() -> Change:
            unit = self._get(name)
            if not unit.wanted and unit.state == "stopped":
                return Change(changed=False, unit=self._view(unit))
            unit.state, unit.wanted, unit.instances = "stopped", False, ()
            self._tell(name, "stopped", by, reason)
            return Change(changed=True, unit=self._view(unit))

        return self._once(operation_id, work)

    async def restart(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Restart a unit: a new revision with the same release."""

        def work() -> Change:
            unit = self._get(name)
            self._revise(unit, unit.revision.release, by, reason)
            unit.restarts += 1
            self._run(unit)
            self._tell(name, "restarted", by, reason)
            return Change(changed=True, unit=self._view(unit))

        return self._once(operation_id, work)

    async def roll_back(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Go back to the newest revision with another release that had been healthy; `Conflict` without one.

        A release that was itself rolled back from is passed over.
        """

        def work() -> Change:
            unit = self._get(name)
            before = unit.revision
            older = [
                known
                for known in unit.revisions
                if known.release != before.release and known.healthy_at and not known.withdrawn_at
            ]
            if not older:
                raise Conflict(f'"{name}" cannot be rolled back: no other release than {before.release} was healthy')
            now = self._clock.now()
            unit.revisions = [
                known.model_copy(update={"withdrawn_at": now}) if known.release == before.release else known
                for known in unit.revisions
            ]
            self._revise(unit, older[-1].release, by, reason, rollback=True)
            self._run(unit)
            self._tell(name, "rolled-back", by, reason)
            return Change(changed=True, unit=self._view(unit), previous={"release": before.release})

        return self._once(operation_id, work)

    async def scale(self, name: str, replicas: int, *, by: str, reason: str, operation_id: str) -> Change:
        """Change the number of processes of a unit."""

        def work() -> Change:
            unit = self._get(name)
            if replicas < 1:
                raise Invalid("a unit has at least one process; to have none, stop it")
            before, unit.replicas = unit.replicas, replicas
            if unit.state in _RUNNING:
                self._run(unit)
            self._tell(name, "scaled", by, reason)
            return Change(changed=before != replicas, unit=self._view(unit), previous={"replicas": before})

        return self._once(operation_id, work)

    async def set_env(
        self,
        name: str,
        set_: Mapping[str, str],
        unset: Sequence[str] = (),
        *,
        by: str,
        reason: str,
        operation_id: str,
    ) -> Change:
        """Set and unset variables of a unit; `previous` holds the arguments of the undo."""

        def work() -> Change:
            unit = self._get(name)
            if not set_ and not unset:
                raise Invalid("nothing to change: give variables to set or to unset")
            touched = [*set_, *unset]
            undo = {
                "set": {key: unit.env[key] for key in touched if key in unit.env},
                "unset": [key for key in touched if key not in unit.env],
            }
            unit.env = {key: value for key, value in unit.env.items() if key not in touched} | dict(set_)
            self._revise(unit, unit.revision.release, by, reason)
            if unit.wanted:
                self._run(unit)
            self._tell(name, "env-changed", by, reason)
            return Change(changed=True, unit=self._view(unit), previous=undo)

        return self._once(operation_id, work)

    async def set_limits(
        self,
        name: str,
        *,
        memory_bytes: int | None = None,
        cpu_millis: int | None = None,
        by: str,
        reason: str,
        operation_id: str,
    ) -> Change:
        """Change what a unit may use; a limit not given stays. `previous` holds the limits before."""

        def work() -> Change:
            unit = self._get(name)
            before = unit.limits
            given = {"memory_bytes": memory_bytes, "cpu_millis": cpu_millis}
            unit.limits = before.model_copy(update={key: value for key, value in given.items() if value is not None})
            self._tell(name, "limits-changed", by, reason)
            return Change(changed=unit.limits != before, unit=self._view(unit), previous=before.model_dump())

        return self._once(operation_id, work)

    async def block_traffic(self, retry_after_s: int, *, by: str, reason: str, operation_id: str) -> Traffic:
        """Block traffic."""

        def work() -> Traffic:
            self._traffic = Traffic(
                blocked=True, retry_after_s=retry_after_s, reason=reason, by=by, since=self._clock.now()
            )
            self._tell("gateway", "traffic-blocked", by, reason)
            return self._traffic

        return self._once(operation_id, work)

    async def unblock_traffic(self, *, by: str, reason: str, operation_id: str) -> Traffic:
        """Let traffic through again."""

        def work() -> Traffic:
            self._traffic = Traffic(by=by, reason=reason)
            self._tell("gateway", "traffic-unblocked", by, reason)
            return self._traffic

        return self._once(operation_id, work)

    # inside

    def _demand_life(self) -> None:
        if self.dead:
            raise Unavailable("no supervisor runs", slug="no-supervisor")

    def _once(self, operation_id: str, work: Callable[[], T]) -> T:
        self._demand_life()
        if operation_id not in self._answers:
            self._answers[operation_id] = work()
        answer: T = self._answers[operation_id]
        return answer

    def _get(self, name: str) -> _Unit:
        try:
            return self._units[name]
        except KeyError:
            raise NotFound(f'there is no unit named "{name}"; known are {", ".join(self._units)}') from None

    def _revise(self, unit: _Unit, release: str, by: str, reason: str, *, rollback: bool = False) -> None:
        number, now = unit.revisions[-1].number + 1, self._clock.now()
        unit.revisions.append(
            Revision(number=number, release=release, created_at=now, reason=reason, by=by, rollback=rollback)
        )
        unit.current = number

    def _run(self, unit: _Unit) -> None:
        now = self._clock.now()
        unit.wanted = True
        if unit.name in self.broken:
            unit.state, unit.instances = "failed", ()
            return
        unit.state = "running"
        first, self._next_pid = self._next_pid, self._next_pid + unit.replicas
        unit.instances = tuple(
            Instance(index=index, pid=first + index, started_at=now, revision=unit.current, log=f"{unit.name}.log")
            for index in range(unit.replicas)
        )
        unit.revisions = [
            known.model_copy(update={"healthy_at": known.healthy_at or now}) if known.number == unit.current else known
            for known in unit.revisions
        ]

    def _tell(self, unit: str, kind: EventKind, by: str, reason: str) -> None:
        number = len(self._events) + 1
        self._events.append(Event(id=number, time=self._clock.now(), unit=unit, kind=kind, by=by, reason=reason))

    def _view(self, unit: _Unit) -> Unit:
        revision = unit.revision
        return Unit.model_validate(
            {
                "name": unit.name,
                "kind": unit.kind,
                "state": unit.state,
                "desired": "running" if unit.wanted else "stopped",
                "instances": unit.instances,
                "replicas": unit.replicas,
                "scalable": unit.kind == "service",
                "release": revision.release,
                "revision": revision.number,
                "revisions": tuple(unit.revisions),
                "env": mask_mapping(unit.env),
                "limits": unit.limits,
                "restarts": unit.restarts,
                "autorestart": False,
                "healthy": unit.state == "running" if unit.state != "stopped" else None,
                "probe": ProbeSpec(),
                "port": None,
                "depends_on": (),
                "since": unit.instances[0].started_at if unit.instances else None,
            }
        )
