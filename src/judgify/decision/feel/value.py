"""Values as the engine computes with them, and the way in from JSON, YAML and Python.

Numbers are `int` (exact) or `decimal.Decimal` (34 digits when computed with), never `float`; texts are in Unicode
normal form C, so that Hangul typed on any system compares alike.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.limit import MAX_BITS, MAX_EXPONENT

TYPES: Final = ("number", "string", "boolean", "date", "date-time", "duration", "any")
"""The types that a column may declare."""


@dataclass(frozen=True, slots=True, order=True)
class MonthDuration:
    """A duration of years and months (`P1Y2M`); it has no fixed number of days, so it never compares with days."""

    months: int


_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    Decimal: "number",
    str: "string",
    datetime: "date-time",
    date: "date",
    timedelta: "duration",
    MonthDuration: "months",
    list: "list",
    tuple: "list",
    dict: "context",
}


def kind(value: object) -> str:
    """Name the kind of a canonical value; years-and-months durations are `months`, mappings `context`."""
    return _KINDS.get(type(value), "context")


def _whole(value: Any) -> int:
    if value.bit_length() > MAX_BITS:
        raise EvaluationError("out-of-range", value=value)
    return int(value)


def _real(value: Any) -> Decimal:
    if not math.isfinite(value):
        raise EvaluationError("not-finite", value=value)
    return Decimal(float.__repr__(value))


def _decimal(value: Any) -> Decimal:
    if not value.is_finite():
        raise EvaluationError("not-finite", value=value)
    if abs(value.adjusted()) > MAX_EXPONENT:
        raise EvaluationError("out-of-range", value=value)
    return Decimal(value)


def _text(value: Any) -> str:
    return unicodedata.normalize("NFC", str.__str__(value))


def _moment(value: Any) -> datetime:
    return datetime(
        value.year,
        value.month,
        value.day,
        value.hour,
        value.minute,
        value.second,
        value.microsecond,
        value.tzinfo,
        fold=value.fold,
    )


def _same(value: Any) -> Any:
    return value


# Order matters where a class inherits from another: bool is an int, datetime is a date.
_WAYS_IN: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (type(None), _same),
    (bool, _same),
    (int, _whole),
    (float, _real),
    (Decimal, _decimal),
    (str, _text),
    (datetime, _moment),
    (date, lambda value: date(value.year, value.month, value.day)),
    (timedelta, lambda value: timedelta(value.days, value.seconds, value.microseconds)),
    (MonthDuration, _same),
    (list, list),
    (tuple, list),
    (Mapping, _same),
)
_EXACT: Final = dict(_WAYS_IN)


def canonical(raw: object) -> Any:
    """Turn a value from outside into the engine's form.

    A float becomes the decimal of its shortest representation (0.1 is exactly 0.1). The members of lists and mappings
    are converted when they are read.

    Raises:
        EvaluationError: NaN, an infinity, a number out of range, or a type that the engine does not know.
    """
    way = _EXACT.get(type(raw))
    if way is not None:
        return way(raw)
    for parent, convert in _WAYS_IN:
        if isinstance(raw, parent):
            return convert(raw)
    raise EvaluationError("unknown-type", value=raw, type=type(raw).__name__)


_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DAYS: Final = re.compile(
    r"(-)?P(?:([0-9]{1,9})D)?(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})(?:\.([0-9]{1,6}))?S)?)?"
)
_MONTHS: Final = re.compile(r"(-)?P(?:([0-9]{1,9})Y)?(?:([0-9]{1,9})M)?")


def read_date(text: str) -> date | None:
    """Read `2025-01-20`; None when the text is not a date that exists."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_date_time(text: str) -> datetime | None:
    """Read `2025-01-20T09:00:00`; None when the text is not a moment that exists.

    A space may stand for the T, the seconds may be absent, and `Z` or an offset may follow. Without one the result is
    naive, and is never compared with a moment that has a zone.
    """
    found = _DATE_TIME.fullmatch(text)
    if not found:
        return None
    fraction_at = found[2].find(".")
    clock = found[2] if fraction_at < 0 else found[2].ljust(fraction_at + 7, "0")
    try:
        return datetime.fromisoformat(f"{found[1]}T{clock}{found[3] or ''}")
    except ValueError:
        return None


def read_duration(text: str) -> timedelta | MonthDuration | None:
    """Read an ISO 8601 duration of days and time (`P1DT2H`) or of years and months (`P1Y2M`), else give None."""
    found = _DAYS.fullmatch(text)
    if found and any(found.groups()[1:]):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:5])
        micros = int((found[6] or "0").ljust(6, "0"))
        try:
            span = timedelta(days, seconds, micros, minutes=minutes, hours=hours)
        except OverflowError:
            return None
        return -span if found[1] else span
    found = _MONTHS.fullmatch(text)
    if found and any(found.groups()[1:]):
        months = int(found[2] or 0) * 12 + int(found[3] or 0)
        return MonthDuration(-months if found[1] else months)
    return None


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "date": read_date,
    "date-time": read_date_time,
    "duration": read_duration,
}


def coerce(raw: object, declared: str) -> Any:
    """Turn a value from outside into the declared type; null stays null.

    JSON and CSV have no dates, so a text is read as one where the column says date, date-time or duration. Nothing
    else is converted: the text "85" is not a number.

    Raises:
        EvaluationError: `wrong-type`, `unreadable`, or a reason of `canonical`.
    """
    value = canonical(raw)
    if value is None or declared == "any":
        return value
    found = kind(value)
    if found == declared or (found == "months" and declared == "duration"):
        return value
    if found == "string" and declared in _READERS:
        value = _READERS[declared](value)
        if value is None:
            raise EvaluationError("unreadable", value=raw, type=declared)
        return value
    raise EvaluationError("wrong-type", value=raw, type=declared, found=found)
