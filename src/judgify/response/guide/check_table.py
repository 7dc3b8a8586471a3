"""What analysis says of the severity table: signals without an answer, two answers for one, rules that never speak."""

from typing import Final

from judgify.decision import Finding, analyse
from judgify.response.guide.report import Report
from judgify.response.guide.schema import Guide

_FILE: Final = "signals.yaml"
_MENDS: Final = {
    "gap": "add a rule for it; until then such a signal is told as one without a rule",
    "conflict": "narrow one of the two, so that one rule answers",
    "overlap": "narrow one of the two, or remove it",
    "impossible": "correct its tests: they exclude each other or what is allowed",
    "masked": "move it up, or remove it",
    "redundant": "remove it, or correct its tests",
    "unsaid": "add a rule that gives it, or take it from the output's values",
}


def check_table(guide: Guide, report: Report) -> None:
    """Analyse the severity table; what is only a hint stays unsaid here."""
    analysis = analyse(guide.table)
    places = {rule.id: place for place, rule in enumerate(guide.signals.rules)}
    outputs = {column.name: place for place, column in enumerate(guide.signals.outputs)}
    for found in analysis.findings:
        if found.level != "note":
            tell = report.error if found.level == "error" else report.warn
            tell(_FILE, _path(found, places, outputs), found.explain("en"), _MENDS[found.kind])
    if not analysis.complete:
        mend = "make it smaller; what was found is told"
        report.warn(_FILE, "rules", "the table is too large to be analysed in whole", mend)


def _path(found: Finding, places: dict[str, int], outputs: dict[str, int]) -> str:
    if found.rules:
        return f"rules[{places[found.rules[-1]]}]"
    if found.kind == "unsaid":
        return f"outputs[{outputs[next(iter(found.where))]}].values"
    return "rules"
