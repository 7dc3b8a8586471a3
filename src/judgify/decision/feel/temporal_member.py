"""The properties of temporal values (`date.year`), as tables 64 to 66 of DMN 1.5 list them."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.temporal_text import Temporal
from judgify.decision.feel.temporal_type import SECOND, Date, DateTime, DayTimeDuration, MonthDuration, Time

_Reader = Callable[[Any], Any]


def _seconds(whole: int, nanoseconds: int) -> int | Decimal:
    if not nanoseconds:
        return whole
    return Decimal(whole * SECOND + nanoseconds).scaleb(-9).normalize()


def _signed(months: int) -> tuple[int, int]:
    sign = -1 if months < 0 else 1
    years, rest = divmod(abs(months), 12)
    return sign * years, sign * rest


def _offset(value: Time | DateTime) -> DayTimeDuration | None:
    # The offset of a named zone depends on the day, which a time of day does not have.
    zone = value.zone
    offset = value.offset if isinstance(value, DateTime) else zone if isinstance(zone, int) else None
    return None if offset is None else DayTimeDuration(offset * SECOND)


def _name(value: Time | DateTime) -> str | None:
    return value.zone if isinstance(value.zone, str) else None


_DATE: Final[dict[str, _Reader]] = {
    "year": lambda value: value.year,
    "month": lambda value: value.month,
    "day": lambda value: value.day,
    "weekday": lambda value: value.weekday,
}
_TIME: Final[dict[str, _Reader]] = {
    "hour": lambda value: value.hour,
    "minute": lambda value: value.minute,
    "second": lambda value: _seconds(value.second, value.nanosecond),
}
_ZONE: Final[dict[str, _Reader]] = {"time offset": _offset, "timezone": _name}


def _of_date(read: _Reader) -> _Reader:
    return lambda value: read(value.date)


def _of_time(read: _Reader) -> _Reader:
    return lambda value: read(value.time)


PROPERTIES: Final[Mapping[type, Mapping[str, _Reader]]] = {
    Date: _DATE,
    Time: _TIME | _ZONE,
    DateTime: {name: _of_date(read) for name, read in _DATE.items()}
    | {name: _of_time(read) for name, read in _TIME.items()}
    | _ZONE,
    DayTimeDuration: {
        "days": lambda value: value.parts[0],
        "hours": lambda value: value.parts[1],
        "minutes": lambda value: value.parts[2],
        "seconds": lambda value: _seconds(value.parts[3], value.parts[4]),
    },
    MonthDuration: {
        "years": lambda value: _signed(value.months)[0],
        "months": lambda value: _signed(value.months)[1],
    },
}
"""What each temporal type can be asked for."""


def member(value: Temporal, name: str) -> Any:
    """Read a property of a temporal value; `time offset` and `timezone` are null where there is none.

    The parts of a negative duration are negative, so that they add up to it.

    Raises:
        EvaluationError: `no-property`, when the type has no such property.
    """
    read = PROPERTIES[type(value)].get(name)
    if read is None:
        raise EvaluationError("no-property", value=value, member=name)
    return read(value)
