"""What the matrix is as a decision table: gaps and overlaps, and examples that come out otherwise or are missing."""

from typing import Final

from judgify.decision import analyse
from judgify.decision.coverage import coverage
from judgify.response.guide.report import Report
from judgify.response.guide.schema import Guide

_FILE: Final = "escalation.yaml"


def check_matrix(guide: Guide, report: Report) -> None:
    """Analyse the matrix and judge its examples, where what was checked before found its rows sound.

    A matrix without any example is as guides were written before it could have them; one with some shows every cell.
    """
    if any(problem.level == "error" and problem.file.endswith(_FILE) for problem in report.problems):
        return
    table = guide.matrix.table
    for found in analyse(table).findings:
        report.error(_FILE, "rows", found.explain("en"), "let each moment of each severity have one cell")
    cover = coverage(table)
    for failure in cover.failures:
        message = str(failure).removeprefix(f"{failure.path}: ")
        report.error(_FILE, failure.path, message, "correct the example, or the cell of its severity and minute")
    if table.examples:
        for rule in cover.missed:
            severity, _, minute = rule.partition("-")
            mend = f"add one for {severity} from minute {minute} on"
            report.warn(_FILE, "examples", f"no example for {severity} from minute {minute} on", mend)
