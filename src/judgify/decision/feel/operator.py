"""What the operators of FEEL mean on canonical values; whatever they do not mean is a fault, never false.

Strict, as the engine's tables are, a comparison of two kinds is a fault, and so is one of null. With `strict=False`
the words of DMN 1.5 hold (tables 50 to 57): null equals null alone, a date meets a moment as its midnight in UTC.
"""

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel import temporal
from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.meter import spend
from judgify.decision.feel.number import CONTEXT
from judgify.decision.feel.temporal import Date, DateTime, Time
from judgify.decision.feel.value import kind
from judgify.decision.limit import MAX_BITS, MAX_STRING

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
_LONG: Final = 1 << 128
"""Whole numbers from which on it counts how long they are."""
_POWER: Final = 4
"""Steps that a power costs that is no whole number."""
_ROOT: Final = 100
"""Steps that a power to a fraction costs: it goes through logarithms."""
_CALENDAR: Final = 6
"""Steps that an addition or a multiplication of dates, times and durations costs."""
_TEMPORAL: Final = frozenset({"date", "time", "date-time", "duration", "months"})
_ORDERED: Final = frozenset({"number", "string"}) | _TEMPORAL
_EQUAL: Final = _ORDERED | {"boolean", "list", "context", "range", "function"}


def comparable(symbol: str) -> frozenset[str]:
    """Name the kinds on which a comparison means something."""
    return _EQUAL if symbol in {"=", "!="} else _ORDERED


def _midnight(value: Any) -> Any:
    return DateTime(value, Time(0, 0, 0, 0, 0)) if type(value) is Date else value


def compare(symbol: str, left: Any, right: Any, *, strict: bool = True) -> bool:
    """Compare two canonical values.

    Raises:
        EvaluationError: `cannot-compare` for two kinds, or a kind without that comparison; `mixed-zones` for a moment
            with a zone and one without.
    """
    found, other = kind(left), kind(right)
    if found != other and not strict:
        if symbol in {"=", "!="} and (left is None or right is None):
            return symbol == "!="
        if {found, other} == {"date", "date-time"}:
            left, right = _midnight(left), _midnight(right)
            found = other = "date-time"
        elif {found, other} == {"duration", "months"} and symbol in {"=", "!="}:
            return _empty_durations(symbol, left, right)
    if found == other == "null" and symbol in {"=", "!="} and not strict:
        return symbol == "="
    if found != other or found not in comparable(symbol):
        raise EvaluationError("cannot-compare", operator=symbol, left=found, right=other)
    if symbol in {"=", "!="}:
        return _alike(found, left, right, strict) is (symbol == "=")
    if found in _TEMPORAL:
        return COMPARISONS[symbol](temporal.order(left, right, strict=strict), 0)
    return COMPARISONS[symbol](left, right)


def _empty_durations(symbol: str, left: Any, right: Any) -> bool:
    """Compare a duration of days with one of months: only nothing at all is the same in both."""
    if temporal.negate(left) == left and temporal.negate(right) == right:
        return symbol == "="
    raise EvaluationError("cannot-compare", operator=symbol, left=kind(left), right=kind(right))


def _alike(found: str, left: Any, right: Any, strict: bool) -> bool:  # noqa: FBT001 - private, one meaning
    """Tell whether two values of one kind are equal."""
    if found in _TEMPORAL:
        return temporal.same(left, right, strict=strict)
    if found == "list":
        spend(4 * len(left) + 2)
        return len(left) == len(right) and all(
            equal(one, two, strict=strict) for one, two in zip(left, right, strict=True)
        )
    if found == "context":
        spend(4 * len(left) + 2)
        return left.keys() == right.keys() and all(equal(left[key], right[key], strict=strict) for key in left)
    if found == "range":
        ends = ("low_closed", "high_closed", "symbol")
        return (
            all(getattr(left, end) == getattr(right, end) for end in ends)
            and equal(left.low, right.low, strict=strict)
            and equal(left.high, right.high, strict=strict)
        )
    return left is right if found == "function" else bool(left == right)


def equal(left: Any, right: Any, *, strict: bool = True) -> bool:
    """Tell whether two values are equal, members and all; two kinds never are.

    Raises:
        EvaluationError: `mixed-zones` in strict mode.
        LimitError: There is too much to compare.
    """
    found = kind(left)
    if found != kind(right):
        if not strict and {found, kind(right)} == {"date", "date-time"}:
            return _alike("date-time", _midnight(left), _midnight(right), strict)
        return False
    return found == "null" or _alike(found, left, right, strict)


def order(left: Any, right: Any, *, strict: bool = True) -> int:
    """Compare two numbers, texts or temporal values: less than 0, 0 or more as `left` is less, equal or greater.

    Raises:
        EvaluationError: `cannot-compare`, `mixed-zones`.
    """
    if compare("<", left, right, strict=strict):
        return -1
    return 1 if compare(">", left, right, strict=strict) else 0


def _bounded(value: int) -> int:
    if value.bit_length() > MAX_BITS:
        raise EvaluationError("out-of-range")
    if not -_LONG < value < _LONG:
        spend(3)
    return value


def _number(symbol: str) -> Callable[[Any, Any], Any]:
    whole = {"+": operator.add, "-": operator.sub, "*": operator.mul}.get(symbol)
    real = {"+": CONTEXT.add, "-": CONTEXT.subtract, "*": CONTEXT.multiply, "/": CONTEXT.divide}[symbol]

    def compute(left: Any, right: Any) -> Any:
        if whole is not None and type(left) is int and type(right) is int:
            return _bounded(whole(left, right))
        if symbol == "/" and not right:
            raise EvaluationError("division-by-zero")
        return real(Decimal(left), Decimal(right))

    return compute


def _power(left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int and right >= 0 and left.bit_length() * right <= MAX_BITS:
        return left**right
    if not left and not right:
        return 1
    if not left and right < 0:
        raise EvaluationError("division-by-zero")
    spend(_POWER if right == int(right) else _ROOT)
    return CONTEXT.power(Decimal(left), Decimal(right))


def _joined(left: str, right: str) -> str:
    if len(left) + len(right) > MAX_STRING:
        raise LimitError("too-large")
    # Doubling in a loop would hold megabytes for each step counted.
    spend((len(left) + len(right)) // 64)
    return left + right


_NUMBERS: Final = {**{symbol: _number(symbol) for symbol in "+-*/"}, "**": _power}
_TIMES: Final[dict[str, Callable[..., Any]]] = {"+": temporal.add, "-": temporal.subtract}
_SCALES: Final[dict[str, Callable[..., Any]]] = {"*": temporal.multiply, "/": temporal.divide}
_SPANS: Final = ("duration", "months")
_RESULTS: Final[dict[tuple[str, str, str], str]] = {
    **dict.fromkeys(((symbol, "number", "number") for symbol in _NUMBERS), "number"),
    ("+", "string", "string"): "string",
    **{(symbol, span, span): span for symbol in "+-" for span in _SPANS},
    ("-", "date", "date"): "duration",
    ("-", "date-time", "date-time"): "duration",
    ("-", "time", "time"): "duration",
    **{(symbol, moment, span): moment for symbol in "+-" for moment in ("date", "date-time") for span in _SPANS},
    **{("+", span, moment): moment for moment in ("date", "date-time") for span in _SPANS},
    **{(symbol, "time", "duration"): "time" for symbol in "+-"},
    ("+", "duration", "time"): "time",
    **{(symbol, span, "number"): span for symbol in "*/" for span in _SPANS},
    **{("*", "number", span): span for span in _SPANS},
    **{("/", span, span): "number" for span in _SPANS},
}


def result_kind(symbol: str, left: str, right: str) -> str | None:
    """Name the kind that an operation yields; None when it means nothing on these kinds."""
    return _RESULTS.get((symbol, left, right))


def _worked_out(symbol: str, left: Any, right: Any, *, strict: bool) -> Any:
    found, other = kind(left), kind(right)
    if found == other == "number":
        return _NUMBERS[symbol](left, right)
    if found == other == "string" and symbol == "+":
        return _joined(left, right)
    if (symbol, found, other) not in _RESULTS:
        if strict or symbol != "-" or {found, other} != {"date", "date-time"}:
            raise EvaluationError("no-arithmetic", operator=symbol, left=found, right=other)
        left, right = _midnight(left), _midnight(right)
    spend(_CALENDAR)
    return _SCALES[symbol](left, right) if symbol in _SCALES else _TIMES[symbol](left, right, strict=strict)


def compute(symbol: str, left: Any, right: Any, *, strict: bool = True) -> Any:
    """Work out `left symbol right` on canonical values.

    Raises:
        EvaluationError: `no-arithmetic`, `division-by-zero`, `mixed-zones`, `part-of-day`, `out-of-range`.
    """
    try:
        return _worked_out(symbol, left, right, strict=strict)
    except (ArithmeticError, ValueError) as error:
        raise EvaluationError("out-of-range") from error


def negate(value: Any) -> Any:
    """Work out unary minus on a number or a duration.

    Raises:
        EvaluationError: `no-arithmetic` on any other kind.
    """
    found = kind(value)
    if found in _SPANS:
        return temporal.negate(value)
    if type(value) is int:
        return -value
    if found == "number":
        return value.copy_negate() if value else value
    raise EvaluationError("no-arithmetic", operator="-", left=found, right=found)
