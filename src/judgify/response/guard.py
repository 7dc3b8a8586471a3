"""The two loops beside the conductor: a heartbeat to somewhere outside, and the service level figures."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import httpx

from judgify.kit.clock import Clock
from judgify.kit.log import get_logger
from judgify.response.desk import Desk
from judgify.response.figures import Figures

log = get_logger("judgify.response.guard")
BEAT_S: Final = 30.0
FRESH: Final = timedelta(seconds=10)
"""The due-row loop must have completed within this time, else no heartbeat is sent."""


async def heartbeat(url: str, clock: Clock, completed_at: Callable[[], datetime | None]) -> None:
    """Tell an outside address every 30 s that pages go out; silence there means that this host is dead or stuck."""
    async with httpx.AsyncClient(timeout=5.0, trust_env=False, follow_redirects=False) as client:
        while True:
            last = completed_at()
            if last is not None and clock.now() - last <= FRESH:
                try:
                    await client.post(url)
                except httpx.HTTPError as error:
                    log.warning("heartbeat not delivered", reason=type(error).__name__)
            else:
                log.error("no heartbeat sent: the due-row loop has not completed")
            await clock.sleep(BEAT_S)


async def figures(
    desk: Desk, shown: Figures, clock: Clock, budget: Callable[[], tuple[float | None, float | None]]
) -> None:
    """Keep mttr_minutes, availability_percentage and error_budget_consumption up to date (guide 8.2)."""
    while True:
        try:
            shown.repaired(await desk.ask(lambda tx: tx.incidents(limit=1_000)))
            availability, consumed = budget()
            if availability is not None:
                shown.availability.set(availability)
            if consumed is not None:
                shown.budget.set(consumed)
        except asyncio.CancelledError:
            raise
        except Exception:  # boundary: a figure that fails must not end the engine
            log.exception("figures failed")
        await clock.sleep(15.0)
