"""Temporal values from and to Python's own types."""

from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.temporal_text import Temporal
from judgify.decision.feel.temporal_type import SECOND, Date, DateTime, DayTimeDuration, Time
from judgify.decision.feel.temporal_zone import Zone, is_known

_MICRO: Final = 1_000


def _zone(value: datetime | time) -> Zone | None:
    key = getattr(value.tzinfo, "key", None)
    if isinstance(key, str) and is_known(key):
        return key
    offset = value.utcoffset()
    if offset is None:
        if value.tzinfo is not None:
            raise EvaluationError("unknown-zone", value=value, zone=str(value.tzinfo))
        return None
    if offset.microseconds:
        raise EvaluationError("out-of-range", value=value)
    return offset.days * 86_400 + offset.seconds


def _time(value: datetime | time) -> Time:
    return Time(value.hour, value.minute, value.second, value.microsecond * _MICRO, _zone(value))


def from_python(value: date | datetime | time | timedelta) -> Temporal:
    """Turn a value of the `datetime` module into FEEL's; the zone keeps its IANA name where it has one.

    Raises:
        EvaluationError: `unknown-zone` for a zone without name or offset, `out-of-range` for an offset that XML
            Schema does not have.
    """
    if isinstance(value, datetime):
        return DateTime(Date(value.year, value.month, value.day), _time(value), value.fold)
    if isinstance(value, date):
        return Date(value.year, value.month, value.day)
    if isinstance(value, time):
        return _time(value)
    return DayTimeDuration(((value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds) * _MICRO)


def _tzinfo(zone: Zone | None) -> tzinfo | None:
    if zone is None:
        return None
    return ZoneInfo(zone) if isinstance(zone, str) else timezone(timedelta(seconds=zone))


def _micros(nanoseconds: int) -> int:
    if nanoseconds % _MICRO:
        raise EvaluationError("out-of-range", value=nanoseconds)
    return nanoseconds // _MICRO


def to_python(value: Temporal) -> date | datetime | time | timedelta | int:
    """Turn a FEEL value into one of the `datetime` module; a duration of years and months becomes its months.

    Raises:
        EvaluationError: `out-of-range`: the year is not within 1..9999, or the value is finer than a microsecond.
    """
    try:
        return _to_python(value)
    except (ValueError, OverflowError) as error:
        raise EvaluationError("out-of-range", value=str(value)) from error


def _to_python(value: Temporal) -> date | datetime | time | timedelta | int:
    match value:
        case Date():
            return date(value.year, value.month, value.day)
        case Time():
            micros = _micros(value.nanosecond)
            return time(value.hour, value.minute, value.second, micros, _tzinfo(value.zone))
        case DateTime():
            clock = value.time
            micros = _micros(clock.nanosecond)
            day = value.date
            return datetime(
                day.year,
                day.month,
                day.day,
                clock.hour,
                clock.minute,
                clock.second,
                micros,
                _tzinfo(value.zone),
                fold=value.fold,
            )
        case DayTimeDuration():
            return timedelta(seconds=value.nanoseconds // SECOND, microseconds=_micros(value.nanoseconds % SECOND))
        case _:
            return value.months
