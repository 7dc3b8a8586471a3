"""What a query says, as a tree of values. `at` is the offset of a part's first character in the query."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias


class Wild(Enum):
    """A wildcard: any run of characters, or exactly one."""

    ANY = "*"
    ONE = "?"


Pieces: TypeAlias = tuple[str | Wild, ...]
"""A word taken apart: text that stands for itself, and wildcards."""

Operator: TypeAlias = Literal[">", ">=", "<", "<="]


def literal(pieces: Pieces) -> str | None:
    """Give the text of a word without wildcards; None where it has one."""
    return None if any(isinstance(piece, Wild) for piece in pieces) else "".join(map(str, pieces))


@dataclass(frozen=True, slots=True)
class Everything:
    """Every line: `*` and `*:*`."""

    at: int


@dataclass(frozen=True, slots=True)
class Term:
    """A word, perhaps with wildcards. `field` is None where the query names none; then the message is meant."""

    field: str | None
    pieces: Pieces
    at: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text in quotes; wildcards in it stand for themselves."""

    field: str | None
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range; `text` None is an open end. `inclusive`: the end itself belongs to it."""

    text: str | None
    inclusive: bool
    at: int


@dataclass(frozen=True, slots=True)
class Range:
    """Values from one end to the other. A comparison such as `>=10` is a range with one open end."""

    field: str | None
    low: Bound
    high: Bound
    at: int


@dataclass(frozen=True, slots=True)
class Exists:
    """The line has a value in this field."""

    field: str
    at: int


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Every line but these; a line without the field is among them."""

    item: "Node"


Leaf: TypeAlias = Everything | Term | Phrase | Range | Exists
Node: TypeAlias = Leaf | And | Or | Not
