"""One input of a table as its cells see it: which rules may hold at which place of its axis."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from judgify.decision.axis import Axis, axis_of
from judgify.decision.rule import Rule
from judgify.decision.shape import Shape


@dataclass(frozen=True, slots=True)
class Column:
    """The axis of an input, and the stretches of it that each rule with a shape takes.

    `silent` are the rules without a cell here, `unknown` those whose cell has no shape of the axis' kind.
    """

    axis: Axis
    held: Mapping[int, Sequence[range]]
    silent: frozenset[int]
    unknown: frozenset[int]

    def sets(self) -> tuple[int, ...]:
        """Give the rules that may hold by place, as the bits of a number; the unknown may hold anywhere."""
        turns = [0] * (self.axis.count + 1)
        for number, stretches in self.held.items():
            for stretch in stretches:
                turns[stretch.start] ^= 1 << number
                turns[stretch.stop] ^= 1 << number
        found, running = [], bits(self.silent | self.unknown)
        for turn in turns[:-1]:
            running ^= turn
            found.append(running)
        return tuple(found)


def column_of(rules: Sequence[Rule], place: int, also: Iterable[Shape] = ()) -> Column | None:
    """See an input by the shapes of the kind that most of its cells have; None when nothing there has a shape.

    The axis is cut by the shapes of `also`, too, where they are of that kind.
    """
    cells = {rule.index: cell for rule in rules for cell in rule.cells if cell.column == place}
    more = tuple(also)
    kinds = Counter(shape.kind for shape in (*(cell.shape for cell in cells.values()), *more) if shape is not None)
    if not kinds:
        return None
    kind = kinds.most_common(1)[0][0]
    shapes = {
        number: cell.shape for number, cell in cells.items() if cell.shape is not None and cell.shape.kind == kind
    }
    axis = axis_of((*shapes.values(), *(shape for shape in more if shape.kind == kind)), kind)
    silent = frozenset(range(len(rules))) - cells.keys()
    unknown = frozenset(cells.keys() - shapes.keys())
    return Column(axis, {number: axis.places(shape) for number, shape in shapes.items()}, silent, unknown)


def bits(numbers: Iterable[int]) -> int:
    """Give numbers as the bits of one."""
    found = bytearray()
    for number in numbers:
        byte, bit = divmod(number, 8)
        found.extend(bytes(max(0, byte + 1 - len(found))))
        found[byte] |= 1 << bit
    return int.from_bytes(found, "little")


def numbers_of(held: int) -> list[int]:
    """Give the numbers whose bits are set, the lowest first."""
    found = []
    while held:
        lowest = held & -held
        found.append(lowest.bit_length() - 1)
        held ^= lowest
    return found
