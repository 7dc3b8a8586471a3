"""The timeline: every kind of entry, typed. Append-only; a correction is a new entry."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from judgify.response.journal import (
    AutomationSwitched,
    CalendarFeedMade,
    CalendarFeedRevoked,
    ChangeReported,
    ClockFollowed,
    DrillFinished,
    DrillRegistered,
    EngineStarted,
    RolloutAnnounced,
    SignalSuppressed,
    StandInCancelled,
    StandInEnded,
    StandInMade,
)
from judgify.response.model import (
    ActionItem,
    Actor,
    Announcement,
    Audience,
    DocumentKind,
    Finding,
    IncidentKey,
    Lang,
    Outcome,
    PageKind,
    RootCause,
    Scope,
    Severity,
    Signal,
    Value,
)
from judgify.response.operation_entry import (
    ApprovalLapsed,
    ApprovalRequested,
    ApprovalVoted,
    OperationFinished,
    OperationStarted,
    OperationVerified,
)


class IncidentOpened(Value):
    """The first signal of an incident was durable."""

    type: Literal["incident-opened"] = "incident-opened"
    id: str
    key: IncidentKey
    title: str
    severity: Severity
    rule: str
    reason: str
    known: bool = True
    life_at_risk: bool = False
    signal: Signal
    started_at: AwareDatetime
    declared_by: Actor | None = None


class SignalJoined(Value):
    """A further kind of signal, or a further service, turned out to belong to this incident."""

    type: Literal["signal-joined"] = "signal-joined"
    signal: Signal
    reason: str


class SignalsCounted(Value):
    """Repeats were folded; written at 10, 100, 1,000 … so that a storm stays a few entries."""

    type: Literal["signals-counted"] = "signals-counted"
    count: int


class SignalCleared(Value):
    """Something outside says that it is over. Only told: nothing is resolved by it."""

    type: Literal["signal-cleared"] = "signal-cleared"
    service: str
    signal: str
    source: str


class IncidentRerooted(Value):
    """A service that the affected ones depend on failed too: it is the root now."""

    type: Literal["incident-rerooted"] = "incident-rerooted"
    previous: IncidentKey
    key: IncidentKey
    title: str
    reason: str


class IncidentMerged(Value):
    """Another incident turned out to have the same root; this one goes on as part of it."""

    type: Literal["incident-merged"] = "incident-merged"
    into: str
    reason: str


class SeverityChanged(Value):
    """The severity changed: by a person, or because a worse signal joined. What is due was planned anew."""

    type: Literal["severity-changed"] = "severity-changed"
    previous: Severity
    severity: Severity
    rule: str
    reason: str


class LifeAtRiskDeclared(Value):
    """Life is at risk: 112/119 comes first from now on."""

    type: Literal["life-at-risk-declared"] = "life-at-risk-declared"
    reason: str = ""


class ResponderNamed(Value):
    """The first responder was named (guide 3.1 step 1)."""

    type: Literal["responder-named"] = "responder-named"
    person: str
    role: str
    reason: str


class TeamConvened(Value):
    """The response team was called together (guide 1.1, 3.1 step 1: P0 and P1)."""

    type: Literal["team-convened"] = "team-convened"
    role: str
    persons: tuple[str, ...]


class IncidentAssigned(Value):
    """A person was given the incident by a person."""

    type: Literal["incident-assigned"] = "incident-assigned"
    person: str


class IncidentAcknowledged(Value):
    """A person has taken it. The first one is the response whose target guide 1.1 sets."""

    type: Literal["incident-acknowledged"] = "incident-acknowledged"
    via: str = ""
    """The way: console, cli, api, slack, email, sms, pagerduty."""
    also: bool = False
    """Whether somebody else held it already: this one was told who, and nothing changed."""


class ScopeCaptured(Value):
    """The scope of guide 3.1 step 2 (G09) was attached."""

    type: Literal["scope-captured"] = "scope-captured"
    scope: Scope


class ImpactMeasured(Value):
    """The impact of guide 5.2 against the same window before (G20); the keys are those of `impact.measure`."""

    type: Literal["impact-measured"] = "impact-measured"
    impact: dict[str, Any]


class FindingRecorded(Value):
    """A diagnose step ended."""

    type: Literal["finding-recorded"] = "finding-recorded"
    finding: Finding


class RunbookStarted(Value):
    """A runbook was put to work."""

    type: Literal["runbook-started"] = "runbook-started"
    run_id: str
    runbook: str
    service: str
    dry_run: bool = False


class StepSkipped(Value):
    """A recovery step was not taken, and why (its `when`, the policy, the hold switch)."""

    type: Literal["step-skipped"] = "step-skipped"
    run_id: str
    step: str
    reason: str
    reasons: dict[Lang, str] = Field(default_factory=dict)
    """The reason in both languages, where it is the engine's own."""
    waits: bool = False
    """It is not given up: it is looked at again until it may be taken."""


class RunbookFinished(Value):
    """A runbook came to its end."""

    type: Literal["runbook-finished"] = "runbook-finished"
    run_id: str
    outcome: Literal["done", "failed", "stopped"]
    reason: str
    reasons: dict[Lang, str] = Field(default_factory=dict)
    """The reason in both languages, where it is the engine's own."""


class PlannedPage(Value):
    """A page as the timeline tells it when it is planned."""

    id: str
    kind: PageKind
    person: str
    role: str
    channel: str
    row: str
    due_at: AwareDatetime


class PagesPlanned(Value):
    """Rows were put into the outbox, with absolute due times."""

    type: Literal["pages-planned"] = "pages-planned"
    pages: tuple[PlannedPage, ...]
    reason: str


class PagesWithdrawn(Value):
    """Rows that were due or would have been are no longer owed, and why."""

    type: Literal["pages-withdrawn"] = "pages-withdrawn"
    page_ids: tuple[str, ...]
    reason: str


class PageDelivered(Value):
    """A try of a page ended: sent, refused or unknown."""

    type: Literal["page-delivered"] = "page-delivered"
    page_id: str
    kind: PageKind
    person: str
    role: str
    channel: str
    row: str
    outcome: Outcome
    detail: str = ""
    attempt: int = 1
    repeat: int = 0
    possibly_repeat: bool = False
    late_s: float = 0.0
    """Seconds from the row's due time to the end of the try."""


class ScheduleGap(Value):
    """Nobody is on call for a row of the matrix: the next row comes at its time, and the 24/7 hotline is called."""

    type: Literal["schedule-gap"] = "schedule-gap"
    row: str
    roles: tuple[str, ...]
    due_at: AwareDatetime


class IncidentNeglected(Value):
    """It was acknowledged, and then no person did anything for the guide's limit: it escalates anew, held by nobody."""

    type: Literal["incident-neglected"] = "incident-neglected"
    after_s: float
    tended_at: AwareDatetime
    """When a person last did something about it."""


class NobodyReached(Value):
    """Every channel of every person of a row refused: the next row and the 24/7 hotline are called at once."""

    type: Literal["nobody-reached"] = "nobody-reached"
    row: str
    brought_forward: tuple[str, ...] = ()
    """Pages of the next row, due now instead of later."""
    hotline: tuple[str, ...] = ()


class AnnouncementDrafted(Value):
    """An announcement was written from the record; sending it is another entry."""

    type: Literal["announcement-drafted"] = "announcement-drafted"
    announcement: Announcement


class AnnouncementSent(Value):
    """An announcement was handed to its channels."""

    type: Literal["announcement-sent"] = "announcement-sent"
    audience: Audience
    text: dict[Lang, str]
    once: str = ""
    """Key of the sending: what carries the same key or says the same is sent once."""
    owed: int = 0
    """To how many it was put into the outbox."""


class ChecklistDone(Value):
    """An item of the first-15-minutes checklist (G11) was done."""

    type: Literal["checklist-done"] = "checklist-done"
    item: str
    how: Literal["machine", "person"]
    detail: str = ""


class ChecklistOverdue(Value):
    """A step of the first-15-minutes checklist ran out of its time; told once."""

    type: Literal["checklist-overdue"] = "checklist-overdue"
    step: str
    missing: tuple[str, ...] = ()
    """Items that are not done."""


class PhaseEntered(Value):
    """The clock, or recovery, moved the incident into a phase of guide 6.1."""

    type: Literal["phase-entered"] = "phase-entered"
    phase: int
    reason: str


class MitigationStarted(Value):
    """Somebody or the engine began to act on the fault."""

    type: Literal["mitigation-started"] = "mitigation-started"
    reason: str


class RecoveryObserved(Value):
    """Every affected service's own check held; `restored_at` is the first good answer of that unbroken stretch."""

    type: Literal["recovery-observed"] = "recovery-observed"
    restored_at: AwareDatetime
    held_s: float
    services: tuple[str, ...]


class IncidentResolved(Value):
    """It is over: a person says so, or it was steady for 15 min."""

    type: Literal["incident-resolved"] = "incident-resolved"
    reason: str


class IncidentReopened(Value):
    """The same key failed again within 30 min of recovery, or a person says that it is not over."""

    type: Literal["incident-reopened"] = "incident-reopened"
    reason: str
    signal: Signal | None = None


class RootCauseRecorded(Value):
    """The root cause and the fixes of guide 7.1, as a person wrote them; a later one replaces it."""

    type: Literal["root-cause-recorded"] = "root-cause-recorded"
    root_cause: RootCause


class IncidentClosed(Value):
    """Nothing is missing any more; the post-mortem is final."""

    type: Literal["incident-closed"] = "incident-closed"
    reason: str = ""


class NoteAdded(Value):
    """A person wrote something down. Kept as it came; escaped where it is shown."""

    type: Literal["note-added"] = "note-added"
    text: str


class EntryCorrected(Value):
    """A person says that an earlier entry was wrong; the earlier entry stays."""

    type: Literal["entry-corrected"] = "entry-corrected"
    seq: int
    text: str


class ActionAdded(Value):
    """An action item was given to somebody."""

    type: Literal["action-added"] = "action-added"
    action: ActionItem


class ActionDone(Value):
    """An action item was done."""

    type: Literal["action-done"] = "action-done"
    action_id: str


class DocumentWritten(Value):
    """A document was written to the state folder."""

    type: Literal["document-written"] = "document-written"
    kind: DocumentKind
    lang: Lang
    path: str
    digest: str


Event = Annotated[
    IncidentOpened
    | SignalJoined
    | SignalsCounted
    | SignalCleared
    | IncidentRerooted
    | IncidentMerged
    | SeverityChanged
    | LifeAtRiskDeclared
    | ResponderNamed
    | TeamConvened
    | IncidentAssigned
    | IncidentAcknowledged
    | ScopeCaptured
    | ImpactMeasured
    | FindingRecorded
    | RunbookStarted
    | StepSkipped
    | RunbookFinished
    | ApprovalRequested
    | ApprovalVoted
    | ApprovalLapsed
    | OperationStarted
    | OperationFinished
    | OperationVerified
    | PagesPlanned
    | PagesWithdrawn
    | PageDelivered
    | NobodyReached
    | ScheduleGap
    | IncidentNeglected
    | AnnouncementDrafted
    | AnnouncementSent
    | ChecklistDone
    | ChecklistOverdue
    | PhaseEntered
    | MitigationStarted
    | RecoveryObserved
    | IncidentResolved
    | IncidentReopened
    | RootCauseRecorded
    | IncidentClosed
    | NoteAdded
    | EntryCorrected
    | ActionAdded
    | ActionDone
    | DocumentWritten
    | AutomationSwitched
    | DrillRegistered
    | DrillFinished
    | RolloutAnnounced
    | SignalSuppressed
    | ChangeReported
    | EngineStarted
    | StandInMade
    | StandInCancelled
    | StandInEnded
    | CalendarFeedMade
    | CalendarFeedRevoked
    | ClockFollowed,
    Field(discriminator="type"),
]
"""Every kind of entry. Match on the class (or on `type`)."""

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Entry(Value):
    """One line of a timeline. `incident_id` None is the engine's own timeline."""

    number: int
    """Grows over all timelines."""
    incident_id: str | None
    seq: int
    """Grows by one within the timeline, from 1."""
    at: AwareDatetime
    actor: Actor
    event: Event
