"""A bad table, told so that it can be mended: where, path, character, mend."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from judgify.kit.errors import Invalid


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


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Word the nearest known name as a mend; without a near one, name what is known while that is short."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f'did you mean "{near[0]}"?'
    listed = ", ".join(names)
    return f"known: {listed}" if names and len(listed) <= 200 else None
