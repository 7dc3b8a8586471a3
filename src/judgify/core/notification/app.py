"""HTTP face of the notification service: accept, list and read messages; a worker sends them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

import asyncpg
from fastapi import FastAPI, Path, Query

from judgify.core.notification.channels import ChannelSet, load_channels
from judgify.core.notification.content import MessageIn
from judgify.core.notification.delivery import Deliverer
from judgify.core.notification.store import MessageStore
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Invalid, Unavailable
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics
from judgify.kit.outbox import Outbox
from judgify.kit.settings import Settings
from judgify.kit.web import Health, ServiceSpec, State, answer, create_app, require
from judgify.notify import Toolkit

PREFIX: Final = "/api/v2/notification"
LEASE_S: Final = 90
"""Longer than any channel's own time limit (60 s at most)."""
RETENTION_DAYS: Final = 365
"""Days that messages are kept after their end, unless JUDGIFY_MESSAGE_DAYS says otherwise."""
log = get_logger("judgify.notification")

Reader = Annotated[Principal, require("viewer", "service")]
Sender = Annotated[Principal, require("responder", "service")]


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Build the service; it starts without the database and reports it down."""
    folder = settings.home / "notification"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    channel_set = load_channels(Toolkit(clock, folder, settings.environ, settings.egress_allow))
    metrics = Metrics("notification")
    database = Database(settings.database_url, "notification", "judgify.core.notification", clock=clock)
    store = MessageStore(database, clock)
    tries = metrics.counter("judgify_notification_tries_total", "Tries to deliver a message.", ("type", "outcome"))
    deliverer = Deliverer(store, channel_set.channels, lambda kind, outcome: tries.labels(kind, outcome).inc())
    outbox = Outbox(database, "notification.delivery", deliverer, clock=clock, lease_s=LEASE_S)
    metrics.gauge("judgify_notification_waiting", "Deliveries that wait to be tried.").set_function(
        lambda: outbox.waiting
    )
    metrics.gauge(
        "database_connection_pool_usage", "Share of the service's database connections in use, 0 to 1."
    ).set_function(database.usage)

    days = settings.number("JUDGIFY_MESSAGE_DAYS", RETENTION_DAYS)

    async def health() -> Health:
        alive = await database.alive()
        channels: State = "ok" if channel_set.mistake is None else "degraded"
        whole: State = "down" if not alive else channels
        return Health(whole, {"database": "ok" if alive else "down", "channels": channels})

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
        for channel in channel_set.channels.values():
            await channel.close()
        await database.close()

    app = create_app(ServiceSpec("notification", settings, clock, metrics, health, ready, lifespan=lifespan))
    _add_messages(app, store, channel_set, outbox, clock)
    _add_channels(app, channel_set, clock)
    return app


async def _keep(store: MessageStore, database: Database, days: int, clock: Clock) -> None:
    await database.opened.wait()
    while True:
        try:
            gone = await store.forget(clock.now() - timedelta(days=days))
        except (Unavailable, asyncpg.PostgresError) as error:
            log.warning("old messages not removed", reason=type(error).__name__)
            gone = 0
        if gone:
            log.info("old messages removed", count=gone, days=days)
        await clock.sleep(1.0 if gone else 3600.0)


def _add_messages(app: FastAPI, store: MessageStore, channel_set: ChannelSet, outbox: Outbox, clock: Clock) -> None:
    @app.post(f"{PREFIX}/messages", status_code=202)
    async def send(content: MessageIn, who: Sender) -> dict[str, Any]:
        """Accept a message; 202 only once it is in the database."""
        wanted = tuple(dict.fromkeys(content.channels or channel_set.default))
        for name in wanted:
            if name not in channel_set.channels:
                known = ", ".join(sorted(channel_set.channels))
                raise Invalid(f"channels: there is no channel {name!r}; configured are {known}", path="channels")
        made, duplicate = await store.accept(content, wanted, who.subject)
        outbox.wake()
        log.info("message accepted", id=made, kind=content.kind, by=who.subject, duplicate=duplicate)
        data = {"id": made, "channels": list(wanted), "duplicate": duplicate}
        return answer(data, clock, durability="database")

    @app.get(f"{PREFIX}/messages")
    async def page(
        _: Reader,
        *,
        state: Literal["waiting", "done", "dead"] | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(pattern=r"^msg_[0-9a-z]{26}$")] = None,
    ) -> dict[str, Any]:
        """List messages, newest first."""
        rows = await store.page(state=state, limit=limit + 1, after=cursor)
        more = rows[limit - 1]["id"] if len(rows) > limit else None
        return answer(rows[:limit], clock, pagination={"limit": limit, "next_cursor": more})

    @app.get(f"{PREFIX}/messages/{{key}}")
    async def read(key: Annotated[str, Path(pattern=r"^msg_[0-9a-z]{26}$")], _: Reader) -> dict[str, Any]:
        """Read one message with the outcome on every channel."""
        return answer(await store.read(key), clock)


def _add_channels(app: FastAPI, channel_set: ChannelSet, clock: Clock) -> None:
    @app.get(f"{PREFIX}/channels")
    async def channels(_: Reader) -> dict[str, Any]:
        """List the channels and whether each could deliver now."""
        found = []
        for name, channel in channel_set.channels.items():
            check = await channel.check()
            default = name in channel_set.default
            entry = {"name": name, "type": channel.type, "state": check.state, "detail": check.detail}
            found.append({**entry, "default": default})
        return answer(found, clock)
