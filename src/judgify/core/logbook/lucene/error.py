"""A query that cannot be run, and the character that it fails at."""

import unicodedata
from typing import Final

from judgify.kit.errors import Malformed

_AROUND: Final = 60
"""Characters of the query that are shown on each side of the fault."""


class QueryError(Malformed):
    """The query cannot be read.

    `offset` counts characters from 0, `line` and `column` from 1; `arrow` is the query's line with a caret under the
    character; `instead` says what to write. Nothing is ever guessed: what is not understood ends here.
    """

    slug = "query-malformed"

    def __init__(self, query: str, offset: int, what: str, instead: str) -> None:
        """Point at `offset` of the query; it may be one past the end, where something is missing."""
        self.offset = offset
        before = query[:offset]
        self.line = before.count("\n") + 1
        self.column = offset - (before.rfind("\n") + 1) + 1
        super().__init__(
            f"the query cannot be read at character {offset + 1}: {what}; {instead}",
            offset=offset,
            line=self.line,
            column=self.column,
            arrow=_arrow(query, offset),
            instead=instead,
        )


def _arrow(query: str, offset: int) -> str:
    """Two lines: the query around the fault, and a caret under it. A Hangul syllable is two columns wide."""
    start = query.rfind("\n", 0, offset) + 1
    end = query.find("\n", offset)
    end = len(query) if end < 0 else end
    left, right = max(start, offset - _AROUND), min(end, offset + _AROUND)
    head = "…" if left > start else ""
    tail = "…" if right < end else ""
    shown = "".join(character if character.isprintable() else " " for character in query[left:right])
    width = len(head) + sum(_columns(character) for character in shown[: offset - left])
    return f"{head}{shown}{tail}\n{' ' * width}^"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
