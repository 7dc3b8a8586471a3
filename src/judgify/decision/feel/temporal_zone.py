"""Time zones: a fixed offset in seconds (`int`), or a name of the IANA database (`str`)."""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.meter import spend
from judgify.decision.feel.temporal_calendar import CYCLE, days_of

Zone: TypeAlias = int | str
MAX_OFFSET: Final = 14 * 3600
"""Seconds by which an offset may differ from UTC, as XML Schema has it."""
DAY: Final = 86_400
_LOOKED_UP: Final = 6
"""Steps that it costs to look a named zone up."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,3}")
_MAX_NAME: Final = 64
# The years for which the database is asked; the rules of years beyond are those of the same year 400 years nearer.
_FIRST: Final = days_of(1000, 1, 1)
_LAST: Final = days_of(9000, 1, 1)
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the zone is applied by hand
# XQuery and XPath compare times of day on this day; an offset that changes over the year needs some day.
_REFERENCE: Final = days_of(1972, 12, 31)


@lru_cache(maxsize=1024)
def _database(name: str) -> ZoneInfo | None:
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # absent, a folder of the database, or a file that is no zone
        return None


def is_known(name: str) -> bool:
    """Tell whether the IANA database of this machine knows the zone."""
    return _database(name) is not None


def _zone(name: str) -> ZoneInfo:
    zone = _database(name)
    if zone is None:
        raise EvaluationError("unknown-zone", value=name, zone=name)
    return zone


def _near(days: int) -> int:
    if days > _LAST:
        return days - -((_LAST - days) // CYCLE) * CYCLE
    if days < _FIRST:
        return days + -((days - _FIRST) // CYCLE) * CYCLE
    return days


def _seconds(span: timedelta | None) -> int:
    return span.days * DAY + span.seconds if span is not None else 0


def offset_at_local(zone: Zone, days: int, second: int, fold: int) -> int:
    """Give the offset in seconds that holds at a local time.

    Args:
        zone: The zone.
        days: The local date, in days since 1970-01-01.
        second: The second of that day.
        fold: Which of the two, where the clock goes back and the hour comes twice: 0 the first, 1 the second. A time
            that the clock jumps over has the offset from before the jump, so that it lies as far after it.
    """
    if isinstance(zone, int):
        return zone
    spend(_LOOKED_UP)
    moment = _EPOCH + timedelta(days=_near(days), seconds=second)
    return _seconds(moment.replace(tzinfo=_zone(zone), fold=fold).utcoffset())


def offset_at_instant(zone: Zone, second: int) -> tuple[int, int]:
    """Give the offset in seconds, and the fold, that hold at an instant in seconds since the epoch (UTC)."""
    if isinstance(zone, int):
        return zone, 0
    spend(_LOOKED_UP)
    days, of_day = divmod(second, DAY)
    # `fromutc` takes the instant as a naive-looking time of its own zone.
    moment = (_EPOCH + timedelta(days=_near(days), seconds=of_day)).replace(tzinfo=_zone(zone))
    there = moment.tzinfo.fromutc(moment) if moment.tzinfo is not None else moment
    return _seconds(there.utcoffset()), there.fold


@lru_cache(maxsize=1024)
def usual_offset(zone: Zone) -> int:
    """Give the offset by which times of day of different zones are compared: that of 1972-12-31, as XPath has it."""
    return offset_at_local(zone, _REFERENCE, DAY // 2, 0)


def zone_text(zone: Zone | None) -> str:
    """Write a zone as it follows a time: nothing, `Z`, `+09:00` or `@Asia/Seoul`."""
    if zone is None:
        return ""
    if isinstance(zone, str):
        return f"@{zone}"
    if not zone:
        return "Z"
    minutes, seconds = divmod(abs(zone), 60)
    rest = f":{seconds:02d}" if seconds else ""
    return f"{'-' if zone < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}{rest}"
