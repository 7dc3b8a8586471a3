"""The loops beside the conductor: service level figures, the clock's steadiness, the database's clock."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from judgify.kit.clock import Clock
from judgify.kit.log import get_logger
from judgify.kit.steady import SteadyClock
from judgify.response.desk import Desk, Work
from judgify.response.figures import Figures
from judgify.response.incident import Incident
from judgify.response.journal import ClockFollowed
from judgify.response.model import UNSETTLED
from judgify.response.ports import Beside, Tx

log = get_logger("judgify.response.guard")
Budget = Callable[[Sequence[Incident], datetime | None], tuple[float | None, float | None]]
"""(availability, used error budget) in percent, from what is on record and since when."""
STEP_S: Final = 0.25
"""A clock that differs by less was not set; a second put in or left out was."""

AHEAD_S: Final = 1.0
"""Clocks of an engine and its database that differ by more are told of: rows of a twin are due by its own clock."""


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


async def steadiness(desk: Desk, shown: Figures, clock: Clock) -> None:
    """Go by the machine's clock again after somebody set it, but only while nothing has a deadline.

    Until then every deadline keeps its distance: a clock set forward makes nobody's row due, one set back delays none.
    """
    if not isinstance(clock, SteadyClock):
        await asyncio.Event().wait()  # a story's own clock is never set
        return
    told = False
    while True:
        ahead_s = clock.ahead_s()
        shown.clock_ahead.set(ahead_s)
        if abs(ahead_s) < STEP_S:
            told = False
        else:
            if not told:
                log.warning("the machine's clock was set; what has a deadline keeps its distance", ahead_s=ahead_s)
            told = True
            if await desk.ask(_nothing_runs):
                await desk.command(lambda job: _follow(job, clock))
        await clock.sleep(1.0)


async def database_clock(beside: Beside, shown: Figures, clock: Clock) -> None:
    """Show how far the database's clock is ahead of the engine's, and warn once when it is more than `AHEAD_S`.

    Leases and fences end by the database's clock whatever it shows. When a row is due is told by the clock of the
    engine that planned it: of two engines whose clocks differ, the other one pages by so much too early or too late.
    """
    told = False
    while True:
        ahead_s = beside.ahead_s
        if ahead_s is not None:
            shown.database_ahead.set(ahead_s)
            if abs(ahead_s) > AHEAD_S and not told:
                log.warning("the clocks of the engine and of its database differ", database_ahead_s=round(ahead_s, 3))
            told = abs(ahead_s) > (AHEAD_S / 2 if told else AHEAD_S)
        await clock.sleep(1.0)


def _nothing_runs(tx: Tx) -> bool:
    return not (
        tx.incidents(states=tuple(sorted(UNSETTLED)), limit=1) or tx.runs(active=True) or tx.approvals(waiting=True)
    )


def _follow(job: Work, clock: SteadyClock) -> None:
    if _nothing_runs(job.tx):
        job.journal(ClockFollowed(by_s=round(clock.ahead_s(), 3)))
        clock.follow()
