"""The routes for channels: which there are and whether they could deliver, and a test message through one."""

from typing import Annotated, Any, Final

from fastapi import FastAPI, Path
from pydantic import BaseModel, ConfigDict

from judgify.core.notification.channels import ChannelSet
from judgify.core.notification.content import MessageIn, RecipientIn
from judgify.core.notification.store import MessageStore
from judgify.core.notification.template import Language, Said
from judgify.kit.auth import Principal
from judgify.kit.breaker import Breakers
from judgify.kit.clock import Clock, show
from judgify.kit.db import Database
from judgify.kit.errors import NotFound, Unavailable
from judgify.kit.log import get_logger
from judgify.kit.outbox import Outbox
from judgify.kit.web import answer, require

CHANNELS: Final = "/api/v2/notification/channels"
BREAKERS: Final = Breakers("notification.breaker", column="channel")
_TEST: Final[dict[Language, tuple[str, str]]] = {
    "ko": (
        "[시험] Judgify 시험 메시지",
        "{who} 님이 {when}에 채널 {name}을(를) 시험하려고 보냈습니다. 조치할 것은 없습니다.",
    ),
    "en": ("[test] Judgify test message", "Sent by {who} at {when} to test the channel {name}. Nothing is to be done."),
}
log = get_logger("judgify.notification")

Reader = Annotated[Principal, require("viewer", "service")]
Sender = Annotated[Principal, require("responder", "service")]


class TestMessage(BaseModel):
    """To whom a test message goes; without a recipient to the channel's own place."""

    __test__ = False
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    recipient: RecipientIn | None = None
    lang: Language = "ko"


def add_channels(
    app: FastAPI, store: MessageStore, database: Database, channel_set: ChannelSet, *, outbox: Outbox, clock: Clock
) -> None:
    """Add the routes."""

    @app.get(CHANNELS)
    async def channels(_: Reader) -> dict[str, Any]:
        """List the channels, whether each could deliver now, and the state of its breaker (null when not known)."""
        try:
            async with database.connection() as connection:
                broken = {row["target"]: row["state"] for row in await BREAKERS.states(connection, clock.now())}
            usual: str | None = "closed"
        except Unavailable:
            broken, usual = {}, None
        found = []
        for name, channel in channel_set.channels.items():
            check = await channel.check()
            entry = {"name": name, "type": channel.type, "state": check.state, "detail": check.detail}
            found.append({**entry, "default": name in channel_set.default, "breaker": broken.get(name, usual)})
        return answer(found, clock)

    @app.post(CHANNELS + "/{name}/test", status_code=202)
    async def test(
        name: Annotated[str, Path(min_length=1, max_length=200)], given: TestMessage, who: Sender
    ) -> dict[str, Any]:
        """Send a test message through one channel; what became of it is in the history, under the id given."""
        if name not in channel_set.channels:
            raise NotFound(f"there is no channel {name!r}; configured are {', '.join(sorted(channel_set.channels))}")
        subject, body = _TEST[given.lang]
        body = body.format(who=who.subject, when=show(clock.now()), name=name)
        content = MessageIn(
            subject=subject, body=body, channels=[name], recipient=given.recipient, lang=given.lang, source="test"
        )
        made, _ = await store.accept(content, Said(subject, body, ""), (name,), who.subject)
        outbox.wake()
        log.info("test message accepted", id=made, channel=name, by=who.subject)
        return answer({"id": made, "channels": [name]}, clock, durability="database")
