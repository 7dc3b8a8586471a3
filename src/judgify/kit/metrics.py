"""Metrics in the Prometheus text format. Every label is a closed set; a metric is declared once per process."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_LATENCY: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 3.0, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics of one process; a registry of its own, so that tests and several apps in a process never mix."""

    def __init__(self, service: str) -> None:
        """Declare the two HTTP metrics that every service has, for the given name on the wire."""
        self.job: Final = job_name(service)
        self.registry: Final = CollectorRegistry()
        self.http_requests = self.counter(
            "http_requests_total", "Requests answered.", ("job", "method", "route", "status")
        )
        self.http_duration = self.histogram(
            "http_request_duration_seconds", "Time to answer a request.", ("job", "method", "route")
        )

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        """Declare a counter; its name ends in `_total`."""
        return Counter(name.removesuffix("_total"), text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        """Declare a gauge."""
        return Gauge(name, text, labels, registry=self.registry)

    def histogram(
        self, name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = _LATENCY
    ) -> Histogram:
        """Declare a histogram; buckets in the metric's base unit."""
        return Histogram(name, text, labels, registry=self.registry, buckets=tuple(buckets))

    def observe_http(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the route's pattern, never the path itself."""
        self.http_requests.labels(self.job, method, route, str(status)).inc()
        self.http_duration.labels(self.job, method, route).observe(seconds)

    def render(self) -> bytes:
        """Write all metrics in the text format."""
        return generate_latest(self.registry)


def job_name(service: str) -> str:
    """Give the Prometheus job of a service: `judgment` → `judgment-service`, `gateway` → `api-gateway-service`."""
    return "api-gateway-service" if service == "gateway" else f"{service}-service"
