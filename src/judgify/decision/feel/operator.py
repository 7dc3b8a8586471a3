"""What the operators of FEEL mean on canonical values; whatever they do not mean is not evaluable, never false."""

import calendar
import operator
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.value import MonthDuration, kind
from judgify.decision.limit import MAX_BITS

CONTEXT: Final = Context(
    prec=34,
    rounding=ROUND_HALF_EVEN,
    Emin=-6143,
    Emax=6144,
    clamp=0,
    traps=[DivisionByZero, InvalidOperation, Overflow],
)
"""Arithmetic of IEEE 754 decimal128, apart from whatever context the caller has set."""

Check = Callable[[Any, Any], bool]
NUMERIC: Final = frozenset({int, Decimal})
COMPARISONS: Final[dict[str, Check]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_ORDERED: Final = frozenset({"number", "string", "date", "date-time", "duration", "months"})
_EQUAL: Final = _ORDERED | {"boolean"}


def comparable(symbol: str) -> frozenset[str]:
    """Name the kinds on which a comparison means something."""
    return _EQUAL if symbol in {"=", "!="} else _ORDERED


def compare(symbol: str, left: Any, right: Any) -> bool:
    """Compare two canonical values, neither of them null.

    Raises:
        EvaluationError: `cannot-compare` for two kinds, or a kind without that comparison; `mixed-zones` for a moment
            with a zone and one without.
    """
    found, other = kind(left), kind(right)
    if found != other or found not in comparable(symbol):
        raise EvaluationError("cannot-compare", operator=symbol, left=found, right=other)
    if found == "date-time":
        _same_zone(left, right)
    return COMPARISONS[symbol](left, right)


def _same_zone(left: datetime, right: datetime) -> None:
    if (left.utcoffset() is None) != (right.utcoffset() is None):
        raise EvaluationError("mixed-zones")


def _number(symbol: str) -> Callable[[Any, Any], Any]:
    whole = {"+": operator.add, "-": operator.sub, "*": operator.mul}.get(symbol)
    real = {"+": CONTEXT.add, "-": CONTEXT.subtract, "*": CONTEXT.multiply, "/": CONTEXT.divide}[symbol]

    def compute(left: Any, right: Any) -> Any:
        if whole is not None and type(left) is int and type(right) is int:
            result = whole(left, right)
            if result.bit_length() > MAX_BITS:
                raise EvaluationError("out-of-range")
            return result
        if symbol == "/" and not right:
            raise EvaluationError("division-by-zero")
        return real(Decimal(left), Decimal(right))

    return compute


def _later(moment: Any, span: Any) -> Any:
    if isinstance(span, timedelta):
        if not isinstance(moment, datetime) and (span.seconds or span.microseconds):
            raise EvaluationError("part-of-day")
        return moment + span
    year, month = divmod(moment.year * 12 + moment.month - 1 + span.months, 12)
    if not date.min.year <= year <= date.max.year:
        raise EvaluationError("out-of-range")
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))


def _earlier(moment: Any, span: Any) -> Any:
    return _later(moment, -span if isinstance(span, timedelta) else MonthDuration(-span.months))


def _between(left: datetime, right: datetime) -> timedelta:
    _same_zone(left, right)
    return left - right


_Table = dict[tuple[str, str, str], tuple[str, Callable[[Any, Any], Any]]]
_ARITHMETIC: Final[_Table] = {
    **{(symbol, "number", "number"): ("number", _number(symbol)) for symbol in "+-*/"},
    ("+", "string", "string"): ("string", operator.add),
    ("+", "duration", "duration"): ("duration", operator.add),
    ("-", "duration", "duration"): ("duration", operator.sub),
    ("+", "months", "months"): ("months", lambda left, right: MonthDuration(left.months + right.months)),
    ("-", "months", "months"): ("months", lambda left, right: MonthDuration(left.months - right.months)),
    ("-", "date", "date"): ("duration", operator.sub),
    ("-", "date-time", "date-time"): ("duration", _between),
    **{("+", moment, span): (moment, _later) for moment in ("date", "date-time") for span in ("duration", "months")},
    **{("-", moment, span): (moment, _earlier) for moment in ("date", "date-time") for span in ("duration", "months")},
}


def result_kind(symbol: str, left: str, right: str) -> str | None:
    """Name the kind that an operation yields; None when it means nothing on these kinds."""
    entry = _ARITHMETIC.get((symbol, left, right))
    return entry[0] if entry else None


def compute(symbol: str, left: Any, right: Any) -> Any:
    """Work out `left symbol right` on canonical values, neither of them null.

    Raises:
        EvaluationError: `no-arithmetic`, `division-by-zero`, `mixed-zones`, `part-of-day`, `out-of-range`.
    """
    entry = _ARITHMETIC.get((symbol, kind(left), kind(right)))
    if entry is None:
        raise EvaluationError("no-arithmetic", operator=symbol, left=kind(left), right=kind(right))
    try:
        return entry[1](left, right)
    except (ArithmeticError, ValueError) as error:
        raise EvaluationError("out-of-range") from error


def negate(value: Any) -> Any:
    """Work out unary minus on a number or a duration.

    Raises:
        EvaluationError: `no-arithmetic` on any other kind; `out-of-range` for the one duration without an opposite.
    """
    found = kind(value)
    if found == "months":
        return MonthDuration(-value.months)
    if value == timedelta.min:
        raise EvaluationError("out-of-range")
    if found == "duration" or type(value) is int:
        return -value
    if found == "number":
        return value.copy_negate() if value else value
    raise EvaluationError("no-arithmetic", operator="-", left=found, right=found)
