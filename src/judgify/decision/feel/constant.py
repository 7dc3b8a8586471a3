"""Constants that are written as texts: dates, times and durations."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from judgify.decision.feel.temporal import read_date, read_date_time, read_duration, read_time


class Reader(NamedTuple):
    """What reads a text, giving None when it does not, and a text that it reads."""

    read: Callable[[str], Any]
    example: str


READERS: Final[dict[str, Reader]] = {
    "date": Reader(read_date, "2025-01-20"),
    "date and time": Reader(read_date_time, "2025-01-20T09:00:00"),
    "time": Reader(read_time, "09:00:00"),
    "duration": Reader(read_duration, "PT5M"),
}
"""The functions that give a constant for a constant text."""


def at_literal(text: str) -> Any:
    """Read the text of `@"…"` as a date, a date and time, a time or a duration; None when it is none of them."""
    for read in (read_date, read_date_time, read_time, read_duration):
        value = read(text)
        if value is not None:
            return value
    return None
