"""The values of FEEL that speak of time: immutable, hashable, exact to the nanosecond.

They are types of our own because FEEL's years reach beyond `datetime`, its seconds beyond microseconds, and its zones
are part of the value. `==` is FEEL's `=`: two moments are equal when they are the same instant, whatever their zones
are called; one with a zone never equals one without.
"""

from dataclasses import dataclass
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.temporal_calendar import civil, days_in_month, days_of, weekday
from judgify.decision.feel.temporal_zone import (
    DAY,
    MAX_OFFSET,
    Zone,
    is_known,
    offset_at_instant,
    offset_at_local,
    usual_offset,
)

MAX_YEAR: Final = 999_999_999
SECOND: Final = 1_000_000_000
"""Nanoseconds of a second."""
DAY_NS: Final = DAY * SECOND
MAX_SPAN: Final = 2 * (MAX_YEAR + 1) * 366
"""Days of the longest duration: as far as two dates can lie apart."""


def _refuse(condition: bool, value: Any) -> None:  # noqa: FBT001 - private, one meaning
    if condition:
        raise EvaluationError("out-of-range", value=value)


@dataclass(frozen=True, slots=True, order=True)
class Date:
    """A day of the proleptic Gregorian calendar.

    Raises:
        EvaluationError: `out-of-range`: the day does not exist, or the year has more than nine digits.
    """

    year: int
    month: int
    day: int

    def __post_init__(self) -> None:
        known = -MAX_YEAR <= self.year <= MAX_YEAR and 1 <= self.month <= 12 and self.day >= 1
        if not known or self.day > days_in_month(self.year, self.month):
            raise EvaluationError("out-of-range", value=f"{self.year}-{self.month}-{self.day}")

    @property
    def days(self) -> int:
        """Days since 1970-01-01."""
        return days_of(self.year, self.month, self.day)

    @property
    def weekday(self) -> int:
        """Monday 1 to Sunday 7."""
        return weekday(self.days)

    @classmethod
    def from_days(cls, days: int) -> "Date":
        """Give the date that lies so many days after 1970-01-01."""
        return cls(*civil(days))


@dataclass(frozen=True, slots=True, eq=False)
class Time:
    """A time of day, with an offset in seconds, a zone's name, or no zone.

    Raises:
        EvaluationError: `out-of-range` for a part that no clock shows or an offset beyond 14 hours; `unknown-zone`.
    """

    hour: int
    minute: int
    second: int
    nanosecond: int = 0
    zone: Zone | None = None

    def __post_init__(self) -> None:
        _refuse(
            not (0 <= self.hour < 24 and 0 <= self.minute < 60 and 0 <= self.second < 60)
            or not 0 <= self.nanosecond < SECOND
            or (isinstance(self.zone, int) and abs(self.zone) > MAX_OFFSET),
            f"{self.hour}:{self.minute}:{self.second}",
        )
        if isinstance(self.zone, str) and not is_known(self.zone):
            raise EvaluationError("unknown-zone", value=self.zone, zone=self.zone)

    @property
    def second_of_day(self) -> int:
        """Whole seconds since local midnight."""
        return self.hour * 3600 + self.minute * 60 + self.second

    @property
    def nanosecond_of_day(self) -> int:
        """Nanoseconds since local midnight."""
        return self.second_of_day * SECOND + self.nanosecond

    @property
    def instant(self) -> int:
        """Nanoseconds since midnight UTC, or since local midnight when there is no zone; may lie in the next day."""
        offset = 0 if self.zone is None else usual_offset(self.zone)
        return self.nanosecond_of_day - offset * SECOND

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Time):
            return NotImplemented
        return (self.zone is None) == (other.zone is None) and self.instant == other.instant

    def __hash__(self) -> int:
        return hash((self.zone is None, self.instant))

    @classmethod
    def from_nanoseconds(cls, nanoseconds: int, zone: Zone | None = None) -> "Time":
        """Give the time of day so many nanoseconds after midnight, however many days those are."""
        seconds, rest = divmod(nanoseconds % DAY_NS, SECOND)
        return cls(seconds // 3600, seconds // 60 % 60, seconds % 60, rest, zone)


@dataclass(frozen=True, slots=True, eq=False)
class DateTime:
    """A moment: a date and a time of day; the time's zone is the moment's.

    Attributes:
        date: The local date.
        time: The local time of day, and the zone.
        fold: 1 for the second of two equal local times, where the zone's clock goes back.
    """

    date: Date
    time: Time
    fold: int = 0

    @property
    def zone(self) -> Zone | None:
        """The zone: an offset in seconds, a name, or none."""
        return self.time.zone

    @property
    def offset(self) -> int | None:
        """Seconds by which the local time is ahead of UTC; None without a zone."""
        zone = self.time.zone
        if zone is None:
            return None
        return offset_at_local(zone, self.date.days, self.time.second_of_day, self.fold)

    @property
    def instant(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00, UTC or, without a zone, local."""
        return self.date.days * DAY_NS + self.time.nanosecond_of_day - (self.offset or 0) * SECOND

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DateTime):
            return NotImplemented
        return (self.zone is None) == (other.zone is None) and self.instant == other.instant

    def __hash__(self) -> int:
        return hash((self.zone is None, self.instant))

    @classmethod
    def from_instant(cls, instant: int, zone: Zone | None) -> "DateTime":
        """Give the moment at an instant, as the clocks of the zone show it.

        Raises:
            EvaluationError: `out-of-range`, when its year has more than nine digits.
        """
        offset, fold = (0, 0) if zone is None else offset_at_instant(zone, instant // SECOND)
        days, rest = divmod(instant + offset * SECOND, DAY_NS)
        return cls(Date.from_days(days), Time.from_nanoseconds(rest, zone), fold)


@dataclass(frozen=True, slots=True, order=True)
class DayTimeDuration:
    """A duration of days, hours, minutes and seconds (`P1DT2H`): a fixed length.

    Raises:
        EvaluationError: `out-of-range`: longer than any two dates lie apart.
    """

    nanoseconds: int

    def __post_init__(self) -> None:
        _refuse(abs(self.nanoseconds) > MAX_SPAN * DAY_NS, MAX_SPAN)

    @property
    def parts(self) -> tuple[int, int, int, int, int]:
        """Days, hours, minutes, seconds and nanoseconds, all of one sign."""
        seconds, nanoseconds = divmod(abs(self.nanoseconds), SECOND)
        sign = -1 if self.nanoseconds < 0 else 1
        days, rest = divmod(seconds, DAY)
        return sign * days, sign * (rest // 3600), sign * (rest // 60 % 60), sign * (rest % 60), sign * nanoseconds


@dataclass(frozen=True, slots=True, order=True)
class MonthDuration:
    """A duration of years and months (`P1Y2M`); it has no fixed number of days, so it never compares with days.

    Raises:
        EvaluationError: `out-of-range`: longer than any two dates lie apart.
    """

    months: int

    def __post_init__(self) -> None:
        _refuse(abs(self.months) > MAX_SPAN, MAX_SPAN)
