"""When a layer serves at all: weekly windows on the wall, some of them closed on holidays."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from judgify.response.oncall.local_time import instant, on_wall

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """One window of each week; 0 = Monday. An end that is not after the start lies on the next day."""

    days: frozenset[int]
    start: time
    end: time

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Give the instants between which the window that begins on a day is open."""
        ends = day + _DAY if self.end <= self.start else day
        return instant(datetime.combine(day, self.start), zone), instant(datetime.combine(ends, self.end), zone)


@dataclass(frozen=True, slots=True)
class Restriction:
    """Open while one of the windows is; a window that begins on a closed day does not open."""

    zone: ZoneInfo
    windows: tuple[Window, ...]
    closed: frozenset[date] = frozenset()

    def open_at(self, moment: datetime) -> bool:
        """Tell whether a moment lies within a window; the end is excluded."""
        today = on_wall(moment, self.zone).date()
        return any(start <= moment < end for start, end in self._opened(today - _DAY, today))

    def edges(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Give every beginning and end with after < instant < until, in no order."""
        first, last = (on_wall(moment, self.zone).date() for moment in (after, until))
        for span in self._opened(first - _DAY, last):
            yield from (edge for edge in span if after < edge < until)

    def _opened(self, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
        day = first
        while day <= last:
            for window in self.windows:
                if day.weekday() in window.days and day not in self.closed:
                    yield window.on(day, self.zone)
            day += _DAY
