"""Which rules a value leaves possible, by hash or by bisection: a long table costs little more than a short one.

A rule with one false cell is false whatever its other cells are. An index therefore may leave out, and only leaves
out, rules with a cell that is certainly false for the value at hand. A rule all of whose cells are certainly true holds
without being looked at again; all others are judged as ever.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from judgify.decision.rule import Row, Rule
from judgify.decision.shape import ORDERED, TYPES, Shape, Span

FEWEST: Final = 4
"""Rules from which on an index is worth its making."""
MOST_BITS: Final = 64_000_000
"""Places times rules up to which a column is kept as sets of bits; beyond, as lists of rules."""
MOST_PER_RULE: Final = 40
"""Places that a list keeps for each rule on average; stretches that overlap more than that make no index."""
_ENOUGH: Final = 2
"""With so few rules left no other list is looked at."""

Rules = tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as an index sees it: places of values, and for each rule with a shape the stretches of places it holds.

    `silent` are the rules without a cell there, `unknown` those whose cell has no shape.
    """

    place_of: Callable[[Any], int | None]
    count: int
    held: Mapping[int, Sequence[range]]
    silent: frozenset[int]
    unknown: frozenset[int]


class Index(Protocol):
    """Narrows the rules of a table down for one row."""

    def possible(self, row: Row) -> Iterable[Rule]:
        """Give the rules that are not certainly false, in their order; those certainly true are noted in the row."""
        ...


@dataclass(frozen=True, slots=True)
class BitIndex:
    """One set of rules, as the bits of a number, for each place of each column: the sets are cut with each other."""

    rules: Rules
    columns: tuple[tuple[int, Callable[[Any], int | None], tuple[int, ...], int], ...]
    """Column, place of a value, rules by place, and the rules that this column says nothing about."""
    sure: int
    """Rules of which every cell is in the index."""
    everything: int
    """All rules."""
    others: tuple[int, ...]
    """Columns besides, which a trace needs."""

    def possible(self, row: Row) -> Iterable[Rule]:
        """Cut the sets of the row's values."""
        left, sure = self.everything, self.sure
        for column, place_of, sets, silent in self.columns:
            place = place_of(row.peek(column))
            if place is None:
                sure &= silent
            else:
                left &= sets[place]
        for column in self.others:
            row.peek(column)
        row.sure = left & sure
        return self._in_order(left)

    def _in_order(self, left: int) -> Iterator[Rule]:
        rules = self.rules
        while left:
            lowest = left & -left
            yield rules[lowest.bit_length() - 1]
            left ^= lowest


@dataclass(frozen=True, slots=True)
class ListIndex:
    """The rules themselves for each place of each column, for tables too long for sets of all rules."""

    rules: Rules
    columns: tuple[tuple[int, Callable[[Any], int | None], tuple[Rules, ...]], ...]
    others: tuple[int, ...]

    def possible(self, row: Row) -> Iterable[Rule]:
        """Give the shortest of the row's lists."""
        left = self.rules
        for column, place_of, lists in self.columns:
            place = place_of(row.peek(column))
            if place is not None and len(lists[place]) < len(left):
                left = lists[place]
                if len(left) <= _ENOUGH:
                    break
        for column in self.others:
            row.peek(column)
        return left


def index_of(rules: Sequence[Rule], inputs: int) -> Index | None:
    """Make the index of a table's rules, which has so many inputs; None where it would not narrow them down."""
    if len(rules) < FEWEST:
        return None
    used = sorted({cell.column for rule in rules for cell in rule.cells})
    columns = {place: column for place in used if (column := _column(rules, place)) is not None}
    if not columns:
        return None
    # A cell or an output that is no constant may speak of any input.
    open_ended = any(cell.shape is None for rule in rules for cell in rule.cells)
    open_ended |= any(result.run is not None for rule in rules for result in rule.results)
    needed = tuple(range(inputs) if open_ended else used)
    if all(column.count * len(rules) <= MOST_BITS for column in columns.values()):
        return _bits(tuple(rules), columns, needed)
    return _lists(tuple(rules), columns, needed)


def _bits(rules: Rules, columns: Mapping[int, _Column], needed: tuple[int, ...]) -> BitIndex:
    everything = (1 << len(rules)) - 1
    doubtful = {rule.index for rule in rules if any(cell.column not in columns for cell in rule.cells)}
    others = tuple(place for place in needed if place not in columns)
    made = []
    for place, column in columns.items():
        doubtful |= column.unknown
        turns = [0] * (column.count + 1)
        for number, stretches in column.held.items():
            for stretch in stretches:
                turns[stretch.start] ^= 1 << number
                turns[stretch.stop] ^= 1 << number
        silent = _set(column.silent)
        sets, running = [], silent | _set(column.unknown)
        for turn in turns[:-1]:
            running ^= turn
            sets.append(running)
        made.append((place, column.place_of, tuple(sets), silent))
    return BitIndex(rules, tuple(made), everything & ~_set(doubtful), everything, others)


def _set(numbers: Iterable[int]) -> int:
    found = bytearray()
    for number in numbers:
        byte, bit = divmod(number, 8)
        found.extend(bytes(max(0, byte + 1 - len(found))))
        found[byte] |= 1 << bit
    return int.from_bytes(found, "little")


def _lists(rules: Rules, columns: Mapping[int, _Column], used: tuple[int, ...]) -> ListIndex | None:
    made = []
    for place, column in columns.items():
        everywhere = (range(column.count),)
        held = [column.held.get(number, everywhere) for number in range(len(rules))]
        if sum(len(stretch) for stretches in held for stretch in stretches) > MOST_PER_RULE * len(rules):
            continue
        lists: list[list[Rule]] = [[] for _ in range(column.count)]
        for rule, stretches in zip(rules, held, strict=True):
            for stretch in stretches:
                for one in stretch:
                    lists[one].append(rule)
        made.append((place, column.place_of, tuple(map(tuple, lists))))
    made.sort(key=lambda entry: sum(map(len, entry[2])) / len(entry[2]))
    return ListIndex(rules, tuple(made), used) if made else None


def _column(rules: Sequence[Rule], place: int) -> _Column | None:
    """See a column by the shapes of the kind that most of its cells have; None when no cell has a shape."""
    cells = {rule.index: cell for rule in rules for cell in rule.cells if cell.column == place}
    kinds = Counter(cell.shape.kind for cell in cells.values() if cell.shape is not None)
    if not kinds:
        return None
    kind = kinds.most_common(1)[0][0]
    shapes = {
        number: cell.shape for number, cell in cells.items() if cell.shape is not None and cell.shape.kind == kind
    }
    silent = frozenset(range(len(rules))) - cells.keys()
    unknown = frozenset(cells.keys() - shapes.keys())
    place_of, count, of = (_ordered if kind in ORDERED else _discrete)(shapes.values(), kind)
    return _Column(place_of, count, {number: of(shape) for number, shape in shapes.items()}, silent, unknown)


_Seen = tuple[Callable[[Any], "int | None"], int, Callable[[Shape], Sequence[range]]]


def _discrete(shapes: Iterable[Shape], kind: str) -> _Seen:
    """Place 0 is any value that no cell names."""
    named = dict.fromkeys(span.low for shape in shapes for span in shape.spans)
    numbers = {value: number for number, value in enumerate(named, 1)}
    count = len(numbers) + 1

    def place_of(value: Any) -> int | None:
        return numbers.get(value, 0) if TYPES.get(type(value)) == kind else None

    def of(shape: Shape) -> Sequence[range]:
        held = sorted({numbers[span.low] for span in shape.spans})
        return _joined([range(place, place + 1) for place in held], count, negated=shape.negated)

    return place_of, count, of


def _ordered(shapes: Iterable[Shape], kind: str) -> _Seen:
    """Place 2n + 1 is mark n itself, place 2n what lies before it."""
    ends = {end for shape in shapes for span in shape.spans for end in (span.low, span.high)}
    marks = sorted(ends - {None})
    numbers = {mark: number for number, mark in enumerate(marks)}
    count, last = 2 * len(marks) + 1, len(marks)
    key = ORDERED[kind]

    def place_of(value: Any) -> int | None:
        if TYPES.get(type(value)) != kind:
            return None
        at = key(value)
        number = bisect_left(marks, at)
        return 2 * number + 1 if number < last and marks[number] == at else 2 * number

    def of(shape: Shape) -> Sequence[range]:
        held = sorted((_stretch(span, numbers, count) for span in shape.spans), key=lambda stretch: stretch.start)
        return _joined(held, count, negated=shape.negated)

    return place_of, count, of


def _stretch(span: Span, numbers: Mapping[Any, int], count: int) -> range:
    first = 0 if span.low is None else 2 * numbers[span.low] + (1 if span.low_closed else 2)
    last = count if span.high is None else 2 * numbers[span.high] + (2 if span.high_closed else 1)
    return range(first, last)


def _joined(stretches: Sequence[range], count: int, *, negated: bool) -> list[range]:
    """Give stretches in order that do not touch each other; with `negated` all that they leave out."""
    joined: list[range] = []
    for stretch in stretches:
        if joined and stretch.start <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, stretch.stop))
        else:
            joined.append(stretch)
    if not negated:
        return joined
    edges = [0, *(edge for stretch in joined for edge in (stretch.start, stretch.stop)), count]
    return [range(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True) if first < last]
