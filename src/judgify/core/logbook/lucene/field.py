"""The names that a query may use, and what kind of value each holds."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["time", "level", "text", "keyword", "json"]

_COLUMNS: Final[dict[str, tuple[Kind, str]]] = {
    "@timestamp": ("time", "time"),
    "timestamp": ("time", "time"),
    "time": ("time", "time"),
    "received_at": ("time", "received_at"),
    "level": ("level", "level"),
    "message": ("text", "message"),
    "service": ("keyword", "service"),
    "request_id": ("keyword", "request_id"),
    "source": ("keyword", "source"),
}
LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
"""The levels and the numbers that the table keeps; they order the names."""
LEVEL_ALIASES: Final = {"WARN": 30, "FATAL": 50, "NOTICE": 20, "TRACE": 10, "EXCEPTION": 40}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,200}(\.[0-9]{1,200})?([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Field:
    """Where a name's values are: in a column, or at a path inside the column `fields`."""

    name: str
    kind: Kind
    column: str
    path: tuple[str, ...] = ()


def field_of(name: str | None) -> Field:
    """Find a name: a column's, else a path in `fields` (`fields.a.b` is `a.b`). No name is the message."""
    if name is None:
        return Field("message", "text", "message")
    known = _COLUMNS.get(name)
    if known is not None:
        return Field(name, *known)
    return Field(name, "json", "fields", tuple(name.removeprefix("fields.").split(".")))


def number_of(text: str) -> Decimal | None:
    """Read a number as it would be read in a field's value; None where the text is none."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def level_of(text: str) -> int | None:
    """Give the number of a level's name, in any case and with the usual other names."""
    name = text.upper()
    return LEVELS.get(name, LEVEL_ALIASES.get(name))
