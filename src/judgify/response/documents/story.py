"""The timeline of guide 7.1: one line for what happened, in the order in which it was recorded."""

import re
from functools import singledispatch
from typing import Final

from judgify.kit.clock import show
from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.documents.loss import figures
from judgify.response.documents.markdown import Markdown, escape, plain
from judgify.response.documents.record import Line, Record, Said, clock_time
from judgify.response.documents.summary import changes, scope_line
from judgify.response.documents.wording import WORDING
from judgify.response.journal import AutomationSwitched, ChangeReported, DrillFinished

_WHY: Final = {"hand-over": "why_handed_over", "the guide changed": "why_guide", "neglected": "why_neglected"}
_STANDS_IN: Final = re.compile(r"(?P<who>\S+) (?P<verb>stands|no longer stands) in for (?P<whom>\S+)")


def story(record: Record) -> list[Line]:
    """Give the lines. Deliveries of one kind and outcome that follow each other share a line."""
    lines: list[Line] = []
    for group in _groups(record.entries):
        entry = group[0]
        if isinstance(entry.event, t.PageDelivered):
            said: Said | None = _deliveries(record, group)
        else:
            text = _line(entry.event, record, entry)
            said = None if text is None else Said(text, (entry.seq,))
        if said is not None:
            lines.append(Line(entry.at, said))
    return lines


def _groups(entries: tuple[t.Entry, ...]) -> list[list[t.Entry]]:
    groups: list[list[t.Entry]] = []
    for entry in entries:
        if groups and _same(groups[-1][-1].event, entry.event):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def _same(one: object, other: object) -> bool:
    return (
        isinstance(one, t.PageDelivered)
        and isinstance(other, t.PageDelivered)
        and (one.kind, one.outcome) == (other.kind, other.outcome)
    )


def _deliveries(record: Record, group: list[t.Entry]) -> Said:
    events = [entry.event for entry in group if isinstance(entry.event, t.PageDelivered)]
    first = events[0]
    whom = Markdown(", ".join(recipients(record, events)))
    kind = record.word(f"kind_{first.kind}")
    return record.say(first.outcome, [entry.seq for entry in group], kind=kind, whom=whom)


def recipients(record: Record, events: list[t.PageDelivered]) -> list[str]:
    """Name who was told through what, each pair once."""
    pairs = [f"{escape(record.person(event.person))} ({escape(event.channel)})" for event in events]
    return list(dict.fromkeys(pairs))


def title_of(record: Record, operation_id: str) -> str:
    """Name an operation by its runbook step's title, else by what it was to do, else by its id."""
    for _, event in record.of(o.OperationStarted):
        if event.operation.id == operation_id:
            title = record.step(event.operation.run_id, event.operation.step)
            return event.operation.rendered.will[record.lang] if title == event.operation.step else title
    return operation_id


def sentence(record: Record, entry: t.Entry) -> str:
    """Say one entry in one sentence of plain text, what only keeps books too; for places that escape by themselves."""
    event = entry.event
    text: Markdown | None
    if isinstance(event, t.PageDelivered):
        text = _deliveries(record, [entry]).text
    elif isinstance(event, t.DocumentWritten):
        text = record.word("written", path=event.path)
    elif isinstance(event, t.AnnouncementDrafted):
        text = record.word("drafted")
    elif isinstance(event, t.ChecklistDone):
        text = record.word("ticked", who=record.actor(entry.actor), item=record.item(event.item))
    elif isinstance(event, t.ImpactMeasured):
        text = _line(event, record, entry) or record.word("impact_nothing")
    else:
        text = _line(event, record, entry)
    return plain(event.type if text is None else text)


def ran_out(record: Record, entry: t.Entry, event: o.ApprovalLapsed) -> bool:
    """Tell whether a request's time ran out; else it was taken back because nobody needed it any more."""
    asked = (asking.approval for _, asking in record.of(o.ApprovalRequested))
    return any(approval.id == event.approval_id and entry.at >= approval.lapses_at for approval in asked)


@singledispatch
def _line(event: object, record: Record, entry: t.Entry) -> Markdown | None:  # noqa: ARG001 - the form of all of them
    """Give the line of an entry; None for what only keeps books (documents written, drafts)."""
    return None


@_line.register
def _(event: t.IncidentOpened, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    if event.declared_by is not None:
        return record.word("declared", who=record.actor(event.declared_by), text=event.signal.text or event.title)
    return record.word(
        "opened",
        how=record.word(f"by_{event.signal.source}"),
        service=record.service(event.signal.service),
        signal=record.signal(event.signal.signal),
        severity=event.severity,
        reason=record.reason(event.rule, event.reason),
    )


@_line.register
def _(event: t.SignalJoined, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    how = record.word(f"by_{event.signal.source}")
    service, signal = record.service(event.signal.service), record.signal(event.signal.signal)
    return record.word("joined", how=how, service=service, signal=signal)


@_line.register
def _(event: ChangeReported, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("change_reported", service=record.service(event.service), text=event.summary, at=show(event.at))


@_line.register
def _(event: t.SignalsCounted, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("counted", n=event.count)


@_line.register
def _(event: t.SignalCleared, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("cleared", service=record.service(event.service), signal=record.signal(event.signal))


@_line.register
def _(event: t.IncidentRerooted, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    before, after = record.service(event.previous.root), record.service(event.key.root)
    return record.word("rerooted", before=before, after=after)


@_line.register
def _(event: t.IncidentMerged, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("merged", into=event.into)


@_line.register
def _(event: t.SeverityChanged, record: Record, entry: t.Entry) -> Markdown:
    reason = record.reason(event.rule, event.reason)
    who = record.actor(entry.actor)
    return record.word("severity_changed", who=who, before=event.previous, after=event.severity, reason=reason)


@_line.register
def _(event: t.LifeAtRiskDeclared, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("life_at_risk")


@_line.register
def _(event: t.ResponderNamed, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("responder", person=record.person(event.person))


@_line.register
def _(event: t.TeamConvened, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("convened", persons=", ".join(record.person(person) for person in event.persons))


@_line.register
def _(event: t.ChecklistOverdue, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("step_late", step=record.checklist_step(event.step))


@_line.register
def _(event: t.IncidentAssigned, record: Record, entry: t.Entry) -> Markdown:
    return record.word("assigned", who=record.actor(entry.actor), person=record.person(event.person))


@_line.register
def _(event: t.IncidentAcknowledged, record: Record, entry: t.Entry) -> Markdown:
    way = record.word(f"via_{event.via}") if f"via_{event.via}" in WORDING else Markdown("")
    return record.word("acknowledged_also" if event.also else "acknowledged", who=record.actor(entry.actor), way=way)


@_line.register
def _(event: t.ScopeCaptured, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("scope_captured", scope=scope_line(record, event.scope))


@_line.register
def _(event: t.ImpactMeasured, record: Record, entry: t.Entry) -> Markdown | None:  # noqa: ARG001 - see above
    shown = changes(record, figures(record.incident.model_copy(update={"impact": event.impact})))
    return record.word("impact", figures=shown) if shown else None


@_line.register
def _(event: t.FindingRecorded, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    title = record.finding(event.finding)
    return record.word("finding_failed" if event.finding.failed else "finding", title=title)


@_line.register
def _(event: t.RunbookStarted, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    key = "runbook_rehearsed" if event.dry_run else "runbook_started"
    return record.word(key, runbook=record.runbook(event.runbook))


@_line.register
def _(event: t.StepSkipped, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    reason = event.reasons.get(record.lang, event.reason)
    key = "step_waits" if event.waits else "skipped"
    return record.word(key, step=record.step(event.run_id, event.step), reason=reason)


@_line.register
def _(event: t.RunbookFinished, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word(f"runbook_{event.outcome}", reason=event.reasons.get(record.lang, event.reason))


@_line.register
def _(event: o.ApprovalRequested, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("approval_asked", n=event.approval.needed, will=event.approval.rendered.will[record.lang])


@_line.register
def _(event: o.ApprovalVoted, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("approved" if event.vote.approve else "rejected", who=record.actor(event.vote.actor))


@_line.register
def _(event: o.ApprovalLapsed, record: Record, entry: t.Entry) -> Markdown:
    return record.word("lapsed" if ran_out(record, entry, event) else "taken_back")


@_line.register
def _(event: o.OperationStarted, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    operation = event.operation
    return record.word("operation", who=record.actor(operation.by), will=operation.rendered.will[record.lang])


@_line.register
def _(event: o.OperationFinished, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    will = title_of(record, event.operation_id)
    if not event.result.ok:
        return record.word("operation_failed", will=will, detail=event.result.detail)
    return record.word("operation_ok" if event.result.changed else "operation_unchanged", will=will)


@_line.register
def _(event: o.OperationVerified, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    key = "verified" if event.ok else "not_verified"
    return record.word(key, will=title_of(record, event.operation_id), detail=event.detail)


@_line.register
def _(event: t.PagesPlanned, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    planned = record.word("planned", n=len(event.pages))
    why = _why(record, event.reason)
    return planned if why is None else Markdown(f"{planned} ({why})")


@_line.register
def _(event: t.PagesWithdrawn, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    withdrawn = record.word("withdrawn", n=len(event.page_ids))
    why = _why(record, event.reason)
    return withdrawn if why is None else Markdown(f"{withdrawn} ({why})")


def _why(record: Record, reason: str) -> Markdown | None:
    """Say why rows were planned anew, where it is on call that changed; other reasons have entries of their own."""
    if reason in _WHY:
        return record.word(_WHY[reason])
    found = _STANDS_IN.fullmatch(reason)
    if found is None:
        return None
    who, whom = Markdown(escape(record.person(found["who"]))), Markdown(escape(record.person(found["whom"])))
    return record.word("why_stands_in" if found["verb"] == "stands" else "why_stood_in", who=who, whom=whom)


@_line.register
def _(event: t.ScheduleGap, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    labels = [record.guide.contacts.roles[role].label.of(record.lang) for role in event.roles]
    return record.word("schedule_gap", row=event.row, roles=", ".join(labels))


@_line.register
def _(event: t.IncidentNeglected, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("neglected", n=round(event.after_s / 60))


@_line.register
def _(event: t.NobodyReached, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    key = "nobody_reached" if event.brought_forward or event.hotline else "nobody_left"
    return record.word(key, row=event.row, n=len(event.brought_forward))


@_line.register
def _(event: t.AnnouncementSent, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word(f"announced_{event.audience}")


@_line.register
def _(event: t.ChecklistDone, record: Record, entry: t.Entry) -> Markdown | None:
    if event.how == "machine":
        return None  # the entry that it follows from is on the timeline itself
    return record.word("ticked", who=record.actor(entry.actor), item=record.item(event.item))


@_line.register
def _(event: t.PhaseEntered, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("phase", n=event.phase, title=record.phase(event.phase))


@_line.register
def _(event: t.MitigationStarted, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("mitigation")


@_line.register
def _(event: t.RecoveryObserved, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("recovered", at=clock_time(event.restored_at, record.incident.occurred_at))


@_line.register
def _(event: t.IncidentResolved, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("resolved", who=record.actor(entry.actor))


@_line.register
def _(event: t.IncidentReopened, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("reopened")


@_line.register
def _(event: t.RootCauseRecorded, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("cause_recorded", who=record.actor(entry.actor))


@_line.register
def _(event: t.IncidentClosed, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("closed", who=record.actor(entry.actor))


@_line.register
def _(event: t.NoteAdded, record: Record, entry: t.Entry) -> Markdown:
    return record.word("note", who=record.actor(entry.actor), text=event.text)


@_line.register
def _(event: t.EntryCorrected, record: Record, entry: t.Entry) -> Markdown:
    return record.word("corrected", seq=event.seq, who=record.actor(entry.actor), text=event.text)


@_line.register
def _(event: t.ActionAdded, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("action_added", text=event.action.text)


@_line.register
def _(event: t.ActionDone, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    texts = [added.action.text for _, added in record.of(t.ActionAdded) if added.action.id == event.action_id]
    return record.word("action_done", text=texts[0] if texts else event.action_id)


@_line.register
def _(event: AutomationSwitched, record: Record, entry: t.Entry) -> Markdown:
    key = "held" if event.state.held else "released"
    return record.word(key, who=record.actor(entry.actor), reason=event.state.reason)


@_line.register
def _(event: DrillFinished, record: Record, entry: t.Entry) -> Markdown:  # noqa: ARG001 - see above
    return record.word("drill_ended", drill=event.drill_id)
