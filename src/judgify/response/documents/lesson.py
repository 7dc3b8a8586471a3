"""What Went Wrong and What Went Well (guide 7.2): what the entries show, then what persons wrote."""

from collections.abc import Iterator
from datetime import timedelta

from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.documents.loss import figures
from judgify.response.documents.markdown import Markdown
from judgify.response.documents.record import Record, Said, number
from judgify.response.documents.story import ran_out, recipients, title_of
from judgify.response.documents.summary import with_unit
from judgify.response.journal import AutomationSwitched
from judgify.response.model import Outcome, RootCause

_OWN = frozenset({"probe", "metrics", "heartbeat"})


def went_wrong(record: Record) -> list[Said]:
    """Give what went wrong, each with the entries that show it."""
    return [
        *_fault(record),
        *_late(record),
        *_not_delivered(record, "refused", "wrong_refused"),
        *_not_delivered(record, "unknown", "wrong_unsure"),
        *_steps_that_failed(record),
        *_counted(
            record,
            [entry.seq for entry, event in record.of(o.ApprovalLapsed) if ran_out(record, entry, event)],
            "wrong_lapsed",
        ),
        *_counted(record, [entry.seq for entry, _ in record.of(t.IncidentReopened)], "wrong_reopened"),
        *_held(record),
        *_targets(record, "missed", "wrong_sla"),
        *_persons(record, well=False),
    ]


def went_well(record: Record) -> list[Said]:
    """Give what went well, each with the entries that show it."""
    return [
        *_detected(record),
        *_paged(record),
        *_acknowledged(record),
        *_steps_that_worked(record),
        *_all_delivered(record),
        *_announced(record),
        *_restored(record),
        *_targets(record, "met", "well_sla"),
        *_persons(record, well=True),
    ]


def _opening(record: Record) -> tuple[t.Entry, t.IncidentOpened]:
    return next(record.of(t.IncidentOpened))


def _fault(record: Record) -> Iterator[Said]:
    entry, event = _opening(record)
    signal = record.signal(event.signal.signal)
    service, reason = record.service(event.signal.service), record.reason(event.rule, event.reason)
    yield record.say("wrong_fault", (entry.seq,), service=service, signal=signal, reason=reason)
    if not event.known:
        yield record.say("wrong_unknown", (entry.seq,), signal=event.signal.signal)
    if event.signal.source == "person":
        yield record.say("wrong_person_saw", (entry.seq,))


def _target(record: Record) -> timedelta:
    return timedelta(minutes=record.guide.severities[record.incident.severity].target_minutes)


def _response(record: Record) -> tuple[t.Entry, timedelta] | None:
    """Give the first acknowledgement by a person and how long it took."""
    for entry, _ in record.of(t.IncidentAcknowledged):
        return entry, entry.at - record.incident.started_at
    return None


def _late(record: Record) -> Iterator[Said]:
    target, answered = _target(record), _response(record)
    opening, _ = _opening(record)
    if answered is None:
        # "Nobody" is only known once the record itself reaches past the target.
        last = record.entries[-1]
        if last.at - record.incident.started_at > target:
            yield record.say("wrong_nobody", (opening.seq, last.seq), target=record.took(target))
    elif answered[1] > target:
        seqs = (opening.seq, answered[0].seq)
        yield record.say("wrong_late", seqs, took=record.took(answered[1]), target=record.took(target))


def _acknowledged(record: Record) -> Iterator[Said]:
    target, answered = _target(record), _response(record)
    if answered is not None and answered[1] <= target:
        seqs = (_opening(record)[0].seq, answered[0].seq)
        yield record.say("well_acknowledged", seqs, took=record.took(answered[1]), target=record.took(target))


def _tries(record: Record, outcome: Outcome) -> list[tuple[t.Entry, t.PageDelivered]]:
    return [(entry, event) for entry, event in record.of(t.PageDelivered) if event.outcome == outcome]


def _not_delivered(record: Record, outcome: Outcome, key: str) -> Iterator[Said]:
    tries = _tries(record, outcome)
    if tries:
        whom = Markdown(", ".join(recipients(record, [event for _, event in tries])))
        yield record.say(key, [entry.seq for entry, _ in tries], n=len(tries), whom=whom)


def _all_delivered(record: Record) -> Iterator[Said]:
    tries = list(record.of(t.PageDelivered))
    if tries and all(event.outcome == "sent" for _, event in tries):
        yield record.say("well_delivered", [entry.seq for entry, _ in tries], n=len(tries))


def _paged(record: Record) -> Iterator[Said]:
    for entry, event in _tries(record, "sent"):
        if event.kind == "page":
            took = record.took(entry.at - record.incident.started_at)
            yield record.say("well_paged", (_opening(record)[0].seq, entry.seq), took=took)
            return


def _steps_that_failed(record: Record) -> Iterator[Said]:
    for entry, done in record.of(o.OperationFinished):
        if not done.result.ok:
            will = title_of(record, done.operation_id)
            yield record.say("operation_failed", (entry.seq,), will=will, detail=done.result.detail)
    for entry, seen in record.of(o.OperationVerified):
        if not seen.ok:
            will = title_of(record, seen.operation_id)
            yield record.say("not_verified", (entry.seq,), will=will, detail=seen.detail)
    for entry, ended in record.of(t.RunbookFinished):
        if ended.outcome == "failed":
            yield record.say("wrong_runbook", (entry.seq,), reason=ended.reason)


def _steps_that_worked(record: Record) -> Iterator[Said]:
    verified = {event.operation_id: entry.seq for entry, event in record.of(o.OperationVerified) if event.ok}
    for entry, event in record.of(o.OperationStarted):
        seq = verified.get(event.operation.id)
        if seq is not None:
            who, will = record.actor(event.operation.by), title_of(record, event.operation.id)
            yield record.say("well_operation", (entry.seq, seq), who=who, will=will)


def _counted(record: Record, seqs: list[int], key: str) -> Iterator[Said]:
    if seqs:
        yield record.say(key, seqs, n=len(seqs))


def _held(record: Record) -> Iterator[Said]:
    seqs = [entry.seq for entry, event in record.of(AutomationSwitched) if event.state.held]
    if seqs:
        yield record.say("wrong_held", seqs)


def _targets(record: Record, verdict: str, key: str) -> Iterator[Said]:
    measured = record.last(t.ImpactMeasured)
    if measured is None:
        return
    for name, line in figures(record.incident).items():
        if line.get("verdict") == verdict:
            target = f"{number(line['target'])} {line.get('unit', '')}".strip()
            during = with_unit(line, "during")
            yield record.say(key, (measured.seq,), name=record.word(name), during=during, target=target)


def _detected(record: Record) -> Iterator[Said]:
    entry, event = _opening(record)
    if event.signal.source in _OWN:
        took = record.took(record.incident.started_at - record.incident.occurred_at)
        how = record.word(f"by_{event.signal.source}")
        yield record.say("well_detected", (entry.seq,), how=how, took=took)


def _announced(record: Record) -> Iterator[Said]:
    for entry, _ in record.of(t.AnnouncementSent):
        took = record.took(entry.at - record.incident.started_at)
        yield record.say("well_announced", (_opening(record)[0].seq, entry.seq), took=took)
        return


def _restored(record: Record) -> Iterator[Said]:
    for outage in record.outages:
        if outage.length is not None:
            yield record.say("well_restored", (_opening(record)[0].seq, *outage.seqs), took=record.took(outage.length))


def _persons(record: Record, *, well: bool) -> Iterator[Said]:
    entry = record.last(t.RootCauseRecorded)
    cause: RootCause | None = record.incident.root_cause
    if entry is not None and cause is not None:
        for text in cause.went_well if well else cause.went_wrong:
            yield record.say("person_says", (entry.seq,), text=text, who=record.actor(entry.actor))
