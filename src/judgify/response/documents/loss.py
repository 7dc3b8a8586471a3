"""The estimated loss of guide 7.2, by the formula in the guide's `sla.yaml`; without one it is not estimated."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from judgify.response import timeline as t
from judgify.response.documents.markdown import Markdown
from judgify.response.documents.record import Record, Said, number
from judgify.response.documents.stretch import Outage
from judgify.response.incident import Incident

Figures = Mapping[str, Mapping[str, Any]]


def figures(incident: Incident) -> dict[str, dict[str, Any]]:
    """Give the measured lines of an incident's impact by key; empty when nothing was measured."""
    return {line["key"]: line for line in (incident.impact or {}).get("lines", ())}


def measure(name: str, outages: Sequence[Outage], lines: Figures) -> Decimal | None:
    """Give how much of something a term counts; None where a figure that it needs was not measured.

    `failed_requests` is the error share of the API calls, `lost_judgments` the judgments missing against the stretch
    before, `affected_users` those who were active in that stretch.
    """
    if name == "outage_minutes":
        lengths = [outage.length for outage in outages if outage.length is not None]
        whole = sum(lengths, timedelta())
        return None if len(lengths) < len(outages) else Decimal(str(whole.total_seconds())) / 60
    if name == "failed_requests":
        calls, share = _value(lines, "api_calls"), _value(lines, "error_percentage")
        return None if calls is None or share is None else calls * share / 100
    if name == "lost_judgments":
        before, during = _value(lines, "judgments", "before"), _value(lines, "judgments")
        return None if before is None or during is None else max(Decimal(0), before - during)
    if name == "affected_users":
        return _value(lines, "active_users", "before")
    return _value(lines, name)


def _value(lines: Figures, key: str, when: str = "during") -> Decimal | None:
    value = lines.get(key, {}).get(when)
    return None if value is None else Decimal(str(value))


def loss(record: Record) -> Said:
    """State the estimated loss with its terms, or that it is not estimated, and why."""
    formula = record.guide.sla.business_loss
    measured = record.last(t.ImpactMeasured)
    seqs = [seq for outage in record.outages for seq in outage.seqs] + ([measured.seq] if measured else [])
    if not formula.terms:
        return record.say("not_estimated", ())
    lines = figures(record.incident)
    counted = [(term, measure(term.measure, record.outages, lines)) for term in formula.terms]
    unmeasured = [record.word(term.measure) for term, count in counted if count is None]
    if unmeasured:
        return record.say("loss_unmeasured", seqs, names=Markdown(", ".join(unmeasured)))
    total = Decimal(0)
    terms: list[str] = []
    for term, count in counted:
        known = count or Decimal(0)
        total += known * term.amount
        terms.append(record.word("loss_term", name=record.word(term.measure), count=number(known), amount=term.amount))
    listed = Markdown(" + ".join(terms))
    return record.say("loss", seqs, amount=number(total), currency=formula.currency, terms=listed)
