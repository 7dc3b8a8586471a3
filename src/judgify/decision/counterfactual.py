"""The smallest change of one input that would change what a table says.

Exact for inputs whose cells are constants: no two values of one place of an input's axis are told apart, so the places
are walked outwards from the value that was given, and each is judged by the table itself. An input that a cell of
another kind, an output or another input's expression may speak of is named as not analysed; nothing is guessed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from heapq import merge
from typing import Any, Final

from judgify.decision.axis import OTHER, Axis
from judgify.decision.clause import same
from judgify.decision.column import column_of
from judgify.decision.explain import explain
from judgify.decision.feel.parser import parse_tests
from judgify.decision.feel.shown import as_json, plain
from judgify.decision.feel.temporal import Date
from judgify.decision.feel.temporal_calendar import civil
from judgify.decision.feel.value import native
from judgify.decision.rule import Row
from judgify.decision.shape import ORDERED, Shape, shape_of
from judgify.decision.table import DecisionTable
from judgify.decision.trace import Matched, NotEvaluable, Outcome
from judgify.decision.wording import Language

MAX_TRIED: Final = 20_000
"""Values of one input that are judged; beyond, the search is cut and says so."""
_WIDE: Final = Context(prec=6_000)
"""Digits for which no difference of numbers is rounded."""


@dataclass(frozen=True, slots=True)
class Change:
    """One input, changed as little as changes the outcome.

    Attributes:
        input: Its name.
        now: The value that was given; None also when there was none.
        given: Whether there was one.
        instead: A value that changes the outcome, as little beside the open end of a stretch as the digits given allow.
        where: The stretch or value of the input it stands for, as unary tests of FEEL.
        distance: How far away that begins: of numbers the difference, of dates days; None where there is no distance.
        share: The distance beside the width of what the cells speak of, to compare inputs; 1 where there is none.
        before: The outcome as it is.
        after: The outcome as it would be.
    """

    input: str
    now: Any
    instead: Any
    where: str
    distance: Decimal | None
    share: Decimal
    before: Outcome = field(repr=False)
    after: Outcome = field(repr=False)
    given: bool = True

    def explain(self, language: Language = "ko") -> str:
        """Say it in a sentence."""
        values = {
            "input": self.input,
            "now": as_json(self.now),
            "instead": as_json(self.instead),
            "after": _said(self.after, language),
        }
        return (_TEXT if self.given else _NEW)[language].format_map(values)

    def to_dict(self) -> dict[str, Any]:
        """Give the change as JSON holds it."""
        return {
            "input": self.input,
            "now": plain(self.now, shorten=True),
            "instead": plain(self.instead),
            "where": self.where,
            "distance": plain(self.distance),
            "after": self.after.to_dict(trace=False),
            "text": {"ko": self.explain("ko"), "en": self.explain("en")},
        }


_TEXT: Final[dict[Language, str]] = {
    "ko": "'{input}' 값이 {now} 대신 {instead}이면 결과가 달라집니다: {after}",
    "en": 'with {instead} instead of {now} as "{input}" the outcome would be another: {after}',
}


_NEW: Final[dict[Language, str]] = {
    "ko": "'{input}' 값이 {instead}(으)로 주어지면 결과가 달라집니다: {after}",
    "en": 'with {instead} given as "{input}" the outcome would be another: {after}',
}


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What would have changed an outcome.

    Attributes:
        changes: For each input that alone can change the outcome its smallest change, the smallest share first.
        unknown: Inputs that are not analysed.
        complete: Whether every analysed input was searched to its end; False when the search was cut.
    """

    changes: tuple[Change, ...]
    unknown: tuple[str, ...]
    complete: bool

    @property
    def smallest(self) -> Change | None:
        """The smallest change; None when no single analysed input changes anything."""
        return self.changes[0] if self.changes else None

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {
            "changes": [one.to_dict() for one in self.changes],
            "not_analysed": list(self.unknown),
            "complete": self.complete,
        }


@dataclass(frozen=True, slots=True, order=True)
class _Try:
    distance: Decimal
    open: bool
    place: int
    value: Any = field(compare=False)


def counterfactual(table: DecisionTable, inputs: Mapping[str, Any]) -> Counterfactual:
    """Find the smallest change of each input that gives another verdict or output.

    An outcome that is not evaluable is no answer to change to; from one, every other is a change.

    Raises:
        Invalid: `inputs` is not a mapping.
    """
    before = table.evaluate(inputs)
    row = Row(table.inputs, inputs)
    found: list[Change] = []
    unknown: list[str] = []
    complete = True
    for place, column in enumerate(table.inputs):
        idle = not any(cell.column == place for rule in table.rules for cell in rule.cells)
        axis = None if idle or _spoken_of(table, place) else _axis(table, place)
        if axis is not None:
            change, whole = _search(table, inputs, before, (column.name, axis, row.peek(place)))
            complete &= whole
            found += [] if change is None else [change]
        elif not idle or _spoken_of(table, place):
            unknown.append(column.name)
    return Counterfactual(tuple(sorted(found, key=lambda one: one.share)), tuple(unknown), complete)


def _axis(table: DecisionTable, place: int) -> Axis | None:
    column = table.inputs[place]
    if column.expression is not None:
        return None
    also: tuple[Shape, ...] = ()
    if column.allowed is not None:
        shape = shape_of(parse_tests(column.allowed))
        if shape is None:
            return None
        also = (shape,)
    found = column_of(table.rules, place, also)
    return None if found is None or found.unknown else found.axis


def _spoken_of(table: DecisionTable, place: int) -> bool:
    """Tell whether something other than the input's own cells may read it; a text that only holds its name counts."""
    name = _squeezed(table.inputs[place].name)
    texts = {one.expression for one in table.inputs if one.expression is not None}
    for rule in table.rules:
        texts |= {cell.text for cell in rule.cells if cell.shape is None and cell.column != place}
        texts |= {result.text for result in rule.results if result.run is not None and result.text is not None}
    return any(name in _squeezed(text) for text in texts)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _search(
    table: DecisionTable, inputs: Mapping[str, Any], before: Outcome, side: tuple[str, Axis, Any]
) -> tuple[Change | None, bool]:
    name, axis, value = side
    here = axis.place_of(value)
    for number, one in enumerate(_tries(axis, value, here)):
        if number == MAX_TRIED:
            return None, False
        after = table.evaluate({**inputs, name: one.value})
        if _flips(before, after):
            far = None if here is None or not axis.ordered else one.distance
            width = _exact(axis.marks[-1] - axis.marks[0]) if axis.ordered else Decimal(0)
            share = Decimal(1) if far is None else far / (width or max(far, Decimal(1)))
            now = inputs.get(name)
            where = axis.text([one.place])
            return Change(name, now, one.value, where, far, share, before, after, name in inputs), True
    return None, True


def _flips(before: Outcome, after: Outcome) -> bool:
    if isinstance(after, NotEvaluable):
        return False
    if isinstance(before, Matched) and isinstance(after, Matched):
        return not same(plain(before.output), plain(after.output))
    return before.verdict != after.verdict


def _tries(axis: Axis, value: Any, here: int | None) -> Iterator[_Try]:
    """Give one value of every place but the one at hand, the nearest first."""
    if not axis.ordered:
        for place in (*range(1, axis.count), 0):
            held = axis.marks[place - 1] if place else _unnamed(axis)
            if place != here and held is not None:
                yield _Try(Decimal(0), False, place, held)
        return
    at = _exact(axis.marks[0] if here is None else ORDERED[axis.kind](value))
    middle = 1 if here is None else here
    near = _near_date if axis.kind == "date" else _near_number
    first = middle if here is None else middle + 1
    above = (one for place in range(first, axis.count) if (one := near(axis, place, at, upwards=True)) is not None)
    below = (one for place in range(middle - 1, -1, -1) if (one := near(axis, place, at, upwards=False)) is not None)
    yield from merge(below, above)


def _unnamed(axis: Axis) -> Any:
    if axis.kind == "boolean":
        return next((one for one in (True, False) if one not in axis.marks), None)
    longer = OTHER
    while longer in axis.marks:
        longer += OTHER
    return longer


def _near_date(axis: Axis, place: int, at: Decimal, *, upwards: bool) -> _Try | None:
    number = place // 2
    day = axis.marks[number] if place % 2 else axis.marks[number - 1] + 1 if upwards else axis.marks[number] - 1
    if axis.place_of(Date(*civil(day))) != place:  # no day lies between two that follow each other
        return None
    return _Try(abs(day - at), False, place, native(Date(*civil(day))))


def _near_number(axis: Axis, place: int, at: Decimal, *, upwards: bool) -> _Try:
    number = place // 2
    if place % 2:
        mark = axis.marks[number]
        return _Try(abs(_WIDE.subtract(_exact(mark), at)), False, place, mark)
    end = _exact(axis.marks[number - 1] if upwards else axis.marks[number])
    step = _WIDE.add if upwards else _WIDE.subtract
    places = max(0, _places(end), _places(at))
    # There is a number between any two, so that this ends.
    while axis.place_of(value := step(end, Decimal(1).scaleb(-places))) != place:
        places += 1
    return _Try(abs(_WIDE.subtract(end, at)), True, place, int(value) if value == int(value) else value)


def _places(value: Decimal) -> int:
    return -int(value.as_tuple().exponent)


def _exact(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(value)


def _said(outcome: Outcome, language: Language) -> str:
    return " ".join(explain(outcome, language))
