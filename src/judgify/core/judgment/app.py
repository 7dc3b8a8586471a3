"""The judgment service put together: cache, judge, store, spool, relay, telemetry, routes, health."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final, Literal

import asyncpg
from fastapi import FastAPI

from judgify.core.judgment.cache import WorkflowCache
from judgify.core.judgment.commit import Committer
from judgify.core.judgment.desk import Desk, Tally
from judgify.core.judgment.door import Door
from judgify.core.judgment.feedback import add_feedback
from judgify.core.judgment.feedback_store import Calibrations, FeedbackStore
from judgify.core.judgment.history import add_history
from judgify.core.judgment.hot import BATCH, EXECUTE, BatchRoute, ExecuteRoute
from judgify.core.judgment.judge import Judge
from judgify.core.judgment.llm.advisor import Advisor
from judgify.core.judgment.llm.budget import Budget, DatabaseLedger
from judgify.core.judgment.llm.config import ModelConfig
from judgify.core.judgment.llm.endpoint import Endpoint
from judgify.core.judgment.llm.inquiry import Inquirer
from judgify.core.judgment.relay import build_relay
from judgify.core.judgment.spool import MAX_BYTES, Spool
from judgify.core.judgment.store import ExecutionStore
from judgify.core.judgment.summary import add_summary
from judgify.core.judgment.telemetry import Telemetry
from judgify.kit.auth import service_principal
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Invalid, Unavailable
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics
from judgify.kit.outbox import Outbox
from judgify.kit.settings import Settings
from judgify.kit.web import Health, ServiceSpec, create_app

log = get_logger("judgify.judgment")
RETENTION_DAYS: Final = 90
_DAY_S: Final = 86_400.0
State = Literal["ok", "degraded", "down"]


class Service:
    """The parts of one judging process, started and ended together."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Put the parts together; nothing runs yet.

        `JUDGIFY_SPOOL_MAX_MB`, `JUDGIFY_EXECUTION_DAYS`, `JUDGIFY_HOST_TELEMETRY` are read here.
        """
        home = settings.home / "spool" / "judgment"
        self.metrics = Metrics("judgment")
        self.database = Database(settings.database_url, "judgment", "judgify.core.judgment", clock=clock)
        self.store = ExecutionStore(self.database, clock)
        self.spool = Spool(home / "records", max_bytes=_number(settings, "JUDGIFY_SPOOL_MAX_MB", MAX_BYTES >> 20) << 20)
        self.committer = Committer(self.store, self.spool, clock)
        secret, me = settings.service_secret, service_principal("judgment")
        self.workflows = ServiceClient(settings.url("workflow"), clock=clock, secret=secret, principal=me, timeout_s=2)
        self.actions = ServiceClient(settings.url("action"), clock=clock, secret=secret, principal=me, timeout_s=10)
        self.cache = WorkflowCache(self.workflows, home / "workflows", clock)
        self.feedback = FeedbackStore(self.database, clock)
        self.calibrations = Calibrations(self.feedback, clock)
        model = ModelConfig.read(settings)
        budget = Budget(model.tokens_day, DatabaseLedger(self.database), clock)
        self.inquirer = Inquirer(model, Endpoint(model), budget, metrics=self.metrics, clock=clock)
        self.judge = Judge(self.cache, clock, Advisor(self.inquirer), self.calibrations)
        self.desk = Desk(
            self.judge, self.committer, self.spool, self.store, tally=Tally(self.metrics, clock), clock=clock
        )
        self.door = Door(lambda: settings.service_secret, clock)
        self.relay: Outbox = build_relay(self.database, self.actions, clock)
        wanted = settings.environ.get("JUDGIFY_HOST_TELEMETRY", "true").strip().lower()
        self.telemetry = None if wanted in {"false", "0", "no", "off"} else Telemetry(self.desk, settings.home, clock)
        self._days = _number(settings, "JUDGIFY_EXECUTION_DAYS", RETENTION_DAYS)
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        usage = self.metrics.gauge("database_connection_pool_usage", "Share of the pool's connections in use, 0 to 1.")
        usage.set_function(self.database.usage)
        waiting = self.metrics.gauge("judgment_spool_bytes", "Bytes of executions that wait for the database.")
        waiting.set_function(self.spool.size)

    async def start(self) -> None:
        """Begin: judge by the mirrored workflows at once, with or without database and workflow service."""
        await asyncio.to_thread(self.cache.load)
        self.database.start()
        self.committer.start()
        self.cache.start()
        self.relay.start()
        self.inquirer.start()
        if self.telemetry is not None:
            self.telemetry.start()
        work = ((self._wake_relay, "wake relay"), (self._forget_old, "retention"))
        self._tasks = [asyncio.create_task(run(), name=name) for run, name in work]

    async def close(self) -> None:
        """End: what was taken in is made durable first."""
        if self.telemetry is not None:
            await self.telemetry.close()
        await self.committer.close()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.cache.close()
        await self.relay.stop()
        await self.inquirer.close()
        await self.calibrations.close()
        await self.workflows.close()
        await self.actions.close()
        await self.database.close()

    async def health(self) -> Health:
        """Down when it cannot judge or cannot make a verdict durable; degraded when one of its parts is not well."""
        spool = await asyncio.to_thread(self.spool.state)
        database: State = "ok" if self.committer.database_up else "down"
        without: State = "degraded" if len(self.cache) else "down"
        workflow: State = "ok" if self.cache.reachable else without
        parts: dict[str, State] = {"database": database, "workflow": workflow, "spool": spool}
        model = self.inquirer.health()
        if model is not None:
            # The rules go on without it: however the model is, the service is at worst degraded by it.
            parts["llm"] = model
        if workflow == "down" or (database == "down" and spool == "down"):
            return Health("down", parts)
        return Health("ok" if set(parts.values()) == {"ok"} else "degraded", parts)

    async def ready(self) -> bool:
        """Tell whether a judgment would be answered now."""
        return (await self.health()).status != "down"

    async def _wake_relay(self) -> None:
        while True:
            await self.committer.acted.wait()
            self.committer.acted.clear()
            self.relay.wake()

    async def _forget_old(self) -> None:
        while True:
            await self.database.opened.wait()
            try:
                oldest = self._clock.now() - timedelta(days=self._days)
                gone = await self.store.drop_before(oldest)
                await self.feedback.drop_before(oldest)
            except (Unavailable, asyncpg.PostgresError) as error:
                log.warning("old executions stay for now", reason=type(error).__name__)
                await self._clock.sleep(60)
                continue
            if gone:
                log.info("old executions removed", partitions=gone, days=self._days)
            await self._clock.sleep(_DAY_S)


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Build the service."""
    service = Service(settings, clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.close()

    spec = ServiceSpec(
        "judgment",
        settings,
        clock,
        service.metrics,
        service.health,
        service.ready,
        lifespan=lifespan,
        max_body=MAX_BODY,
    )
    app = create_app(spec)
    for route in (
        ExecuteRoute(service.desk, service.door, clock, EXECUTE),
        BatchRoute(service.desk, service.door, clock, BATCH),
    ):
        app.router.routes.append(route.route)
    add_history(app, service.desk, service.store, clock)
    add_feedback(app, service.desk, service.feedback, service.calibrations, metrics=service.metrics, clock=clock)
    add_summary(app, service.database, clock)
    return app


MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of one request, a batch included."""


def _number(settings: Settings, name: str, default: int) -> int:
    text = settings.environ.get(name)
    if text is None:
        return default
    if not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise Invalid(f"{name}={text!r} is not a whole number from 1 to 1000000")
    return int(text)
