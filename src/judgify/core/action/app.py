"""HTTP face of the action service: accept orders, list, read and replay them; a worker carries them out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

import asyncpg
from fastapi import FastAPI, Path, Query

from judgify.core.action.delivery import TIMEOUT_S, Deliverer
from judgify.core.action.order import Order, check
from judgify.core.action.store import ActionStore
from judgify.kit.auth import Principal, service_principal
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics
from judgify.kit.outbox import Outbox
from judgify.kit.secrets import ensure_secret
from judgify.kit.settings import Settings
from judgify.kit.web import Health, ServiceSpec, answer, create_app, require
from judgify.notify.wire import Poster

PREFIX: Final = "/api/v2/action/actions"
WEBHOOK_SECRET: Final = "webhook_secret"  # noqa: S105 - the name of the file that holds it
RETENTION_DAYS: Final = 90
"""Days that orders are kept after their end, unless JUDGIFY_ACTION_DAYS says otherwise."""
log = get_logger("judgify.action")

Reader = Annotated[Principal, require("viewer", "service")]
Actor = Annotated[Principal, require("responder", "service")]
Sibling = Annotated[Principal, require("service")]
ActionId = Annotated[str, Path(pattern=r"^act_[0-9a-z]{26}$")]


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Build the service; it starts without the database and reports it down."""
    metrics = Metrics("action")
    database = Database(settings.database_url, "action", "judgify.core.action", clock=clock)
    store = ActionStore(database, clock)
    tries = metrics.counter("judgify_action_tries_total", "Tries to carry out an order.", ("type", "outcome"))
    poster = Poster(clock=clock, allow=settings.egress_allow, timeout_s=TIMEOUT_S)
    notification = ServiceClient(
        settings.url("notification"),
        clock=clock,
        secret=settings.service_secret,
        principal=service_principal("action"),
    )
    deliverer = Deliverer(
        clock=clock,
        poster=poster,
        notification=notification,
        secret=ensure_secret(settings.home, WEBHOOK_SECRET),
        count=lambda kind, outcome: tries.labels(kind, outcome).inc(),
    )
    outbox = Outbox(database, "action.action", deliverer, clock=clock, lease_s=TIMEOUT_S * 3)
    metrics.gauge("judgify_action_waiting", "Orders that wait to be carried out.").set_function(lambda: outbox.waiting)
    metrics.gauge(
        "database_connection_pool_usage", "Share of the service's database connections in use, 0 to 1."
    ).set_function(database.usage)

    days = settings.number("JUDGIFY_ACTION_DAYS", RETENTION_DAYS)

    async def health() -> Health:
        alive = await database.alive()
        return Health("ok" if alive else "down", {"database": "ok" if alive else "down"})

    async def ready() -> bool:
        return database.opened.is_set() and await database.alive()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        database.start()
        outbox.start()
        keeper = asyncio.create_task(_keep(store, database, days, clock), name="retention")
        yield
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        await outbox.stop()
        await poster.close()
        await notification.close()
        await database.close()

    app = create_app(ServiceSpec("action", settings, clock, metrics, health, ready, lifespan=lifespan))
    _add_orders(app, store, outbox, clock)
    _add_reads(app, store, outbox, clock)
    return app


async def _keep(store: ActionStore, database: Database, days: int, clock: Clock) -> None:
    await database.opened.wait()
    while True:
        try:
            gone = await store.forget(clock.now() - timedelta(days=days))
        except (Unavailable, asyncpg.PostgresError) as error:
            log.warning("old orders not removed", reason=type(error).__name__)
            gone = 0
        if gone:
            log.info("old orders removed", count=gone, days=days)
        await clock.sleep(1.0 if gone else 3600.0)


def _add_orders(app: FastAPI, store: ActionStore, outbox: Outbox, clock: Clock) -> None:
    async def accept(order: Order, who: Principal) -> dict[str, Any]:
        kept, duplicate = await store.accept(check(order), who.subject)
        outbox.wake()
        log.info("order accepted", id=kept["id"], type=kept["type"], by=who.subject, duplicate=duplicate)
        data = {"id": kept["id"], "state": kept["state"], "duplicate": duplicate}
        return answer(data, clock, durability="database")

    @app.post("/internal/actions", status_code=202)
    async def order_internal(order: Order, who: Sibling) -> dict[str, Any]:
        """Accept an order of another service; 202 only once it is in the database."""
        return await accept(order, who)

    @app.post(PREFIX, status_code=202)
    async def order_action(order: Order, who: Actor) -> dict[str, Any]:
        """Accept an order; 202 only once it is in the database."""
        return await accept(order, who)


def _add_reads(app: FastAPI, store: ActionStore, outbox: Outbox, clock: Clock) -> None:
    @app.get(PREFIX)
    async def page(
        _: Reader,
        *,
        state: Literal["waiting", "done", "dead"] | None = None,
        type: Literal["webhook", "notify"] | None = None,  # noqa: A002 - the parameter's name on the wire
        execution_id: Annotated[str | None, Query(max_length=200, pattern=r"^[\w:.-]+$")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(pattern=r"^act_[0-9a-z]{26}$")] = None,
    ) -> dict[str, Any]:
        """List orders, newest first."""
        rows = await store.page(state=state, kind=type, execution_id=execution_id, limit=limit + 1, after=cursor)
        more = rows[limit - 1]["id"] if len(rows) > limit else None
        return answer(rows[:limit], clock, pagination={"limit": limit, "next_cursor": more})

    @app.get(PREFIX + "/{key}")
    async def read(key: ActionId, _: Reader) -> dict[str, Any]:
        """Read one order with every try."""
        return answer(await store.read(key), clock)

    @app.post(PREFIX + "/{key}/replay", status_code=202)
    async def replay(key: ActionId, who: Actor) -> dict[str, Any]:
        """Try a dead order again."""
        kept = await store.replay(key)
        outbox.wake()
        log.info("order replayed", id=key, by=who.subject)
        return answer(kept, clock, durability="database")
