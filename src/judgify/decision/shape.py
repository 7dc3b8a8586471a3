"""What a cell of constants lets through, as values and stretches: what an index and an analysis can reckon with."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.ast import Interval, Literal, Negate, Test, Tests
from judgify.decision.feel.temporal import Date
from judgify.decision.feel.unary import Check
from judgify.decision.feel.value import kind

ORDERED: Final[dict[str, Callable[[Any], Any]]] = {"number": lambda value: value, "date": lambda value: value.days}
"""Kinds with an order that an index knows, and what stands for a value in it."""
DISCRETE: Final = frozenset({"string", "boolean"})
TYPES: Final[dict[type, str]] = {int: "number", Decimal: "number", str: "string", bool: "boolean", Date: "date"}
"""The kinds by the types of canonical values; a subclass is none of them."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of an ordered kind; None is no end on that side. A single value is a stretch of its own."""

    low: Any
    low_closed: bool
    high: Any
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """The values that pass a cell, all of one kind: those in the spans, or with `negated` all others of the kind.

    Of a discrete kind every span is a single value.
    """

    kind: str
    spans: tuple[Span, ...]
    negated: bool


def shape_of(tests: Tests) -> Shape | None:
    """Give the shape of a cell; None for one that holds more than constants of one kind that has a shape."""
    spans: list[Span] = []
    kinds: set[str] = set()
    for item in tests.items:
        found = _span(item)
        if found is None:
            return None
        kinds.add(found[0])
        spans.append(found[1])
    return Shape(kinds.pop(), tuple(spans), tests.negated) if len(kinds) == 1 else None


def quick(shape: Shape | None, check: Check) -> Check:
    """Give a check that settles values of the shape's kind by themselves, and leaves all others to the one given."""
    if shape is None or shape.negated or len(shape.spans) != 1 or shape.kind not in {"number", "string"}:
        return check
    span = shape.spans[0]
    low, high = span.low, span.high
    if shape.kind == "string":
        return lambda value, scope: value == low if type(value) is str else check(value, scope)
    ends = (_NO_END if low is None else span.low_closed, _NO_END if high is None else span.high_closed)
    return _WITHIN[ends](low, high, check)


_NO_END: Final = None
_NUMBERS: Final = frozenset({int, Decimal})
_Within = Callable[[Any, Any, Check], Check]
_WITHIN: Final[dict[tuple[bool | None, bool | None], _Within]] = {
    (True, False): lambda low, high, check: (
        lambda value, scope: low <= value < high if type(value) in _NUMBERS else check(value, scope)
    ),
    (True, True): lambda low, high, check: (
        lambda value, scope: low <= value <= high if type(value) in _NUMBERS else check(value, scope)
    ),
    (False, False): lambda low, high, check: (
        lambda value, scope: low < value < high if type(value) in _NUMBERS else check(value, scope)
    ),
    (False, True): lambda low, high, check: (
        lambda value, scope: low < value <= high if type(value) in _NUMBERS else check(value, scope)
    ),
    (None, False): lambda _, high, check: (
        lambda value, scope: value < high if type(value) in _NUMBERS else check(value, scope)
    ),
    (None, True): lambda _, high, check: (
        lambda value, scope: value <= high if type(value) in _NUMBERS else check(value, scope)
    ),
    (False, None): lambda low, _, check: (
        lambda value, scope: value > low if type(value) in _NUMBERS else check(value, scope)
    ),
    (True, None): lambda low, _, check: (
        lambda value, scope: value >= low if type(value) in _NUMBERS else check(value, scope)
    ),
}


def _span(item: Test | Interval) -> tuple[str, Span] | None:
    if isinstance(item, Interval):
        low, high = _constant(item.low), _constant(item.high)
        if low is None or high is None or low[0] != high[0] or low[0] not in ORDERED:
            return None
        return low[0], Span(low[1], item.low_closed, high[1], item.high_closed)
    held = _constant(item.operand)
    if held is None or item.symbol == "!=" or (item.symbol != "=" and held[0] not in ORDERED):
        return None
    sort, key = held
    spans = {
        "=": Span(key, True, key, True),
        "<": Span(None, False, key, False),
        "<=": Span(None, False, key, True),
        ">": Span(key, False, None, False),
        ">=": Span(key, True, None, False),
    }
    return sort, spans[item.symbol]


def _constant(node: Any) -> tuple[str, Any] | None:
    if isinstance(node, Negate) and (held := _constant(node.operand)) is not None and held[0] == "number":
        return "number", -held[1]
    if not isinstance(node, Literal):
        return None
    sort = kind(node.value)
    if sort in DISCRETE:
        return sort, node.value
    return (sort, ORDERED[sort](node.value)) if sort in ORDERED else None
