"""Which rules a value leaves possible, by hash or by bisection: a long table costs little more than a short one.

A rule with one false cell is false whatever its other cells are. An index therefore may leave out, and only leaves
out, rules with a cell that is certainly false for the value at hand. A rule all of whose cells are certainly true holds
without being looked at again; all others are judged as ever.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from judgify.decision.column import Column, bits, column_of
from judgify.decision.rule import Row, Rule

FEWEST: Final = 4
"""Rules from which on an index is worth its making."""
MOST_BITS: Final = 64_000_000
"""Places times rules up to which a column is kept as sets of bits; beyond, as lists of rules."""
MOST_PER_RULE: Final = 40
"""Places that a list keeps for each rule on average; stretches that overlap more than that make no index."""
_ENOUGH: Final = 2
"""With so few rules left no other list is looked at."""

Rules = tuple[Rule, ...]


PlaceOf = Callable[[Any], int | None]


class Index(Protocol):
    """Narrows the rules of a table down for one row."""

    @property
    def axes(self) -> Sequence[tuple[int, PlaceOf]]:
        """The columns that are indexed, each with what gives the place of a value in it."""
        ...

    @property
    def others(self) -> tuple[int, ...]:
        """Columns besides that are read, which a trace needs."""
        ...

    def settles(self, places: tuple[int | None, ...]) -> bool:
        """Tell whether the places of a row, one for each of the axes, are enough to know its outcome."""
        ...

    def possible(self, row: Row) -> Iterable[Rule]:
        """Give the rules that are not certainly false, in their order; those certainly true are noted in the row."""
        ...


@dataclass(frozen=True, slots=True)
class BitIndex:
    """One set of rules, as the bits of a number, for each place of each column: the sets are cut with each other."""

    rules: Rules
    columns: tuple[tuple[int, PlaceOf, tuple[int, ...], int], ...]
    """Column, place of a value, rules by place, and the rules that this column says nothing about."""
    sure: int
    """Rules of which every cell is in the index."""
    settled: int
    """Those of them whose outputs are constants."""
    everything: int
    """All rules."""
    others: tuple[int, ...]
    """Columns besides, which a trace needs."""

    @property
    def axes(self) -> Sequence[tuple[int, PlaceOf]]:
        """The columns that are indexed."""
        return [entry[:2] for entry in self.columns]

    def settles(self, places: tuple[int | None, ...]) -> bool:
        """Tell whether nothing but settled rules is left at these places."""
        left = self.everything & ~self.settled
        for place, (_, _, sets, _) in zip(places, self.columns, strict=True):
            if place is None:
                return False
            left &= sets[place]
        return not left

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
    columns: tuple[tuple[int, PlaceOf, tuple[Rules, ...]], ...]
    settled: frozenset[int]
    others: tuple[int, ...]

    @property
    def axes(self) -> Sequence[tuple[int, PlaceOf]]:
        """The columns that are indexed."""
        return [entry[:2] for entry in self.columns]

    def settles(self, places: tuple[int | None, ...]) -> bool:
        """Tell whether the shortest list at these places holds settled rules only."""
        if None in places:
            return False
        lists = (lists[place or 0] for place, (_, _, lists) in zip(places, self.columns, strict=True))
        return all(rule.index in self.settled for rule in min(lists, key=len))

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
    columns = {place: column for place in used if (column := column_of(rules, place)) is not None}
    if not columns:
        return None
    # A cell or an output that is no constant may speak of any input.
    open_ended = any(cell.shape is None for rule in rules for cell in rule.cells)
    open_ended |= any(result.run is not None for rule in rules for result in rule.results)
    needed = tuple(range(inputs) if open_ended else used)
    if all(column.axis.count * len(rules) <= MOST_BITS for column in columns.values()):
        return _bits(tuple(rules), columns, needed)
    return _lists(tuple(rules), columns, needed)


def _bits(rules: Rules, columns: Mapping[int, Column], needed: tuple[int, ...]) -> BitIndex:
    everything = (1 << len(rules)) - 1
    doubtful = {rule.index for rule in rules if any(cell.column not in columns for cell in rule.cells)}
    others = tuple(place for place in needed if place not in columns)
    made = []
    for place, column in columns.items():
        doubtful |= column.unknown
        made.append((place, column.axis.place_of, column.sets(), bits(column.silent)))
    sure = everything & ~bits(doubtful)
    return BitIndex(rules, tuple(made), sure, sure & bits(_constant(rules)), everything, others)


def _constant(rules: Rules) -> Iterator[int]:
    return (rule.index for rule in rules if rule.ready is not None)


def _lists(rules: Rules, columns: Mapping[int, Column], used: tuple[int, ...]) -> ListIndex | None:
    made = []
    for place, column in columns.items():
        everywhere = (range(column.axis.count),)
        held = [column.held.get(number, everywhere) for number in range(len(rules))]
        if sum(len(stretch) for stretches in held for stretch in stretches) > MOST_PER_RULE * len(rules):
            continue
        lists: list[list[Rule]] = [[] for _ in range(column.axis.count)]
        for rule, stretches in zip(rules, held, strict=True):
            for stretch in stretches:
                for one in stretch:
                    lists[one].append(rule)
        made.append((place, column.axis.place_of, tuple(map(tuple, lists))))
    made.sort(key=lambda entry: sum(map(len, entry[2])) / len(entry[2]))
    kept = {place: columns[place].unknown for place, _, _ in made}
    settled = frozenset(
        rule.index
        for rule in rules
        if rule.ready is not None
        and all(cell.column in kept and rule.index not in kept[cell.column] for cell in rule.cells)
    )
    return ListIndex(rules, tuple(made), settled, used) if made else None
