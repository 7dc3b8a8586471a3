"""Signals out of the engine's own metrics window: above a threshold for long enough. Thresholds are the guide's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from judgify.response.guide.intake import MetricRule
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.metrics.window import SCRAPE_INTERVAL_S

SETTLING: Final = timedelta(seconds=3 * SCRAPE_INTERVAL_S)
"""After a return to service this much is passed over: what failed before is still in the next readings."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A service whose figure has been above its threshold for as long as the rule asks for."""

    service: str
    rule: MetricRule
    value: float
    since: datetime


def never(_: str) -> None:
    """Say that a service never returned from anything."""


class ThresholdWatch:
    """Remembers since when each figure has been above its threshold.

    What was counted during an outage that is over says nothing about now: a figure's window never reaches back beyond
    the return of the service, or of anything that its figures reflect.
    """

    def __init__(
        self,
        rules: Sequence[MetricRule],
        metrics: ScrapedMetrics,
        returned_at: Callable[[str], datetime | None] = never,
    ) -> None:
        """Watch these rules on this window; `returned_at` gives when a service, or what it reflects, came back."""
        self._rules = tuple(rules)
        self._metrics = metrics
        self._returned_at = returned_at
        self._since: dict[tuple[str, str, float], datetime] = {}
        # Another engine may have told of any of them before this one began.
        self._told = {(service, rule.signal) for rule in rules for service in rule.services}

    def look(self, now: datetime) -> list[Crossing]:
        """Give every figure that has been above its threshold long enough, now.

        A figure that nobody measures, and one over fewer requests than the rule asks for, crosses nothing.
        """
        found: list[Crossing] = []
        for rule in self._rules:
            for service in rule.services:
                key = (service, rule.signal, rule.above)
                value = self._value(rule, service, now)
                if value is None or value <= rule.above:
                    self._since.pop(key, None)
                    continue
                since = self._since.setdefault(key, now)
                if now - since >= timedelta(seconds=rule.for_s):
                    self._told.add((service, rule.signal))
                    found.append(Crossing(service, rule, value, since))
        return found

    def calmed(self, now: datetime) -> list[tuple[str, str]]:
        """Give (service, signal) of every figure that may have been told of and is in order now, each once.

        In order is: measured and below; or a window in which too few requests came, all of it observed, or begun anew
        by a return to service.
        """
        uneasy: set[tuple[str, str]] = set()
        for rule in self._rules:
            for service in rule.services:
                if not self._calm(rule, service, now):
                    uneasy.add((service, rule.signal))
        calm = sorted(self._told - uneasy)
        self._told &= uneasy
        return calm

    def tell_again(self, service: str, signal: str) -> None:
        """Note that it could not be made durable that a figure calmed."""
        self._told.add((service, signal))

    def _calm(self, rule: MetricRule, service: str, now: datetime) -> bool:
        value = self._value(rule, service, now)
        if value is not None:
            return value <= rule.above
        start = now - timedelta(seconds=rule.window_s)
        since, returned = self._metrics.scrapes.since(), self._returned_at(service)
        return (since is not None and since <= start) or (returned is not None and returned > start)

    def _value(self, rule: MetricRule, service: str, now: datetime) -> float | None:
        start = now - timedelta(seconds=rule.window_s)
        returned = self._returned_at(service)
        if returned is not None:
            start = max(start, returned + SETTLING)
        if start >= now:
            return None
        requests = self._metrics.scrapes.increase(service, "requests", start, now)
        if requests is None or requests < rule.minimum_requests:
            return None
        if rule.measure == "p95_seconds":
            return self._metrics.scrapes.quantile(service, 0.95, start, now)
        share = self._metrics.error_percentage(service, start, now)
        return None if share is None else share / 100
