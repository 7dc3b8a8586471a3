"""What services around an outbox share: their life, their retention, their gauges, and their lists."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import asyncpg
from fastapi import Query

from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics
from judgify.kit.outbox import Outbox
from judgify.kit.web import answer

log = get_logger("judgify.outgoing")
AGAIN_S: Final = 1.0
LOOK_S: Final = 3600.0

Limit = Annotated[int, Query(ge=1, le=200)]
"""A list's `limit` parameter."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is removed once it is `days` old; `forget` removes some of it and gives how many, 0 when none is left."""

    what: str
    days: int
    forget: Callable[[datetime], Awaitable[int]]


@asynccontextmanager
async def working(
    database: Database,
    outbox: Outbox,
    retention: Retention,
    clock: Clock,
    closing: Callable[[], Awaitable[None]],
) -> AsyncIterator[None]:
    """Keep database, worker and retention running for as long as the block lasts; `closing` ends what they used."""
    database.start()
    outbox.start()
    keeper = asyncio.create_task(_keep(database, retention, clock), name=f"retention of {retention.what}")
    try:
        yield
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        await outbox.stop()
        await closing()
        await database.close()


async def _keep(database: Database, retention: Retention, clock: Clock) -> None:
    await database.opened.wait()
    while True:
        try:
            gone = await retention.forget(clock.now() - timedelta(days=retention.days))
        except (Unavailable, asyncpg.PostgresError) as error:
            log.warning("what is old was not removed", what=retention.what, reason=type(error).__name__)
            gone = 0
        if gone:
            log.info("what is old was removed", what=retention.what, count=gone, days=retention.days)
        await clock.sleep(AGAIN_S if gone else LOOK_S)


def declare_pool_usage(metrics: Metrics, database: Database) -> None:
    """Declare `database_connection_pool_usage` (guide 8.2) for a service's own pool; NaN while there is no pool."""
    usage = metrics.gauge(
        "database_connection_pool_usage", "Share of the service's database connections in use, 0 to 1."
    )
    usage.set_function(database.usage)


def page(rows: Sequence[dict[str, Any]], limit: int, clock: Clock) -> dict[str, Any]:
    """Answer a list of which one row more than `limit` was asked for; its presence says that there are more."""
    more = rows[limit - 1]["id"] if len(rows) > limit else None
    return answer(rows[:limit], clock, pagination={"limit": limit, "next_cursor": more})
