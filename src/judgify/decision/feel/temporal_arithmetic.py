"""What the operators of FEEL mean on temporal values (DMN 1.5, tables 52 to 62).

Every function takes `strict`. Strict is this engine's way: whatever could be meant in two ways is refused. Otherwise
the standard's words hold: `<` lends a value without a zone the other's offset, `=` looks at whole seconds, and a date
plus part of a day is that date.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.number import quotient
from judgify.decision.feel.temporal_calendar import days_in_month
from judgify.decision.feel.temporal_text import Temporal
from judgify.decision.feel.temporal_type import (
    DAY_NS,
    SECOND,
    Date,
    DateTime,
    DayTimeDuration,
    MonthDuration,
    Time,
)
from judgify.decision.feel.temporal_zone import offset_at_local, usual_offset

KINDS: Final[dict[type, str]] = {
    Date: "date",
    Time: "time",
    DateTime: "date-time",
    DayTimeDuration: "duration",
    MonthDuration: "months",
}
"""The name of each temporal type's kind."""
Duration = DayTimeDuration | MonthDuration


def _kind(value: object) -> str:
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return KINDS.get(type(value)) or ("number" if number else "another kind")


def _meaningless(symbol: str, left: object, right: object) -> EvaluationError:
    return EvaluationError("no-arithmetic", operator=symbol, left=_kind(left), right=_kind(right))


def _zoned(left: DateTime | Time, right: DateTime | Time, strict: bool) -> tuple[int, int]:  # noqa: FBT001 - private
    """Give both instants; outside strict mode a value without a zone borrows the other's offset."""
    first, second = left.instant, right.instant
    if (left.zone is None) == (right.zone is None):
        return first, second
    if strict:
        raise EvaluationError("mixed-zones")
    if left.zone is None:
        return first - _lent(right, left) * SECOND, second
    return first, second - _lent(left, right) * SECOND


def _lent(lender: DateTime | Time, borrower: DateTime | Time) -> int:
    zone = lender.zone or 0
    if isinstance(borrower, DateTime):
        return offset_at_local(zone, borrower.date.days, borrower.time.second_of_day, 0)
    return usual_offset(zone)


def order(left: Temporal, right: Temporal, *, strict: bool = True) -> int:
    """Compare two values of one kind: negative, 0 or positive as `left` is less, equal or greater.

    Raises:
        EvaluationError: `cannot-compare` for two kinds; `mixed-zones` in strict mode.
    """
    if type(left) is not type(right):
        raise EvaluationError("cannot-compare", operator="<", left=_kind(left), right=_kind(right))
    first: Any
    second: Any
    if isinstance(left, DateTime | Time) and isinstance(right, DateTime | Time):
        first, second = _zoned(left, right, strict)
    else:
        first, second = left, right
    return int(first > second) - int(first < second)


def same(left: Temporal, right: Temporal, *, strict: bool = True) -> bool:
    """Tell whether two values of one kind are equal (`=`).

    Raises:
        EvaluationError: `cannot-compare` for two kinds; `mixed-zones` for a moment with a zone and one without.
    """
    if type(left) is not type(right):
        raise EvaluationError("cannot-compare", operator="=", left=_kind(left), right=_kind(right))
    if isinstance(left, DateTime | Time) and isinstance(right, DateTime | Time):
        first, second = _zoned(left, right, strict=True)
        return first == second if strict else first // SECOND == second // SECOND
    return left == right


def identical(left: object, right: object) -> bool:
    """Tell whether two temporal values are the same element of FEEL's domain (`is`): their zones agree as well."""
    if type(left) is not type(right):
        return False
    if isinstance(left, DateTime) and isinstance(right, DateTime):
        return left.date == right.date and left.fold == right.fold and identical(left.time, right.time)
    if isinstance(left, Time) and isinstance(right, Time):
        return left.zone == right.zone and left.nanosecond_of_day == right.nanosecond_of_day
    return left == right


def negate(value: Duration) -> Duration:
    """Give the opposite of a duration.

    Raises:
        EvaluationError: `no-arithmetic` for a temporal value that is no duration.
    """
    if isinstance(value, DayTimeDuration):
        return DayTimeDuration(-value.nanoseconds)
    if isinstance(value, MonthDuration):
        return MonthDuration(-value.months)
    raise EvaluationError("no-arithmetic", operator="-", left=_kind(value), right=_kind(value))


def _by_months(date: Date, months: int) -> Date:
    # The standard's formula yields no date for 31 January + P1M; XML Schema (and every calendar) takes the last day.
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    return Date(year, month + 1, min(date.day, days_in_month(year, month + 1)))


def _moved(moment: Date | Time | DateTime, span: Duration, strict: bool) -> Temporal | None:  # noqa: FBT001 - private
    if isinstance(span, MonthDuration):
        if isinstance(moment, Date):
            return _by_months(moment, span.months)
        return DateTime(_by_months(moment.date, span.months), moment.time) if isinstance(moment, DateTime) else None
    if isinstance(moment, Date):
        days, rest = divmod(span.nanoseconds, DAY_NS)
        if rest and strict:
            raise EvaluationError("part-of-day")
        return Date.from_days(moment.days + days)
    if isinstance(moment, DateTime):
        return DateTime.from_instant(moment.instant + span.nanoseconds, moment.zone)
    return Time.from_nanoseconds(moment.nanosecond_of_day + span.nanoseconds, moment.zone)


def add(left: object, right: object, *, strict: bool = True) -> Temporal:
    """Work out `left + right`: two durations of one kind, or a date, time or moment and a duration in either order.

    Raises:
        EvaluationError: `no-arithmetic`, `part-of-day`, `out-of-range`.
    """
    if isinstance(left, DayTimeDuration) and isinstance(right, DayTimeDuration):
        return DayTimeDuration(left.nanoseconds + right.nanoseconds)
    if isinstance(left, MonthDuration) and isinstance(right, MonthDuration):
        return MonthDuration(left.months + right.months)
    moment, span = (right, left) if isinstance(left, DayTimeDuration | MonthDuration) else (left, right)
    if isinstance(moment, Date | Time | DateTime) and isinstance(span, DayTimeDuration | MonthDuration):
        later = _moved(moment, span, strict)
        if later is not None:
            return later
    raise _meaningless("+", left, right)


def date_to_midnight(value: Date) -> DateTime:
    """Give the moment that a date is taken for where one is needed: its midnight in UTC (DMN 1.5, 10.3.2.3.5)."""
    return DateTime(value, Time(0, 0, 0, 0, 0))


def subtract(left: object, right: object, *, strict: bool = True) -> Temporal:
    """Work out `left - right`: a duration from a temporal value, or what lies between two dates, times or moments.

    Raises:
        EvaluationError: `no-arithmetic`, `mixed-zones`, `part-of-day`, `out-of-range`.
    """
    if isinstance(right, DayTimeDuration | MonthDuration) and type(left) in KINDS:
        if isinstance(left, DayTimeDuration | MonthDuration) and type(left) is not type(right):
            raise _meaningless("-", left, right)
        try:
            return add(left, negate(right), strict=strict)
        except EvaluationError as error:
            raise _meaningless("-", left, right) if error.code == "no-arithmetic" else error from None
    if isinstance(left, Date) and isinstance(right, Date):
        return DayTimeDuration((left.days - right.days) * DAY_NS)
    if isinstance(left, Date | DateTime) and isinstance(right, Date | DateTime):
        left = date_to_midnight(left) if isinstance(left, Date) else left
        right = date_to_midnight(right) if isinstance(right, Date) else right
    if isinstance(left, DateTime | Time) and type(left) is type(right):
        first, second = _zoned(left, right, strict=True)
        return DayTimeDuration(first - second)
    raise _meaningless("-", left, right)


def _scaled(span: Duration, factor: Fraction) -> Duration:
    if isinstance(span, DayTimeDuration):
        return DayTimeDuration(round(span.nanoseconds * factor))
    return MonthDuration(round(span.months * factor))


def multiply(left: Any, right: Any) -> Temporal:
    """Work out a duration times a number, in either order; to the nearest nanosecond, or to the nearest month.

    Raises:
        EvaluationError: `no-arithmetic`, `out-of-range`.
    """
    span, factor = (left, right) if isinstance(left, DayTimeDuration | MonthDuration) else (right, left)
    if not isinstance(span, DayTimeDuration | MonthDuration) or _kind(factor) != "number":
        raise _meaningless("*", left, right)
    return _scaled(span, Fraction(factor))


def divide(left: Any, right: Any) -> Temporal | int | Decimal:
    """Work out a duration divided by a number (a duration), or by a duration of its kind (a number).

    Raises:
        EvaluationError: `no-arithmetic`, `division-by-zero`, `out-of-range`.
    """
    if isinstance(left, DayTimeDuration) and isinstance(right, DayTimeDuration):
        return quotient(left.nanoseconds, right.nanoseconds)
    if isinstance(left, MonthDuration) and isinstance(right, MonthDuration):
        return quotient(left.months, right.months)
    if not isinstance(left, DayTimeDuration | MonthDuration) or _kind(right) != "number":
        raise _meaningless("/", left, right)
    if not right:
        raise EvaluationError("division-by-zero")
    return _scaled(left, 1 / Fraction(right))
