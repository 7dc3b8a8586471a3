"""Canary pages: test messages that go the way of real ones, through the same server and credentials, into a sink."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from judgify.kit.clock import Clock, show
from judgify.kit.ids import new_id
from judgify.notify import (
    Channel,
    Message,
    Recipient,
    Refused,
    Sent,
    Toolkit,
    build_channel,
    outcome_detail,
    outcome_label,
)
from judgify.response.channel_book import Book
from judgify.response.guide.base import Lang, Text
from judgify.response.guide.check_canary import WAYS
from judgify.response.guide.people import Channel as GuideChannel
from judgify.response.guide.schema import Guide
from judgify.response.pager.channels import config_of

NAME: Final = "canary"
_SUBJECT: Final = Text(ko="[점검] 채널 확인", en="[check] channel canary")
_BODY: Final = Text(
    ko="채널이 동작하는지 확인하는 자동 메시지입니다. 조치는 필요하지 않습니다. {at}",
    en="An automatic message that checks this channel. Nothing has to be done. {at}",
)
_SINKS: Final = {
    "slack": "webhook",
    "teams": "webhook",
    "discord": "webhook",
    "http": "url",
    "pagerduty": "routing_key",
}
"""Which setting of a channel its sink replaces."""


@dataclass(frozen=True, slots=True)
class Sink:
    """Where a channel's canaries go: the channel that carries them, whom they are for, and how often."""

    channel: Channel
    recipient: Recipient
    every_s: float


def open_sinks(guide: Guide, channels: Mapping[str, Channel], kit: Toolkit, home: Path) -> dict[str, Sink]:
    """Give the sink of every open channel that has one.

    A mail or a text message goes through the channel itself to the sink's address; anything else needs a channel of
    its own, which differs in nothing but the room, address or key.
    """
    found: dict[str, Sink] = {}
    for name, carrier in channels.items():
        known = guide.channels[name]
        if known.canary is None or WAYS[known.kind] is None:
            continue
        every_s = known.canary.every_s or guide.watch.canary_every_s
        if known.canary.to is not None:
            to = known.canary.to
            recipient = Recipient(NAME, email=to if known.kind == "email" else None, phone=to)
            found[name] = Sink(carrier, recipient, every_s)
            continue
        config = config_of(sunk(known), home)
        if config is not None:
            found[name] = Sink(build_channel(f"{name}-canary", config, kit), Recipient(NAME), every_s)
    return found


def sunk(channel: GuideChannel) -> GuideChannel:
    """Give a channel as it is, but for where it leads: its sink."""
    canary = channel.canary
    if canary is None:
        return channel
    if canary.room is not None:
        return channel.model_copy(update={"room": canary.room})
    return channel.model_copy(update={_SINKS[channel.kind]: canary.secret} if channel.kind in _SINKS else {})


def message(lang: Lang, at: str) -> Message:
    """Write a canary; each one is a message of its own, so that no vendor folds it into the one before."""
    subject = _SUBJECT.of(lang)
    body = _BODY.of(lang).format(at=at)
    return Message(kind="notice", subject=subject, body=body, dedup_key=new_id("canary"), short=subject, lang=lang)


@dataclass(slots=True)
class Canaries:
    """Sends canaries and writes what came of them into the book."""

    sinks: Mapping[str, Sink]
    book: Book
    clock: Clock
    lang: Lang = "ko"
    _numbers: dict[str, int] = field(default_factory=dict)

    @property
    def canaries(self) -> Mapping[str, float]:
        """Give the channels that carry canaries, with the seconds between two."""
        return {name: sink.every_s for name, sink in self.sinks.items()}

    async def canary(self, channel: str) -> None:
        """Send one canary. Its round trip ends with the other side's receipt."""
        sink = self.sinks[channel]
        number = self._numbers[channel] = self._numbers.get(channel, 0) + 1
        sent = message(self.lang, show(self.clock.now()))
        began = self.clock.monotonic()
        outcome = await sink.channel.deliver(sent, sink.recipient, number)
        took_s = self.clock.monotonic() - began
        reason = outcome_label(outcome)
        if isinstance(outcome, Refused) and reason in {"rejected", "no-address"}:
            # A sink that is refused is a fault of the channel as it is set up: nobody else would notice.
            reason = "misconfigured"
        self.book.carried(channel, reason, outcome_detail(outcome), took_s)
        if isinstance(outcome, Sent) and sink.channel.type == "pagerduty":
            # What was triggered in the sink is over at once; an alert that stays open would fold the next canary.
            await sink.channel.deliver(replace(sent, turn="resolved"), sink.recipient, number)

    async def close(self) -> None:
        """Release what the sinks' own channels hold open."""
        for sink in self.sinks.values():
            await sink.channel.close()
