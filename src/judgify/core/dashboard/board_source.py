"""Generating the dashboard: asks the judgment service, once for all who look at the same moment."""

import asyncio
from typing import Any, Final

from prometheus_client import Counter, Histogram
from pydantic import TypeAdapter, ValidationError

from judgify.core.dashboard.board import Board, Execution, Summary
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError, Unavailable

LATEST: Final = 20
FRESH_S: Final = 1.0
"""A board this young is shown again instead of asking anew, however many look."""
_EXECUTIONS: Final = TypeAdapter(list[Execution])


class BoardSource:
    """Generates boards. A board that cannot be generated is `Unavailable` with the reason; no old one is passed off."""

    def __init__(self, judgment: ServiceClient, time: Histogram, count: Counter, clock: Clock) -> None:
        """Measure in `dashboard_generation_time` and `dashboard_generations_total` (guide 8.2)."""
        self._judgment = judgment
        self._clock = clock
        self._fresh: dict[int, tuple[float, Board | Unavailable]] = {}
        self._lock = asyncio.Lock()
        self._time = time
        self._count = count
        for result in ("ok", "unavailable", "unreadable"):
            self._count.labels("judgments", result)

    async def board(self, minutes: int) -> Board:
        """Give the board over the last `minutes`; `Unavailable` (slug `dashboard-not-generated`) when it cannot be."""
        async with self._lock:
            kept = self._fresh.get(minutes)
            if kept is None or self._clock.monotonic() - kept[0] >= FRESH_S:
                kept = await self._generation(minutes)
                self._fresh = {minutes: kept}
        if isinstance(kept[1], Unavailable):
            # A fresh one each time: a raised error collects the frames of those it passes.
            raise _failure(kept[1].detail)
        return kept[1]

    async def _generation(self, minutes: int) -> tuple[float, Board | Unavailable]:
        # A failure is kept for as long as a board is, so that many viewers do not wait for it one after the other.
        result: Board | Unavailable
        try:
            result = await self._generate(minutes)
        except Unavailable as error:
            result = error
        return self._clock.monotonic(), result

    async def _generate(self, minutes: int) -> Board:
        started = self._clock.monotonic()
        try:
            summary, latest = await asyncio.gather(
                self._judgment.get("/api/v2/judgment/summary", minutes=minutes),
                self._judgment.get("/api/v2/judgment/executions", limit=LATEST),
            )
            board = self._read(minutes, summary, latest)
        except ValidationError as error:
            self._count.labels("judgments", "unreadable").inc()
            place = ".".join(map(str, error.errors()[0]["loc"]))
            raise _failure(
                "the dashboard cannot be generated: the judgment service's answer cannot be read at "
                f"{place or 'its root'}"
            ) from None
        except JudgifyError as error:
            self._count.labels("judgments", "unavailable").inc()
            reason = error.title.lower()
            raise _failure(
                f"the dashboard cannot be generated: the judgment service did not serve it ({reason})"
            ) from error
        finally:
            self._time.labels("judgments").observe(self._clock.monotonic() - started)
        self._count.labels("judgments", "ok").inc()
        return board

    def _read(self, minutes: int, summary: Any, latest: Any) -> Board:
        return Board(
            generated_at=self._clock.now(),
            minutes=minutes,
            summary=Summary.model_validate(summary),
            latest=_EXECUTIONS.validate_python(latest),
        )


def _failure(detail: str) -> Unavailable:
    return Unavailable(detail, slug="dashboard-not-generated")
