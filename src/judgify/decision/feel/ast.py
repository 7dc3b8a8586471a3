"""The tree of an expression; every node knows the character (from 1) at which it stands, and compares without it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant, already a canonical value."""

    value: Any
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A value by its name; `?` is the value that a unary test looks at."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    """`base.key` of a context, of every context of a list, or of a date, duration or range."""

    base: "Node"
    key: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """`base[condition]`: the members that pass, or the one at an index."""

    base: "Node"
    condition: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`callee(arguments)`; `names` gives the parameters by name, or is None when they go by position."""

    callee: "Node"
    arguments: tuple["Node", ...]
    names: tuple[str, ...] | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Negate:
    """Unary minus."""

    operand: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left symbol right` with + - * / **."""

    symbol: str
    left: "Node"
    right: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left symbol right` with < <= > >= = !=."""

    symbol: str
    left: "Node"
    right: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Between:
    """`subject between low and high`, both ends included."""

    subject: "Node"
    low: "Node"
    high: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Logic:
    """`left and right`, `left or right`."""

    symbol: str
    left: "Node"
    right: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """`if condition then yes else no`."""

    condition: "Node"
    yes: "Node"
    no: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Membership:
    """`subject in tests`."""

    subject: "Node"
    tests: "Tests"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class InstanceOf:
    """`subject instance of type`."""

    subject: "Node"
    type: "TypeNode"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Items:
    """`[a, b]`."""

    items: tuple["Node", ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Entries:
    """`{key: value}`; a value sees the entries before it."""

    entries: tuple[tuple[str, "Node"], ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Interval:
    """Two end points, each of them inside or outside: a range, and as a unary test what lies in it."""

    low: "Node"
    high: "Node"
    low_closed: bool
    high_closed: bool
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Bound:
    """`(> a)`: a range with one end point."""

    symbol: str
    operand: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Source:
    """`name in values`, or `name in first..last` when there is a `last`."""

    name: str
    values: "Node"
    last: "Node | None" = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class For:
    """`for sources return body`."""

    sources: tuple[Source, ...]
    body: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Quantified:
    """`some|every sources satisfies condition`."""

    quantifier: str
    sources: tuple[Source, ...]
    condition: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypeNode:
    """A type by its name; `items` are its type arguments, `keys` their names in a context, `result` a function's."""

    name: str
    items: tuple["TypeNode", ...] = ()
    keys: tuple[str, ...] = ()
    result: "TypeNode | None" = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Lambda:
    """`function(parameters) body`; an `external` one is read, and never runs."""

    parameters: tuple[tuple[str, TypeNode | None], ...]
    body: "Node"
    external: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Test:
    """One unary test with an operator; a bare expression is the test `=`."""

    symbol: str
    operand: "Node"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Tests:
    """What a cell holds: any of the items, or with `negated` none of them; no items at all is `-`."""

    items: tuple[Test | Interval, ...]
    negated: bool
    at: int = field(default=0, compare=False)


Node: TypeAlias = (
    Literal
    | Name
    | Member
    | Filter
    | Call
    | Negate
    | Arithmetic
    | Comparison
    | Between
    | Logic
    | Choice
    | Membership
    | InstanceOf
    | Items
    | Entries
    | Interval
    | Bound
    | For
    | Quantified
    | Lambda
)
Part: TypeAlias = Node | Source | Test | Tests

SUBJECT = "?"
"""The name of the value that a unary test looks at."""


def _parts(value: Any) -> Iterator[Part]:
    if isinstance(value, tuple):
        for member in value:
            yield from _parts(member)
    elif not isinstance(value, str | TypeNode) and hasattr(value, "at"):
        yield value


def children(node: Part) -> Iterator[Part]:
    """Give the parts of which a node is made, in the order of the text."""
    if not isinstance(node, Literal):
        for part in fields(node):
            yield from _parts(getattr(node, part.name))


def walk(node: Part) -> Iterator[tuple[Part, int]]:
    """Give a node and everything below it, each with its depth, without recursion."""
    rest: list[tuple[Part, int]] = [(node, 1)]
    while rest:
        part, depth = rest.pop()
        yield part, depth
        rest.extend((child, depth + 1) for child in children(part))


def mentions(node: Part, name: str) -> bool:
    """Tell whether a name stands anywhere in a node."""
    return any(isinstance(part, Name) and part.name == name for part, _ in walk(node))
