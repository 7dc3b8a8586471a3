"""Where names lead: the caller's values at the top, and the frames of loops, contexts and functions within.

At run time a scope is what the caller gave, or a frame: a list of the scope around it and of its own values.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.value import deep

Run = Callable[[Any], Any]
"""Works an expression out in a scope."""


class Code(NamedTuple):
    """A compiled expression: what runs, the kind it yields if known, and whether it is constant."""

    run: Run
    kind: str | None
    constant: bool = False


class Names(Protocol):
    """Where names lead outside an expression: the scope of a compilation.

    Attributes:
        raw: Whether values come as the caller has them, their members not yet in the engine's form.
        closed: Whether `resolve` refuses a name that nobody declared.
    """

    raw: bool
    closed: bool

    def declares(self, name: str) -> bool:
        """Tell whether the name is known to be there; it then hides a built-in function of that name."""

    def resolve(self, name: str, at: int) -> tuple[Run, str | None]:
        """Give what loads the name's value (null as None), and its kind where it is declared.

        Raises:
            FeelError: No such name.
        """


class Block:
    """The names of one frame, each with its place; the place 0 is the scope around it."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.places: dict[str, int] = {}
        self.size = 1
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Give a name the next place."""
        self.places[name] = self.size
        self.size += 1


class ItemBlock(Block):
    """The frame of a filter: `item`, and whatever members the item has."""

    def __init__(self) -> None:
        super().__init__(("item",))


def _own(place: int) -> Run:
    return lambda scope: scope[place]


def _around(run: Run) -> Run:
    return lambda scope: run(scope[0])


def _converted(run: Run) -> Run:
    def load(scope: Any) -> Any:
        value = run(scope)
        return deep(value) if isinstance(value, list | Mapping) else value

    return load


def _item(scope: Any) -> Any:
    item = scope[1]
    return item["item"] if type(item) is dict and "item" in item else item


def _member(name: str, around: Run) -> Run:
    def load(scope: Any) -> Any:
        item = scope[1]
        return item[name] if type(item) is dict and name in item else around(scope[0])

    return load


def _missing(name: str, at: int) -> Run:
    def load(_: Any) -> Any:
        raise EvaluationError("missing", name=name, at=at)

    return load


class Chain:
    """The blocks around a place of an expression."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.blocks: list[Block] = []

    def holds(self, name: str) -> bool:
        """Tell whether the name is one of the expression's own."""
        return any(name in block.places for block in self.blocks)

    def load(self, name: str, at: int, level: int | None = None, *, whole: bool = True) -> Code:
        """Give what loads a name from the frame of a level, the innermost by default.

        Args:
            name: The name.
            at: Where it stands.
            level: How many blocks there are around.
            whole: Give a list or context from outside with all its members in the engine's form.

        Raises:
            FeelError: No such name; inside a filter the item may have it, so there it is told at run time.
        """
        level = len(self.blocks) if level is None else level
        if not level:
            run, kind = self.names.resolve(name, at)
            return Code(_converted(run) if whole and self.names.raw else run, kind)
        block = self.blocks[level - 1]
        if isinstance(block, ItemBlock):
            return self._of_item(name, at, level, whole=whole)
        if name in block.places:
            return Code(_own(block.places[name]), None)
        code = self.load(name, at, level - 1, whole=whole)
        return Code(_around(code.run), code.kind)

    def _of_item(self, name: str, at: int, level: int, *, whole: bool) -> Code:
        if name == "item":
            return Code(_item, None)
        try:
            around = self.load(name, at, level - 1, whole=whole).run
        except FeelError:
            around = _missing(name, at)
        return Code(_member(name, around), None)
