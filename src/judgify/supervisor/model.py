"""A unit as data, and every decision about it that needs no process: values in, values out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from judgify.kit.errors import Conflict, Invalid
from judgify.kit.supervisor_types import Desired, Limits, UnitSpec, UnitState

KEEP_REVISIONS: Final = 60
"""Revisions kept for each unit; the target of a rollback is kept whatever its age."""

BACKOFF_S: Final = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses before the next restart by itself, by the number of quick exits in a row; the last one repeats for ever."""

QUICK_EXIT_S: Final = 60.0
"""An exit sooner than this after the start counts as part of a crash loop."""


class Stored(BaseModel):
    """A value kept on disk: mutable in memory, strict about what it reads."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Process(Stored):
    """One process that the supervisor started. ``identity`` tells it from a later process with the same id."""

    index: int
    pid: int
    identity: str
    revision: int
    started_at: datetime
    exited_at: datetime | None = None
    exit_code: int | None = None
    log: str

    @property
    def ended(self) -> bool:
        """Whether its end was seen."""
        return self.exited_at is not None


class RevisionRecord(Stored):
    """All that a rollback needs to run this revision again."""

    number: int
    release: str
    command: tuple[str, ...]
    env: dict[str, str]
    created_at: datetime
    reason: str
    by: str
    healthy_at: datetime | None = None
    rollback: bool = False
    withdrawn_at: datetime | None = None


class UnitRecord(Stored):
    """A unit as it is kept on disk.

    ``env_set``, ``env_unset`` and ``limits`` are emergency changes: they lie over whatever revision runs, so that a
    rollback does not undo them, and each has its own undo.
    """

    spec: UnitSpec
    revisions: list[RevisionRecord]
    current: int
    desired: Desired = "stopped"
    env_set: dict[str, str] = Field(default_factory=dict)
    env_unset: list[str] = Field(default_factory=list)
    limits: Limits = Limits()
    replicas: int = 1
    processes: list[Process] = Field(default_factory=list)
    restarts: int = 0
    quick_exits: int = 0
    was_healthy: bool = False
    failure: str | None = None
    baseline: str = ""

    @property
    def name(self) -> str:
        """The unit's name."""
        return self.spec.name

    @property
    def revision(self) -> RevisionRecord:
        """The revision that the next start runs."""
        return next(revision for revision in self.revisions if revision.number == self.current)

    @property
    def living(self) -> list[Process]:
        """Processes whose end has not been seen."""
        return [process for process in self.processes if not process.ended]


def define(spec: UnitSpec, now: datetime, by: str, reason: str) -> UnitRecord:
    """A new unit with its first revision, stopped."""
    first = RevisionRecord(
        number=1,
        release=spec.release,
        command=spec.command,
        env=dict(spec.env),
        created_at=now,
        reason=reason,
        by=by,
    )
    return UnitRecord(
        spec=spec, revisions=[first], current=1, limits=spec.limits, replicas=spec.replicas, baseline=fingerprint(spec)
    )


def fingerprint(spec: UnitSpec) -> str:
    """Two specifications with the same fingerprint are the same; used to see whether the shipped one has changed."""
    return spec.model_dump_json()


def redefine(record: UnitRecord, spec: UnitSpec, now: datetime, by: str, reason: str) -> bool:
    """Take over a new specification; true when that made a new revision.

    A new revision is made when command, environment or release differ from what runs now. Emergency changes stay.

    Raises:
        Invalid: the specification is for another unit.
    """
    if spec.name != record.name:
        raise Invalid(f'a specification named "{spec.name}" cannot redefine the unit "{record.name}"')
    record.spec = spec
    current = record.revision
    if (current.release, current.command, current.env) == (spec.release, spec.command, dict(spec.env)):
        return False
    add_revision(record, now, by, reason, release=spec.release, command=spec.command, env=dict(spec.env))
    return True


def add_revision(
    record: UnitRecord,
    now: datetime,
    by: str,
    reason: str,
    *,
    release: str | None = None,
    command: tuple[str, ...] | None = None,
    env: Mapping[str, str] | None = None,
    rollback: bool = False,
) -> RevisionRecord:
    """Append a revision and make it the current one; what is not given is taken over from the current one."""
    current = record.revision
    revision = RevisionRecord(
        number=max(known.number for known in record.revisions) + 1,
        release=current.release if release is None else release,
        command=current.command if command is None else command,
        env=dict(current.env if env is None else env),
        created_at=now,
        reason=reason,
        by=by,
        rollback=rollback,
    )
    record.revisions = [*record.revisions, revision]
    record.current = revision.number
    prune(record)
    return revision


def rollback_target(record: UnitRecord) -> RevisionRecord | None:
    """The newest revision with another release than the current one that had been healthy, or ``None``.

    A release that was itself rolled back from is passed over, until it is defined anew: two rollbacks in a row go
    further back and never return to the release that was left for its fault.

    A restart and a changed variable make revisions too, so "the revision before" may hold the same bad release; that is
    the trap of a bare ``kubectl rollout undo`` which this avoids.
    """
    release = record.revision.release
    healthy = [
        known
        for known in record.revisions
        if known.release != release and known.healthy_at is not None and known.withdrawn_at is None
    ]
    return max(healthy, key=lambda known: known.number, default=None)


def roll_back(record: UnitRecord, now: datetime, by: str, reason: str) -> tuple[RevisionRecord, RevisionRecord]:
    """Make a new revision out of the rollback target; returns (what ran before, the new revision).

    Raises:
        Conflict: no revision with another release had ever been healthy.
    """
    before = record.revision
    target = rollback_target(record)
    if target is None:
        raise Conflict(
            f'"{record.name}" cannot be rolled back: no release other than {before.release} has been healthy here'
        )
    for known in record.revisions:
        if known.release == before.release:
            known.withdrawn_at = now
    after = add_revision(
        record, now, by, reason, release=target.release, command=target.command, env=target.env, rollback=True
    )
    return before, after


def prune(record: UnitRecord) -> None:
    """Forget the oldest revisions, never the current one nor the rollback target."""
    target = rollback_target(record)
    keep = {record.current} | ({target.number} if target is not None else set())
    newest = {known.number for known in sorted(record.revisions, key=lambda known: known.number)[-KEEP_REVISIONS:]}
    record.revisions = [known for known in record.revisions if known.number in keep | newest]


def mark_healthy(record: UnitRecord, number: int, now: datetime) -> bool:
    """Note that a process of this revision passed its probes; true when this is the first time for it."""
    record.was_healthy = True
    record.failure = None
    for known in record.revisions:
        if known.number == number and known.healthy_at is None:
            known.healthy_at = now
            return True
    return False


def state(record: UnitRecord, now: datetime, *, preparing: bool = False) -> UnitState:
    """What the unit is doing: see ``docs`` of the API for the five words.

    ``preparing`` means that it is on its way: its data or port is being made ready and no process runs yet.

    ``failed`` means that this start never came to anything: it could not be prepared or spawned, or it ended before it
    was healthy once. ``exited`` means that a unit which had been healthy ended by itself.
    """
    living = record.living
    if living:
        waiting = not record.was_healthy and (now - living[0].started_at).total_seconds() < record.spec.start_timeout_s
        return "starting" if waiting else "running"
    if record.desired == "stopped":
        return "stopped"
    if preparing:
        return "starting"
    if record.failure is not None or not record.was_healthy:
        return "failed"
    return "exited"


def since(record: UnitRecord) -> datetime | None:
    """Since when the unit has been in its state, as far as its processes tell."""
    living = record.living
    if living:
        return living[0].started_at
    return max((process.exited_at for process in record.processes if process.exited_at is not None), default=None)


def store_arguments(spec: UnitSpec, env: Mapping[str, str]) -> tuple[str, ...]:
    """Give what a store's command line gets from its variables: `POSTGRES_READ_ONLY` makes PostgreSQL refuse writes.

    The guide's 4.3 starts the database so; every new transaction is read-only until the variable is unset.
    """
    read_only = env.get("POSTGRES_READ_ONLY", "").strip().lower() in {"1", "true", "yes", "on"}
    return ("-c", "default_transaction_read_only=on") if spec.prepare == "postgres" and read_only else ()


def environment(record: UnitRecord) -> dict[str, str]:
    """The unit's own variables: the revision's, with the emergency changes over them."""
    merged = {**record.revision.env, **record.env_set}
    return {name: value for name, value in merged.items() if name not in record.env_unset}


def change_env(record: UnitRecord, to_set: Mapping[str, str], to_unset: Sequence[str]) -> dict[str, object]:
    """Lay an emergency change over the unit's environment; returns the call that undoes it.

    Raises:
        Invalid: nothing is given, or a name is both set and unset.
    """
    if not to_set and not to_unset:
        raise Invalid("nothing to change: give variables to set or to unset")
    both = sorted(set(to_set) & set(to_unset))
    if both:
        raise Invalid(f"set and unset at once: {', '.join(both)}")
    before = environment(record)
    touched = [*to_set, *to_unset]
    undo: dict[str, object] = {
        "set": {name: before[name] for name in touched if name in before},
        "unset": [name for name in touched if name not in before],
    }
    shipped = record.revision.env
    kept = {name: value for name, value in record.env_set.items() if name not in touched}
    added = {name: value for name, value in to_set.items() if shipped.get(name) != value}
    record.env_set = {**kept, **added}
    hidden = [name for name in record.env_unset if name not in touched]
    record.env_unset = [*hidden, *(name for name in to_unset if name in shipped)]
    return undo


def order(specs: Iterable[UnitSpec]) -> list[list[str]]:
    """Layers of units in the order of their dependencies: all of one layer may start at once.

    A dependency that is not among the units (a store given by its address) is taken as met.

    Raises:
        Invalid: the dependencies run in a circle.
    """
    waiting = {spec.name: spec for spec in specs}
    layers: list[list[str]] = []
    while waiting:
        layer = sorted(name for name, spec in waiting.items() if not any(other in waiting for other in spec.depends_on))
        if not layer:
            raise Invalid(f"units depend on each other in a circle: {', '.join(sorted(waiting))}")
        layers.append(layer)
        for name in layer:
            del waiting[name]
    return layers


def pause_before_restart(quick_exits: int) -> float:
    """Seconds before a unit that restarts by itself is started again, after so many quick exits in a row."""
    return BACKOFF_S[min(max(quick_exits, 1), len(BACKOFF_S)) - 1]
