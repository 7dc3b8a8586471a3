"""Dates, times, moments and durations of FEEL: the way in to the `temporal_*` modules."""

from judgify.decision.feel.temporal_arithmetic import (
    KINDS,
    Duration,
    add,
    date_to_midnight,
    divide,
    identical,
    multiply,
    negate,
    order,
    same,
    subtract,
)
from judgify.decision.feel.temporal_member import PROPERTIES, member
from judgify.decision.feel.temporal_python import from_python, to_python
from judgify.decision.feel.temporal_text import (
    Temporal,
    read,
    read_date,
    read_date_time,
    read_duration,
    read_time,
    text,
)
from judgify.decision.feel.temporal_type import Date, DateTime, DayTimeDuration, MonthDuration, Time
from judgify.decision.feel.temporal_zone import Zone

TEMPORAL = (Date, Time, DateTime, DayTimeDuration, MonthDuration)
"""The types, for `isinstance`."""

__all__ = [
    "KINDS",
    "PROPERTIES",
    "TEMPORAL",
    "Date",
    "DateTime",
    "DayTimeDuration",
    "Duration",
    "MonthDuration",
    "Temporal",
    "Time",
    "Zone",
    "add",
    "date_to_midnight",
    "divide",
    "from_python",
    "identical",
    "member",
    "multiply",
    "negate",
    "order",
    "read",
    "read_date",
    "read_date_time",
    "read_duration",
    "read_time",
    "same",
    "subtract",
    "text",
    "to_python",
]
