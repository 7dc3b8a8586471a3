"""What every part of the guide is built of: frozen records, texts in two languages, placeholders, problems."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from judgify.kit.errors import Invalid

Lang = Literal["ko", "en"]
SeverityName = Literal["P0", "P1", "P2", "P3"]
SEVERITIES: Final[tuple[SeverityName, ...]] = ("P0", "P1", "P2", "P3")
"""Worst first: the order in which severities compare."""

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
"""Names of roles, persons, rules, steps: lower case, digits, single hyphens."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=60)]
"""Names of signals, facts and findings: lower case, digits, single underscores."""
Line = Annotated[str, Field(min_length=1, max_length=500)]
"""One line of wording, never empty."""
SecretRef = Annotated[str, Field(pattern=r"^(env|secret):[A-Za-z_][A-Za-z0-9_]{0,80}$")]
"""Where a secret is kept: `env:NAME` or `secret:NAME` (a file in the state folder's `secrets`). Never the secret."""
Minutes = Annotated[int, Field(ge=0, le=60 * 24 * 30)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]

_PLACEHOLDERS: Final = ("____", "XXXX", "-XX")


class Model(BaseModel):
    """A record of the guide: immutable, nothing converted silently, an unknown field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Text(Model):
    """Wording in the guide's two languages; Korean is the default one."""

    ko: Line
    en: Line

    def of(self, lang: Lang = "ko") -> str:
        """Give the wording in one language."""
        return self.ko if lang == "ko" else self.en


def unfilled(value: str | None) -> bool:
    """Say whether a value is empty or still one of the placeholders of section 9.3 (`_______`, `+82-10-XXXX`)."""
    return not value or any(mark in value for mark in _PLACEHOLDERS)


@dataclass(frozen=True, slots=True)
class GuideProblem:
    """One mistake: where it is and what would mend it. `level` error stops the guide from loading."""

    file: str
    path: str
    message: str
    mend: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """Read like `guide/escalation.yaml: rows[2].P1: role "team-led" is not in … (did you mean "team-lead"?)`."""
        where = f"{self.file}: {self.path}" if self.path else self.file
        return f"{where}: {self.message} ({self.mend})"


class GuideError(Invalid):
    """The guide cannot be used; each problem names file, path and mend."""

    slug = "guide-invalid"

    def __init__(self, problems: list[GuideProblem]) -> None:
        """Keep every problem found, not only the first."""
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))
