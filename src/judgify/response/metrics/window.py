"""A bounded window of scraped figures: rates, shares and quantiles over any stretch of the last hours, from memory."""

import itertools
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from judgify.response.metrics.text import Figures

KEEP: Final = timedelta(hours=6)
"""How far back the window reaches."""

SCRAPE_INTERVAL_S: Final = 5.0
"""Seconds between two scrapes of a service."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """One try to read one service. `figures` is None when the service did not answer or answered nonsense."""

    at: datetime
    figures: Figures | None


class Window:
    """Scrapes by service, oldest first, no older than `keep` and never more than fit at one a second.

    Every question is answered with None where nothing was measured, never with a zero that nobody counted. A counter
    that went down was reset by a restart: what it shows then has been counted since. Replicas behind one port take
    turns in answering; their counters are not told apart, so figures of a scaled unit are lower bounds of a kind only
    while the replicas differ. That is the price of scraping without a service discovery of its own.
    """

    def __init__(self, keep: timedelta = KEEP) -> None:
        """Begin empty."""
        self._keep = keep
        self._most = int(keep.total_seconds()) + 1
        self._scrapes: dict[str, deque[Scrape]] = {}

    def add(self, service: str, scrape: Scrape) -> None:
        """Append a scrape; one that is not newer than the last of its service is dropped."""
        ring = self._scrapes.setdefault(service, deque(maxlen=self._most))
        if ring and scrape.at <= ring[-1].at:
            return
        ring.append(scrape)
        while ring[0].at < scrape.at - self._keep:
            ring.popleft()

    @property
    def services(self) -> tuple[str, ...]:
        """Services that were ever scraped."""
        return tuple(self._scrapes)

    def since(self) -> datetime | None:
        """Give the moment of the oldest scrape kept, or None while there is none."""
        return min((ring[0].at for ring in self._scrapes.values() if ring), default=None)

    def increase(self, service: str, counter: str, start: datetime, end: datetime) -> float | None:
        """Give how much a counter grew in the stretch; None with fewer than two readings of it there.

        The reading just before the stretch counts as its beginning, when it is no older than three scrapes.
        """
        readings = [
            figures.counters[counter] for figures in self._good(service, start, end) if counter in figures.counters
        ]
        return _grown(readings)

    def rate(self, service: str, counter: str, start: datetime, end: datetime) -> float | None:
        """Give the counter's growth per second over the stretch, or None."""
        seconds = (end - start).total_seconds()
        grown = self.increase(service, counter, start, end)
        return None if grown is None or seconds <= 0 else grown / seconds

    def gauge(self, service: str, name: str, start: datetime, end: datetime) -> float | None:
        """Give the highest value of a gauge within the stretch, or None."""
        values = [figures.gauges[name] for figures in self._good(service, start, end) if name in figures.gauges]
        return max(values, default=None)

    def latest(self, service: str, name: str, now: datetime) -> float | None:
        """Give a gauge's newest value, unless it is older than three scrapes."""
        values = [
            figures.gauges[name]
            for figures in self._good(service, now - timedelta(seconds=3 * SCRAPE_INTERVAL_S), now)
            if name in figures.gauges
        ]
        return values[-1] if values else None

    def quantile(self, service: str, q: float, start: datetime, end: datetime) -> float | None:
        """Give a quantile of the response times in seconds within the stretch, or None when none was counted.

        Linear within a bucket, as Prometheus does it; a quantile in the last, unbounded bucket is its lower bound.
        """
        return quantile_of(_bucket_growth(self._good(service, start, end)), q)

    def answered(self, service: str, start: datetime, end: datetime) -> tuple[int, int]:
        """Give how many scrapes of the stretch were answered, and how many there were."""
        found = [scrape for scrape in self._scrapes.get(service, ()) if start <= scrape.at <= end]
        return sum(scrape.figures is not None for scrape in found), len(found)

    def series(self, service: str, counter: str, end: datetime, step: timedelta, count: int) -> list[float | None]:
        """Give `count` successive rates per second, the last one ending at `end`; for charts."""
        edges = [end - step * (count - index) for index in range(count + 1)]
        return [self.rate(service, counter, first, second) for first, second in itertools.pairwise(edges)]

    def _good(self, service: str, start: datetime, end: datetime) -> list[Figures]:
        found: list[Scrape] = []
        before: Scrape | None = None
        for scrape in self._scrapes.get(service, ()):
            if scrape.figures is None or scrape.at > end:
                continue
            if scrape.at < start:
                before = scrape
            else:
                found.append(scrape)
        near = timedelta(seconds=3 * SCRAPE_INTERVAL_S)
        # A reading at the very beginning needs none before it; else what two stretches share would count in both.
        if before is not None and start - before.at <= near and not (found and found[0].at == start):
            found.insert(0, before)
        return [scrape.figures for scrape in found if scrape.figures is not None]


def _grown(readings: Sequence[float]) -> float | None:
    if len(readings) < 2:
        return None
    return sum(later - earlier if later >= earlier else later for earlier, later in itertools.pairwise(readings))


def _bucket_growth(readings: Iterable[Figures]) -> Mapping[float, float]:
    total: dict[float, float] = {}
    before: Mapping[float, float] | None = None
    for figures in readings:
        if not figures.buckets:
            continue
        present = dict(figures.buckets)
        if before is not None:
            # One bucket that shrank means that the process was restarted: all of them began at zero again.
            restarted = any(count < before.get(bound, 0.0) for bound, count in present.items())
            base: Mapping[float, float] = {} if restarted else before
            for bound, count in present.items():
                total[bound] = total.get(bound, 0.0) + count - base.get(bound, 0.0)
        before = present
    return total


def quantile_of(buckets: Mapping[float, float], q: float) -> float | None:
    """Give the q-quantile (0 to 1) of cumulative bucket counts by upper bound, or None when they are empty."""
    bounds = sorted(buckets)
    if not bounds or buckets[bounds[-1]] <= 0:
        return None
    rank = q * buckets[bounds[-1]]
    lower, below = 0.0, 0.0
    for bound in bounds:
        count = buckets[bound]
        if count >= rank:
            if math.isinf(bound):
                return lower
            inside = count - below
            return bound if inside <= 0 else lower + (bound - lower) * (rank - below) / inside
        lower, below = bound, count
    return lower  # pragma: no cover - the last bucket holds every count, so some bucket reaches the rank
