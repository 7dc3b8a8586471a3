"""The words of the response engine as values: signal, incident, page, operation, approval, drill.

Everything here is immutable and holds aware UTC moments. Text that came from outside is kept as it came; whoever
writes it out (HTML, Slack, mail, terminal) escapes it for that place.
"""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Severity = Literal["P0", "P1", "P2", "P3"]
"""Guide 1.1, the most severe first."""
SEVERITIES: Final[tuple[Severity, ...]] = ("P0", "P1", "P2", "P3")

State = Literal["open", "acknowledged", "mitigating", "recovered", "resolved", "closed"]
"""Acknowledgement is recorded on its own (`Incident.acknowledged_at`), so recovery needs none."""
ONGOING: Final[frozenset[State]] = frozenset({"open", "acknowledged", "mitigating"})
"""The states in which somebody is affected and automation may act."""
UNSETTLED: Final[frozenset[State]] = ONGOING | {"recovered"}
"""The states in which new signals join the incident."""

ActorKind = Literal["person", "engine", "cli", "service", "outside"]
Risk = Literal["safe", "guarded", "dangerous"]
Outcome = Literal["sent", "refused", "unknown"]
PageKind = Literal["page", "report", "notice", "information", "test"]
"""Only a `page` must be acknowledged; it is repeated until it is. The others are told once."""
PageState = Literal["due", "claimed", "sent", "failed", "withdrawn"]
Lang = Literal["ko", "en"]
DocumentKind = Literal["log", "announcement", "customers", "postmortem"]
Audience = Literal["internal", "customers", "executives"]

APPROVAL_LAPSES: Final = timedelta(minutes=15)
REOPEN_WITHIN: Final = timedelta(minutes=30)
RESOLVE_AFTER: Final = timedelta(minutes=15)
HOLD_S: Final = 60.0
"""Seconds for which every affected service's own check must hold before an incident counts as recovered."""
DRILL_HOLD_S: Final = 10.0
MAX_TEXT: Final = 4_000
"""Longest free text of a signal or a person that is kept, in characters."""


class Value(BaseModel):
    """A value: immutable; an unknown field is refused rather than ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Actor(Value):
    """Who did something. `detail` is the OS user behind the command line, or the address of something outside."""

    kind: ActorKind
    name: str = Field(min_length=1, max_length=120)
    detail: str = Field(default="", max_length=200)

    @property
    def is_person(self) -> bool:
        """Whether this is a person who signed in; only such count where two approvals are asked for."""
        return self.kind == "person"

    @property
    def may_acknowledge(self) -> bool:
        """Whether its acknowledgement counts as a person's: signed in, or at this machine's keyboard."""
        return self.kind in {"person", "cli"}

    def __str__(self) -> str:
        """Give the name for people: `minsu`, `engine`, `cli (OS user minsu)`."""
        if self.kind == "cli":
            return f"cli (OS user {self.detail or 'unknown'})"
        return self.name


ENGINE: Final = Actor(kind="engine", name="engine")


class Signal(Value):
    """Something observed: a failed probe, an alert, a person's report.

    `service` is a key of the guide's catalogue when it is known there, else what the sender said. `own` is true only
    for our own probes: nothing else may start a recovery step. `status="resolved"` is an outside all-clear.
    """

    id: str
    service: str = Field(max_length=120)
    signal: str = Field(min_length=1, max_length=120)
    value: float | str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    source: Literal[
        "probe",
        "metrics",
        "heartbeat",
        "alertmanager",
        "grafana",
        "pagerduty",
        "cloudevents",
        "generic",
        "person",
    ]
    own: bool = False
    status: Literal["firing", "resolved"] = "firing"
    text: str = Field(default="", max_length=MAX_TEXT)
    observed_at: AwareDatetime
    """The earliest evidence that the sender has."""
    received_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    """When an outside alert that is resolved says that it ended; None: when the word of it came."""
    drill: str | None = None
    fingerprint: str = ""
    """What repeats of the same signal share; empty means service, signal and source."""

    @property
    def fold_key(self) -> str:
        """What repeats of this signal share."""
        return self.fingerprint or f"{self.source}|{self.service}|{self.signal}"


class SignalRow(Value):
    """A signal as it is stored: its first form, and how often it came."""

    signal: Signal
    incident_id: str | None
    count: int
    first_at: AwareDatetime
    last_at: AwareDatetime
    suppressed: str | None = None
    """Why the signal opened nothing (an announced rollout), or None."""


class Classification(Value):
    """What the guide says of a signal: severity, the rule that said so, the reason for people."""

    severity: Severity
    rule: str
    reason: str
    failure_class: str
    known: bool = True
    in_guide: bool = True
    """False where the rule is our marked addition to the guide."""
    life_at_risk: bool = False


class IncidentKey(Value):
    """What makes two incidents the same one: root service, class of failure, drill."""

    root: str
    failure_class: str
    drill: str | None = None


class Check(Value):
    """One answer of our own check of a service."""

    service: str
    ok: bool
    at: AwareDatetime
    detail: str = ""


class Affected(Value):
    """A service that an incident touches. `confirmed` once our own probe has seen it fail."""

    service: str
    since: AwareDatetime
    confirmed: bool = False


class SignalSeen(Value):
    """One kind of signal within an incident; repeats are counted in the store, not on the timeline."""

    id: str
    service: str
    signal: str
    source: str
    at: AwareDatetime
    text: str = ""


class PlatformEvent(Value):
    """Something that happened to a unit, as the orchestrator tells it."""

    id: str
    at: AwareDatetime
    unit: str
    kind: str
    by: str = ""
    reason: str = ""


class Scope(Value):
    """Guide 3.1 step 2, taken by the engine itself (G09). `missing` names what could not be read, and why."""

    at: AwareDatetime
    units_down: tuple[str, ...] = ()
    """Units that are not running, or running but not ready."""
    units: dict[str, str] = Field(default_factory=dict)
    now: dict[str, float | None] = Field(default_factory=dict)
    """Figures since the fault, by the keys of `impact.Measured`; None is "not measured"."""
    before: dict[str, float | None] = Field(default_factory=dict)
    """The same figures in the stretch of the same length before."""
    events: tuple[PlatformEvent, ...] = ()
    missing: tuple[str, ...] = ()


class Finding(Value):
    """What a diagnose step saw. Text is masked when it is captured. `facts` feed the `when` of recovery steps."""

    id: str
    step: str
    title: str
    text: str = ""
    facts: dict[str, Any] = Field(default_factory=dict)
    at: AwareDatetime
    took_s: float = 0.0
    failed: bool = False


class Operation(Value):
    """A typed operation on a unit, its arguments a mapping; no shell, nothing from a signal's labels."""

    kind: str
    """start, stop, restart, rollback, scale, set_env, set_limits, block_traffic, unblock_traffic …"""
    unit: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class RenderedOperation(Value):
    """An operation as it is shown before it runs; approvals bind to `digest`, the SHA-256 of exactly this."""

    operation: Operation
    risk: Risk
    will: dict[Lang, str]
    """What it will do, for people."""
    command: str
    """The equivalent for Kubernetes, or the plain command, as text to read."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON of this rendering."""
        document = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(document.encode()).hexdigest()


class OperationResult(Value):
    """How an operation went. `changed` is false when there was nothing to do; `undo` reverses it where possible."""

    ok: bool
    changed: bool = True
    detail: str = ""
    undo: Operation | None = None


class OperationRun(Value):
    """One operation within an incident, from its start to its verification."""

    id: str
    """Also the orchestrator's idempotency key: after a crash the same id is sent again and acts once."""
    run_id: str
    step: str
    rendered: RenderedOperation
    approval_id: str | None = None
    by: Actor
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    result: OperationResult | None = None
    verified: bool | None = None
    verify_detail: str = ""


class Vote(Value):
    """One person's answer to a request for approval."""

    actor: Actor
    at: AwareDatetime
    approve: bool
    reason: str = ""


class Approval(Value):
    """A request that persons allow exactly one rendered operation; lapses 15 min after it was asked for."""

    id: str
    incident_id: str | None
    run_id: str
    step: str
    rendered: RenderedOperation
    digest: str
    needed: int = Field(ge=1, le=2)
    asked_by: Actor
    asked_at: AwareDatetime
    lapses_at: AwareDatetime
    votes: tuple[Vote, ...] = ()
    state: Literal["waiting", "granted", "rejected", "lapsed", "used"] = "waiting"

    def state_at(self, now: datetime) -> str:
        """Give the state, counting one whose time ran out as lapsed even before that is written down."""
        return "lapsed" if self.state in {"waiting", "granted"} and now >= self.lapses_at else self.state


RunState = Literal["queued", "running", "waiting", "done", "failed", "stopped"]


class RunbookRun(Value):
    """A runbook at work; saved at every step, so that a restarted engine goes on where it was.

    `cursor` and `memory` belong to the runner (JSON values). In `waiting` the conductor calls the runner again at
    `due_at`, or at once when the approval `waiting_for` is answered.
    """

    id: str
    incident_id: str | None
    runbook: str
    service: str
    step: str | None = None
    """Only this step is asked for, by a person."""
    dry_run: bool = False
    asked_by: Actor
    created_at: AwareDatetime
    state: RunState = "queued"
    due_at: AwareDatetime
    waiting_for: str | None = None
    cursor: int = 0
    memory: dict[str, Any] = Field(default_factory=dict)
    outcome: str = ""


class Page(Value):
    """One message owed to one person through one channel by one moment: a row of the outbox.

    `row` names the row of the escalation matrix (or `report`, `notice`, `responder` …) that it comes from.
    """

    id: str
    incident_id: str | None
    kind: PageKind
    person: str
    """Key of the contact in the guide; or of a channel (`#alerts-critical`) where nobody in particular is told."""
    role: str
    channel: str
    address: str = ""
    row: str
    due_at: AwareDatetime
    created_at: AwareDatetime
    wakes: bool = True
    attempt: int = 0
    """Number of the try that is under way or was the last; 0 before the first."""
    after_s: float = 0.0
    """How much later than its row it comes, as a step of its person's contact rule."""
    relieved: bool = False
    """Its person went off call while it was under way: it is neither retried nor repeated."""
    repeat: int = 0
    """Which repetition of an unacknowledged page this is; 0 is the first telling."""
    state: PageState = "due"
    token: int = 0
    """Fencing token: grows with every claim; only the holder of the newest may record an outcome."""
    lease_until: AwareDatetime | None = None
    possibly_repeat: bool = False
    """An earlier try may have arrived (its outcome was never learnt); the message says so."""
    sent_at: AwareDatetime | None = None
    outcome: Outcome | None = None
    detail: str = ""
    payload: dict[str, Any] = Field(default_factory=dict)
    """What a page without an incident says (tests, reminders), and the audience of an announcement."""
    automation_held: bool = False
    """Whether automation was on hold when this try began; told in the message."""


class Delivery(Value):
    """One try of a page. `retry_after_s` asks for another try; None: trying again is useless or not needed."""

    outcome: Outcome
    detail: str = ""
    """Why, for people; never a secret or an address's credential."""
    reason: str = ""
    """A word of a closed set (`timeout`, `connection`, `rejected`, `configuration` …): a metric's label."""
    retry_after_s: float | None = None


class Note(Value):
    """What a person wrote on the timeline."""

    seq: int
    at: AwareDatetime
    actor: Actor
    text: str


class Mark(Value):
    """A checklist item done: when, by whom, by machine or by hand."""

    at: AwareDatetime
    actor: Actor
    how: Literal["machine", "person"]
    detail: str = ""


class Announcement(Value):
    """Guide 3.1 step 3: one announcement to one audience."""

    audience: Audience
    text: dict[Lang, str]
    drafted_at: AwareDatetime
    sent_at: AwareDatetime | None = None
    sent_by: Actor | None = None
    once: str = ""
    """Key of the sending: nothing is sent twice under the same one."""


class RootCause(Value):
    """What the post-mortem needs from people: cause, what it cost, and the fixes of guide 7.1."""

    text: str = Field(min_length=1, max_length=MAX_TEXT)
    fix_now: str = Field(default="", max_length=MAX_TEXT)
    fix_short: str = Field(default="", max_length=MAX_TEXT)
    fix_long: str = Field(default="", max_length=MAX_TEXT)
    went_well: tuple[str, ...] = ()
    went_wrong: tuple[str, ...] = ()


class ActionItem(Value):
    """Something to do after an incident (guide 7.2), with an owner and a due date; reminded until done."""

    id: str
    incident_id: str | None
    text: str = Field(min_length=1, max_length=MAX_TEXT)
    owner: str = Field(min_length=1, max_length=120)
    due: AwareDatetime
    horizon: Literal["week", "month", "quarter"] = "month"
    created_at: AwareDatetime
    done_at: AwareDatetime | None = None
    done_by: Actor | None = None
    reminded_at: AwareDatetime | None = None


class Drill(Value):
    """A drill that was registered: signals on its services carry its id while it runs."""

    id: str = Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._-]+$")
    scenario: str = Field(min_length=1, max_length=120)
    services: tuple[str, ...]
    started_at: AwareDatetime
    by: Actor
    finished_at: AwareDatetime | None = None
    report: dict[str, Any] | None = None
    expires_at: AwareDatetime
    """A drill whose process died stops tagging then."""


class AutomationState(Value):
    """The hold switch: while held no recovery step runs by itself, and every page and screen says so."""

    held: bool = False
    reason: str = ""
    by: Actor | None = None
    since: AwareDatetime | None = None


class Rollout(Value):
    """A planned rollout: signals on the service are recorded but open nothing until it ends."""

    id: str
    service: str
    reason: str
    by: Actor
    starts_at: AwareDatetime
    ends_at: AwareDatetime
