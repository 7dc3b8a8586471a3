"""Item definitions to types.

Standard: DMN 1.5, 7.3.2. Definitions may name each other in any order, and themselves through a member or a list;
`allowedValues` hold for each item of a collection, `typeConstraint` for the whole value.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from judgify.decision.dmn.definition import Item
from judgify.decision.dmn.error import ModelProblem
from judgify.decision.dmn.form import one_name
from judgify.decision.feel.ast import TypeNode
from judgify.decision.feel.error import FeelError
from judgify.decision.feel.function import BUILTINS
from judgify.decision.feel.parser import parse_type
from judgify.decision.feel.type import (
    ANY,
    ConstrainedType,
    ContextType,
    FunctionType,
    ListType,
    NamedType,
    Type,
    named,
)
from judgify.decision.feel.type_compiler import Types as Written

Tests = Callable[[str], Callable[[object], bool]]
"""Compiles unary tests to what tells whether a value passes them; may raise `FeelError`."""


class Types:
    """The types of one model: its own, those of the models that it imports, and FEEL's.

    Attributes:
        known: The types by name, as FEEL expressions of the model may name them.
        members: The names of all components.
        problems: The mistakes found, each once; a type that is not known stands as `Any`.

    A type may be written as FEEL writes it, too: `list<tLoan>`, `range<number>`, `function<number> -> string`.
    """

    def __init__(self, items: Iterable[Item], imported: Mapping[str, Type], tests: Tests) -> None:
        self.known: dict[str, Type] = dict(imported)
        self.members: set[str] = set()
        self.problems: dict[ModelProblem, None] = {}
        self.tests = tests
        own = list(items)
        targets = {item.name: NamedType(item.name, ANY) for item in own}
        self.known |= targets
        for item in own:
            targets[item.name].target = self._type(item, f'item definition "{item.name}"')
        self._break_circles(targets, {item.name: item.line for item in own})

    def get(self, reference: str | None, line: int | None = None, place: str = "") -> Type | None:
        """Give the type of a name; None for no name and for `Any`, which checks nothing."""
        if reference is None:
            return None
        found = self.known.get(reference) or named(reference) or named(reference.rpartition(":")[2])
        if found is None:
            found = self._written(reference) if "<" in reference else None
        if found is None:
            self.problems[ModelProblem(f'the type "{reference}" is not defined', line, place)] = None
        return None if found is ANY else found

    def _written(self, reference: str) -> Type | None:
        try:
            node = parse_type(reference, self.known)
        except FeelError:
            return None
        self.members.update(key for part in _nodes(node) for key in part.keys)
        return Written(self.known).made(node)

    @property
    def spaced(self) -> frozenset[str]:
        """The names of components that are no single word."""
        return frozenset(name for name in self.members if not name.isidentifier() and name not in BUILTINS)

    def _type(self, item: Item, place: str) -> Type:
        base = self._base(item, place)
        if item.allowed is not None:
            base = self._constrained(base, item.allowed, item, place)
        if item.collection:
            base = ListType(base)
        if item.constraint is not None:
            base = self._constrained(base, item.constraint, item, place)
        return base

    def _base(self, item: Item, place: str) -> Type:
        if item.components:
            self.members.update(one.name for one in item.components)
            return ContextType({one.name: self._type(one, f"{place}: {one.name}") for one in item.components})
        if item.function is not None:
            parameters, result = item.function
            taken = tuple(self._reference(one.type_ref, item, place) for one in parameters)
            return FunctionType(taken, self._reference(result, item, place))
        return self._reference(item.type_ref, item, place)

    def _reference(self, reference: str | None, item: Item, place: str) -> Type:
        return self.get(reference, item.line, place) or ANY

    def _constrained(self, base: Type, text: str, item: Item, place: str) -> Type:
        try:
            return ConstrainedType(base, self.tests(text), text.strip())
        except FeelError as error:
            problem = ModelProblem(error.message, item.line, f"{place}: {text.strip()}", error.position, error.mend)
            self.problems[problem] = None
            return base

    def _break_circles(self, targets: Mapping[str, NamedType], lines: Mapping[str, int]) -> None:
        """Find names that lead to nothing but themselves, and let them stand as `Any`."""
        for name, start in targets.items():
            if any(step is start for step in _steps(start.target)):
                start.target = ANY
                self.problems[ModelProblem(f'the type "{name}" is defined by itself', lines[name])] = None


def _steps(found: Type) -> Iterator[Type]:
    """Follow names and constraints downward, as `settled` would, but not for ever."""
    seen: list[Type] = []
    while isinstance(found, NamedType | ConstrainedType) and not any(found is one for one in seen):
        seen.append(found)
        yield found
        found = found.target if isinstance(found, NamedType) else found.base


def _nodes(node: TypeNode) -> Iterator[TypeNode]:
    yield node
    for item in (*node.items, *filter(None, (node.result,))):
        yield from _nodes(item)


def prefixed(name: str, alias: str) -> str:
    """Give the name of an imported element or type as the importing model writes it."""
    return one_name(f"{alias}.{name}") if alias else name
