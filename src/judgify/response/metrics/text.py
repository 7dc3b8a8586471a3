"""From a /metrics page in the Prometheus text format to the few figures that the response engine keeps."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from judgify.kit.errors import Invalid

MAX_PAGE: Final = 4 * 1024 * 1024
"""Largest page in bytes that is read; a larger one is a fault of the service that sent it."""

Labels = Mapping[str, str]

# Probes and scrapes are ours, not a user's: they count neither as traffic nor towards response times.
_OWN_ROUTES: Final = frozenset({"/live", "/ready", "/health", "/metrics"})

_UNFINISHED: Final = frozenset({"499", "502", "503", "504"})


@dataclass(frozen=True, slots=True)
class Figures:
    """What one scrape of one service said.

    Counters only grow until the process restarts; gauges are values of the moment; `buckets` are the cumulative counts
    of the response time histogram by upper bound in seconds, ascending, the last bound infinite.
    """

    counters: Mapping[str, float] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)
    buckets: tuple[tuple[float, float], ...] = ()


def _is_user_traffic(labels: Labels) -> bool:
    route = labels.get("route", "")
    return route not in _OWN_ROUTES and not route.endswith("/health")


def _is_error(labels: Labels) -> bool:
    return _is_user_traffic(labels) and labels.get("status", "").startswith("5")


def _is_unfinished(labels: Labels) -> bool:
    return _is_user_traffic(labels) and labels.get("status", "") in _UNFINISHED


def _any(labels: Labels) -> bool:
    del labels
    return True


def _is_failed_judgment(labels: Labels) -> bool:
    return labels.get("result") in {"error", "failed"}


# (sample name, counter of ours, which series belong to it)
_COUNTERS: Final[tuple[tuple[str, str, Callable[[Labels], bool]], ...]] = (
    ("http_requests_total", "requests", _is_user_traffic),
    ("http_requests_total", "errors", _is_error),
    ("http_requests_total", "unfinished", _is_unfinished),
    ("judgment_executions_total", "judgments", _any),
    ("judgment_executions_total", "judgments_failed", _is_failed_judgment),
    ("dashboard_generation_time_count", "dashboards", _any),
    ("dashboard_generation_time_seconds_count", "dashboards", _any),
    ("process_cpu_seconds_total", "cpu_seconds", _any),
)

_GAUGES: Final[Mapping[str, str]] = {
    "judgify_active_users": "active_users",
    "active_users": "active_users",
    "api_request_queue_depth": "queue_depth",
    "database_connection_pool_usage": "database_pool_usage",
    "redis_memory_fragmentation": "redis_fragmentation",
    "judgment_success_rate": "judgment_success_rate",
    "process_resident_memory_bytes": "memory_bytes",
}


def read(page: str) -> Figures:
    """Read a page; series that the engine does not use are passed over.

    A counter is present as soon as its metric is declared on the page, with 0 when no series of it has been counted
    yet: "nothing happened" and "nobody measures this" are different answers.

    Raises:
        Invalid: the page is too large or is not in the text format.
    """
    if len(page) > MAX_PAGE:
        raise Invalid(f"a metrics page of {len(page):,} characters is larger than {MAX_PAGE:,}")
    counters: dict[str, float] = {}
    gauges: dict[str, float] = {}
    buckets: dict[float, float] = {}
    try:
        for name, labels, value in _samples(page, counters):
            if not math.isfinite(value):
                continue
            for sample, key, belongs in _COUNTERS:
                if name == sample:
                    counters[key] = counters.get(key, 0.0) + (value if belongs(labels) else 0.0)
            if name in _GAUGES:
                key = _GAUGES[name]
                gauges[key] = gauges.get(key, 0.0) + value
            if name == "http_request_duration_seconds_bucket" and _is_user_traffic(labels):
                bound = float(labels["le"])
                buckets[bound] = buckets.get(bound, 0.0) + value
    except (ValueError, KeyError, IndexError) as error:
        raise Invalid("the metrics page is not in the Prometheus text format") from error
    return Figures(counters, gauges, tuple(sorted(buckets.items())))


def _samples(page: str, counters: dict[str, float]) -> Iterator[tuple[str, Labels, float]]:
    for family in text_string_to_metric_families(page):
        for sample, key, _ in _COUNTERS:
            if sample in {family.name, f"{family.name}_total", f"{family.name}_count"}:
                counters.setdefault(key, 0.0)
        for item in family.samples:
            yield item.name, item.labels, float(item.value)
