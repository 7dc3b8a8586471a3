"""Many objects for one table, read by column: what is equal is read, looked up and judged once."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from judgify.decision.clause import InputColumn
from judgify.decision.feel.error import MISSING, EvaluationError
from judgify.decision.feel.value import finder
from judgify.decision.index import Index, PlaceOf
from judgify.decision.rule import Row
from judgify.kit.errors import Invalid

_LOOKED_UP_ONCE: Final = (frozenset({int, Decimal}), frozenset({str}), frozenset({bool}))
"""Types that may stand together in a column whose equal values have one place: true is no 1 there."""
_SHARED: Final = frozenset({type(None), bool, int, str, EvaluationError})
"""Types whose equal values no cell and no output tells apart; equal decimals may have other digits."""


class Batch:
    """The values of many objects by column, each as `InputColumn.tell` gives it."""

    __slots__ = ("columns", "count", "needed", "values")

    def __init__(
        self,
        columns: Sequence[InputColumn],
        given: Iterable[Mapping[str, Any]] | Mapping[str, Sequence[Any]],
        needed: Iterable[int] | None,
    ) -> None:
        """Read objects, or lists of values by name, for the columns that are needed; None for all.

        Raises:
            Invalid: An object is not a mapping; the lists are no lists or of different lengths.
        """
        source = _Lists(given) if isinstance(given, Mapping) else _Objects(given)
        self.columns = columns
        self.count = source.count
        self.needed = sorted(range(len(columns)) if needed is None else needed)
        self.values: list[Sequence[Any]] = [()] * len(columns)
        for at in self.needed:
            column = columns[at]
            if column.expression is None:
                self.values[at] = column.tell_all(source.raws(column.name))
            else:
                self.values[at] = [column.tell(given) for given in source.objects()]

    def row(self, number: int) -> Row:
        """Give the row of an object, of which nothing was judged yet."""
        return Row.of(self.columns, [values[number] if values else MISSING for values in self.values])


def groups_of(batch: Batch, index: Index | None) -> Iterator[Hashable]:
    """Give for each object a key that it shares with those only that are certainly judged alike; None for no key."""
    columns = [batch.values[at] for at in batch.needed]
    if index is None:
        yield from (_by_value(columns, number) for number in range(batch.count))
        return
    settled: dict[tuple[int | None, ...], bool] = {}
    places = zip(*(_places(batch.values[at], place_of) for at, place_of in index.axes), strict=True)
    for number, key in enumerate(places):
        settles = settled.get(key)
        if settles is None:
            settles = settled[key] = index.settles(key)
        yield key if settles else _by_value(columns, number)


def _by_value(columns: Sequence[Sequence[Any]], number: int) -> Hashable:
    key = []
    for values in columns:
        value = values[number]
        sort = type(value)
        if sort not in _SHARED:
            return None
        key.append((sort, value))
    return tuple(key)


def _places(values: Sequence[Any], place_of: PlaceOf) -> list[int | None]:
    sorts = set(map(type, values))
    if any(sorts <= alike for alike in _LOOKED_UP_ONCE):
        known = {value: place_of(value) for value in set(values)}
        return [known[value] for value in values]
    return [place_of(value) for value in values]


class _Objects:
    def __init__(self, given: Iterable[Any]) -> None:
        self._objects = list(given)
        for number, one in enumerate(self._objects):
            if type(one) is not dict and not isinstance(one, Mapping):
                raise Invalid(f"object {number}: a table judges an object of named values, not a {type(one).__name__}")
        self.count = len(self._objects)

    def raws(self, name: str) -> Sequence[Any]:
        find = finder(name)
        return [find(one) for one in self._objects]

    def objects(self) -> Iterable[Mapping[str, Any]]:
        return self._objects


class _Lists:
    def __init__(self, given: Mapping[str, Any]) -> None:
        lengths = {}
        for name, values in given.items():
            if not isinstance(values, Sequence) or isinstance(values, str | bytes | bytearray):
                raise Invalid(f"column {name}: a list of values is needed, not a {type(values).__name__}")
            lengths[name] = len(values)
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in list(lengths.items())[:10])
            raise Invalid(f"the columns hold different numbers of values: {told}")
        self._given = given
        self.count = next(iter(lengths.values()), 0)

    def raws(self, name: str) -> Sequence[Any]:
        values = finder(name)(self._given)
        return [MISSING] * self.count if values is MISSING else list(values)

    def objects(self) -> Iterable[Mapping[str, Any]]:
        names = list(self._given)
        return [dict(zip(names, values, strict=True)) for values in zip(*self._given.values(), strict=True)]
