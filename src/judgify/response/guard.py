"""The two loops beside the conductor: a heartbeat to somewhere outside, and the service level figures."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from judgify.kit.clock import Clock
from judgify.kit.log import get_logger
from judgify.response.desk import Desk
from judgify.response.figures import Figures
from judgify.response.incident import Incident

log = get_logger("judgify.response.guard")
Budget = Callable[[Sequence[Incident], datetime | None], tuple[float | None, float | None]]
"""(availability, used error budget) in percent, from what is on record and since when."""
BEAT_S: Final = 30.0
FRESH: Final = timedelta(seconds=10)
"""The due-row loop must have completed within this time, else no heartbeat is sent."""


async def heartbeat(url: str, clock: Clock, completed_at: Callable[[], datetime | None]) -> None:
    """Tell an outside address every 30 s that pages go out; silence there means that this host is dead or stuck."""
    import httpx  # noqa: PLC0415 - most installations have no such address, and the engine must start quickly

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


async def figures(desk: Desk, shown: Figures, clock: Clock, budget: Budget) -> None:
    """Keep mttr_minutes, availability_percentage and error_budget_consumption up to date (guide 8.2)."""
    while True:
        try:
            incidents = await desk.ask(lambda tx: tx.incidents(limit=1_000))
            first = await desk.ask(lambda tx: tx.entries(None, limit=1))
            shown.repaired(incidents)
            availability, consumed = budget(incidents, first[0].at if first else None)
            if availability is not None:
                shown.availability.set(availability)
            if consumed is not None:
                shown.budget.set(consumed)
        except asyncio.CancelledError:
            raise
        except Exception:  # boundary: a figure that fails must not end the engine
            log.exception("figures failed")
        await clock.sleep(15.0)
