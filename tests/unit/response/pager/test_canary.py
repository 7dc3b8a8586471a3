"""Where canaries go: through the channel itself to a sink, or through its like that differs in the sink only."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.support.response_world import WEDNESDAY, default_guide

from judgify.kit.clock import FakeClock
from judgify.notify import Message, Outcome, Reason, Recipient, Refused, Sent, Toolkit
from judgify.notify.channel import Check
from judgify.response.channel_book import Book
from judgify.response.guide.people import Canary, ChannelWatch
from judgify.response.guide.schema import Guide
from judgify.response.pager.canary import Canaries, Sink, open_sinks, sunk
from judgify.response.pager.channels import open_channels

SINKS = {
    "email-person": Canary(to="canary@ours.kr"),
    "sms": Canary(to="010-0000-0000", every_s=60),
    "slack-bot-critical": Canary(room="#judgify-canary"),
    "teams": Canary(secret="env:TEAMS_SINK"),
    "discord": Canary(secret="env:DISCORD_SINK"),
    "http": Canary(secret="env:HTTP_SINK"),
    "slack-critical": Canary(secret="env:SLACK_SINK"),
    "pagerduty": Canary(secret="env:PD_SINK"),
}


def guide() -> Guide:
    known = default_guide()
    channels = dict(known.channels)
    for name, canary in SINKS.items():
        channels[name] = channels[name].model_copy(update={"enabled": True, "canary": canary})
    return replace(known, channels=channels)


async def test_every_kind_of_channel_has_its_sink(tmp_path: Path) -> None:
    kit = Toolkit(clock=FakeClock(WEDNESDAY), folder=tmp_path)
    channels = open_channels(guide().channels, kit, tmp_path)
    sinks = open_sinks(guide(), channels, kit, tmp_path)
    assert set(sinks) == set(SINKS)
    assert (sinks["sms"].every_s, sinks["teams"].every_s) == (60, guide().watch.canary_every_s)
    assert sinks["email-person"].channel is channels["email-person"]
    assert sinks["email-person"].recipient.email == "canary@ours.kr"
    assert (sinks["sms"].recipient.phone, sinks["sms"].recipient.email) == ("010-0000-0000", None)
    assert sinks["teams"].channel is not channels["teams"]
    told = Canaries(sinks, Book(sinks, ChannelWatch(), kit.clock), kit.clock)
    assert told.canaries["sms"] == 60
    await told.close()


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("slack-bot-critical", "room", "#judgify-canary"), ("teams", "webhook", "env:TEAMS_SINK"),
        ("discord", "webhook", "env:DISCORD_SINK"), ("http", "url", "env:HTTP_SINK"),
        ("slack-critical", "webhook", "env:SLACK_SINK"), ("pagerduty", "routing_key", "env:PD_SINK"),
    ],
)  # fmt: skip
def test_a_sink_differs_from_its_channel_in_one_setting(name: str, setting: str, value: str) -> None:
    channel = guide().channels[name]
    changed = sunk(channel)
    assert getattr(changed, setting) == value
    before, now = channel.model_dump(), changed.model_dump()
    assert {key for key in before if before[key] != now[key]} == {setting}
    plain = default_guide().channels[name]
    assert sunk(plain) is plain


@dataclass
class Vendor:
    """A channel that answers as told."""

    answer: Outcome
    type: str = "http"
    name: str = "x"
    told: list[Message] = field(default_factory=list)

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        assert recipient.name == "canary"
        assert attempt > 0
        self.told.append(message)
        return self.answer

    async def check(self) -> Check:
        return Check("ok")

    async def close(self) -> None:
        """Nothing is open."""


def carrying(vendor: Vendor) -> tuple[Canaries, Book]:
    clock = FakeClock(WEDNESDAY)
    book = Book(["x"], ChannelWatch(), clock)
    return Canaries({"x": Sink(vendor, Recipient("canary"), 300)}, book, clock), book


async def test_what_a_canary_triggers_at_pagerduty_is_over_at_once() -> None:
    vendor = Vendor(Sent("ok", WEDNESDAY), type="pagerduty")
    canaries, book = carrying(vendor)
    await canaries.canary("x")
    await canaries.canary("x")
    assert [message.turn for message in vendor.told] == [None, "resolved"] * 2
    keys = [message.dedup_key for message in vendor.told]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    health = book.health("x")
    assert health is not None
    assert (health.well, len(health.tries)) == (True, 2)


async def test_a_sink_that_is_refused_is_a_fault_of_the_setup() -> None:
    canaries, book = carrying(Vendor(Refused(Reason.REJECTED, "550 no such user", retryable=False)))
    await canaries.canary("x")
    health = book.health("x")
    assert health is not None
    assert (health.state, health.reason, health.canary_s) == ("refusing", "misconfigured", None)
    assert health.canary_at is not None


def test_what_the_book_does_not_know_it_leaves_alone() -> None:
    clock = FakeClock(WEDNESDAY)
    book = Book(["x"], ChannelWatch(), clock)
    book.carried("console", "sent", "", 0.1)
    assert book.tried("console", "page", "timeout", "") is None
    assert (book.health("console"), book.wait_s("console"), book.take_turned()) == (None, 0.0, [])
