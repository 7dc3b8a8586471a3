"""The heartbeat outwards: a dead host cannot page, so somebody outside must miss it.

It is sent only while pages go out: the loop of due rows has completed since. That it does not arrive is shown (figures,
console, `judgify channel status`) and holds up nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from judgify.kit.clock import Clock, iso
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics

log = get_logger("judgify.response.heart")
BEAT_S: Final = 30.0
FRESH: Final = timedelta(seconds=10)
"""The due-row loop must have completed within this time, else no heartbeat is sent."""
STARTING: Final = 10
"""Seconds that the loop of an engine that starts may take until its first beat."""
TIMEOUT_S: Final = 5.0
Result = Literal["delivered", "refused", "unreachable", "withheld"]
"""A closed set, and the metric's label. `withheld`: our own loop had not completed, so nothing was sent on purpose."""
WITHHELD: Final[tuple[Result, str]] = ("withheld", "the loop of due pages has not completed")
Method = Literal["POST", "GET"]


@dataclass(slots=True)
class Heart:
    """Beats every 30 s. `completed_at` tells when the due-row loop last went through."""

    url: str
    clock: Clock
    completed_at: Callable[[], datetime | None]
    method: Method = "POST"
    metrics: Metrics | None = None
    result: Result | None = None
    """What came of the newest beat; None before the first."""
    at: datetime | None = None
    delivered_at: datetime | None = None
    failing_since: datetime | None = None
    detail: str = ""

    async def run(self) -> None:
        """Beat until cancelled."""
        import httpx  # noqa: PLC0415 - most installations have no such address, and the engine must start quickly

        for _ in range(STARTING):
            if self.completed_at() is not None:
                break
            await self.clock.sleep(1.0)
        counted = None if self.metrics is None else _counter(self.metrics)
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
            while True:
                result, detail = await self._beat(client) if self._fresh() else WITHHELD
                self._take(result, detail)
                if counted is not None:
                    counted.labels(result).inc()
                await self.clock.sleep(BEAT_S)

    def view(self) -> dict[str, Any]:
        """Give the JSON form; the address is not part of it, since it may hold a ticket."""
        return {
            "set": True,
            "method": self.method,
            "result": self.result,
            "at": None if self.at is None else iso(self.at),
            "delivered_at": None if self.delivered_at is None else iso(self.delivered_at),
            "failing_since": None if self.failing_since is None else iso(self.failing_since),
            "detail": self.detail,
        }

    def _fresh(self) -> bool:
        last = self.completed_at()
        return last is not None and self.clock.now() - last <= FRESH

    async def _beat(self, client: Any) -> tuple[Result, str]:
        import httpx  # noqa: PLC0415 - as above

        try:
            answer = await client.request(self.method, self.url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return "unreachable", type(error).__name__
        good = 200 <= answer.status_code < 300
        return ("delivered", "") if good else ("refused", f"answered {answer.status_code}")

    def _take(self, result: Result, detail: str) -> None:
        self.at = self.clock.now()
        good = result == "delivered"
        if good != (self.failing_since is None):
            # Told when it turns, not every 30 s.
            (log.info if good else log.error)("outward heartbeat", result=result, reason=detail)
        self.result, self.detail = result, detail
        if good:
            self.delivered_at, self.failing_since = self.at, None
        else:
            self.failing_since = self.failing_since or self.at


def _counter(metrics: Metrics) -> Any:
    return metrics.counter(
        "judgify_response_heartbeats_total", "Heartbeats to the outside address, by what came of them.", ("result",)
    )
