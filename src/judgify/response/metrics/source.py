"""The scraper that fills the window, and what the engine asks of it: figures of the moment and of an incident."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid
from judgify.kit.log import get_logger
from judgify.response.impact import Impact, Measured, Stretch, Targets, compare, stretch_before
from judgify.response.metrics.http import get
from judgify.response.metrics.text import MAX_PAGE, read
from judgify.response.metrics.window import SCRAPE_INTERVAL_S, Scrape, Window

log = get_logger("judgify.response.metrics")

ENTRANCE: Final = "gateway"
"""Every request of a user comes through it, so its figures are the platform's."""
_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Now:
    """The live figures of guide 5.1; None where nobody measures one.

    `database_pool_percentage` is that of the service whose pool of database connections is the fullest.
    """

    requests_per_second: float | None
    error_percentage: float | None
    p95_ms: float | None
    active_users: float | None
    database_pool_percentage: float | None
    memory_bytes: float | None
    judgments_per_minute: float | None


class ScrapedMetrics:
    """Scrapes /metrics of every service into its own window, platform up or down.

    A scrape that fails is remembered as failed: its stretch counts as unanswered, not as quiet.
    """

    def __init__(self, addresses: Mapping[str, str], clock: Clock, *, interval_s: float = SCRAPE_INTERVAL_S) -> None:
        """Scrape the services at these base addresses (`http://127.0.0.1:8002`), by name."""
        self._addresses = dict(addresses)
        self._clock = clock
        self._interval_s = interval_s
        self.scrapes: Final = Window()

    async def run(self) -> None:
        """Scrape for ever, each service in its own rhythm, so that a slow one delays no other."""
        async with asyncio.TaskGroup() as group:
            for service in self._addresses:
                group.create_task(self._follow(service), name=f"scrape-{service}")

    async def _follow(self, service: str) -> None:
        while True:
            started = self._clock.monotonic()
            await self.scrape(service)
            await self._clock.sleep(self._interval_s - (self._clock.monotonic() - started))

    async def scrape(self, service: str) -> Scrape:
        """Read one service once, add what it said to the window, and give it."""
        figures = None
        with contextlib.suppress(OSError, TimeoutError, ValueError, EOFError):
            answer = await get(f"{self._addresses[service]}/metrics", timeout_s=_TIMEOUT_S, limit=MAX_PAGE)
            if answer.status == 200:
                try:
                    # In a thread: a long page must not hold up the loop that pages people.
                    figures = await asyncio.to_thread(read, answer.text())
                except Invalid as error:
                    log.warning("metrics page not readable", of=service, reason=error.detail)
        scrape = Scrape(self._clock.now(), figures)
        self.scrapes.add(service, scrape)
        return scrape

    def error_percentage(self, service: str, start: datetime, end: datetime) -> float | None:
        """Give the share of a service's requests answered 5xx, in percent; None when it answered none at all."""
        requests = self.scrapes.increase(service, "requests", start, end)
        errors = self.scrapes.increase(service, "errors", start, end)
        return None if not requests or errors is None else 100.0 * errors / requests

    def now(self) -> Now:
        """Give the live figures, over the last minute."""
        end = self._clock.now()
        start = end - timedelta(minutes=1)
        p95 = self.scrapes.quantile(ENTRANCE, 0.95, start, end)
        judged = self.scrapes.rate("judgment", "judgments", start, end)
        pools = [self.scrapes.latest(service, "database_pool_usage", end) for service in self._addresses]
        memory = [self.scrapes.latest(service, "memory_bytes", end) for service in self._addresses]
        return Now(
            requests_per_second=self.scrapes.rate(ENTRANCE, "requests", start, end),
            error_percentage=self.error_percentage(ENTRANCE, start, end),
            p95_ms=None if p95 is None else 1000 * p95,
            active_users=self.scrapes.latest(ENTRANCE, "active_users", end),
            database_pool_percentage=max((100 * used for used in pools if used is not None), default=None),
            memory_bytes=_total(memory),
            judgments_per_minute=None if judged is None else judged * 60,
        )

    def measured(self, stretch: Stretch, availability_percentage: float | None) -> Measured:
        """Give what was measured in a stretch; availability comes from the probes, which see more than scrapes do."""
        start, end = stretch.start, stretch.end
        p95 = self.scrapes.quantile(ENTRANCE, 0.95, start, end)
        return Measured(
            active_users=self.scrapes.gauge(ENTRANCE, "active_users", start, end),
            error_percentage=self.error_percentage(ENTRANCE, start, end),
            unfinished_requests=self.scrapes.increase(ENTRANCE, "unfinished", start, end),
            judgments=self.scrapes.increase("judgment", "judgments", start, end),
            dashboards=self.scrapes.increase("dashboard", "dashboards", start, end),
            api_calls=self.scrapes.increase(ENTRANCE, "requests", start, end),
            availability_percentage=availability_percentage,
            p95_ms=None if p95 is None else 1000 * p95,
        )

    def impact(
        self,
        during: Stretch,
        targets: Targets,
        *,
        availability: float | None = None,
        availability_before: float | None = None,
    ) -> Impact:
        """Compare an incident's stretch with the one of the same length before it (guide 5.2)."""
        return compare(
            during,
            self.measured(during, availability),
            self.measured(stretch_before(during), availability_before),
            targets,
        )


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
