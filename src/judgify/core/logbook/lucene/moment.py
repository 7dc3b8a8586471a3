"""Date math: `now-15m`, `now/d`, `2026-11-22||+1M/d`. A text names a span of time; a range takes or leaves all of it.

As Elasticsearch documents it: `>=` and `[` begin at the span's first moment, `<=` and `]` end with its last, `>`
and `{` begin after its last, `<` and `}` end before its first. A day without a clock time is that whole day, a
minute without seconds that whole minute. `now` without rounding is a single moment. Days, weeks, months and years are
those of the zone; weeks begin on Monday.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

_WRITTEN: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?)?)?"
)
_STEP: Final = re.compile(r"([+-])(\d*)(.?)|/(\d*)(.?)", re.DOTALL)
_LENGTHS: Final = {
    "d": timedelta(days=1), "w": timedelta(weeks=1),
    "h": timedelta(hours=1), "H": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1),
}  # fmt: skip
UNITS: Final = "yMwdhHms"
_MAX_DIGITS: Final = 9


class MomentError(Exception):
    """A text names no time; `offset` counts from the beginning of that text."""

    def __init__(self, offset: int, what: str, instead: str) -> None:
        """Keep where, what, and what to write."""
        self.offset = offset
        self.what = what
        self.instead = instead
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, not including, `end`, in UTC; `end` None is the one moment `start`."""

    start: datetime
    end: datetime | None


def is_math(text: str) -> bool:
    """Whether a text is date math rather than a plain value."""
    return re.fullmatch(r"now([+\-/].*)?|\d{4}\S*\|\|[+\-/].*", text, re.DOTALL) is not None


def read(text: str, now: datetime, zone: tzinfo) -> Span:
    """Read a time; what is written without an offset is in the zone. Raises `MomentError`."""
    try:
        if text.startswith("now"):
            local = now.astimezone(zone)
            return _utc(*_walk(text, 3, local, None))
        found = _WRITTEN.match(text)
        if found is None:
            raise MomentError(0, "this is no time", "write it like now-15m, 2026-11-22 or 2026-11-22T09:30:00")
        start, end = _written(found, zone)
        at = found.end()
        if at == len(text):
            return _utc(start, end)
        if not text.startswith("||", at):
            raise MomentError(at, "this is no time", "write it like 2026-11-22T09:30:00+09:00, date math after ||")
        if len(text) == at + 2:
            raise MomentError(at + 2, "date math is missing after ||", "write it like 2026-11-22||+1M/d")
        return _utc(*_walk(text, at + 2, start, end))
    except OverflowError as error:
        raise MomentError(0, "this time lies outside the years 1 to 9999", "write another time") from error


def _written(found: re.Match[str], zone: tzinfo) -> tuple[datetime, datetime]:
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    where = _offset(offset, found.start(8)) if offset else zone
    try:
        start = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0").ljust(6, "0")), where,
        )  # fmt: skip
    except ValueError as error:
        raise MomentError(0, f"there is no such time: {error}", "write a time that the calendar has") from error
    if fraction:
        return start, start + timedelta(microseconds=10 ** (6 - len(fraction)))
    named = [unit for unit, part in zip("yMdhms", (year, month, day, hour, minute, second), strict=True) if part]
    return start, _shift(start, 1, named[-1])


def _offset(text: str, at: int) -> tzinfo:
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if length > timedelta(hours=18):
        raise MomentError(at, "there is no such offset from UTC", "write one like +09:00")
    return timezone(-length if text[0] == "-" else length)


def _walk(text: str, at: int, start: datetime, end: datetime | None) -> tuple[datetime, datetime | None]:
    """Apply the steps that begin at `at`, one after the other."""
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise MomentError(at, "date math goes on with +, - or /", "write it like now-1d/d")
        sign, count, unit, rounded, scope = found.groups()
        if sign is None:
            if rounded:
                raise MomentError(at + 1, "rounding takes no number", "write it like now/d")
            _known(scope, found.start(5))
            start = _floor(start, scope)
            end = _shift(start, 1, scope)
        else:
            _known(unit, found.start(3))
            if len(count) > _MAX_DIGITS:
                raise MomentError(at + 1, "this number is too large", "write a smaller one")
            steps = int(count or 1) * (1 if sign == "+" else -1)
            start = _shift(start, steps, unit)
            end = None if end is None else _shift(end, steps, unit)
        at = found.end()
    return start, end


def _known(unit: str, at: int) -> None:
    if not unit:
        raise MomentError(at, "a unit is missing", f"write one of {' '.join(UNITS)}")
    if unit not in UNITS:
        meant = "M is months, m minutes, w weeks, d days" if unit in "DWYS" else f"the units are {' '.join(UNITS)}"
        raise MomentError(at, f"{unit!r} is no unit of time", meant)


def _shift(moment: datetime, steps: int, unit: str) -> datetime:
    """Go on by so many units: days and longer by the zone's calendar, shorter ones by the time that passes."""
    if unit in "yM":
        months = moment.year * 12 + moment.month - 1 + steps * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        if not 1 <= year <= 9999:
            raise OverflowError
        return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))
    if unit in "wd":
        return moment + steps * _LENGTHS[unit]
    return (moment.astimezone(UTC) + steps * _LENGTHS[unit]).astimezone(moment.tzinfo)


def _floor(moment: datetime, unit: str) -> datetime:
    second = moment.replace(microsecond=0)
    if unit == "s":
        return second
    if unit == "m":
        return second.replace(second=0)
    hour = second.replace(second=0, minute=0)
    if unit in "hH":
        return hour
    day = hour.replace(hour=0)
    if unit == "w":
        return day - timedelta(days=day.weekday())
    if unit == "M":
        return day.replace(day=1)
    return day.replace(day=1, month=1) if unit == "y" else day


def _utc(start: datetime, end: datetime | None) -> Span:
    return Span(start.astimezone(UTC), None if end is None else end.astimezone(UTC))
