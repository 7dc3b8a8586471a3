"""Ranges: `[1..10]`, `(1..10)`, `>= 5`; an end that was not written is unbounded."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel import temporal
from judgify.decision.feel.error import EvaluationError

_NUMBERS: Final = frozenset({int, Decimal})


def compare(left: Any, right: Any) -> int:
    """Order two end points or values: negative, 0 or positive as `left` is less, equal or greater.

    Raises:
        EvaluationError: `cannot-compare` unless both are numbers, both strings or both of one temporal kind;
            `mixed-zones`.
    """
    found = type(left)
    if found in _NUMBERS:
        fits = type(right) in _NUMBERS
    else:
        fits = found is type(right) and (found is str or found in temporal.KINDS)
    if not fits:
        raise EvaluationError("cannot-compare", operator="<", left=_kind(left), right=_kind(right))
    if found in temporal.KINDS:
        return temporal.order(left, right)
    return int(left > right) - int(left < right)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    named = {bool: "boolean", int: "number", Decimal: "number", str: "string", list: "list", Range: "range"}
    return temporal.KINDS.get(type(value)) or named.get(type(value), "context")


@dataclass(frozen=True, slots=True)
class Range:
    """All values between two ends.

    Attributes:
        low: The smaller end; None when there is none.
        high: The greater end; None when there is none.
        low_closed: Whether the smaller end is inside.
        high_closed: Whether the greater end is inside.
        symbol: The operator, where the range was written as one (`< 10`): it equals only a range written with the same.
            With `!=` both ends are the one value that is outside.
    """

    low: Any
    high: Any
    low_closed: bool
    high_closed: bool
    symbol: str | None = None

    def includes(self, value: Any) -> bool:
        """Tell whether a value, not null, lies in the range.

        Raises:
            EvaluationError: `cannot-compare` with an end; `mixed-zones`.
        """
        below = 1 if self.low is None else compare(value, self.low)
        above = -1 if self.high is None else compare(value, self.high)
        if self.symbol == "!=":
            return below != 0
        return (below > 0 or (below == 0 and self.low_closed)) and (above < 0 or (above == 0 and self.high_closed))


_PROPERTIES: Final = {
    "start": "low",
    "end": "high",
    "start included": "low_closed",
    "end included": "high_closed",
}


def member(value: Range, name: str) -> Any:
    """Read a property of a range: start, end, start included, end included; an unbounded end is null.

    Raises:
        EvaluationError: `no-property`, when a range has no such property.
    """
    attribute = _PROPERTIES.get(name)
    if attribute is None:
        raise EvaluationError("no-property", value=value, member=name)
    return getattr(value, attribute)


def range_of(low: Any, high: Any, *, low_closed: bool, high_closed: bool) -> Range:
    """Make the range between two ends.

    Raises:
        EvaluationError: `cannot-compare` for ends that have no order; `bad-range` when the greater end comes first.
    """
    if compare(low, high) > 0:
        raise EvaluationError("bad-range")
    return Range(low, high, low_closed, high_closed)
