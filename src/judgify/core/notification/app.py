"""HTTP face of the notification service: accept, list, read and resend messages; a worker sends them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Path, Query

from judgify.core.notification.channel_api import BREAKERS, add_channels
from judgify.core.notification.channels import ChannelSet, load_channels
from judgify.core.notification.content import MessageIn
from judgify.core.notification.delivery import Deliverer
from judgify.core.notification.history import Wanted
from judgify.core.notification.store import MessageStore
from judgify.core.notification.template import Said
from judgify.core.notification.template_api import add_templates
from judgify.core.notification.template_store import TemplateStore
from judgify.kit import outgoing
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock, parse
from judgify.kit.db import Database
from judgify.kit.errors import Invalid
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics
from judgify.kit.outbox import Outbox
from judgify.kit.settings import Settings
from judgify.kit.web import Health, ServiceSpec, State, answer, create_app, require
from judgify.notify import Toolkit

PREFIX: Final = "/api/v2/notification"
LEASE_S: Final = 90
"""Longer than any channel's own time limit (60 s at most)."""
PARALLEL: Final = 32
RETENTION_DAYS: Final = 365
"""Days that messages are kept after their end, unless JUDGIFY_MESSAGE_DAYS says otherwise."""
log = get_logger("judgify.notification")

Reader = Annotated[Principal, require("viewer", "service")]
Sender = Annotated[Principal, require("responder", "service")]
MessageId = Annotated[str, Path(pattern=r"^msg_[0-9a-z]{26}$")]


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Build the service; it starts without the database and reports it down."""
    folder = settings.home / "notification"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    days = settings.number("JUDGIFY_MESSAGE_DAYS", RETENTION_DAYS, highest=36_500)
    channel_set = load_channels(Toolkit(clock, folder, settings.environ, settings.egress_allow), days)
    metrics = Metrics("notification")
    database = Database(settings.database_url, "notification", "judgify.core.notification", clock=clock)
    store = MessageStore(database, clock)
    templates = TemplateStore(database, clock)
    tries = metrics.counter("judgify_notification_tries_total", "Tries to deliver a message.", ("type", "outcome"))
    deliverer = Deliverer(store, channel_set.channels, lambda kind, outcome: tries.labels(kind, outcome).inc())
    outbox = Outbox(
        database,
        "notification.delivery",
        deliverer,
        clock=clock,
        lease_s=LEASE_S,
        parallel=PARALLEL,
        breakers=BREAKERS,
    )
    metrics.gauge("judgify_notification_waiting", "Deliveries that wait to be tried.").set_function(
        lambda: outbox.waiting
    )
    outgoing.declare_pool_usage(metrics, database)
    retention = outgoing.Retention("messages", days, store.forget)

    async def health() -> Health:
        alive = await database.alive()
        channels: State = "ok" if channel_set.mistake is None else "degraded"
        whole: State = "down" if not alive else channels
        return Health(whole, {"database": "ok" if alive else "down", "channels": channels})

    async def ready() -> bool:
        return database.opened.is_set() and await database.alive()

    async def closing() -> None:
        for channel in channel_set.channels.values():
            await channel.close()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with outgoing.working(database, outbox, retention, clock, closing):
            yield

    app = create_app(ServiceSpec("notification", settings, clock, metrics, health, ready, lifespan=lifespan))
    _add_messages(app, store, templates, channel_set, outbox=outbox, clock=clock)
    _add_history(app, store, clock)
    add_channels(app, store, database, channel_set, outbox=outbox, clock=clock)
    add_templates(app, templates, clock)
    return app


def _add_messages(
    app: FastAPI,
    store: MessageStore,
    templates: TemplateStore,
    channel_set: ChannelSet,
    *,
    outbox: Outbox,
    clock: Clock,
) -> None:
    @app.post(f"{PREFIX}/messages", status_code=202)
    async def send(content: MessageIn, who: Sender) -> dict[str, Any]:
        """Accept a message; 202 only once it is in the database."""
        wanted = channel_set.resolve(content.channels, content.via)
        if content.template is None:
            said = Said(content.subject, content.body, content.short)
        else:
            said = await templates.say(content.template, content.lang)
        made, duplicate = await store.accept(content, said, wanted, who.subject)
        outbox.wake()
        log.info("message accepted", id=made, kind=content.kind, by=who.subject, duplicate=duplicate)
        data = {"id": made, "channels": list(wanted), "duplicate": duplicate}
        return answer(data, clock, durability="database")

    @app.post(f"{PREFIX}/messages/{{key}}/resend", status_code=202)
    async def resend(
        key: MessageId,
        who: Sender,
        channel: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    ) -> dict[str, Any]:
        """Send a message again through the channels that failed, or through one of them."""
        _refuse_nul(channel=channel)
        channels = await store.resend(key, channel, who.subject)
        outbox.wake()
        log.info("message sent again", id=key, channels=channels, by=who.subject)
        return answer({"id": key, "channels": channels}, clock, durability="database")


def _add_history(app: FastAPI, store: MessageStore, clock: Clock) -> None:
    @app.get(f"{PREFIX}/messages")
    async def page(
        _: Reader,
        *,
        state: Literal["waiting", "done", "dead"] | None = None,
        channel: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
        outcome: Annotated[str | None, Query(max_length=60, pattern=r"^[a-z-]+$")] = None,
        severity: Literal["P0", "P1", "P2", "P3"] | None = None,
        source: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
        since: Annotated[str | None, Query(max_length=40)] = None,
        until: Annotated[str | None, Query(max_length=40)] = None,
        limit: outgoing.Limit = 50,
        cursor: Annotated[str | None, Query(pattern=r"^msg_[0-9a-z]{26}$")] = None,
    ) -> dict[str, Any]:
        """List messages, newest first; times without a zone are Asia/Seoul."""
        _refuse_nul(channel=channel, source=source)
        wanted = Wanted(
            state,
            channel,
            outcome,
            severity,
            source,
            None if since is None else parse(since),
            None if until is None else parse(until),
        )
        return outgoing.page(await store.page(wanted, limit=limit + 1, after=cursor), limit, clock)

    @app.get(f"{PREFIX}/messages/{{key}}")
    async def read(key: MessageId, _: Reader) -> dict[str, Any]:
        """Read one message with the outcome on every channel."""
        return answer(await store.read(key), clock)


def _refuse_nul(**given: str | None) -> None:
    # PostgreSQL keeps no such character; asking it for one is a mistake of the caller, not a fault of ours.
    for name, text in given.items():
        if text is not None and "\x00" in text:
            raise Invalid(f"{name}: a NUL character is in no name", path=name)
