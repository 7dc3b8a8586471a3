"""Turns that follow each other at the same wall time: daily, weekly, or of any length in hours, days or weeks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from judgify.response.oncall.local_time import instant, on_wall

Unit = Literal["hours", "days", "weeks"]
_HOURS: Final[dict[Unit, int]] = {"hours": 1, "days": 24, "weeks": 168}


@dataclass(frozen=True, slots=True)
class Rotation:
    """Turn 0 begins at `start`, each next one `every` units later as clocks on the wall tell time in `zone`.

    So a turn that spans a daylight-saving change is an hour shorter or longer, and the hand-over stays at its hour.
    """

    zone: ZoneInfo
    start: datetime
    """Naive local time."""
    every: int
    unit: Unit

    @property
    def length(self) -> timedelta:
        """Give a turn's length on the wall."""
        return timedelta(hours=self.every * _HOURS[self.unit])

    def handover(self, turn: int) -> datetime:
        """Give the instant (UTC) at which a turn begins."""
        return instant(self.start + turn * self.length, self.zone)

    def turn(self, moment: datetime) -> int | None:
        """Give the number of the turn at a moment, or None before the first. A turn begins at its hand-over."""
        turn = (on_wall(moment, self.zone) - self.start) // self.length
        # In an hour that occurs twice the wall may show a time before a hand-over that has been: it is never ahead.
        while self.handover(turn + 1) <= moment:
            turn += 1
        return turn if turn >= 0 else None

    def handovers(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Give every hand-over with after < instant < until, in order, each once."""
        turn = self.turn(after)
        turn = 0 if turn is None else turn + 1
        last = after
        while (moment := self.handover(turn)) < until:
            if moment > last:
                yield moment
                last = moment
            turn += 1

    def next_handover(self, after: datetime) -> datetime:
        """Give the first hand-over after a moment."""
        turn = self.turn(after)
        return self.handover(0 if turn is None else turn + 1)
