"""A quick override: somebody stands in for a schedule or a person for a while, made outside the guide."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, Field

from judgify.response.kept import Kept
from judgify.response.model import Actor, Value
from judgify.response.oncall.schedule import Override

STAND_IN: Final = "stand-in"
"""Under which kind stand-ins are kept."""


class StandIn(Value):
    """Who stands in for what, from when until when (excluded). It ends by itself, and is kept for the record."""

    id: str
    target: str = Field(min_length=1, max_length=60)
    """A schedule of oncall.yaml, or a person of contacts.yaml."""
    person: str = Field(min_length=1, max_length=60)
    start: AwareDatetime
    end: AwareDatetime
    reason: str = Field(default="", max_length=500)
    by: Actor
    made_at: AwareDatetime
    cancelled_at: AwareDatetime | None = None
    source: str = Field(default="", max_length=200)
    """The event of a calendar that it was read from; the same one read again replaces it."""

    @property
    def override(self) -> Override:
        """Give it as the arithmetic of schedules takes it; one that was cancelled ends at its cancelling."""
        return Override(self.id, self.person, self.start, self.ends, self.made_at)

    @property
    def ends(self) -> datetime:
        """When it ends, or was cancelled."""
        if self.cancelled_at is None:
            return self.end
        return max(self.start, min(self.end, self.cancelled_at))

    def is_over(self, now: datetime) -> bool:
        """Tell whether it counts no more: it ended, or was taken back, be it before it began."""
        return self.ends <= max(now, self.start)


def read(kept: Kept) -> StandIn:
    """Give the stand-in that is kept."""
    return StandIn.model_validate(kept.body["stand_in"])


def current(kept: Iterable[Kept], now: datetime) -> list[StandIn]:
    """Give those that have not ended."""
    return [one for one in map(read, kept) if not one.is_over(now)]
