"""Temporal values as text, in the lexical forms of XML Schema Part 2 and of FEEL's zones (`@Asia/Seoul`).

Whatever `text` writes reads back to the same value.
"""

import re
from typing import Final, TypeAlias

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.temporal_type import (
    SECOND,
    Date,
    DateTime,
    DayTimeDuration,
    MonthDuration,
    Time,
)
from judgify.decision.feel.temporal_zone import Zone, zone_text

Temporal: TypeAlias = Date | Time | DateTime | DayTimeDuration | MonthDuration

MAX_TEXT: Final = 200
"""Characters of the longest text that is read as a temporal value."""
_DATE_PART: Final = r"(-?(?:[1-9][0-9]{4,8}|[0-9]{4}))-([0-9]{2})-([0-9]{2})"
_ZONE_PART: Final = r"([Zz]|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?|@[A-Za-z0-9_+/-]+)?"
_TIME_PART: Final = r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9})0*)?"
_DATE: Final = re.compile(_DATE_PART + r"(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_TIME: Final = re.compile(_TIME_PART + _ZONE_PART)
_DATE_TIME: Final = re.compile(f"{_DATE_PART}(?:T{_TIME_PART})?{_ZONE_PART}")
_LENIENT: Final = re.compile(
    _DATE_PART + r"[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9})0*)?)?" + _ZONE_PART
)
_DAYS: Final = re.compile(
    r"(-)?P(?=[0-9T])(?:([0-9]{1,15})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,15})H)?(?:([0-9]{1,15})M)?(?:([0-9]{1,15})(?:\.([0-9]{0,9})0*)?S)?)?"
)
_MONTHS: Final = re.compile(r"(-)?P(?=[0-9])(?:([0-9]{1,15})Y)?(?:([0-9]{1,15})M)?")


def _zone(text: str | None) -> Zone | None:
    if not text:
        return None
    if text[0] == "@":
        return text[1:]
    if text in {"Z", "z"}:
        return 0
    hours, minutes, seconds = int(text[1:3]), int(text[4:6]), int(text[7:9] or 0)
    if minutes > 59 or seconds > 59:
        raise EvaluationError("out-of-range", value=text)
    size = hours * 3600 + minutes * 60 + seconds
    return -size if text[0] == "-" else size


def _nanoseconds(fraction: str | None) -> int:
    return int((fraction or "0").ljust(9, "0"))


def _time(hour: str, minute: str, second: str | None, fraction: str | None, zone: str | None) -> tuple[Time, int]:
    """Give the time, and 1 when it is the midnight that ends the day (24:00:00)."""
    numbers = int(hour), int(minute), int(second or 0), _nanoseconds(fraction)
    ends = numbers == (24, 0, 0, 0)
    return Time(*((0, 0, 0, 0) if ends else numbers), _zone(zone)), int(ends)


def read_date(text: str) -> Date | None:
    """Read `2025-01-20`; None when the text is not a date that exists.

    A zone may follow (`2025-01-20Z`), as XML Schema has it; a FEEL date has none, and it is dropped.
    """
    found = _DATE.fullmatch(text) if len(text) <= MAX_TEXT else None
    if not found:
        return None
    try:
        return Date(int(found[1]), int(found[2]), int(found[3]))
    except EvaluationError:
        return None


def read_time(text: str) -> Time | None:
    """Read `09:30:00`, `09:30:00.5+09:00` or `09:30:00@Asia/Seoul`; None when it is no time of day.

    `24:00:00` is midnight.
    """
    found = _TIME.fullmatch(text) if len(text) <= MAX_TEXT else None
    if not found:
        return None
    try:
        return _time(*found.groups())[0]
    except EvaluationError:
        return None


def read_date_time(text: str, *, lenient: bool = False) -> DateTime | None:
    """Read `2025-01-20T09:30:00+09:00`; None when the text is not a moment that exists.

    A date alone is the midnight with which it begins; `24:00:00` is the midnight with which it ends.

    Args:
        text: The text.
        lenient: Read as tables do: the time of day is needed, but a space may stand for the T and the seconds may be
            absent.
    """
    found = (_LENIENT if lenient else _DATE_TIME).fullmatch(text) if len(text) <= MAX_TEXT else None
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if hour is None and zone and zone[0] == "@":
        return None  # a name of a zone follows a time of day only
    try:
        date = Date(int(year), int(month), int(day))
        time, later = _time(hour or "00", minute or "00", second, fraction, zone)
        return DateTime(Date.from_days(date.days + later) if later else date, time)
    except EvaluationError:
        return None


def _days(sign: str | None, *parts: str | None) -> DayTimeDuration:
    days, hours, minutes, seconds, fraction = parts
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    size = whole * SECOND + _nanoseconds(fraction)
    return DayTimeDuration(-size if sign else size)


def _months(sign: str | None, years: str, months: str) -> MonthDuration:
    size = int(years or 0) * 12 + int(months or 0)
    return MonthDuration(-size if sign else size)


def read_duration(text: str) -> DayTimeDuration | MonthDuration | None:
    """Read a duration of days and time (`P1DT2H`) or of years and months (`P1Y2M`); None when it is neither."""
    if len(text) > MAX_TEXT:
        return None
    days, months = _DAYS.fullmatch(text), _MONTHS.fullmatch(text)
    try:
        if days and any(days.groups()[1:]):
            return _days(*days.groups())
        if months and any(months.groups()[1:]):
            return _months(*months.groups())
    except EvaluationError:
        return None
    return None


def read(text: str) -> Temporal | None:
    """Read what may stand in an at-literal (`@"2025-01-20"`): any temporal value; None when it is none of them."""
    for reader in (read_date, read_time, read_date_time, read_duration):
        value: Temporal | None = reader(text)
        if value is not None:
            return value
    return None


def _fraction(nanoseconds: int) -> str:
    return f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""


def _date_text(value: Date) -> str:
    return f"{'-' if value.year < 0 else ''}{abs(value.year):04d}-{value.month:02d}-{value.day:02d}"


def _clock_text(value: Time) -> str:
    return f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}{_fraction(value.nanosecond)}"


def _days_text(value: DayTimeDuration) -> str:
    if not value.nanoseconds:
        return "PT0S"
    days, hours, minutes, seconds, nanoseconds = (abs(part) for part in value.parts)
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    clock += f"{seconds}{_fraction(nanoseconds)}S" if seconds or nanoseconds else ""
    sign = "-" if value.nanoseconds < 0 else ""
    return f"{sign}P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


def _months_text(value: MonthDuration) -> str:
    years, months = divmod(abs(value.months), 12)
    sign = "-" if value.months < 0 else ""
    return f"{sign}P{f'{years}Y' if years else ''}{f'{months}M' if months or not years else ''}"


def text(value: Temporal) -> str:
    """Write a temporal value in its canonical form, which reads back to it.

    The second of two equal local times (the hour that comes twice when a clock goes back) is written with its offset
    instead of its zone's name: the name would read as the first.
    """
    match value:
        case Date():
            return _date_text(value)
        case Time():
            return _clock_text(value) + zone_text(value.zone)
        case DateTime():
            zone = value.offset if value.fold else value.zone
            return f"{_date_text(value.date)}T{_clock_text(value.time)}{zone_text(zone)}"
        case DayTimeDuration():
            return _days_text(value)
        case _:
            return _months_text(value)
