"""What the records alone cannot see: names that lead nowhere, roles that nobody fills, rules without an example."""

from datetime import date

from judgify.response.guide.base import GuideProblem
from judgify.response.guide.check_intake import check_intake
from judgify.response.guide.check_matrix import check_matrix
from judgify.response.guide.check_oncall import check_oncall
from judgify.response.guide.check_people import check_people
from judgify.response.guide.check_platform import check_platform
from judgify.response.guide.check_procedure import check_procedure
from judgify.response.guide.check_table import check_table
from judgify.response.guide.report import Report
from judgify.response.guide.schema import Guide


def check(guide: Guide, prefix: str, *, production: bool, today: date | None) -> list[GuideProblem]:
    """Give every mistake and warning of a guide whose files all fit their records.

    Args:
        guide: the guide.
        prefix: what to write before file names, as in `guide/`.
        production: what is still to be filled in is an error, not a warning.
        today: the date by which things run out; None leaves those checks out.
    """
    report = Report(prefix, production=production)
    check_platform(guide, report)
    check_table(guide, report)
    check_intake(guide, report)
    check_people(guide, report, today)
    check_matrix(guide, report)
    check_oncall(guide, report, today)
    check_procedure(guide, report, today)
    return report.problems
