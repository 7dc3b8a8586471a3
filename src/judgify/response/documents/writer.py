"""From an incident and its timeline to the Markdown of a document, by the guide's own templates."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from judgify.kit.clock import SEOUL
from judgify.kit.errors import Invalid
from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.documents import lesson, summary
from judgify.response.documents.loss import loss
from judgify.response.documents.markdown import escape, plain
from judgify.response.documents.record import Record, Said, clock_time, listed, minute
from judgify.response.documents.story import sentence, story, title_of
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import DocumentKind, Lang


@dataclass(frozen=True, slots=True)
class Item:
    """One action item of guide 7.2."""

    done: bool
    text: str
    owner: str
    due: str
    evidence: str


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One line of the timeline of guide 7.1: `14:30`, and what happened."""

    at: str
    text: str


class GuideDocuments:
    """Implements `ports.Documents`: announcement (guide 3.1 step 3), incident log (7.1), post-mortem (7.2).

    Every statement is drawn from entries and carries their numbers; what no entry tells is said to be not recorded.
    Every value that came from outside is escaped for Markdown before a template sees it.
    """

    def __init__(self, guide: Guide) -> None:
        """Write by this guide's templates, labels, targets and loss formula."""
        self._guide = guide
        # Markdown has no automatic escaping: `documents.markdown` escapes every value where a statement is made.
        environment = ImmutableSandboxedEnvironment(
            autoescape=False,
            undefined=StrictUndefined,
            keep_trailing_newline=True,
        )
        self._templates = {key: environment.from_string(text) for key, text in guide.templates.items()}

    def render(self, kind: DocumentKind, lang: Lang, incident: Incident, entries: Sequence[t.Entry]) -> str:
        """Give the Markdown of a document; every sentence and number has an entry behind it.

        Raises:
            Invalid: there is no entry at all, or the guide's template names a value that does not exist.
        """
        record = Record(self._guide, lang, incident, entries)
        if next(record.of(t.IncidentOpened), None) is None:
            raise Invalid(f"{incident.id} has no timeline to write a document from")
        # A namespace, not a mapping: `document.items` must be the action items.
        document = SimpleNamespace(**_lead(record), **_PARTS[kind](record))
        try:
            text = self._templates[lang, kind].render(document=document)
        except (TemplateError, TypeError, ValueError) as error:
            name = f"templates/{lang}/{kind}.md.j2"
            raise Invalid(f"{name} cannot be written: {error}; correct the template") from error
        # Customers read it in their mail and on their telephone, which know no Markdown.
        return plain(text) if kind == "customers" else text

    def sentences(self, lang: Lang, incident: Incident, entries: Sequence[t.Entry]) -> list[str]:
        """Give one sentence of plain text for each entry, in the words of the documents."""
        record = Record(self._guide, lang, incident, entries)
        return [sentence(record, entry) for entry in record.entries]


def _lead(record: Record) -> dict[str, Any]:
    notices, incident = record.guide.notices, record.incident
    return {
        "life_at_risk": notices.life_at_risk.of(record.lang) if incident.life_at_risk else "",
        "drill": notices.drill.of(record.lang) if incident.drill is not None else "",
    }


def _announcement(record: Record) -> dict[str, Any]:
    said = {
        "started": summary.started(record),
        "scope": summary.scope(record),
        "status": summary.status(record),
        "owner": summary.owner(record),
    }
    return {
        **{name: one.text for name, one in said.items()},
        "severity": record.incident.severity,
        "id": record.incident.id,
        "evidence": listed(seq for one in said.values() for seq in one.seqs),
    }


def _customers(record: Record) -> dict[str, Any]:
    """What customers may know: what does not work, since when, how far it is. No names, units or causes."""
    incident = record.incident
    state = incident.state if incident.merged_into is None else "resolved"
    labels = [escape(record.service(name)) for name in incident.service_names()]
    said = summary.started(record)
    return {
        "started": said.text,
        "services": ", ".join(labels),
        "impact": escape(record.guide.severities[incident.severity].impact.of(record.lang)),
        "status": record.word(f"customers_{'open' if incident.ongoing else state}"),
        "over": not incident.ongoing,
        "restored": "" if incident.restored_at is None else escape(minute(incident.restored_at)),
    }


def _log(record: Record) -> dict[str, Any]:
    cause = record.incident.root_cause
    return {
        "id": record.incident.id,
        "started": record.marked(summary.started(record)),
        "detected_by": record.marked(summary.detected_by(record)),
        "severity": record.marked(summary.severity(record)),
        "scope": record.marked(summary.scope(record)),
        "timeline": _timeline(record),
        "actions": _marked(record, _actions(record)),
        "causes": [record.marked(summary.cause(record))] if cause is not None else [],
        "now": _fixes(record, "fix_now"),
        "short": _fixes(record, "fix_short"),
        "long": _fixes(record, "fix_long"),
    }


def _postmortem(record: Record) -> dict[str, Any]:
    horizons = {"week": "fix_now", "month": "fix_short", "quarter": "fix_long"}
    planned = {
        horizon: [*_fixes(record, field), *_marked(record, _items_of(record, horizon))]
        for horizon, field in horizons.items()
    }
    return {
        "id": record.incident.id,
        "severity": record.marked(summary.severity(record)),
        "period": _known(record, summary.period(record)),
        "scope": _known(record, summary.scope(record)),
        "cause": _known(record, summary.cause(record)),
        "loss": _known(record, loss(record)),
        "wrong": _marked(record, lesson.went_wrong(record)),
        "well": _marked(record, lesson.went_well(record)),
        "now": planned["week"],
        "short": planned["month"],
        "long": planned["quarter"],
        "items": [_item(record, entry, event) for entry, event in record.of(t.ActionAdded)],
    }


_PARTS: Final[dict[DocumentKind, Callable[[Record], dict[str, Any]]]] = {
    "announcement": _announcement,
    "customers": _customers,
    "log": _log,
    "postmortem": _postmortem,
}


def _marked(record: Record, said: Iterable[Said]) -> list[str]:
    return [record.marked(one) for one in said]


def _known(record: Record, said: Said) -> str:
    """Mark a statement, unless it is that nothing is recorded: that one rests on no entry."""
    return record.marked(said) if said.seqs else said.text


def _timeline(record: Record) -> list[TimelineLine]:
    lines: list[TimelineLine] = []
    for line in story(record):
        exact = line.at.astimezone(SEOUL).strftime("%H:%M:%S")
        at = clock_time(line.at, record.incident.occurred_at)
        lines.append(TimelineLine(at, record.marked(line.said, f"; {exact}")))
    return lines


def _actions(record: Record) -> list[Said]:
    """What was really done: operations that the orchestrator carried out."""
    return [
        record.say("operation_ok" if event.result.changed else "operation_unchanged", (entry.seq,), will=will)
        for entry, event in record.of(o.OperationFinished)
        if event.result.ok and (will := title_of(record, event.operation_id))
    ]


def _fixes(record: Record, field: str) -> list[str]:
    entry, cause = record.last(t.RootCauseRecorded), record.incident.root_cause
    text = "" if cause is None else getattr(cause, field)
    if entry is None or not text:
        return []
    return [record.marked(Said(escape(line), (entry.seq,))) for line in str(text).splitlines() if line.strip()]


def _items_of(record: Record, horizon: str) -> list[Said]:
    return [
        Said(escape(event.action.text), (entry.seq,))
        for entry, event in record.of(t.ActionAdded)
        if event.action.horizon == horizon
    ]


def _item(record: Record, entry: t.Entry, event: t.ActionAdded) -> Item:
    done = [other.seq for other, ended in record.of(t.ActionDone) if ended.action_id == event.action.id]
    return Item(
        done=bool(done),
        text=escape(event.action.text),
        owner=escape(record.mention(event.action.owner)),
        due=f"{event.action.due.astimezone(SEOUL):%Y-%m-%d}",
        evidence=record.word("evidence", numbers=listed((entry.seq, *done))),
    )
