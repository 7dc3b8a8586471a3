"""A clock that runs, and shows another time than the machine's."""

from datetime import datetime, timedelta

from judgify.kit.clock import SystemClock


class ShiftedClock(SystemClock):
    """A clock that runs like the machine's, and shows another time."""

    def __init__(self, start: datetime) -> None:
        self._shift = start - super().now()

    def now(self) -> datetime:
        return super().now() + self._shift

    def jump(self, seconds: float) -> None:
        """Move the hands."""
        self._shift += timedelta(seconds=seconds)
