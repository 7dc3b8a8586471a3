"""HTTP face of the logging service: take lines in, find them; ships the units' log files and keeps the retention."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg
from fastapi import FastAPI

from judgify.core.logbook import search
from judgify.core.logbook.intake import IntakeRoute
from judgify.core.logbook.partition import Partitions, Retention
from judgify.core.logbook.shipper import Shipper
from judgify.core.logbook.tail import Tail, add_tail
from judgify.core.logbook.writer import GroupWriter, forget_keys
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics
from judgify.kit.settings import Settings
from judgify.kit.web import Health, ServiceSpec, State, create_app

MAX_BODY: Final = 8 * 1024 * 1024
LATE_S: Final = 30.0
"""Shipping that has not come round for this long makes health `degraded`: log collection is delayed (guide 1.1, P2)."""
_SWEEP_S: Final = 600.0
log = get_logger("judgify.logging")


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Build the service; it starts without the database and reports it down.

    `JUDGIFY_LOG_DAYS` (14) and `JUDGIFY_LOG_MAX_MB` (2048) are the retention.
    """
    retention = Retention(
        settings.number("JUDGIFY_LOG_DAYS", Retention.DAYS),
        settings.number("JUDGIFY_LOG_MAX_MB", Retention.SIZE_MB) * 1024**2,
    )
    metrics = Metrics("logging")
    database = Database(settings.database_url, "logging", "judgify.core.logbook", clock=clock)
    partitions = Partitions(database, clock, retention)
    writer = GroupWriter(database, partitions, clock)
    shipper = Shipper(settings.home / "logs", database, partitions, clock, metrics)
    metrics.gauge(
        "database_connection_pool_usage", "Share of the service's database connections in use, 0 to 1."
    ).set_function(database.usage)

    async def health() -> Health:
        alive = await database.alive()
        shipping: State = "ok" if shipper.late_s() < LATE_S else "degraded"
        whole: State = "down" if not alive else shipping
        return Health(whole, {"database": "ok" if alive else "down", "shipping": shipping})

    async def ready() -> bool:
        return database.opened.is_set() and await database.alive()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        database.start()
        writer.start()
        shipper.start()
        keeper = asyncio.create_task(_keep(database, partitions, clock), name="log partitions")
        yield
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        await shipper.stop()
        await writer.stop()
        await database.close()

    spec = ServiceSpec("logging", settings, clock, metrics, health, ready, lifespan=lifespan, max_body=MAX_BODY)
    app = create_app(spec)
    app.router.routes.append(IntakeRoute(settings, writer, metrics, clock).route)
    search.mount(app, database, clock)
    add_tail(app, Tail(database, metrics, clock), clock)
    return app


async def _keep(database: Database, partitions: Partitions, clock: Clock) -> None:
    await database.opened.wait()
    while True:
        rest = _SWEEP_S
        try:
            await partitions.ensure_ahead()
            await partitions.sweep()
            async with database.connection() as connection:
                await forget_keys(connection, clock.now())
        except (Unavailable, asyncpg.PostgresError) as error:
            log.warning("log partitions not kept", reason=type(error).__name__)
            rest = 5.0
        await clock.sleep(rest)
