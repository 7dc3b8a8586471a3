"""The tree of an expression; every node knows the character (from 1) at which it stands."""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant, already a canonical value."""

    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """An input by its name."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Member:
    """`base.key` of a mapping."""

    base: "Node"
    key: str
    at: int


@dataclass(frozen=True, slots=True)
class Negate:
    """Unary minus."""

    operand: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left symbol right` with + - * /."""

    symbol: str
    left: "Node"
    right: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left symbol right` with < <= > >= = !=."""

    symbol: str
    left: "Node"
    right: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Logic:
    """`left and right`, `left or right`."""

    symbol: str
    left: "Node"
    right: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Choice:
    """`if condition then yes else no`."""

    condition: "Node"
    yes: "Node"
    no: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Membership:
    """`subject in (tests)`."""

    subject: "Node"
    tests: "Tests"
    at: int


@dataclass(frozen=True, slots=True)
class Test:
    """One unary test with an operator; a bare expression is the test `=`."""

    symbol: str
    operand: "Node"
    at: int


@dataclass(frozen=True, slots=True)
class Interval:
    """One unary test by two end points, each of them inside or outside."""

    low: "Node"
    high: "Node"
    low_closed: bool
    high_closed: bool
    at: int


@dataclass(frozen=True, slots=True)
class Tests:
    """What a cell holds: any of the items, or with `negated` none of them; no items at all is `-`."""

    items: tuple[Test | Interval, ...]
    negated: bool
    at: int


Node: TypeAlias = Literal | Name | Member | Negate | Arithmetic | Comparison | Logic | Choice | Membership
