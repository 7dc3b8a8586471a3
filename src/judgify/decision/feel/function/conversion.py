"""Conversion functions (DMN 1.5, table 72)."""

import re
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.function.range_text import read_range
from judgify.decision.feel.function.signature import (
    ANY,
    CLOCK,
    DATE,
    DAY,
    DURATION,
    MOMENT,
    NUMBER,
    STRING,
    TIME,
    Domain,
    Form,
    builtin,
    form,
    needs,
)
from judgify.decision.feel.meter import spend
from judgify.decision.feel.number import Number, number_text, read_number, whole
from judgify.decision.feel.range import Range
from judgify.decision.feel.temporal import (
    TEMPORAL,
    Date,
    DateTime,
    DayTimeDuration,
    MonthDuration,
    Time,
    date_to_midnight,
    read_date,
    read_date_time,
    read_duration,
    read_time,
    text,
)
from judgify.decision.limit import MAX_NESTING, MAX_STRING

_SECOND: Final = 1_000_000_000
_NAME: Final = re.compile(r"[^\W\d][\w ]*(?<! )")
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _whole(value: Number, argument: str) -> int:
    number = whole(value)
    if number is None:
        raise EvaluationError("not-whole", value=value, argument=argument)
    return number


def _read(kind: str, reader: Any, source: str) -> Any:
    value = reader(source)
    if value is None:
        raise EvaluationError("unreadable", value=source, type=kind)
    return value


def _date(year: Number, month: Number, day: Number) -> Date:
    return Date(_whole(year, "year"), _whole(month, "month"), _whole(day, "day"))


def _time(hour: Number, minute: Number, second: Number, offset: DayTimeDuration | None = None) -> Time:
    nanoseconds = Decimal(second) * _SECOND
    if not 0 <= nanoseconds < 60 * _SECOND:
        raise EvaluationError("out-of-range", value=second)
    seconds, rest = divmod(int(nanoseconds), _SECOND)
    zone = None
    if offset is not None:
        zone, part = divmod(offset.nanoseconds, _SECOND)
        if part:
            raise EvaluationError("out-of-range", value=text(offset))
    return Time(_whole(hour, "hour"), _whole(minute, "minute"), seconds, rest, zone)


def _clock_of(value: Time | DateTime | Date) -> Time:
    if isinstance(value, Time):
        return value
    return value.time if isinstance(value, DateTime) else date_to_midnight(value).time


def _day_of(value: Date | DateTime) -> Date:
    return value.date if isinstance(value, DateTime) else value


def _number(source: str, grouping: str | None, point: str | None) -> Number:
    if grouping not in {" ", ",", ".", None} or point not in {",", ".", None}:
        raise EvaluationError("bad-separator", value=source)
    if grouping is not None and grouping == point:
        raise EvaluationError("bad-separator", value=source)
    digits = source if grouping is None else source.replace(grouping, "")
    value = read_number(digits if point in {None, "."} else _with_point(digits, point))
    if value is None:
        raise EvaluationError("unreadable", value=source, type="number")
    return value


def _with_point(digits: str, point: str | None) -> str:
    # A point that is none here must not pass for one.
    return "" if "." in digits or point is None else digits.replace(point, ".")


def _between(first: Date | DateTime, second: Date | DateTime) -> MonthDuration:
    start, end = _day_of(first), _day_of(second)
    months = (end.year - start.year) * 12 + end.month - start.month
    if months > 0 and end.day < start.day:
        months -= 1
    elif months < 0 and end.day > start.day:
        months += 1
    return MonthDuration(months)


def quoted(value: str) -> str:
    """Write a string as a FEEL literal."""
    return f'"{value.translate(_ESCAPES)}"'


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) else quoted(name)


def literal(value: Any, level: int = 0) -> str:
    """Write any value as the FEEL expression that yields it; a function, which has none, is shown by its kind.

    Raises:
        LimitError: `too-deep`.
    """
    if level > MAX_NESTING:
        raise LimitError("too-deep")
    spend()
    if isinstance(value, list):
        return f"[{', '.join(literal(item, level + 1) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(name)}: {literal(item, level + 1)}' for name, item in value.items())}}}"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, TEMPORAL):
        return f'@"{text(value)}"'
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | Decimal):
        return number_text(value)
    return _range(value) if isinstance(value, Range) else "function"


def _range(value: Range) -> str:
    if value.symbol is not None:
        return f"({value.symbol} {literal(value.high if value.low is None else value.low)})"
    opening, closing = "[" if value.low_closed else "(", "]" if value.high_closed else ")"
    return f"{opening}{literal(value.low)}..{literal(value.high)}{closing}"


def _string(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value
    written = text(value) if isinstance(value, TEMPORAL) else literal(value)
    if len(written) > MAX_STRING:
        raise LimitError("too-large")
    return written


def _reading(kind: str, reader: Any) -> Form:
    return form(lambda source: _read(kind, reader, source), needs("from", STRING))


def _from(domain: Domain, run: Any) -> Form:
    return form(run, needs("from", domain))


FUNCTIONS: Final = (
    builtin(
        "date",
        _reading("date", read_date),
        _from(DAY, _day_of),
        form(_date, needs("year", NUMBER), needs("month", NUMBER), needs("day", NUMBER)),
    ),
    builtin(
        "date and time",
        _reading("date-time", read_date_time),
        form(lambda date, time: DateTime(_day_of(date), time), needs("date", DAY), needs("time", TIME)),
    ),
    builtin(
        "time",
        _reading("time", read_time),
        _from(CLOCK, _clock_of),
        form(
            _time,
            needs("hour", NUMBER),
            needs("minute", NUMBER),
            needs("second", NUMBER),
            needs("offset", DURATION, optional=True),
        ),
    ),
    builtin(
        "number",
        form(
            _number,
            needs("from", STRING),
            needs("grouping separator", STRING, nullable=True),
            needs("decimal separator", STRING, nullable=True),
        ),
    ),
    builtin("string", form(_string, needs("from", ANY))),
    builtin("duration", _reading("duration", read_duration)),
    builtin(
        "years and months duration",
        form(_between, needs("from", DATE), needs("to", DATE)),
        form(_between, needs("from", MOMENT), needs("to", MOMENT)),
        form(_between, needs("from", DAY), needs("to", DAY)),
    ),
    builtin("range", form(read_range, needs("from", STRING))),
)
"""The functions of this module."""
