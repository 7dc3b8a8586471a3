"""From looks to turns: two failed in a row are "down"; nothing is said while the prober is in doubt. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from judgify.response.intake.probe import Look

Condition = Literal["unknown", "good", "not-ready", "unhealthy", "down"]
"""What a service is, as far as its looks tell; the words are also the names of the signals."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many failed looks in a row make a condition; numbers of the guide's catalogue."""

    down_after: int = 2
    not_ready_after: int = 4
    unhealthy_after: int = 6


@dataclass(frozen=True, slots=True)
class Turn:
    """A service that passed from one condition into another. `since` is the first look that showed the new one."""

    service: str
    before: Condition
    condition: Condition
    since: datetime
    at: datetime
    look: Look


class Track:
    """The memory of one service's looks.

    A look that the prober itself doubts leaves everything as it is, the counts of failures included. One good look ends
    any condition: how long good must last to count as recovered is the engine's question, not the probe's.
    """

    def __init__(self, service: str, thresholds: Thresholds) -> None:
        """Begin without having seen the service."""
        self.service = service
        self.condition: Condition = "unknown"
        self.last: Look | None = None
        self.last_at: datetime | None = None
        self.good_at: datetime | None = None
        self._thresholds = thresholds
        self._failing: Condition | None = None
        self._count = 0
        self._since: datetime | None = None

    @property
    def suspicious(self) -> bool:
        """Whether a failure was seen that has not yet become a condition: look again soon."""
        return self._failing is not None and self._failing != self.condition

    def add(self, look: Look, at: datetime, *, prober_well: bool) -> Turn | None:
        """Take in one look; gives the turn when the condition changed."""
        if look.late or (not look.live and not prober_well):
            return None
        self.last, self.last_at = look, at
        seen = _seen(look)
        if seen != self._failing:
            # A worse or a better failure is counted anew, but it began when the service first failed.
            self._count = 0
            if self._failing is None or seen is None:
                self._since = at
            self._failing = seen
        self._count += 1
        if seen is None:
            self.good_at = at
            return self._turn("good", at, look)
        if self._count >= self._needed(seen):
            return self._turn(seen, at, look)
        return None

    def _needed(self, seen: Condition) -> int:
        if seen == "down":
            return self._thresholds.down_after
        return self._thresholds.not_ready_after if seen == "not-ready" else self._thresholds.unhealthy_after

    def _turn(self, condition: Condition, at: datetime, look: Look) -> Turn | None:
        if condition == self.condition:
            return None
        before, self.condition = self.condition, condition
        return Turn(self.service, before, condition, self._since or at, at, look)


def _seen(look: Look) -> Condition | None:
    if not look.live:
        return "down"
    if look.ready is False:
        return "not-ready"
    return None if look.good else "unhealthy"
