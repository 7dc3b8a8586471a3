"""By how much the database's clock is ahead of the engine's: leases are the database's time, due rows the engine's."""

from datetime import datetime, timedelta
from typing import Final

from judgify.kit.clock import Clock

AGAIN_S: Final = 1.0
"""The two clocks are compared at least this often while the store is written to."""
NOISE: Final = timedelta(milliseconds=50)
"""A difference that changed by less is the same one: the way to the server takes its time, too."""


class Skew:
    """Measured by the store with every transaction that is due for it; used to convert the ends of leases."""

    def __init__(self, clock: Clock) -> None:
        """Compare with this clock."""
        self._clock = clock
        self.ahead = timedelta(0)
        """What is added to a moment of the engine's clock to have one of the database's."""
        self.measured: timedelta | None = None
        """The newest measurement, as precise as the way to the server allows; None before the first."""
        self._at: tuple[datetime, float] | None = None

    @property
    def due(self) -> bool:
        """Whether the clocks should be compared anew: never done, a second ago, or our own clock was moved since."""
        if self._at is None:
            return True
        now, elapsed = self._clock.now(), self._clock.monotonic()
        passed = elapsed - self._at[1]
        return passed >= AGAIN_S or abs(now - self._at[0] - timedelta(seconds=passed)) > NOISE

    def take(self, database: datetime) -> None:
        """Take what the database's clock showed just now."""
        now = self._clock.now()
        first, self._at = self._at is None, (now, self._clock.monotonic())
        self.measured = database - now
        if first or abs(self.measured - self.ahead) > NOISE:
            self.ahead = self.measured

    def to_database(self, moment: datetime) -> datetime:
        """Give a moment of the engine's clock as one of the database's."""
        return moment + self.ahead

    def to_engine(self, moment: datetime) -> datetime:
        """Give a moment of the database's clock as one of the engine's."""
        return moment - self.ahead
