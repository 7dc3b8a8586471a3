"""Acknowledging by a mail's link, an answer to a text message and PagerDuty: silence at once, and no second chance."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.response_world import JIWON, MINSU, World, default_guide

from judgify.response import text_answer
from judgify.response.acknowledge import Acknowledging, PagerDutyEvent
from judgify.response.guide_policy import GuidePolicy
from judgify.response.model import Actor, Delivery, Page
from judgify.response.storm import DIGEST
from judgify.response.text_answer import TextAnswers, same_number
from judgify.response.ticket import VALID, Tickets
from judgify.response.timeline import IncidentAcknowledged, NoteAdded

pytestmark = pytest.mark.guide("G06", "G08", "G22")
TICKETS = Tickets("a secret of tests")
SMS = "010-1234-5678"
FIELDS = {"ops-lead": SMS, "devops-lead": "+82 10-2222-3333", "infra-engineer": "0082 10 4444 5555"}


class Scene(World):
    """A world whose contacts have telephones, and the ways in."""

    async def up(self) -> "Scene":
        known = default_guide()
        persons = {
            key: person.model_copy(update={"phone": FIELDS.get(key, person.phone), "email": f"{key}@ours.kr"})
            for key, person in known.contacts.persons.items()
        }
        persons["devops-lead"] = persons["devops-lead"].model_copy(update={"pagerduty": "PDEVOPS1"})
        self.guide = replace(known, contacts=known.contacts.model_copy(update={"persons": persons}))
        self.policy = GuidePolicy(self.guide)
        await super().up()
        self.outside = Acknowledging(self.core.desk, TICKETS, persons)
        self.answers = TextAnswers(self.core.desk, TICKETS, persons)
        return self

    async def page_of(self, incident_id: str, person: str, *, repeat: int = 0) -> Page:
        return next(
            page
            for page in await self.pages(incident_id)
            if (page.person, page.repeat) == (person, repeat) and page.kind == "page" and not page.payload
        )

    async def taken_by(self, incident_id: str) -> list[tuple[str, str, bool]]:
        entries = await self.core.desk.ask(lambda tx: tx.entries(incident_id))
        events = [(entry.actor, entry.event) for entry in entries]
        return [(by.name, e.via, e.also) for by, e in events if isinstance(e, IncidentAcknowledged)]

    async def code(self, incident_id: str, person: str) -> str:
        return TICKETS.code(await self.incident(incident_id), person)

    async def silent_for(self, seconds: float) -> None:
        """Nobody is paged any more; nothing that was due is tried again."""
        before = len(self.pager.sent)
        await self.passing(seconds)
        assert [page for page in self.pager.sent[before:] if page.kind == "page" and not page.payload] == []

    def answered(self) -> list[str]:
        return [str(page.payload["short"]) for page in self.pager.sent if page.row == "answer"]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = await Scene(tmp_path).up()
    yield made
    await made.down()


async def down(scene: Scene) -> str:
    """The gateway is down (P0), and one of the channels is refusing, so that retries wait."""
    scene.pager.answer = lambda page: (
        Delivery(outcome="refused", reason="server-error", retry_after_s=60)
        if page.channel == "mailbox"
        else Delivery(outcome="sent")
    )
    incident_id = await scene.fails("gateway") or ""
    await scene.tick()
    assert [page for page in await scene.pages(incident_id) if page.attempt > 0 and page.state == "due"]
    return incident_id


def event(incident_id: str, scene: Scene, **fields: object) -> PagerDutyEvent:
    given = PagerDutyEvent(
        id="01EV",
        type="incident.acknowledged",
        occurred_at=scene.clock.now(),
        key=f"judgify:{incident_id}",
        agent_id="PDEVOPS1",
        agent_name="데브옵스",
        agent_email="",
        by_user=True,
    )
    return replace(given, **fields)  # type: ignore[arg-type]


async def test_a_link_acknowledges_once_and_ends_repeats_and_retries(scene: Scene) -> None:
    incident_id = await down(scene)
    page = await scene.page_of(incident_id, "ops-lead")
    token = TICKETS.token(page)
    before = await scene.types(incident_id)
    # A mail scanner follows the link: any number of looks, nothing happens.
    for _ in range(3):
        seen = await scene.outside.look(token)
        assert (seen.state, seen.acts, seen.person) == ("open", True, "ops-lead")
    assert await scene.types(incident_id) == before

    seen = await scene.outside.by_link(token)
    assert (seen.state, seen.acts) == ("taken", False)
    incident = await scene.incident(incident_id)
    assert incident.holder == Actor(kind="person", name="ops-lead", detail="e-mail link")
    assert not [p for p in await scene.pages(incident_id) if p.kind == "page" and p.state == "due" and not p.payload]
    await scene.silent_for(1200)

    again = await scene.outside.by_link(token)
    assert (again.state, again.incidents[0].holder) == ("used", incident.holder)
    assert again.at is not None
    assert await scene.taken_by(incident_id) == [("ops-lead", "email", False)]


async def test_who_comes_second_is_told_who_holds_it_whatever_the_way(scene: Scene) -> None:
    incident_id = await down(scene)
    token = TICKETS.token(await scene.page_of(incident_id, "ops-lead"))
    await scene.core.engine.acknowledge(incident_id, MINSU, "console")
    seen = await scene.outside.look(token)
    assert (seen.state, seen.acts) == ("held", False)
    assert (await scene.outside.by_link(token)).incidents[0].holder == MINSU
    code = await scene.code(incident_id, "ops-lead")
    told = await scene.answers.take("sms", SMS, f"접수 {code}")
    assert told.result == "held"
    assert "minsu" in told.text
    assert await scene.outside.by_pagerduty(["judgify"], event(incident_id, scene)) == "held"
    await scene.core.engine.acknowledge(incident_id, JIWON, "slack")
    assert await scene.taken_by(incident_id) == [
        ("minsu", "console", False),
        ("ops-lead", "email", True),
        ("ops-lead", "sms", True),
        ("devops-lead", "pagerduty", True),
        ("jiwon", "slack", True),
    ]
    assert (await scene.incident(incident_id)).holder == MINSU


async def test_a_link_that_ran_out_or_belongs_to_what_came_back_says_so(scene: Scene) -> None:
    incident_id = await down(scene)
    page = await scene.page_of(incident_id, "ops-lead")
    token = TICKETS.token(page)
    await scene.core.engine.resolve(incident_id, "끝", MINSU)
    assert (await scene.outside.by_link(token)).state == "over"
    await scene.passing(60)
    await scene.core.engine.reopen(incident_id, "다시", MINSU)
    await scene.tick()
    seen = await scene.outside.by_link(token)
    assert (seen.state, seen.at) == ("expired", None)
    assert (await scene.incident(incident_id)).holder is None
    newest = max((p for p in await scene.pages(incident_id) if p.person == "ops-lead"), key=lambda p: p.created_at)
    await scene.clock.advance(VALID.total_seconds() + 1)
    seen = await scene.outside.by_link(TICKETS.token(newest))
    assert seen.state == "expired"
    assert seen.at is not None
    assert (await scene.incident(incident_id)).holder is None


async def test_no_other_token_opens_anything(scene: Scene) -> None:
    incident_id = await down(scene)
    page = await scene.page_of(incident_id, "ops-lead")
    before = await scene.types(incident_id)
    for token in ("", "x", TICKETS.token(page)[:-1] + "!", Tickets("theirs").token(page), "a.1." + "A" * 32):
        assert (await scene.outside.by_link(token)).state == "invalid"
    # A genuine token whose page is gone opens nothing either.
    assert (await scene.outside.by_link(TICKETS.token(page.model_copy(update={"id": "pg_gone"})))).state == "invalid"
    assert await scene.types(incident_id) == before


async def test_who_left_or_is_disabled_cannot_acknowledge(scene: Scene) -> None:
    incident_id = await down(scene)
    page = await scene.page_of(incident_id, "ops-lead")
    await scene.core.accounts.save("ops-lead", "responder", password="long enough a word", disabled=True)
    assert (await scene.outside.by_link(TICKETS.token(page))).state == "left"
    del scene.outside.persons["ops-lead"]
    assert (await scene.outside.by_link(TICKETS.token(page))).state == "left"
    assert (await scene.incident(incident_id)).holder is None


async def test_an_answer_by_text_message_acknowledges_and_is_answered(scene: Scene) -> None:
    incident_id = await down(scene)
    code = await scene.code(incident_id, "ops-lead")
    told = await scene.answers.take("sms", "+82 (0)10-1234-5678", f"확인{code}", once="gw-1")
    assert told.result == "taken"
    assert await scene.taken_by(incident_id) == [("ops-lead", "sms", False)]
    await scene.silent_for(1200)
    assert scene.answered() == [told.text]
    assert incident_id in told.text
    assert len(told.text.encode("cp949")) <= 90
    # The gateway tells it again: nothing more is said.
    assert (await scene.answers.take("sms", SMS, f"확인 {code}", once="gw-1")).result == "repeat"
    assert (await scene.answers.take("sms", SMS, f"ack {code}", once="gw-2")).text.endswith("you hold it already")
    await scene.core.engine.resolve(incident_id, "끝", MINSU)
    assert (await scene.answers.take("sms", SMS, code)).result == "over"


async def test_a_wrong_code_an_unknown_number_and_another_persons_code_change_nothing(scene: Scene) -> None:
    incident_id = await down(scene)
    before = await scene.types(incident_id)
    code = await scene.code(incident_id, "ops-lead")
    others = await scene.code(incident_id, "devops-lead")
    assert (await scene.answers.take("sms", "010-9999-9999", f"접수 {code}")).result == "unknown-number"
    assert (await scene.answers.take("sms", SMS, f"접수 {others}")).result == "wrong-code"
    assert (await scene.answers.take("sms", SMS, "지금 갑니다")).result == "unreadable"
    assert (await scene.answers.take("sms", "", f"접수 {code}")).result == "unknown-number"
    assert await scene.types(incident_id) == before
    await scene.tick()
    # Each of them was answered; the stranger's number does not stay.
    assert len(scene.answered()) == 3
    stranger = next(page for page in scene.pager.sent if page.row == "answer" and page.person.startswith("subscriber:"))
    assert stranger.address == "+821099999999"
    kept = await scene.core.desk.ask(lambda tx: tx.page(stranger.id))
    assert kept is not None
    assert kept.address == ""


async def test_guessing_is_ended_before_it_pays(scene: Scene) -> None:
    incident_id = await down(scene)
    code = await scene.code(incident_id, "ops-lead")
    wrong = [f"{number:04d}" for number in range(20) if f"{number:04d}" != code][: text_answer.WRONG_MAX]
    for one in wrong:
        assert (await scene.answers.take("sms", SMS, one)).result == "wrong-code"
    assert (await scene.answers.take("sms", SMS, code)).result == "locked"
    assert (await scene.incident(incident_id)).holder is None
    # Another person's telephone is not locked by it, and after a while the own one is not either.
    await scene.clock.advance(text_answer.LOCK.total_seconds())
    assert (await scene.answers.take("sms", SMS, code)).result == "taken"


async def test_strangers_cannot_make_us_write_to_many(scene: Scene) -> None:
    for number in range(text_answer.STRANGERS_MAX + 5):
        for _ in range(2):
            await scene.answers.take("sms", f"010-9000-{number:04d}", "접수 1234")
    await scene.tick()
    assert len(scene.answered()) == text_answer.STRANGERS_MAX


async def test_a_code_that_fits_two_incidents_takes_neither(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await scene.fails("gateway") or "", await scene.fails("redis") or ""
    monkeypatch.setattr(TICKETS, "code", lambda *_: "4711")
    assert first != second
    assert (await scene.answers.take("sms", SMS, "접수 4711")).result == "unclear"
    assert {(await scene.incident(one)).holder for one in (first, second)} == {None}


async def storm(scene: Scene, first: int, count: int) -> Page:
    """Many incidents at once; gives the digest that the DevOps lead was told last."""
    scene.runner.fault = RuntimeError("no runbook today")
    critical = {"labels": {"severity": "critical"}}
    await asyncio.gather(*(scene.send(f"box-{n}", "on_fire", **critical) for n in range(first, first + count)))
    for _ in range(2):
        await scene.passing(121)
    return [page for page in digests(scene) if page.repeat == 0][-1]


def digests(scene: Scene) -> list[Page]:
    """The digests that the DevOps lead was told through one channel."""
    mine = [page for page in scene.pager.sent if (page.person, page.channel) == ("devops-lead", "mailbox")]
    return [page for page in mine if DIGEST in page.payload]


DEVOPS = "010-2222-3333"


async def test_one_code_takes_all_that_a_digest_names_and_nothing_else(scene: Scene) -> None:
    digest = await storm(scene, 0, 10)
    code = TICKETS.digest_code(digest)
    other = await storm(scene, 10, 5)
    assert (await scene.answers.take("sms", SMS, f"접수 {code}")).result == "wrong-code"  # another person's
    held = digest.payload[DIGEST][0]
    await scene.core.engine.acknowledge(held, JIWON, "console")
    told = await scene.answers.take("sms", DEVOPS, f"접수 {code}", once="gw-7")
    assert (told.result, "9건 모두" in told.text) == ("taken", True)
    assert len(told.text.encode("cp949")) <= 90
    incidents = [await scene.incident(one) for one in digest.payload[DIGEST]]
    assert [one.holder.name for one in incidents if one.holder] == ["jiwon", *["devops-lead"] * 9]
    fresh = set(other.payload[DIGEST]) - set(digest.payload[DIGEST])
    assert fresh
    assert {(await scene.incident(one)).holder for one in fresh} == {None}
    assert (await scene.answers.take("sms", DEVOPS, f"접수 {code}", once="gw-7")).result == "repeat"
    assert (await scene.answers.take("sms", DEVOPS, f"ack {code}")).result == "held"
    await scene.core.engine.resolve(held, "끝", MINSU)
    assert (await scene.answers.take("sms", DEVOPS, f"ack {code}")).text == "You hold all of them already"
    for one in digest.payload[DIGEST][1:]:
        await scene.core.engine.resolve(one, "끝", MINSU)
    assert (await scene.answers.take("sms", DEVOPS, code)).result == "over"
    # What came back since the digest was told was told anew; the old code does not mean it.
    await scene.core.engine.reopen(held, "다시", MINSU)
    assert (await scene.answers.take("sms", DEVOPS, code)).result == "over"
    assert (await scene.incident(held)).holder is None


async def test_the_code_of_a_digest_is_the_same_when_it_is_told_again_and_ends_after_a_day(scene: Scene) -> None:
    digest = await storm(scene, 0, 10)
    every_s, _ = scene.policy.repeat()
    await scene.passing(every_s + 1)
    again = next(page for page in digests(scene) if page.repeat == 1 and page.row == digest.row)
    assert (again.id == digest.id, TICKETS.digest_code(again)) == (False, TICKETS.digest_code(digest))
    late = TICKETS.digest_code(again)
    await scene.crash()
    scene.answers = TextAnswers(scene.core.desk, TICKETS, scene.outside.persons)
    assert (await scene.answers.take("sms", DEVOPS, late)).result == "taken"
    assert len({(await scene.incident(one)).holder for one in again.payload[DIGEST]}) == 1
    await scene.clock.advance(VALID.total_seconds() + 1)
    assert (await scene.answers.take("sms", DEVOPS, late)).result == "wrong-code"


async def test_who_acknowledges_in_pagerduty_acknowledges_here(scene: Scene) -> None:
    incident_id = await down(scene)
    assert await scene.outside.by_pagerduty(["other", "judgify"], event(incident_id, scene)) == "taken"
    assert (await scene.incident(incident_id)).holder == Actor(
        kind="person", name="devops-lead", detail="PagerDuty PDEVOPS1"
    )
    await scene.silent_for(1200)
    assert await scene.outside.by_pagerduty(["judgify"], event(incident_id, scene)) == "repeat"
    assert await scene.taken_by(incident_id) == [("devops-lead", "pagerduty", False)]


async def test_a_person_in_pagerduty_is_known_by_mail_or_told_by_name(scene: Scene) -> None:
    incident_id = await down(scene)
    unknown = event(incident_id, scene, agent_id="PSTRANGE", agent_name="A\n B", agent_email="a@b.c")
    assert await scene.outside.by_pagerduty(["judgify"], unknown) == "taken"
    assert str((await scene.incident(incident_id)).holder) == "A B (PagerDuty)"
    by_mail = event(incident_id, scene, id="2", agent_id="PX", agent_email="OPS-LEAD@ours.kr")
    assert await scene.outside.by_pagerduty(["judgify"], by_mail) == "held"
    assert (await scene.taken_by(incident_id))[-1] == ("ops-lead", "pagerduty", True)


async def test_what_pagerduty_calls_resolved_is_taken_but_not_over(scene: Scene) -> None:
    incident_id = await down(scene)
    assert await scene.outside.by_pagerduty(["judgify"], event(incident_id, scene, type="incident.resolved")) == "taken"
    incident = await scene.incident(incident_id)
    assert incident.ongoing
    entries = await scene.core.desk.ask(lambda tx: tx.entries(incident_id))
    assert any(isinstance(entry.event, NoteAdded) and "PagerDuty" in entry.event.text for entry in entries)


async def test_events_that_are_not_a_persons_ours_or_of_now_change_nothing(scene: Scene) -> None:
    incident_id = await down(scene)
    before = await scene.types(incident_id)
    late = scene.clock.now() - timedelta(hours=49)
    cases: list[tuple[str, dict[str, object]]] = [
        ("not-of-interest", {"type": "incident.triggered"}),
        ("not-by-a-person", {"by_user": False}),
        ("not-ours", {"key": "somebody-else"}),
        ("no-incident", {"key": "judgify:INC-1999-0001"}),
        ("too-old", {"id": "3", "occurred_at": late}),
        ("from-the-future", {"id": "4", "occurred_at": scene.clock.now() + timedelta(hours=1)}),
        ("older-than-the-incident", {"id": "5", "occurred_at": scene.clock.now() - timedelta(minutes=1)}),
    ]
    for result, fields in cases:
        assert await scene.outside.by_pagerduty(["judgify"], event(incident_id, scene, **fields)) == result
    assert await scene.types(incident_id) == before
    await scene.core.engine.resolve(incident_id, "끝", MINSU)
    assert await scene.outside.by_pagerduty(["judgify"], event(incident_id, scene, id="6")) == "over"


async def test_the_link_of_a_merged_incident_takes_what_it_went_on_as(scene: Scene) -> None:
    scene.works("database", "judgment", "workflow")
    found = [await scene.fails("judgment") or "", await scene.fails("workflow") or ""]
    await scene.tick()
    await scene.fails("database")
    await scene.tick()
    merged, *_ = [one for one in found if (await scene.incident(one)).merged_into is not None]
    leading = (await scene.incident(merged)).merged_into
    page = next(page for page in await scene.pages(merged) if page.kind == "page")
    seen = await scene.outside.by_link(TICKETS.token(page))
    assert seen.state == "taken"
    assert [one.id for one in seen.incidents] == [leading]
    assert (await scene.incident(leading)).holder is not None


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("010-1234-5678", "+821012345678"), ("+82 10 1234 5678", "+821012345678"),
        ("+82(0)10-1234-5678", "+821012345678"),
        ("00821012345678", "+821012345678"), ("821012345678", "+821012345678"), ("+1 202 555 0100", "+12025550100"),
        ("1588-0000", "15880000"), ("", ""), ("없음", ""),
    ],
)  # fmt: skip
def test_two_ways_of_writing_a_number_are_one(written: str, same: str) -> None:
    assert same_number(written) == same


async def test_no_token_and_no_code_is_on_a_timeline_or_in_a_log(
    scene: Scene, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    incident_id = await down(scene)
    token = TICKETS.token(await scene.page_of(incident_id, "ops-lead"))
    code = await scene.code(incident_id, "ops-lead")
    await scene.outside.by_link(token[:-1] + "!")
    await scene.answers.take("sms", "010-9999-9999", f"접수 {code}")
    await scene.outside.by_link(token)
    await scene.answers.take("sms", SMS, f"접수 {code}")
    await scene.tick()
    entries = await scene.core.desk.ask(lambda tx: [*tx.entries(incident_id), *tx.entries(None)])
    stored = await scene.core.desk.ask(lambda tx: [*tx.all_kept("ack-link"), *tx.all_kept("sms-wrong"), *tx.pages()])
    told = "\n".join(one.model_dump_json() for one in [*entries, *stored])
    streams = "".join(capfd.readouterr()) + caplog.text
    seal = token.rpartition(".")[2]
    for text in (told, streams):
        assert seal not in text
        assert f"접수 {code}" not in text
