"""What a table leaves open, says twice or never says: found from its cells alone, without judging a single object.

Exact for cells of constants: values, lists, stretches and negations of numbers, texts, booleans and dates. The inputs
are taken as present, not null, of their type, and within what is allowed. A cell that is more than constants may hold
anywhere: it hides a gap and makes no conflict, and its rule is named as not analysed. Nothing is guessed; where the
work would be too much the result says that it was cut.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from judgify.decision.clause import InputColumn
from judgify.decision.column import Column, bits, column_of, numbers_of
from judgify.decision.feel.parser import parse_tests
from judgify.decision.finding import Finding
from judgify.decision.rule import Rule
from judgify.decision.shape import shape_of
from judgify.decision.table import DecisionTable

MAX_STATES: Final = 20_000
"""Different sets of rules that are followed from one input to the next."""
MAX_WORK: Final = 1_000_000
"""Steps of the search for what holds together, and again for gaps: about a second each."""
MAX_GAPS: Final = 50
"""Gaps that are listed."""
MAX_PAIRS: Final = 200
"""Overlaps that are listed."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found in a table.

    Attributes:
        findings: Gaps, conflicts, overlaps, masked and redundant rules, outputs that no rule reaches, hints.
        complete: Whether everything was looked at; False when the work was cut.
        unknown: The ids of rules with cells that are more than constants.
    """

    findings: tuple[Finding, ...]
    complete: bool
    unknown: tuple[str, ...]

    def of(self, kind: str) -> tuple[Finding, ...]:
        """Give the findings of one kind."""
        return tuple(one for one in self.findings if one.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Give the analysis as JSON holds it."""
        return {
            "findings": [one.to_dict() for one in self.findings],
            "complete": self.complete,
            "not_analysed": list(self.unknown),
        }


@dataclass(frozen=True, slots=True)
class _Side:
    """One input: for each set of rules that may hold somewhere on it, the places where just these may."""

    name: str
    column: Column
    groups: Mapping[int, Sequence[int]]


_Box = tuple[tuple[int, tuple[int, ...]], ...]
"""Some inputs, by number, each with the places that are meant."""


@dataclass(slots=True)
class _Space:
    sides: tuple[_Side, ...]
    everything: int
    cut: bool = False
    left: int = 0
    _open: dict[tuple[int, int], bool] = field(default_factory=dict)
    _boxes: dict[tuple[int, int], tuple[_Box, ...]] = field(default_factory=dict)

    def meetings(self) -> dict[int, tuple[int, ...]]:
        """Give every set of rules that may hold together, each with one place on every input."""
        self.left = MAX_WORK
        found: dict[int, tuple[int, ...]] = {self.everything: ()}
        for side in self.sides:
            following: dict[int, tuple[int, ...]] = {}
            for held, path in found.items():
                if not self._goes_on(len(side.groups)):
                    break
                for group, places in side.groups.items():
                    following.setdefault(held & group, (*path, places[0]))
            if len(following) > MAX_STATES:
                self.cut = True
                following = dict(list(following.items())[:MAX_STATES])
            found = following
        # Those that hold together are gone through one by one later on.
        self._goes_on(sum(held.bit_count() for held in found))
        return found

    def _goes_on(self, steps: int) -> bool:
        self.left -= steps
        self.cut |= self.left < 0
        return self.left >= 0

    def gaps(self, held: int, number: int = 0) -> tuple[_Box, ...]:
        """Give boxes in which no rule may hold: for some inputs the places; the others may be anything."""
        if held == 0:
            return ((),)
        if not self._leads_to_a_gap(held, number):
            return ()
        key = (number, held)
        if key not in self._boxes:
            self._boxes[key] = self._joined_gaps(held, number)
        return self._boxes[key]

    def _joined_gaps(self, held: int, number: int) -> tuple[_Box, ...]:
        # Places from which the same boxes follow are one: what is open in one way is told once.
        side = self.sides[number]
        open_at: dict[_Box, list[int]] = {}
        for group, places in side.groups.items():
            for rest in self.gaps(held & group, number + 1):
                open_at.setdefault(rest, []).extend(places)
        if len(open_at) > MAX_GAPS:
            self.cut = True
        whole = sum(map(len, side.groups.values()))
        return tuple(
            rest if len(places) == whole else ((number, tuple(sorted(places))), *rest)
            for rest, places in islice(open_at.items(), MAX_GAPS)
        )

    def _leads_to_a_gap(self, held: int, number: int) -> bool:
        if held == 0 or number == len(self.sides):
            return held == 0
        key = (number, held)
        if key not in self._open:
            if len(self._open) >= MAX_STATES or not self._goes_on(len(self.sides[number].groups)):
                self.cut = True
                return False
            self._open[key] = any(self._leads_to_a_gap(held & group, number + 1) for group in self.sides[number].groups)
        return self._open[key]

    def example(self, path: Sequence[int]) -> dict[str, Any]:
        """Give one object at these places."""
        return {side.name: side.column.axis.example(place) for side, place in zip(self.sides, path, strict=True)}


def analyse(table: DecisionTable) -> Analysis:
    """Analyse a table. Pure; bounded in time; the same table always gives the same findings, in the same order."""
    rules = table.rules
    columns = {place: _column(rules, place, column) for place, column in enumerate(table.inputs)}
    unknown = {rule.index for rule in rules for cell in rule.cells if _unsure(columns[cell.column], rule)}
    sides = tuple(_side(table.inputs[place], column) for place, column in columns.items() if column is not None)
    space = _Space(sides, (1 << len(rules)) - 1)
    meetings = space.meetings()
    found = [*_gaps(table, space)]
    found += _overlaps(table, space, meetings, bits(unknown))
    found += _silent(table, space, meetings, unknown)
    found += _hints(table, found, space, unknown)
    return Analysis(tuple(found), not space.cut, tuple(rules[number].id for number in sorted(unknown)))


def _column(rules: Sequence[Rule], place: int, column: InputColumn) -> Column | None:
    allowed = None if column.allowed is None else shape_of(parse_tests(column.allowed))
    return column_of(rules, place, () if allowed is None else (allowed,))


def _unsure(column: Column | None, rule: Rule) -> bool:
    return column is None or rule.index in column.unknown


def _side(given: InputColumn, column: Column) -> _Side:
    axis = column.axis
    allowed = None if given.allowed is None else shape_of(parse_tests(given.allowed))
    inside: set[int] | range = range(axis.count)
    if allowed is not None and allowed.kind == axis.kind:
        inside = {place for stretch in axis.places(allowed) for place in stretch}
    groups: dict[int, list[int]] = {}
    for place, held in enumerate(column.sets()):
        if place in inside and axis.example(place) is not None:
            groups.setdefault(held, []).append(place)
    return _Side(given.name, column, groups)


def _gaps(table: DecisionTable, space: _Space) -> Iterator[Finding]:
    space.left = MAX_WORK
    for box in space.gaps(space.everything):
        where = {space.sides[number].name: space.sides[number].column.axis.text(places) for number, places in box}
        at = {space.sides[number].name: places[0] for number, places in box}
        path = [at.get(side.name, next(iter(side.groups.values()))[0]) for side in space.sides]
        yield Finding("gap", where=where, example=space.example(path), params={"default": table.default is not None})


def _says(rule: Rule) -> tuple[Any, ...]:
    return tuple((repr(result.constant), result.text) for result in rule.results)


def _overlaps(
    table: DecisionTable, space: _Space, meetings: Mapping[int, tuple[int, ...]], unknown: int
) -> Iterator[Finding]:
    if table.hit_policy not in {"U", "A"}:
        return
    told: set[tuple[int, int]] = set()
    for held, path in meetings.items():
        numbers = numbers_of(held & ~unknown)
        for place, first in enumerate(numbers):
            for second in numbers[place + 1 :]:
                if (first, second) in told:
                    continue
                if len(told) >= MAX_PAIRS:
                    space.cut = True
                    return
                told.add((first, second))
                one, other = table.rules[first], table.rules[second]
                differ = _says(one) != _says(other)
                if differ or table.hit_policy == "U":
                    kind = "conflict" if differ else "overlap"
                    yield Finding(kind, rules=(one.id, other.id), example=space.example(path))


def _silent(
    table: DecisionTable, space: _Space, meetings: Mapping[int, tuple[int, ...]], unknown: set[int]
) -> Iterator[Finding]:
    """Find rules that never speak or whose speaking changes nothing, and outputs that are never given."""
    if space.cut:
        return
    rules = table.rules
    possible = {number for held in meetings for number in numbers_of(held)}
    speaking, needed, maskers = possible, possible, dict[int, set[int]]()
    if table.hit_policy == "F":
        speaking, needed, maskers = _first_wins(rules, meetings, unknown)
    for rule in rules:
        if rule.index not in possible:
            yield Finding("impossible", rules=(rule.id,))
        elif rule.index not in speaking:
            by = tuple(rules[number].id for number in sorted(maskers[rule.index]))
            yield Finding("masked", rules=(rule.id,), params={"by": by})
        elif rule.index not in needed:
            yield Finding("redundant", rules=(rule.id,))
    yield from _unsaid(table, [rule for rule in rules if rule.index in speaking])


def _first_wins(
    rules: Sequence[Rule], meetings: Iterable[int], unknown: set[int]
) -> tuple[set[int], set[int], dict[int, set[int]]]:
    """Give the rules that may be the first that holds, those whose loss would change an answer, and who covers whom."""
    speaking: set[int] = set()
    needed: set[int] = set()
    maskers: dict[int, set[int]] = {}
    for held in meetings:
        numbers = numbers_of(held)
        # Those before the first certain one speak where they hold; what comes after it never does.
        sure = next((place for place, number in enumerate(numbers) if number not in unknown), len(numbers))
        speaking.update(numbers[: sure + 1])
        needed.update(numbers[:sure])
        if sure == len(numbers):
            continue
        first, after = numbers[sure], numbers[sure + 1 :]
        for masked in after:
            maskers.setdefault(masked, set()).add(first)
        if not after or after[0] in unknown or _says(rules[after[0]]) != _says(rules[first]):
            needed.add(first)
    return speaking, needed, maskers


def _unsaid(table: DecisionTable, speaking: Sequence[Rule]) -> Iterator[Finding]:
    for place, column in enumerate(table.outputs):
        results = [rule.results[place] for rule in speaking]
        if not column.values or any(result.run is not None for result in results):
            continue
        given = {column.rank(result.constant) for result in results}
        if table.default is not None:
            given.add(column.rank(table.default[column.name]))
        for rank, value in enumerate(column.values):
            if rank not in given:
                yield Finding("unsaid", where={column.name: str(value)})


def _hints(table: DecisionTable, found: Sequence[Finding], space: _Space, unknown: set[int]) -> Iterator[Finding]:
    kinds = {one.kind for one in found}
    if table.hit_policy == "U" and "conflict" in kinds:
        yield Finding("hit-policy", params={"now": "U", "instead": "F"})
    elif table.hit_policy == "U" and "overlap" in kinds:
        yield Finding("hit-policy", params={"now": "U", "instead": "A"})
    elif table.hit_policy == "F" and not space.cut and not unknown and len(table.rules) > 1:
        together = any(len(numbers_of(held)) > 1 for held in space.meetings())
        if not together:
            yield Finding("hit-policy", params={"now": "F", "instead": "U"})
