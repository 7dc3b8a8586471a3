"""SQL statements that differ only in their values are one statement. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from judgify.kit.clock import iso

MAX_STATEMENTS: Final = 5_000
"""Statements that are counted at once; further ones are counted together as others."""
WIDTH: Final = 2_000
"""Characters of a statement that are kept and shown."""
_VALUE: Final = re.compile(
    r"""
      (?P<name>"(?:[^"]|"")*")
    | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<value>\b[eEbBxXnN]?'(?:[^'\\]|''|\\.)*(?:'|\Z)|'(?:[^']|'')*(?:'|\Z)|\$(\w*)\$.*?(?:\$\4\$|\Z)
        |\$\d+|(?<![\w$.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)
    """,
    re.VERBOSE | re.DOTALL,
)
_LIST: Final = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_LISTS: Final = re.compile(r"\((?:\?|\?, …)\)(?:\s*,\s*\((?:\?|\?, …)\))+")


def normalised(statement: str) -> str:
    """Give a statement with `?` for every value, lists of values shortened, comments and line breaks gone."""
    text = _VALUE.sub(_replaced, statement[:WIDTH])
    text = " ".join(text.split()).rstrip("; ")
    text = _LIST.sub("(?, …)", text)
    return _LISTS.sub("(?, …)", text)


def _replaced(found: re.Match[str]) -> str:
    if found.lastgroup == "name":
        return found[0]
    return " " if found.lastgroup == "comment" else "?"


@dataclass(slots=True)
class Slow:
    """How long a statement took, all its runs together."""

    statement: str
    example: str
    last_seen: datetime
    count: int = 0
    max_ms: float = 0.0
    total_ms: float = 0.0

    def document(self) -> dict[str, Any]:
        """The JSON form; times in milliseconds."""
        return {
            "statement": self.statement,
            "count": self.count,
            "max_ms": round(self.max_ms, 3),
            "mean_ms": round(self.total_ms / self.count, 3),
            "total_ms": round(self.total_ms, 3),
            "last_seen": iso(self.last_seen),
            "example": self.example,
        }


class Tally:
    """Adds runs up by statement in bounded memory."""

    def __init__(self, most: int = MAX_STATEMENTS) -> None:
        """Count at most so many different statements."""
        self._most = most
        self._found: dict[str, Slow] = {}
        self.examined = 0
        self.others = 0

    def add(self, time: datetime, duration_ms: float, statement: str) -> None:
        """Count one run."""
        self.examined += 1
        text = normalised(statement)
        known = self._found.get(text)
        if known is None:
            if len(self._found) >= self._most:
                self.others += 1
                return
            known = self._found[text] = Slow(text, statement[:WIDTH], time)
        known.count += 1
        known.total_ms += duration_ms
        known.last_seen = max(known.last_seen, time)
        if duration_ms > known.max_ms:
            known.max_ms = duration_ms
            known.example = statement[:WIDTH]

    def top(self, limit: int) -> Sequence[Slow]:
        """Give the statements that took the most time in all."""
        return sorted(self._found.values(), key=lambda one: (-one.total_ms, one.statement))[:limit]
