"""What the supervisor says and is told: the wire types of its Unix-socket API.

They live in ``kit`` because the supervisor, the command line, the response engine's local orchestrator and the
drills share them, and none of those may import another.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

UnitState = Literal["running", "starting", "stopped", "exited", "failed"]
Desired = Literal["running", "stopped"]
EventKind = Literal[
    "started",
    "exited",
    "stopped",
    "restarted",
    "healthy",
    "unhealthy",
    "rolled-back",
    "scaled",
    "env-changed",
    "limits-changed",
    "defined",
    "traffic-blocked",
    "traffic-unblocked",
    "adopted",
]

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"
"""Unit names: they become file names, so nothing else is accepted."""

ENV_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
"""Names of environment variables that may be set or unset."""

MemoryBytes = Annotated[int | None, Field(ge=8 * 1024 * 1024)]
"""A limit of resident memory; below 8 MiB nothing of ours could start."""

CpuMillis = Annotated[int | None, Field(ge=10, le=1_024_000)]
"""A limit of processor time in thousandths of a core."""


class Wire(BaseModel):
    """A value on the wire: immutable, and an unknown field is refused rather than ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ProbeSpec(Wire):
    """How the supervisor asks a unit whether it works.

    ``http`` asks ``live_url`` and ``ready_url`` and wants 200 from both; ``tcp`` wants the port to accept;
    ``postgres`` and ``redis`` speak enough of the protocol to tell "accepts connections" from "still starting";
    ``none`` takes a living process for a healthy one.
    """

    kind: Literal["http", "tcp", "postgres", "redis", "none"] = "none"
    live_url: str | None = None
    ready_url: str | None = None
    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=1, le=65535)
    timeout_s: float = Field(default=2.0, gt=0, le=30)


class Limits(Wire):
    """What a unit may use.

    ``memory_bytes`` is enforced on the resident memory of the unit's processes, sampled four times a second: above it
    the unit is killed, like an out-of-memory kill. ``cpu_millis`` is enforced in whole cores only (rounded up), by
    processor affinity, on Linux; elsewhere it is recorded.
    """

    memory_bytes: MemoryBytes = None
    cpu_millis: CpuMillis = None


class UnitSpec(Wire):
    """One unit as it is defined: what to run, as whom, and how to tell that it works.

    A change of ``command``, ``env`` or ``release`` makes a new revision; the rest applies from the next start on.
    """

    name: str = Field(pattern=NAME_PATTERN)
    kind: Literal["store", "service", "engine"] = "service"
    command: tuple[str, ...] = Field(min_length=1)
    env: dict[str, str] = Field(default_factory=dict)
    release: str = Field(min_length=1, max_length=200)
    cwd: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    probe: ProbeSpec = ProbeSpec()
    limits: Limits = Limits()
    replicas: int = Field(default=1, ge=1, le=16)
    scalable: bool = False
    autorestart: bool = False
    depends_on: tuple[str, ...] = ()
    run_as: int | None = Field(default=None, ge=1)
    prepare: Literal["postgres", "redis"] | None = None
    stop_signal: Literal["SIGTERM", "SIGINT"] = "SIGTERM"
    stop_timeout_s: float = Field(default=15.0, gt=0, le=300)
    start_timeout_s: float = Field(default=30.0, gt=0, le=600)


class Instance(Wire):
    """One process of a unit.

    ``exit_code`` is ``None`` while it lives, and when nobody could learn it (the process was adopted and so not the
    supervisor's child); ``exited_at`` tells the two apart. Below zero it is a signal's number.
    """

    index: int
    pid: int
    started_at: datetime
    exited_at: datetime | None = None
    exit_code: int | None = None
    revision: int
    log: str


class Revision(Wire):
    """One revision of a unit. ``healthy_at`` is when a process of this revision first passed its probes.

    ``rollback`` says that it was made by a rollback, which is no release; ``withdrawn_at`` is when its release was
    rolled back from, after which no rollback returns to it.
    """

    number: int
    release: str
    created_at: datetime
    reason: str
    by: str
    healthy_at: datetime | None = None
    rollback: bool = False
    withdrawn_at: datetime | None = None


class Unit(Wire):
    """One unit as it is now. Values of ``env`` that look like secrets are masked."""

    name: str
    kind: Literal["store", "service", "engine"]
    state: UnitState
    desired: Desired
    instances: tuple[Instance, ...]
    replicas: int
    scalable: bool
    release: str
    revision: int
    revisions: tuple[Revision, ...]
    env: dict[str, str]
    limits: Limits
    restarts: int
    autorestart: bool
    healthy: bool | None
    probe: ProbeSpec
    port: int | None
    depends_on: tuple[str, ...]
    since: datetime | None
    detail: str | None = None

    @property
    def pid(self) -> int | None:
        """The first living process, or ``None``."""
        return next((instance.pid for instance in self.instances if instance.exited_at is None), None)


class Event(Wire):
    """Something that happened to a unit. ``id`` only grows, also across restarts of the supervisor."""

    id: int
    time: datetime
    unit: str
    kind: EventKind
    by: str
    reason: str
    detail: dict[str, Any] = Field(default_factory=dict)


class Traffic(Wire):
    """The gateway's switch: while ``blocked`` it answers 503 with ``Retry-After``, but for health and metrics."""

    blocked: bool = False
    retry_after_s: int = Field(default=30, ge=1, le=86_400)
    reason: str = ""
    by: str = ""
    since: datetime | None = None


class Resources(Wire):
    """What the living processes of a unit use together. ``cpu_percent`` is of one core, since the previous sample."""

    rss_bytes: int
    cpu_percent: float
    fds: int
    uptime_s: float


class Change(Wire):
    """The answer to an operation.

    ``changed`` is false when there was nothing to do; ``healthy`` says whether the unit passed its probes within
    ``wait_s`` (``None`` when no wait was asked for); ``previous`` holds what undoes the change.
    """

    changed: bool
    unit: Unit
    healthy: bool | None = None
    previous: dict[str, Any] = Field(default_factory=dict)
    detail: str | None = None


class Fleet(Wire):
    """The answer to starting or stopping everything: units that came up (or down), and those that did not."""

    done: tuple[str, ...]
    failed: tuple[str, ...]
