"""Channels that fail: told once by an incident of their own, routed around at once, tried at a sane pace, and back."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from tests.support.response_world import MINSU, World, default_guide

from judgify.kit.metrics import Metrics
from judgify.notify import Message, Outcome, Reason, Recipient, Refused, Sent, Unknown
from judgify.notify.channel import Check
from judgify.notify.outcome import Doubt
from judgify.response import timeline as t
from judgify.response.channel_book import Book, ChannelFigures
from judgify.response.channel_desk import ChannelDesk
from judgify.response.channel_watch import ChannelWatcher
from judgify.response.guide.oncall_file import PersonContact
from judgify.response.guide.people import Canary, ChannelWatch
from judgify.response.guide_policy import GuidePolicy
from judgify.response.pager.canary import Canaries, Sink
from judgify.response.pager.sender import Sender

pytestmark = pytest.mark.guide("G02", "G06", "G22")
WATCH = ChannelWatch(canary_every_s=300, objective_percent=90, tries=20, within_s=1800, failures=3, back_after=2)
REAL = ("slack-critical", "email-person", "sms")
UNAUTHORIZED = Refused(Reason.UNAUTHORIZED, "401 invalid key", retryable=False)
BROKEN = Refused(Reason.SERVER_ERROR, "500", retryable=True)


@dataclass
class Vendor:
    """A channel whose other side answers as told; keeps every try."""

    name: str
    world: World
    answer: Outcome | None = None
    tries: list[tuple[datetime, str, str]] = field(default_factory=list)

    @property
    def type(self) -> str:
        return "http"

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        self.tries.append((self.world.clock.now(), recipient.name, message.subject))
        return self.answer or Sent("ok", self.world.clock.now())

    async def check(self) -> Check:
        return Check("ok")

    async def close(self) -> None:
        """Nothing is open."""

    def since(self, moment: datetime) -> list[tuple[datetime, str, str]]:
        return [one for one in self.tries if one[0] >= moment]


class Watched(World):
    """A world with three real channels, two of which carry canaries, and the loop that watches them."""

    async def up(self) -> "Watched":
        known = default_guide()
        channels = dict(known.channels)
        for name in REAL:
            channels[name] = channels[name].model_copy(
                update={"enabled": True, "roles": None, "severities": ("P0", "P1", "P2", "P3")}
            )
        for name in ("slack-critical", "sms"):
            channels[name] = channels[name].model_copy(update={"canary": Canary(secret="env:SINK")})
        self.guide = replace(known, channels=channels, watch=WATCH)
        self.policy = GuidePolicy(self.guide)
        self.vendors = {name: Vendor(name, self) for name in ("console", "mailbox", *REAL)}
        self.metrics = Metrics("response")
        self.book = Book(REAL, WATCH, self.clock, ChannelFigures(self.metrics))
        sinks = {name: Sink(self.vendors[name], Recipient("canary"), 300) for name in ("slack-critical", "sms")}
        self.canaries = Canaries(sinks, self.book, self.clock)
        self.pager = Sender(self.guide, self.vendors, console_url="http://c", book=self.book)  # type: ignore[assignment]
        await super().up()
        self.watcher = ChannelWatcher(self.core.engine, self.book, self.canaries, self.guide)
        await self.watcher.start()
        self.asked = ChannelDesk(self.guide, self.vendors, self.book, self.canaries, None)
        return self

    async def tick(self) -> datetime | None:
        for _ in range(6):
            await super().tick()
            await self.watcher.look()
            await self.watcher.finish()
            if not self.book.woken.is_set():
                break
        return await super().tick()

    async def all_refuse(self, outcome: Outcome | None) -> None:
        for name in REAL:
            self.vendors[name].answer = outcome

    async def own(self, channel: str) -> list[str]:
        found = await self.core.desk.ask(lambda tx: tx.incidents(limit=1000))
        return [one.id for one in found if one.key.root == f"channel:{channel}"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Watched]:
    made = await Watched(tmp_path).up()
    yield made
    await made.down()


async def test_canaries_go_out_at_their_period_and_their_round_trip_is_known(world: Watched) -> None:
    await world.passing(1200)
    tries = [at for at, who, _ in world.vendors["sms"].tries if who == "canary"]
    assert len(tries) == 5
    assert all(300 <= (later - earlier).total_seconds() <= 305 for earlier, later in pairwise(tries))
    health = world.book.health("sms")
    assert health is not None
    assert (health.state, health.canary_s is not None, len(health.tries)) == ("ok", True, 5)
    assert [who for _, who, _ in world.vendors["email-person"].tries] == []
    told = world.metrics.render().decode()
    assert re.search(r'channel_tries_total\{channel="sms",[^}]*reason="sent",what="canary"\} 5', told), told
    assert re.search(r'canary_round_trip_seconds_count\{channel="sms"[^}]*\} 5', told)
    assert re.search(r'channel_up\{channel="sms"[^}]*\} 1', told)
    row = next(one for one in world.asked.listed("en") if one["channel"] == "sms")
    assert (row["state"], row["delivered_percent"], row["canary_every_s"]) == ("ok", 100.0, 300)


async def test_a_channel_that_fails_opens_one_incident_is_routed_around_and_comes_back(world: Watched) -> None:
    world.vendors["sms"].answer = UNAUTHORIZED
    await world.passing(10)
    [own] = await world.own("sms")
    incident = await world.incident(own)
    assert (incident.severity, incident.severity_rule, incident.key.failure_class) == (
        "P2",
        "alert-missing",
        "monitoring",
    )
    assert incident.title == "SMS: 모니터링 알람 누락"
    assert "unauthorized" in incident.signals[0].text
    assert "자격 증명" in incident.signals[0].text
    await world.passing(900)
    assert await world.own("sms") == [own]
    assert (await world.incident(own)).ongoing
    # Somebody mends the key: the next canary goes through, and the incident is over by itself.
    world.vendors["sms"].answer = None
    await world.passing(400)
    assert world.book.health("sms").state == "ok"  # type: ignore[union-attr]
    await world.passing(120)
    assert (await world.incident(own)).state in {"recovered", "resolved"}


async def test_all_vendors_refuse_is_no_burst_and_never_given_up(world: Watched) -> None:
    await world.all_refuse(UNAUTHORIZED)
    begun = world.clock.now()
    incident_id = await world.fails("gateway") or ""
    await world.tick()
    await world.passing(60)
    first = {name: len(world.vendors[name].since(begun)) for name in REAL}
    persons = {page.person for page in await world.pages(incident_id)}
    # At once each person's own page may be on the wire before the first refusal is known; no more than that.
    assert all(count <= len(persons) + 5 for count in first.values()), first
    per_person = Counter(
        (name, who) for name in REAL for _, who, subject in world.vendors[name].since(begun) if incident_id in subject
    )
    assert max(per_person.values()) <= 2
    await world.passing(840)
    for name in REAL:
        later = [at for at, _, _ in world.vendors[name].since(begun + timedelta(minutes=5))]
        # About a try each five minutes, or a minute where a canary asks; never one for each page that waits.
        assert 2 <= len(later) <= 45, (name, len(later))
    # Every row of the matrix was brought forward, the hotline called, and no page is parked.
    pages = [page for page in await world.pages(incident_id) if page.kind == "page" and page.channel in REAL]
    assert {page.state for page in pages} == {"due"}
    assert {"reached-nobody", "nobody-reached"} & set(await world.types(incident_id))
    owns = [await world.own(name) for name in REAL]
    assert [len(own) for own in owns] == [1, 1, 1]
    # Mended: everything that is still owed goes out at once.
    await world.all_refuse(None)
    mended = world.clock.now()
    await world.passing(400)
    assert {who for name in REAL for _, who, subject in world.vendors[name].since(mended) if incident_id in subject}


async def test_a_page_whose_channel_refuses_goes_another_way_at_once(world: Watched) -> None:
    world.vendors["sms"].answer = UNAUTHORIZED
    world.vendors["slack-critical"].answer = BROKEN
    await world.passing(10)
    incident_id = await world.fails("gateway") or ""
    await world.tick()
    reached = {who for _, who, subject in world.vendors["email-person"].tries if incident_id in subject}
    assert reached
    await world.core.engine.acknowledge(incident_id, MINSU)
    before = len(world.vendors["sms"].tries)
    await world.passing(30)
    pages = [page for page in await world.pages(incident_id) if page.kind == "page" and not page.payload]
    assert not [page for page in pages if page.state == "due"]
    assert len(world.vendors["sms"].tries) - before <= 3


async def test_a_refusal_brings_the_persons_next_step_and_then_any_other_channel_at_once(world: Watched) -> None:
    # Each person's rule: SMS at once, mail only after ten minutes; nobody planned Slack.
    rule = {"rules": {"P0": ({"channel": "sms"}, {"channel": "email-person", "after_s": 600.0})}}
    contact = {name: PersonContact.model_validate(rule) for name in world.guide.contacts.persons}
    world.policy.guide = replace(world.guide, oncall=world.guide.oncall.model_copy(update={"contact": contact}))
    world.vendors["sms"].answer = UNAUTHORIZED
    world.vendors["email-person"].answer = UNAUTHORIZED
    incident_id = await world.fails("gateway") or ""
    begun = world.clock.now()
    await world.tick()
    await world.passing(3)

    def told(name: str) -> list[tuple[datetime, str, str]]:
        return [one for one in world.vendors[name].since(begun) if incident_id in one[2]]

    first = {page.person for page in await world.pages(incident_id) if page.row.startswith("0:page:")}
    # Mail was brought forward and refused, too; so Slack, which is no part of anybody's rule, was taken within seconds.
    assert told("email-person")
    assert first
    assert len(told("slack-critical")) >= len(first)
    assert "pages-planned" in await world.types(incident_id)
    await world.core.engine.acknowledge(incident_id, MINSU)
    owed = [page for page in await world.pages(incident_id) if page.kind == "page" and page.state == "due"]
    assert [page for page in owed if not page.payload] == []


async def test_an_outage_is_told_from_a_hiccup(world: Watched) -> None:
    world.vendors["sms"].answer = BROKEN
    await world.passing(400)
    assert await world.own("sms") == []
    world.vendors["sms"].answer = None
    await world.passing(900)
    assert await world.own("sms") == []
    world.vendors["sms"].answer = Unknown(Doubt.TIMEOUT, "no answer within 8 s")
    await world.passing(1300)
    assert len(await world.own("sms")) == 1
    health = world.book.health("sms")
    assert health is not None
    assert (health.state, health.reason) == ("failing", "timeout")
    # Two canaries in a row bring it back.
    world.vendors["sms"].answer = None
    await world.passing(200)
    assert world.book.health("sms").well  # type: ignore[union-attr]


async def test_a_restart_remembers_what_failed(world: Watched) -> None:
    world.vendors["sms"].answer = UNAUTHORIZED
    await world.passing(10)
    [own] = await world.own("sms")
    await world.down()
    tables = world.tables
    again = Watched(world.folder)
    again.tables, again.clock = tables, world.clock
    await again.up()
    again.vendors["sms"].answer = UNAUTHORIZED
    assert again.book.health("sms").state == "refusing"  # type: ignore[union-attr]
    await again.passing(600)
    assert await again.own("sms") == [own]
    assert (await again.incident(own)).ongoing
    again.vendors["sms"].answer = None
    await again.passing(600)
    assert not (await again.incident(own)).ongoing
    entries = await again.core.desk.ask(lambda tx: tx.entries(own))
    assert sum(isinstance(entry.event, t.IncidentOpened) for entry in entries) == 1


async def test_a_test_page_is_tried_at_once_and_brings_a_mended_channel_back(world: Watched) -> None:
    await world.all_refuse(UNAUTHORIZED)
    await world.passing(5)
    assert not world.book.health("sms").well  # type: ignore[union-attr]
    sent = await world.core.office.test_page("ops-lead")
    await world.tick()
    found = {page.channel: page for page in await world.pages(None) if page.id in sent}
    assert (found["sms"].state, found["sms"].outcome) == ("failed", "refused")
    await world.all_refuse(None)
    await world.core.office.test_page("ops-lead")
    await world.tick()
    assert all(health.well for health in world.book.all() if health.channel != "email-person")


async def test_a_test_of_a_channel_is_a_canary_or_a_look(world: Watched) -> None:
    told = await world.asked.test("sms", "ko")
    assert (told["tested"], told["good"], told["reason"]) == ("canary", True, "sent")
    world.vendors["sms"].answer = UNAUTHORIZED
    told = await world.asked.test("sms", "en")
    assert (told["good"], told["reason"], told["state"]) == (False, "unauthorized", "refusing")
    assert "401" in told["detail"]
    told = await world.asked.test("email-person", "en")
    assert (told["tested"], told["good"]) == ("check", True)
    states = {row["channel"]: row["state"] for row in world.asked.listed("ko")}
    assert (states["console"], states["pagerduty"], states["sms"]) == ("local", "off", "refusing")
    assert world.asked.heart() == {"set": False}
