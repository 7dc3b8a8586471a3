"""Signals out of the engine's own metrics window: above a threshold for long enough. Thresholds are the guide's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from judgify.response.guide.catalogue import MetricRule
from judgify.response.metrics.source import ScrapedMetrics


@dataclass(frozen=True, slots=True)
class Crossing:
    """A service whose figure has been above its threshold for as long as the rule asks for."""

    service: str
    rule: MetricRule
    value: float
    since: datetime


class ThresholdWatch:
    """Remembers since when each figure has been above its threshold."""

    def __init__(self, rules: Sequence[MetricRule], metrics: ScrapedMetrics) -> None:
        """Watch these rules on this window."""
        self._rules = tuple(rules)
        self._metrics = metrics
        self._since: dict[tuple[str, str, float], datetime] = {}

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
                    found.append(Crossing(service, rule, value, since))
        return found

    def _value(self, rule: MetricRule, service: str, now: datetime) -> float | None:
        start = now - timedelta(seconds=rule.window_s)
        requests = self._metrics.scrapes.increase(service, "requests", start, now)
        if requests is None or requests < rule.minimum_requests:
            return None
        if rule.measure == "p95_seconds":
            return self._metrics.scrapes.quantile(service, 0.95, start, now)
        share = self._metrics.error_percentage(service, start, now)
        return None if share is None else share / 100
