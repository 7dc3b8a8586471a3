"""An incident as its timeline tells it."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, Field

from judgify.response.model import (
    ONGOING,
    ActionItem,
    Actor,
    Affected,
    Announcement,
    Approval,
    Finding,
    IncidentKey,
    Mark,
    Note,
    OperationRun,
    RootCause,
    Scope,
    Severity,
    SignalSeen,
    State,
    Value,
)


class Incident(Value):
    """An incident: what `timeline.fold` makes of its entries. Nothing here is ever set by other means."""

    id: str
    """`INC-YYYY-NNNN`, the year in Asia/Seoul."""
    key: IncidentKey
    state: State
    title: str
    severity: Severity
    severity_rule: str
    severity_reason: str
    severity_by: Actor
    """The engine while the guide decides; a person once one has overridden it."""
    known: bool
    life_at_risk: bool = False
    started_at: AwareDatetime
    """The clock: the moment at which the first signal was durable."""
    occurred_at: AwareDatetime
    """발생시간: the earliest evidence found."""
    detected_by: str
    services: tuple[Affected, ...]
    signals: tuple[SignalSeen, ...]
    signal_count: int = 1
    """As last written on the timeline (at 10, 100, 1,000 …); the store knows the exact count."""
    joined: int = 0
    """Signals after the first that have an entry of their own."""
    cleared: dict[str, AwareDatetime] = Field(default_factory=dict)
    """`source|service|signal` of what its own sender has called over, and when."""
    acknowledged_at: AwareDatetime | None = None
    acknowledged_by: Actor | None = None
    held: bool = False
    """Whether somebody has it now: an acknowledgement since it was (last) opened. Stops repeats."""
    held_by: Actor | None = None
    """Who acknowledged it last; see `holder`."""
    tended_at: AwareDatetime | None = None
    """When a person last did something about it."""
    neglected_at: AwareDatetime | None = None
    """When it last escalated anew because nobody tended it any more."""
    unreached: tuple[str, ...] = ()
    """Rows of the matrix of whom nobody could be reached."""
    responder: str | None = None
    """The first responder (G08): a contact of the guide, or the person assigned."""
    team: tuple[str, ...] = ()
    """Who was called together for it (G08): contacts of the guide."""
    mitigating_at: AwareDatetime | None = None
    restored_at: AwareDatetime | None = None
    """First good answer of the unbroken stretch that made the incident recovered."""
    recovered_at: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    resolved_by: Actor | None = None
    closed_at: AwareDatetime | None = None
    reopened: int = 0
    reopened_at: AwareDatetime | None = None
    """When it was last reopened: what was told before then must be told again."""
    merged_into: str | None = None
    root_cause: RootCause | None = None
    scope: Scope | None = None
    impact: dict[str, Any] | None = None
    findings: tuple[Finding, ...] = ()
    operations: tuple[OperationRun, ...] = ()
    approvals: tuple[Approval, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    notes: tuple[Note, ...] = ()
    checklist: dict[str, Mark] = Field(default_factory=dict)
    overdue: tuple[str, ...] = ()
    """Steps of the checklist that ran out of time and were told of."""
    actions: tuple[ActionItem, ...] = ()
    phase: int = 1
    written_for: str = ""
    """The state for which the documents were last written out."""
    last_seq: int = 0

    @property
    def drill(self) -> str | None:
        """The drill that this incident belongs to, or None when it is real."""
        return self.key.drill

    @property
    def begun_at(self) -> datetime:
        """When it was opened, last reopened or last found neglected: the rows of the matrix count from then."""
        return max(moment for moment in (self.started_at, self.reopened_at, self.neglected_at) if moment is not None)

    @property
    def holder(self) -> Actor | None:
        """Who has it now, or None. Not always the first who ever acknowledged it: it may have come back since."""
        return (self.held_by or self.acknowledged_by) if self.held else None

    @property
    def ongoing(self) -> bool:
        """Whether somebody is still affected."""
        return self.state in ONGOING

    @property
    def confirmed(self) -> bool:
        """Whether our own probe has seen the root service, or anything affected, fail. Recovery needs this."""
        return any(service.confirmed for service in self.services)

    def service_names(self) -> tuple[str, ...]:
        """The affected services in the order in which they turned up."""
        return tuple(service.service for service in self.services)
