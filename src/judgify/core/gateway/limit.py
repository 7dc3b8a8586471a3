"""Token buckets: how many requests a second a caller may make, and how many at once after a pause. Pure."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MAX_KEYS: Final = 50_000
"""How many callers are remembered; the one not seen for longest is forgotten first, which can only be lenient."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate in requests a second and a burst in requests. A rate of 0 means no limit."""

    rate: float
    burst: float


class Bucket:
    """One caller's tokens. Full at first; a request takes one; they come back at the limit's rate."""

    __slots__ = ("_at", "_limit", "_tokens")

    def __init__(self, limit: Limit, now: float) -> None:
        """Begin full at a monotonic moment."""
        self._limit = limit
        self._tokens = limit.burst
        self._at = now

    def take(self, now: float, count: float = 1.0) -> float:
        """Take tokens and give 0.0, or take none and give the seconds until there will be enough."""
        self._tokens = min(self._limit.burst, self._tokens + max(0.0, now - self._at) * self._limit.rate)
        self._at = now
        if self._tokens >= count:
            self._tokens -= count
            return 0.0
        return (count - self._tokens) / self._limit.rate


class MemoryLimiter:
    """Buckets by caller, in this process."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        """Remember at most `max_keys` callers."""
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._max_keys = max_keys

    def take(self, key: str, limit: Limit, now: float) -> float:
        """Give 0.0 when the caller may go on, else the seconds to wait."""
        if limit.rate <= 0:
            return 0.0
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(limit, now)
            if len(self._buckets) > self._max_keys:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now)
