"""A bad model, told so that it can be mended: line, place, character, mend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from judgify.kit.errors import Invalid


@dataclass(frozen=True, slots=True)
class ModelProblem:
    """One mistake in a model.

    Attributes:
        message: What is wrong.
        line: The line of the XML file, counted from 1, where there is one.
        place: Where in the model, as in `decision "Routing": rule 3: Age`.
        position: The character of the expression at which it is wrong, counted from 1, where that can be told.
        mend: What to write instead, where that can be told.
    """

    message: str
    line: int | None = None
    place: str = ""
    position: int | None = None
    mend: str | None = None

    def __str__(self) -> str:
        parts = [f"line {self.line}" if self.line is not None else "", self.place]
        parts += [f"character {self.position}" if self.position is not None else "", self.message]
        return ": ".join(part for part in parts if part) + (f" ({self.mend})" if self.mend else "")

    def to_dict(self) -> dict[str, Any]:
        """Give the mistake as JSON holds it."""
        return {
            "line": self.line,
            "place": self.place,
            "position": self.position,
            "message": self.message,
            "mend": self.mend,
        }


class ModelError(Invalid):
    """The model has mistakes; nothing of it was accepted.

    Attributes:
        where: The file or place that the model came from.
        problems: Every mistake found, in the order of the file.
    """

    def __init__(self, where: str, problems: Sequence[ModelProblem]) -> None:
        self.where = where
        self.problems = tuple(problems)
        more = f" — and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(
            f"{where}: {problems[0]}{more}", where=where, problems=[problem.to_dict() for problem in problems]
        )
