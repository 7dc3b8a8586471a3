"""Where checks put what they find."""

from collections.abc import Iterable, Mapping
from typing import Final

from judgify.response.guide.base import GuideProblem
from judgify.response.guide.record import did_you_mean

_WHERE: Final[Mapping[str, str]] = {
    "role": "contacts.yaml",
    "person": "contacts.yaml",
    "service": "services.yaml",
    "signal": "signals.yaml",
    "rule": "signals.yaml",
    "runbook": "runbooks/",
    "schedule": "oncall.yaml",
    "channel": "channels.yaml",
    "finding": "the list of findings",
}
"""Where each kind of name is defined."""


class Report:
    """The problems of one check run; `todo` is a warning, and an error in production."""

    def __init__(self, prefix: str, *, production: bool) -> None:
        """Begin empty; `prefix` is written before file names."""
        self._prefix = prefix
        self._production = production
        self.problems: list[GuideProblem] = []

    def error(self, file: str, path: str, message: str, mend: str) -> None:
        """Note a mistake."""
        self.problems.append(GuideProblem(self._prefix + file, path, message, mend))

    def warn(self, file: str, path: str, message: str, mend: str) -> None:
        """Note something that should be looked at."""
        self.problems.append(GuideProblem(self._prefix + file, path, message, mend, "warning"))

    def todo(self, file: str, path: str, message: str, mend: str) -> None:
        """Note something that is still to be filled in."""
        (self.error if self._production else self.warn)(file, path, message, mend)

    def known(self, file: str, path: str, what: str, name: str, known: Iterable[str]) -> bool:
        """Check that a name is among the known ones; else say where it was looked for and which one is near."""
        names = list(known)
        if name in names:
            return True
        self.error(file, path, f'{what} "{name}" is not in {_WHERE[what]}', did_you_mean(name, names))
        return False
