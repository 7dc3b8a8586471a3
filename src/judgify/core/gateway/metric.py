"""What the gateway measures: the common HTTP metrics, the queue, active users, session lengths, stores."""

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import Counter, Histogram

from judgify.kit.clock import Clock
from judgify.kit.metrics import Metrics

ACTIVE_S: Final = 300.0
"""A subject counts as active for five minutes after a request (guide 5.1)."""
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_MAX_SUBJECTS: Final = 200_000


class GatewayMetrics:
    """The gateway's metrics. Every label is a closed set."""

    def __init__(self, clock: Clock) -> None:
        """Declare them."""
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.metrics = Metrics("gateway")
        declare = self.metrics
        self.queue_depth = declare.gauge(
            "api_request_queue_depth", "Requests that wait for their turn at an upstream.", ("upstream",)
        )
        self.running = declare.gauge(
            "judgify_gateway_requests_running", "Requests running at an upstream.", ("upstream",)
        )
        self.active_users = declare.gauge("judgify_active_users", "Distinct subjects with a request in five minutes.")
        self.session_duration = declare.histogram(
            "user_session_duration",
            "Seconds from sign-in to the end of a session.",
            buckets=(60, 300, 900, 1800, 3600, 4 * 3600, 8 * 3600, 86_400, 7 * 86_400, 30 * 86_400),
        )
        self.pool_usage = declare.gauge(
            "database_connection_pool_usage", "Share of the gateway's database connections in use, 0 to 1."
        )
        self.fragmentation = declare.gauge("redis_memory_fragmentation", "Redis's memory fragmentation ratio.")
        # Nothing measured is not zero.
        self.fragmentation.set(float("nan"))
        self.lookups = declare.counter(
            "judgify_gateway_record_lookups_total", "Looks into Redis for a session or an API key.", ("result",)
        )
        self.logins = declare.counter("judgify_gateway_logins_total", "Sign-in attempts.", ("result",))
        self.refused = declare.counter(
            "judgify_gateway_refused_total", "Requests refused before they reached an upstream.", ("reason",)
        )
        self.blocked = declare.gauge("judgify_gateway_traffic_blocked", "1 while the traffic switch is on.")

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.observe_many(method, route, status, (seconds,))

    def observe_many(self, method: str, route: str, status: int, times: Sequence[float]) -> None:
        """Count answered requests of one kind, each with its time."""
        key = (method if method in _METHODS else "other", route, status)
        series = self._series.get(key)
        if series is None:
            job = self.metrics.job
            count = self.metrics.http_requests.labels(job, key[0], route, str(status))
            series = self._series[key] = (count, self.metrics.http_duration.labels(job, key[0], route))
        count, duration = series
        count.inc(len(times))
        for seconds in times:
            duration.observe(seconds)

    def seen(self, subject: str, now: float) -> None:
        """Note a request of a subject."""
        if subject not in self._seen and len(self._seen) >= _MAX_SUBJECTS:
            return
        self._seen[subject] = now

    def active(self) -> int:
        """Give the number of distinct subjects of the last five minutes, and forget the others."""
        since = self._clock.monotonic() - ACTIVE_S
        self._seen = {subject: at for subject, at in self._seen.items() if at >= since}
        return len(self._seen)

    def render(self, queues: Iterable[tuple[str, int, int]], pool_usage: float, *, blocked: bool) -> bytes:
        """Write the text format; `queues` is (upstream, waiting, running)."""
        for name, waiting, running in queues:
            self.queue_depth.labels(name).set(waiting)
            self.running.labels(name).set(running)
        self.active_users.set(self.active())
        self.pool_usage.set(pool_usage)
        self.blocked.set(int(blocked))
        return self.metrics.render()
