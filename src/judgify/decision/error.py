"""A bad table, told so that it can be mended: where, path, character, mend."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from judgify.kit.errors import Invalid

MAX_LISTED: Final = 200
MAX_LIKENED: Final = 40
MAX_NAMES_LIKENED: Final = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a table.

    Attributes:
        path: Where in the table, as in `rules[3].when.온도`.
        message: What is wrong.
        position: The character of the cell at which it is wrong, counted from 1, where that can be told.
        mend: What to write instead, where that can be told.
    """

    path: str
    message: str
    position: int | None = None
    mend: str | None = None

    def __str__(self) -> str:
        at = f"character {self.position}: " if self.position is not None else ""
        mend = f" ({self.mend})" if self.mend else ""
        return f"{self.path}: {at}{self.message}{mend}" if self.path else f"{at}{self.message}{mend}"

    def to_dict(self) -> dict[str, Any]:
        """Give the mistake as JSON holds it."""
        return {"path": self.path, "message": self.message, "position": self.position, "mend": self.mend}


class TableError(Invalid):
    """The decision table has mistakes; nothing of it was accepted.

    Attributes:
        where: The file or place that the table came from.
        problems: Every mistake found, in the order of the table.
    """

    def __init__(self, where: str, problems: Sequence[Problem]) -> None:
        self.where = where
        self.problems = tuple(problems)
        more = f" — and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(
            f"{where}: {problems[0]}{more}", where=where, problems=[problem.to_dict() for problem in problems]
        )


def listing(words: Iterable[str]) -> str:
    """Name things one after the other, as many as a sentence holds."""
    listed = ""
    for word in words:
        if len(listed) + len(word) > MAX_LISTED:
            return f"{listed}, …" if listed else f"{word[:MAX_LISTED]}…"
        listed = f"{listed}, {word}" if listed else word
    return listed


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Word the nearest known name as a mend; without a near one, name those known."""
    names = list(known)
    # Likeness costs the product of the lengths: only what a person would mistype is compared.
    short = [name for name in names if len(name) <= MAX_LIKENED][:MAX_NAMES_LIKENED]
    near = difflib.get_close_matches(word, short, n=1, cutoff=0.5) if len(word) <= MAX_LIKENED else []
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known: {listing(names)}" if names else None
