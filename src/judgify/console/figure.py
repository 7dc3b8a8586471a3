"""Figures of pages: charts from the engine's own metrics window, and what the status page says of 90 days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from judgify.console.chart import Chart
from judgify.response.documents import stretch as documents
from judgify.response.incident import Incident
from judgify.response.metrics.source import ENTRANCE, ScrapedMetrics
from judgify.response.model import Lang
from judgify.response.slo import Outage, availability_percentage

POINTS: Final = 24
DAYS: Final = 90


def charts(metrics: ScrapedMetrics | None, incident: Incident, now: datetime, lang: Lang) -> list[Chart]:
    """Give requests, error share and p95 of the entrance around an incident; none without a metrics window."""
    if metrics is None:
        return []
    end = min(now, (incident.restored_at or now) + timedelta(minutes=5))
    start = min(incident.occurred_at - timedelta(minutes=5), end - timedelta(minutes=10))
    step = (end - start) / POINTS
    edges = [(start + step * index, start + step * (index + 1)) for index in range(POINTS)]
    ko = lang == "ko"
    rates = [metrics.scrapes.rate(ENTRANCE, "requests", *edge) for edge in edges]
    shares = [metrics.error_percentage(ENTRANCE, *edge) for edge in edges]
    slow = [metrics.scrapes.quantile(ENTRANCE, 0.95, *edge) for edge in edges]
    p95 = [None if value is None else value * 1000 for value in slow]
    named = [
        ("HTTP 요청 (QPS)" if ko else "HTTP requests (QPS)", "/s", rates),
        ("HTTP 에러율" if ko else "HTTP error rate", "%", shares),
        ("API 응답 시간 (p95)" if ko else "API response time (p95)", "ms", p95),
    ]
    return [
        Chart(title, unit, start, step, tuple(values), incident.occurred_at, incident.restored_at)
        for title, unit, values in named
    ]


Down = tuple[Incident, Sequence[documents.Outage]]
"""An incident, and when it really lasted."""


@dataclass(frozen=True, slots=True)
class Uptime:
    """A service's availability over up to 90 days, as far as there is a record. None: nothing is recorded yet."""

    service: str
    percent: float | None
    outages: int


def uptimes(services: Sequence[str], down: Sequence[Down], since: datetime | None, now: datetime) -> list[Uptime]:
    """Give each service's availability from the incidents' own times, drills included: they stop the service too."""
    start = now - timedelta(days=DAYS)
    found: list[Uptime] = []
    for service in services:
        outages = [
            Outage(max(stretch.start, affected.since), stretch.end)
            for incident, stretches in down
            if incident.merged_into is None
            for affected in incident.services
            if affected.service == service and affected.confirmed
            for stretch in stretches
        ]
        recent = [
            outage for outage in outages if outage.end is None or (outage.end > start and outage.end > outage.start)
        ]
        found.append(Uptime(service, availability_percentage(recent, start, now, since), len(recent)))
    return found
