"""HTTP face of the action service: accept orders, list and read them; a worker carries them out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query

from judgify.core.action.choice import State, chosen
from judgify.core.action.dead import add_dead
from judgify.core.action.delivery import Deliverer
from judgify.core.action.order import Order, Type, check
from judgify.core.action.store import ActionStore
from judgify.core.action.summary import add_summary
from judgify.kit import outgoing
from judgify.kit.auth import Principal, service_principal
from judgify.kit.breaker import Breakers
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.db import Database
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
TIMEOUT_S: Final = 10
"""Seconds that one whole try may take, unless JUDGIFY_ACTION_TIMEOUT_S says otherwise."""
PARALLEL: Final = 32
"""Tries that run at once; one target gets a quarter of them."""
BREAKERS: Final = Breakers("action.breaker", parallel=PARALLEL // 4)
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
    timeout_s = settings.number("JUDGIFY_ACTION_TIMEOUT_S", TIMEOUT_S, highest=60)
    poster = Poster(clock=clock, allow=settings.egress_allow, timeout_s=timeout_s)
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
    outbox = Outbox(
        database,
        "action.action",
        deliverer,
        clock=clock,
        lease_s=timeout_s * 3,
        parallel=PARALLEL,
        breakers=BREAKERS,
    )
    metrics.gauge("judgify_action_waiting", "Orders that wait to be carried out.").set_function(lambda: outbox.waiting)
    outgoing.declare_pool_usage(metrics, database)
    retention = outgoing.Retention("orders", settings.number("JUDGIFY_ACTION_DAYS", RETENTION_DAYS), store.forget)

    async def health() -> Health:
        alive = await database.alive()
        return Health("ok" if alive else "down", {"database": "ok" if alive else "down"})

    async def ready() -> bool:
        return database.opened.is_set() and await database.alive()

    async def closing() -> None:
        await poster.close()
        await notification.close()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with outgoing.working(database, outbox, retention, clock, closing):
            yield

    app = create_app(ServiceSpec("action", settings, clock, metrics, health, ready, lifespan=lifespan))
    _add_orders(app, store, outbox, clock)
    add_summary(app, database, clock)
    _add_reads(app, store, clock)
    add_dead(app, store, outbox, clock)
    return app


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


def _add_reads(app: FastAPI, store: ActionStore, clock: Clock) -> None:
    @app.get(PREFIX)
    async def page(
        _: Reader,
        *,
        state: State | None = None,
        type: Type | None = None,  # noqa: A002 - the parameter's name on the wire
        target: Annotated[str | None, Query(max_length=300)] = None,
        outcome: Annotated[str | None, Query(max_length=60, pattern=r"^[a-z-]+$")] = None,
        execution_id: Annotated[str | None, Query(max_length=200, pattern=r"^[\w:.-]+$")] = None,
        limit: outgoing.Limit = 50,
        cursor: Annotated[str | None, Query(pattern=r"^act_[0-9a-z]{26}$")] = None,
    ) -> dict[str, Any]:
        """List orders, newest first."""
        choice = chosen(state=state, type=type, target=target, outcome=outcome, execution_id=execution_id)
        rows = await store.page(choice, limit=limit + 1, after=cursor)
        return outgoing.page(rows, limit, clock)

    @app.get("/api/v2/action/targets")
    async def targets(_: Reader) -> dict[str, Any]:
        """List whom orders go to: the state of the breaker, and what waits or is dead."""
        return answer(await store.targets(BREAKERS), clock)

    @app.get(PREFIX + "/{key}")
    async def read(key: ActionId, _: Reader) -> dict[str, Any]:
        """Read one order with every try."""
        return answer(await store.read(key), clock)
