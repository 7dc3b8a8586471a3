"""The values of one input, cut into places that no cell of its column tells apart."""

import math
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.shown import literal, plain
from judgify.decision.feel.temporal import Date
from judgify.decision.feel.temporal_calendar import civil
from judgify.decision.shape import ORDERED, TYPES, Shape, Span

OTHER: Final = "…"
"""Stands for a text that no cell names, where an example of one is needed."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Places 0 to `count` - 1 of the values of one kind.

    Of an ordered kind place 2n + 1 is mark n itself and place 2n what lies before it; of a discrete kind place 0 is
    any value that no cell names.
    """

    kind: str
    marks: tuple[Any, ...]
    count: int
    place_of: Callable[[Any], int | None]
    """Gives the place of a value, None for one of another kind."""
    _numbers: Mapping[Any, int]

    @property
    def ordered(self) -> bool:
        """Whether stretches of values have a meaning."""
        return self.kind in ORDERED

    def places(self, shape: Shape) -> list[range]:
        """Give the places that pass a cell, as stretches in order that do not touch each other."""
        if self.ordered:
            held = sorted((self._stretch(span) for span in shape.spans), key=lambda stretch: stretch.start)
        else:
            held = [range(place, place + 1) for place in sorted({self._numbers[span.low] for span in shape.spans})]
        return joined(held, self.count, negated=shape.negated)

    def _stretch(self, span: Span) -> range:
        numbers = self._numbers
        first = 0 if span.low is None else 2 * numbers[span.low] + (1 if span.low_closed else 2)
        last = self.count if span.high is None else 2 * numbers[span.high] + (2 if span.high_closed else 1)
        return range(first, last)

    def example(self, place: int) -> Any:
        """Give a value of a place, as JSON has it; `OTHER` for a text that no cell names, None where there is none."""
        if not self.ordered:
            if place:
                return self.marks[place - 1]
            return OTHER if self.kind == "string" else next((v for v in (True, False) if v not in self.marks), None)
        number = place // 2
        if place % 2:
            return self._shown(self.marks[number])
        low = self.marks[number - 1] if number else None
        high = self.marks[number] if number < len(self.marks) else None
        return self._between(low, high)

    def _between(self, low: Any, high: Any) -> Any:
        if low is None or high is None:
            return self._shown(high - 1 if low is None else low + 1)
        whole = math.floor(low) + 1
        if whole < high:
            return self._shown(whole)
        return None if self.kind == "date" else self._shown((Decimal(low) + Decimal(high)) / 2)

    def _shown(self, key: Any) -> Any:
        if self.kind == "date":
            return plain(Date(*civil(key)))
        return int(key) if key == int(key) else float(key)

    def text(self, places: Collection[int]) -> str:
        """Write places as unary tests of FEEL."""
        held = sorted(places)
        if not self.ordered:
            named = [literal(self.marks[place - 1]) for place in held if place]
            if 0 not in held:
                return ", ".join(named)
            left = [literal(mark) for place, mark in enumerate(self.marks, 1) if place not in held]
            return f"not({', '.join(left)})" if left else "-"
        # Where nothing lies between two marks, as between two days, they are one stretch.
        empty = (place + 1 for place in held if place + 2 in places and self.example(place + 1) is None)
        held = sorted({*held, *empty})
        stretches = joined([range(place, place + 1) for place in held], self.count, negated=False)
        return ", ".join(map(self._span_text, stretches))

    def _span_text(self, stretch: range) -> str:
        first, last = stretch.start, stretch.stop - 1
        low = None if first == 0 else self._literal(self.marks[(first - 1) // 2])
        high = None if last == self.count - 1 else self._literal(self.marks[last // 2])
        from_mark, to_mark = first % 2 == 1, last % 2 == 1
        if low is None and high is None:
            return "-"
        if low is None:
            return f"{'<=' if to_mark else '<'} {high}"
        if high is None:
            return f"{'>=' if from_mark else '>'} {low}"
        return (
            low if first == last and from_mark else f"{'[' if from_mark else '('}{low}..{high}{']' if to_mark else ')'}"
        )

    def _literal(self, key: Any) -> str:
        return literal(Date(*civil(key)) if self.kind == "date" else key)


def axis_of(shapes: Iterable[Shape], kind: str) -> Axis:
    """Cut the values of a kind by the shapes of a column, all of that kind."""
    if kind in ORDERED:
        return _line({end for shape in shapes for span in shape.spans for end in (span.low, span.high)} - {None}, kind)
    named = tuple(dict.fromkeys(span.low for shape in shapes for span in shape.spans))
    numbers = {value: number for number, value in enumerate(named, 1)}

    def place_of(value: Any) -> int | None:
        return numbers.get(value, 0) if TYPES.get(type(value)) == kind else None

    return Axis(kind, named, len(named) + 1, place_of, numbers)


def _line(ends: set[Any], kind: str) -> Axis:
    marks = sorted(ends)
    last, key = len(marks), ORDERED[kind]

    def place_of(value: Any) -> int | None:
        if TYPES.get(type(value)) != kind:
            return None
        at = key(value)
        number = bisect_left(marks, at)
        return 2 * number + 1 if number < last and marks[number] == at else 2 * number

    return Axis(kind, tuple(marks), 2 * last + 1, place_of, {mark: number for number, mark in enumerate(marks)})


def joined(stretches: Sequence[range], count: int, *, negated: bool) -> list[range]:
    """Join stretches in order where they touch; with `negated` give all that they leave out."""
    found: list[range] = []
    for stretch in stretches:
        if found and stretch.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, stretch.stop))
        else:
            found.append(stretch)
    if not negated:
        return found
    edges = [0, *(edge for stretch in found for edge in (stretch.start, stretch.stop)), count]
    return [range(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True) if first < last]
