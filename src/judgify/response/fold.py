"""From timeline to incident: `fold` gives what the entries amount to. Pure; the only maker of `Incident`."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import singledispatch
from typing import Any

from judgify.kit.errors import Invalid
from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.incident import Incident
from judgify.response.model import (
    Affected,
    Announcement,
    Approval,
    Mark,
    Note,
    OperationRun,
    Signal,
    SignalSeen,
)

Update = dict[str, Any]


def fold(entries: Iterable[t.Entry]) -> Incident:
    """Make the incident of its entries, in order. The first must be its opening, else `Invalid`."""
    incident: Incident | None = None
    for entry in entries:
        incident = apply(incident, entry)
    if incident is None:
        raise Invalid("a timeline without entries is no incident")
    return incident


def apply(incident: Incident | None, entry: t.Entry) -> Incident:
    """Give the incident after one more entry. Only an opening may come first, and only there."""
    if isinstance(entry.event, t.IncidentOpened):
        if incident is not None:
            raise Invalid(f"{incident.id} cannot be opened twice")
        return _opened(entry, entry.event)
    if incident is None:
        raise Invalid("a timeline begins with the opening of its incident")
    update = _change(entry.event, incident, entry)
    if entry.actor.may_acknowledge:
        update = {**update, "tended_at": entry.at}
    return incident.model_copy(update={**update, "last_seq": entry.seq})


def _opened(entry: t.Entry, event: t.IncidentOpened) -> Incident:
    signal = event.signal
    return Incident(
        id=event.id,
        key=event.key,
        state="open",
        title=event.title,
        severity=event.severity,
        severity_rule=event.rule,
        severity_reason=event.reason,
        severity_by=entry.actor,
        known=event.known,
        life_at_risk=event.life_at_risk,
        started_at=event.started_at,
        occurred_at=min(signal.observed_at, event.started_at),
        detected_by=signal.source,
        services=(Affected(service=signal.service, since=signal.observed_at, confirmed=signal.own),),
        signals=(_seen(signal),),
        last_seq=entry.seq,
    )


def _seen(signal: Signal) -> SignalSeen:
    return SignalSeen(
        id=signal.id,
        service=signal.service,
        signal=signal.signal,
        source=signal.source,
        at=signal.observed_at,
        text=signal.text,
    )


def _touch(services: tuple[Affected, ...], signal: Signal) -> tuple[Affected, ...]:
    if all(known.service != signal.service for known in services):
        return (*services, Affected(service=signal.service, since=signal.observed_at, confirmed=signal.own))
    return tuple(
        known.model_copy(update={"confirmed": True}) if known.service == signal.service and signal.own else known
        for known in services
    )


def _with(seen: tuple[SignalSeen, ...], signal: Signal) -> tuple[SignalSeen, ...]:
    # A signal that was cleared and came back is told on the timeline again, but is one kind of signal; of a person's
    # reports the last moment counts, for trouble was seen then, whatever our checks say.
    kind = (signal.source, signal.service, signal.signal)
    if all((s.source, s.service, s.signal) != kind for s in seen):
        return (*seen, _seen(signal))
    if signal.source != "person":
        return seen
    last = {"at": signal.observed_at}
    return tuple(s.model_copy(update=last) if (s.source, s.service, s.signal) == kind else s for s in seen)


def _uncleared(incident: Incident, signal: Signal) -> dict[str, datetime]:
    name = f"{signal.source}|{signal.service}|{signal.signal}"
    return {cleared: at for cleared, at in incident.cleared.items() if cleared != name}


@singledispatch
def _change(event: object, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - the form of all of them
    """Give what an entry changes; most change nothing but the count of entries."""
    return {}


@_change.register
def _(event: t.SignalJoined, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {
        "services": _touch(incident.services, event.signal),
        "signals": _with(incident.signals, event.signal),
        "cleared": _uncleared(incident, event.signal),
        "joined": incident.joined + 1,
        "occurred_at": min(incident.occurred_at, event.signal.observed_at),
    }


@_change.register
def _(event: t.SignalCleared, incident: Incident, entry: t.Entry) -> Update:
    return {"cleared": {**incident.cleared, f"{event.source}|{event.service}|{event.signal}": entry.at}}


@_change.register
def _(event: t.SignalsCounted, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"signal_count": event.count}


@_change.register
def _(event: t.IncidentRerooted, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"key": event.key, "title": event.title}


@_change.register
def _(event: t.IncidentMerged, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {
        "state": "closed",
        "merged_into": event.into,
        "resolved_at": entry.at,
        "resolved_by": entry.actor,
        "closed_at": entry.at,
    }


@_change.register
def _(event: t.SeverityChanged, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {
        "severity": event.severity,
        "severity_rule": event.rule,
        "severity_reason": event.reason,
        "severity_by": entry.actor,
    }


@_change.register
def _(event: t.LifeAtRiskDeclared, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"life_at_risk": True}


@_change.register
def _(event: t.TeamConvened, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"team": event.persons}


@_change.register(t.ResponderNamed)
@_change.register(t.IncidentAssigned)
def _(
    event: t.ResponderNamed | t.IncidentAssigned,
    incident: Incident,  # noqa: ARG001 - see above
    entry: t.Entry,  # noqa: ARG001 - see above
) -> Update:
    return {"responder": event.person}


@_change.register
def _(event: t.IncidentAcknowledged, incident: Incident, entry: t.Entry) -> Update:
    if event.also:
        return {}
    update: Update = {"held": True, "held_by": entry.actor}
    if incident.acknowledged_at is None:
        update |= {"acknowledged_at": entry.at, "acknowledged_by": entry.actor}
    return update | ({"state": "acknowledged"} if incident.state == "open" else {})


@_change.register
def _(event: t.ScopeCaptured, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"scope": event.scope}


@_change.register
def _(event: t.ImpactMeasured, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"impact": event.impact}


@_change.register
def _(event: t.FindingRecorded, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"findings": (*incident.findings, event.finding)}


@_change.register
def _(event: o.ApprovalRequested, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"approvals": (*incident.approvals, event.approval)}


@_change.register
def _(event: o.ApprovalVoted, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    def voted(approval: Approval) -> Approval:
        return approval.model_copy(update={"votes": (*approval.votes, event.vote), "state": event.state})

    return {"approvals": _approvals(incident, event.approval_id, voted)}


@_change.register
def _(event: o.ApprovalLapsed, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"approvals": _approvals(incident, event.approval_id, lambda a: a.model_copy(update={"state": "lapsed"}))}


def _approvals(incident: Incident, approval_id: str, change: Callable[[Approval], Approval]) -> tuple[Approval, ...]:
    return tuple(change(known) if known.id == approval_id else known for known in incident.approvals)


@_change.register
def _(event: o.OperationStarted, incident: Incident, entry: t.Entry) -> Update:
    used = event.operation.approval_id
    update: Update = {"operations": (*incident.operations, event.operation)}
    if used is not None:
        update["approvals"] = _approvals(incident, used, lambda a: a.model_copy(update={"state": "used"}))
    if incident.state in {"open", "acknowledged"}:
        update |= {"state": "mitigating", "mitigating_at": incident.mitigating_at or entry.at}
    return update


@_change.register
def _(event: t.MitigationStarted, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    if incident.state not in {"open", "acknowledged"}:
        return {}
    return {"state": "mitigating", "mitigating_at": incident.mitigating_at or entry.at}


@_change.register
def _(event: o.OperationFinished, incident: Incident, entry: t.Entry) -> Update:
    update: Update = {"result": event.result, "finished_at": entry.at}
    return {"operations": _operations(incident, event.operation_id, update)}


@_change.register
def _(event: o.OperationVerified, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    update: Update = {"verified": event.ok, "verify_detail": event.detail}
    return {"operations": _operations(incident, event.operation_id, update)}


def _operations(incident: Incident, operation_id: str, update: Update) -> tuple[OperationRun, ...]:
    return tuple(
        known.model_copy(update=update) if known.id == operation_id else known for known in incident.operations
    )


@_change.register
def _(event: t.IncidentNeglected, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"held": False, "neglected_at": entry.at, "unreached": ()}


@_change.register
def _(event: t.NobodyReached, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"unreached": (*incident.unreached, event.row)}


@_change.register
def _(event: t.AnnouncementDrafted, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    others = tuple(a for a in incident.announcements if a.audience != event.announcement.audience or a.sent_at)
    return {"announcements": (*others, event.announcement)}


@_change.register
def _(event: t.AnnouncementSent, incident: Incident, entry: t.Entry) -> Update:
    drafts = [a for a in incident.announcements if a.audience == event.audience and a.sent_at is None]
    drafted_at = drafts[0].drafted_at if drafts else entry.at
    sent = Announcement(
        audience=event.audience,
        text=event.text,
        drafted_at=drafted_at,
        sent_at=entry.at,
        sent_by=entry.actor,
        once=event.once,
    )
    if not drafts:
        # One that nobody drafted was sent all the same.
        return {"announcements": (*incident.announcements, sent)}
    return {"announcements": tuple(sent if known is drafts[0] else known for known in incident.announcements)}


@_change.register
def _(event: t.ChecklistDone, incident: Incident, entry: t.Entry) -> Update:
    mark = Mark(at=entry.at, actor=entry.actor, how=event.how, detail=event.detail)
    return {"checklist": {**incident.checklist, event.item: mark}}


@_change.register
def _(event: t.ChecklistOverdue, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"overdue": (*incident.overdue, event.step)}


@_change.register
def _(event: t.PhaseEntered, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"phase": event.phase}


@_change.register
def _(event: t.RecoveryObserved, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"state": "recovered", "restored_at": event.restored_at, "recovered_at": entry.at}


@_change.register
def _(event: t.IncidentResolved, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"state": "resolved", "resolved_at": entry.at, "resolved_by": entry.actor}


@_change.register
def _(event: t.IncidentReopened, incident: Incident, entry: t.Entry) -> Update:
    update: Update = {
        "state": "open",
        "held": False,
        "unreached": (),
        "restored_at": None,
        "recovered_at": None,
        "resolved_at": None,
        "resolved_by": None,
        "closed_at": None,
        "impact": None,
        "written_for": "",
        "reopened": incident.reopened + 1,
        "reopened_at": entry.at,
    }
    if event.signal is not None:
        update["services"] = _touch(incident.services, event.signal)
        update["signals"] = _with(incident.signals, event.signal)
        update["cleared"] = _uncleared(incident, event.signal)
    return update


@_change.register
def _(event: t.RootCauseRecorded, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"root_cause": event.root_cause}


@_change.register
def _(event: t.IncidentClosed, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"state": "closed", "closed_at": entry.at}


@_change.register
def _(event: t.NoteAdded, incident: Incident, entry: t.Entry) -> Update:
    return {"notes": (*incident.notes, Note(seq=entry.seq, at=entry.at, actor=entry.actor, text=event.text))}


@_change.register
def _(event: t.ActionAdded, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"actions": (*incident.actions, event.action)}


@_change.register
def _(event: t.ActionDone, incident: Incident, entry: t.Entry) -> Update:
    done: Update = {"done_at": entry.at, "done_by": entry.actor}
    return {
        "actions": tuple(
            known.model_copy(update=done) if known.id == event.action_id else known for known in incident.actions
        )
    }


@_change.register
def _(event: t.DocumentWritten, incident: Incident, entry: t.Entry) -> Update:  # noqa: ARG001 - see above
    return {"written_for": incident.state}
