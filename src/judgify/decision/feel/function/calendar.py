"""Temporal functions (DMN 1.5, table 79), and those that need the present moment (table 82)."""

from collections.abc import Callable
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.function.signature import DAY, Builtin, builtin, form, needs
from judgify.decision.feel.temporal import Date, DateTime
from judgify.decision.feel.temporal_calendar import days_of, week_of_year

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _of_day(name: str, run: Callable[[Date], Any]) -> Builtin:
    def of(date: Date | DateTime) -> Any:
        return run(date.date if isinstance(date, DateTime) else date)

    return builtin(name, form(of, needs("date", DAY)))


def _now(*, moment: DateTime | None) -> DateTime:
    if moment is None:
        raise EvaluationError("no-moment")
    return moment


def _today(*, moment: DateTime | None) -> Date:
    return _now(moment=moment).date


FUNCTIONS: Final = (
    _of_day("day of year", lambda date: date.days - days_of(date.year, 1, 1) + 1),
    _of_day("day of week", lambda date: _DAYS[date.weekday - 1]),
    _of_day("month of year", lambda date: _MONTHS[date.month - 1]),
    _of_day("week of year", lambda date: week_of_year(date.days)),
    builtin("now", form(_now), moment=True),
    builtin("today", form(_today), moment=True),
)
"""The functions of this module."""
