"""What all three documents say first: scope, state, owner, cause, time range, figures."""

from collections.abc import Mapping
from typing import Any

from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.documents.loss import figures
from judgify.response.documents.markdown import Markdown, escape
from judgify.response.documents.record import Record, Said, clock_time, last_of, minute, number
from judgify.response.model import Scope, Signal

_SHOWN = ("active_users", "error_percentage", "unfinished_requests", "judgments", "dashboards", "api_calls")


def detected_by(record: Record) -> Said:
    """State how it was detected: the source of the first signal."""
    entry, event = next(record.of(t.IncidentOpened))
    signal = event.signal
    return record.say(
        "detected",
        (entry.seq,),
        how=record.word(f"by_{signal.source}"),
        service=record.service(signal.service),
        signal=record.signal(signal.signal),
    )


def started(record: Record) -> Said:
    """State the time of occurrence: the earliest evidence, in KST."""
    seqs = [seq for seq, signal in _signals(record) if signal.observed_at == record.incident.occurred_at]
    return Said(escape(minute(record.incident.occurred_at)), tuple(seqs or [record.entries[0].seq]))


def _signals(record: Record) -> list[tuple[int, Signal]]:
    """Give every signal that the timeline tells, with its entry's number."""
    opened = [(entry.seq, event.signal) for entry, event in record.of(t.IncidentOpened)]
    joined = [(entry.seq, event.signal) for entry, event in record.of(t.SignalJoined)]
    again = [(entry.seq, event.signal) for entry, event in record.of(t.IncidentReopened) if event.signal is not None]
    return opened + joined + again


def severity(record: Record) -> Said:
    """State the severity in the guide's form: `P0 (Critical)`."""
    entry = record.last(t.SeverityChanged, t.IncidentOpened)
    name = record.guide.severities[record.incident.severity].name
    return Said(Markdown(f"{record.incident.severity} ({name})"), (entry.seq if entry else 1,))


def scope(record: Record) -> Said:
    """State what is affected: the services, the units not in order, and the figures as last measured."""
    incident = record.incident
    names = Markdown(", ".join(escape(record.service(name)) for name in incident.service_names()))
    said = record.say("scope_services", [seq for seq, _ in _signals(record)], services=names)
    captured = last_of(record.of(t.ScopeCaptured))
    if captured is not None and captured[1].scope.units_down:
        units = ", ".join(captured[1].scope.units_down)
        said = said.join(record.say("scope_units", (captured[0].seq,), units=units), "; ")
    measured = record.last(t.ImpactMeasured)
    shown = changes(record, figures(incident))
    if measured is not None and shown:
        said = said.join(Said(shown, (measured.seq,)), "; ")
    return said


def scope_line(record: Record, captured: Scope) -> Markdown:
    """Say what one capture of the scope found."""
    if not captured.units_down:
        return record.word("scope_clear") if captured.units else record.word("not_recorded")
    return record.word("scope_units", units=", ".join(captured.units_down))


def changes(record: Record, lines: Mapping[str, Mapping[str, Any]]) -> Markdown:
    """List the figures of guide 5.2 that were measured, before and during."""
    shown: list[str] = []
    for key in _SHOWN:
        line = lines.get(key, {})
        if line.get("during") is None:
            continue
        during = with_unit(line, "during")
        if line.get("before") is None:
            shown.append(record.word("figure", name=record.word(key), during=during))
        else:
            before = with_unit(line, "before")
            shown.append(record.word("figure_change", name=record.word(key), before=before, during=during))
    return Markdown(", ".join(shown))


def with_unit(line: Mapping[str, Any], when: str) -> str:
    """Write one figure with its unit."""
    return f"{number(line[when])} {line.get('unit', '')}".strip()


def status(record: Record) -> Said:
    """State how far the response is, in one sentence."""
    incident = record.incident
    if incident.merged_into is not None:
        return record.say("state_merged", _seq(record, t.IncidentMerged), into=incident.merged_into)
    if incident.state == "acknowledged":
        taken = last_of((entry, event) for entry, event in record.of(t.IncidentAcknowledged) if not event.also)
        who = record.actor(taken[0].actor) if taken else ""
        return record.say("state_acknowledged", (taken[0].seq,) if taken else (), who=who)
    if incident.state == "mitigating":
        operation = last_of(record.of(o.OperationStarted))
        if operation is None:
            return record.say("state_mitigating", _seq(record, t.MitigationStarted))
        will = operation[1].operation.rendered.will[record.lang]
        return record.say("state_mitigating_by", (operation[0].seq,), will=will)
    if incident.state == "recovered" and incident.restored_at is not None:
        at = clock_time(incident.restored_at, incident.occurred_at)
        return record.say("state_recovered", _seq(record, t.RecoveryObserved), at=at)
    kinds = (t.IncidentOpened, t.IncidentReopened, t.IncidentResolved, t.IncidentClosed)
    return record.say(f"state_{incident.state}", _seq(record, *kinds))


def _seq(record: Record, *kinds: type[Any]) -> tuple[int, ...]:
    entry = record.last(*kinds)
    return () if entry is None else (entry.seq,)


def owner(record: Record) -> Said:
    """State who has it: the responder, else who acknowledged it."""
    incident = record.incident
    if incident.responder is not None:
        seqs = _seq(record, t.ResponderNamed, t.IncidentAssigned)
        return Said(escape(record.mention(incident.responder)), seqs)
    if incident.acknowledged_by is not None:
        return Said(escape(record.actor(incident.acknowledged_by)), _seq(record, t.IncidentAcknowledged))
    return record.say("not_recorded", ())


def cause(record: Record) -> Said:
    """State the root cause as a person recorded it, else that none is recorded."""
    if record.incident.root_cause is None:
        return record.say("not_recorded", ())
    return Said(escape(record.incident.root_cause.text), _seq(record, t.RootCauseRecorded))


def period(record: Record) -> Said:
    """State the time range and its length, `2026-11-22 14:30~14:45 KST (15분)`; each time it came back on its own."""
    first = started(record)
    parts: list[Markdown] = []
    seqs = list(first.seqs)
    for outage in record.outages:
        seqs += outage.seqs
        start = minute(outage.start)
        if outage.end is None or outage.length is None:
            parts.append(record.word("period_open", start=start))
            continue
        end = f"{clock_time(outage.end, outage.start)} KST"
        took = record.took(outage.length)
        parts.append(record.word("period", start=start.removesuffix(" KST"), end=end, took=took))
    return Said(Markdown(", ".join(parts)), tuple(seqs))
