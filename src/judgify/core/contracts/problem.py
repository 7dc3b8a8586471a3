"""A mistake in a workflow document: where, what, and how to mend it."""

from collections.abc import Sequence
from dataclasses import dataclass

from judgify.kit.errors import Invalid


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: a path as in `tables[0].rules[2].when.온도`, a sentence, and a mend."""

    path: str
    message: str
    mend: str | None = None

    def __str__(self) -> str:
        mend = f" ({self.mend})" if self.mend else ""
        return f"{self.path}: {self.message}{mend}" if self.path else f"{self.message}{mend}"

    def to_dict(self) -> dict[str, str | None]:
        """Give the mistake as JSON holds it."""
        return {"path": self.path, "message": self.message, "mend": self.mend}


class DocumentError(Invalid):
    """The workflow has mistakes; nothing of it was accepted."""

    slug = "workflow-invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep every mistake; the detail tells the first."""
        self.problems = tuple(problems)
        more = f" — and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}", problems=[problem.to_dict() for problem in problems[:50]])
