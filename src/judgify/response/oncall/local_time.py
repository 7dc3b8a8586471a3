"""From a time on the wall to the instant at which a hand-over happens: once, whatever daylight-saving time does."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_SECOND: Final = timedelta(seconds=1)


@lru_cache(maxsize=8192)
def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Give the UTC instant of a naive local time.

    A time that occurs twice (clocks go back) is its first occurrence; one that never occurs (clocks go forward) is
    the first instant that exists after it, the moment of the change itself. So later wall times never come earlier.
    """
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if on_wall(first, zone) == local:
        return first
    # With fold=0 a time within the hole is read by the offset before the change, with fold=1 by the one after it:
    # the change lies between the two.
    after, before = first, local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if on_wall(middle, zone) < local:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def on_wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """Give the naive local time that clocks on the wall show at an aware moment."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)
