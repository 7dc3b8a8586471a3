"""What is done: runbooks and their typed operations, phases, the first-15-minutes checklist, automation."""

from typing import Annotated, Literal

from pydantic import Field

from judgify.response.guide.base import Identifier, Line, Minutes, Model, Name, Seconds, SecretRef, SeverityName, Text

EnvName = Literal["ENABLE_LLM_ENGINE", "REDIS_ENABLED", "POSTGRES_READ_ONLY", "DATABASE_URL"]
"""The only variables that a runbook may set."""


class OnTarget(Model):
    """An operation on one service of the catalogue."""

    target: Name


class Start(OnTarget):
    """Start the unit of a service that is not running."""

    kind: Literal["start"]


class Restart(OnTarget):
    """Restart the unit of a service."""

    kind: Literal["restart"]


class Rollback(OnTarget):
    """Go back to the newest revision with another release that had been healthy."""

    kind: Literal["rollback"]


class Scale(OnTarget):
    """Run this many instances."""

    kind: Literal["scale"]
    replicas: Annotated[int, Field(ge=1, le=100)]


class SetLimits(OnTarget):
    """Give the unit more (or less) memory and processor time."""

    kind: Literal["set_limits"]
    memory_bytes: Annotated[int, Field(ge=8 * 1024 * 1024)]
    cpu_millis: Annotated[int, Field(ge=10, le=1_024_000)]


class SetEnv(OnTarget):
    """Set one variable and restart. A value that is secret comes by reference (`secret`), never as `value`."""

    kind: Literal["set_env"]
    name: EnvName
    value: Literal["true", "false"] | None = None
    secret: SecretRef | None = None


class UnsetEnv(OnTarget):
    """Remove one variable and restart."""

    kind: Literal["unset_env"]
    name: EnvName


class BlockTraffic(Model):
    """Answer 503 with Retry-After at the entrance; health still answers."""

    kind: Literal["block_traffic"]
    retry_after_s: Annotated[int, Field(ge=1, le=86_400)]


class UnblockTraffic(Model):
    """Let traffic in again."""

    kind: Literal["unblock_traffic"]


class RestoreBackup(OnTarget):
    """Restore the store from the backup of a date that the person who asks gives (`YYYY-MM-DD`)."""

    kind: Literal["restore_backup"]
    backup_date: Literal["ask"]


class SwitchPrimary(OnTarget):
    """Make the replica the primary."""

    kind: Literal["switch_primary"]
    to: Line


class EditConfig(OnTarget):
    """Put the unit's configuration back to that of the newest revision that had been healthy, and restart."""

    kind: Literal["edit_config"]


RecoverOperation = Annotated[
    Start
    | Restart
    | Rollback
    | Scale
    | SetLimits
    | SetEnv
    | UnsetEnv
    | BlockTraffic
    | UnblockTraffic
    | RestoreBackup
    | SwitchPrimary
    | EditConfig,
    Field(discriminator="kind"),
]


class UnitStatus(OnTarget):
    """State, instances, release, revisions, restarts of the unit."""

    kind: Literal["unit_status"]


class UnitLogs(OnTarget):
    """The last lines of the unit's log; `only_errors` keeps those that speak of an error."""

    kind: Literal["unit_logs"]
    lines: Annotated[int, Field(ge=1, le=1000)] = 100
    only_errors: bool = False


class UnitResources(OnTarget):
    """Memory, processor, open files of the unit."""

    kind: Literal["unit_resources"]


class ProbeHttp(OnTarget):
    """Ask one of the service's own health paths."""

    kind: Literal["probe_http"]
    path: Literal["/live", "/ready", "/health"]


class TcpCheck(OnTarget):
    """Try to reach the service's port; a store is also asked in its own protocol."""

    kind: Literal["tcp_check"]


class Upstreams(Model):
    """Ask every service of the catalogue whether it is ready (`kubectl get endpoints`)."""

    kind: Literal["upstreams"]


class Traffic(Model):
    """Read the entrance: is traffic blocked, since when, by whom (`kubectl describe ingress`)."""

    kind: Literal["traffic"]


class Disk(OnTarget):
    """Free space where the service keeps its data."""

    kind: Literal["disk"]


class Events(Model):
    """The last platform events."""

    kind: Literal["events"]
    limit: Annotated[int, Field(ge=1, le=500)] = 20


class EnvFlags(OnTarget):
    """Which emergency variables are set on the unit."""

    kind: Literal["env_flags"]


class MetricsWindow(OnTarget):
    """Requests, error share and p95 of the service from the engine's own metrics window."""

    kind: Literal["metrics_window"]
    window_s: Seconds = 300


class RedisInfo(OnTarget):
    """`PING` and `INFO memory`."""

    kind: Literal["redis_info"]


DiagnoseOperation = Annotated[
    UnitStatus
    | UnitLogs
    | UnitResources
    | ProbeHttp
    | TcpCheck
    | Upstreams
    | Traffic
    | Disk
    | Events
    | EnvFlags
    | MetricsWindow
    | RedisInfo,
    Field(discriminator="kind"),
]
Operation = RecoverOperation | DiagnoseOperation
Risk = Literal["safe", "guarded", "dangerous"]


class DiagnoseStep(Model):
    """A step that only reads. `kubectl` is the equivalent on a cluster, as the guide prints it."""

    id: Identifier
    title: Text
    operation: DiagnoseOperation
    kubectl: tuple[Line, ...]
    guide: Line | None = None
    time_limit_s: Seconds = 10


class Verify(Model):
    """How a step proves itself: `kind` must hold on `target` within `within_s` seconds."""

    kind: Literal["live", "ready", "health", "replicas", "env", "traffic"]
    target: Name
    within_s: Seconds


class RecoverStep(Model):
    """A step that changes something.

    `when`: the step applies if any entry holds; an entry holds if every finding in it passes its FEEL unary test.
    A finding that is missing makes the entry not evaluable: the step is then offered, never done by itself.
    No entry at all: only a person decides.
    `approvals` is what it takes unless the automation policy lets the engine do it by itself.
    """

    id: Identifier
    title: Text
    operation: RecoverOperation
    risk: Risk
    approvals: Literal[0, 1, 2]
    when: tuple[dict[Name, str], ...]
    time_limit_s: Seconds
    verify: Verify
    kubectl: tuple[Line, ...]
    undo: RecoverOperation | None = None
    guide: Line | None = None
    not_in_guide: bool = False


class Runbook(Model):
    """One runbook (chapter 4): how the fault shows, what is looked at, what is tried, in the guide's order."""

    id: Identifier
    service: Name
    title: Text
    guide: Line | None = None
    not_in_guide: bool = False
    dangerous: bool = False
    symptoms: Annotated[tuple[Text, ...], Field(min_length=1)]
    diagnose: Annotated[tuple[DiagnoseStep, ...], Field(min_length=1)]
    recover: Annotated[tuple[RecoverStep, ...], Field(min_length=1)]

    def step(self, step_id: str) -> "DiagnoseStep | RecoverStep | None":
        """Give the step of that id, or None."""
        steps: tuple[DiagnoseStep | RecoverStep, ...] = (*self.diagnose, *self.recover)
        return next((step for step in steps if step.id == step_id), None)


class PhaseTask(Model):
    """One task of a phase."""

    id: Identifier
    text: Text


class Phase(Model):
    """One phase of section 6.1; `to_minute` None = open end."""

    id: Literal[1, 2, 3]
    from_minute: Minutes
    to_minute: Minutes | None
    title: Text
    goal: Text
    tasks: Annotated[tuple[PhaseTask, ...], Field(min_length=1)]


class PhasesFile(Model):
    """`phases.yaml` (section 6.1)."""

    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]


ChecklistFact = Literal[
    "receipt_confirmed",
    "responder_named",
    "scope_attached",
    "impact_attached",
    "events_attached",
    "announced",
    "customers_informed",
    "management_reported",
    "emergency_action_done",
]
"""What the timeline can show as done; the engine records one when it, or a person, has done it."""


class ChecklistItem(Model):
    """One box of the checklist: ticked by the first fact of that kind on the timeline."""

    id: Identifier
    text: Text
    done_when: ChecklistFact
    severities: Annotated[tuple[SeverityName, ...], Field(min_length=1)]
    optional: bool = False


class ChecklistStep(Model):
    """One step with its own clock, which starts when the step before is done or out of time."""

    id: Identifier
    title: Text
    clock_s: Seconds
    guide: Line
    items: Annotated[tuple[ChecklistItem, ...], Field(min_length=1)]


class ChecklistFile(Model):
    """`checklist.yaml`: the first 15 minutes (chapter 3)."""

    steps: Annotated[tuple[ChecklistStep, ...], Field(min_length=1)]


class ByItself(Model):
    """What the engine may do without asking. `per_minutes` None = the limit counts per incident."""

    operation: Literal["start", "restart", "rollback"]
    severities: Annotated[tuple[SeverityName, ...], Field(min_length=1)]
    times: Annotated[int, Field(ge=1, le=10)]
    per_minutes: Minutes | None = None


class BreakGlass(Model):
    """One person alone in an emergency; off by default."""

    enabled: bool
    countdown_minutes: Minutes


class AutomationFile(Model):
    """`automation.yaml`: recovery by itself, approvals, and what counts as recovered."""

    by_itself: tuple[ByItself, ...]
    rollback_if_release_changed_minutes: Minutes
    units_at_once: Annotated[int, Field(ge=1, le=10)]
    operations_per_incident: Annotated[int, Field(ge=0, le=100)]
    own_probe_must_confirm: bool
    database_exits_stop: Annotated[int, Field(ge=2, le=10)]
    """This many exits of the embedded database within `database_exits_minutes` stop automation and page."""
    database_exits_minutes: Minutes
    disk_full_free_ratio: Annotated[float, Field(ge=0, le=1)]
    """Below this share of free space the database is not started by itself."""
    approval_lapses_minutes: Minutes
    break_glass: BreakGlass
    recovered_hold_s: Seconds
    drill_hold_s: Seconds
    resolve_after_minutes: Minutes
