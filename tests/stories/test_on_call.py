"""Stories of on call, told with the clock moved: hand-overs, stand-ins, gaps, contact rules, neglect."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support.oncall import by_guide, guide_with, layer, schedule, switched_on
from tests.support.response_world import JIWON, MINSU, WEDNESDAY, World, default_guide

from judgify.kit.clock import SEOUL, iso
from judgify.kit.errors import Conflict
from judgify.response import timeline as t
from judgify.response.desk import Work
from judgify.response.kept import Kept
from judgify.response.model import Delivery, Page
from judgify.response.oncall_desk import Asked
from judgify.response.verification import METHOD, own_address

TWO = {"schedules": {"duty": schedule(layer("infra-engineer", "devops-lead"))}, "roles": {"devops": ["duty"]}}


def pages_to(world: World, role: str = "devops") -> list[str]:
    """Whom pages of a role went to, in order, each stretch once."""
    told = [page.person for page in world.pager.sent if page.kind == "page" and page.role == role]
    return [person for index, person in enumerate(told) if index == 0 or told[index - 1] != person]


async def events(world: World, incident_id: str | None, kind: type[Any]) -> list[Any]:
    entries = await world.core.desk.ask(lambda tx: tx.entries(incident_id))
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


class Change(NamedTuple):
    """A hand-over beside a change of the clocks: by which rotation, at what hour on the wall, and when that is."""

    zone: str
    rotation: Any
    at: str
    moment: datetime


def every(number: int, unit: str) -> dict[str, Any]:
    return {"every": number, "unit": unit}


@pytest.mark.parametrize(
    "change",
    [
        # The week that has the change in it, an hour short or long, ends at nine on the wall.
        Change("Europe/London", "weekly", "09:00", datetime(2026, 3, 30, 8, tzinfo=UTC)),
        Change("Europe/London", "weekly", "09:00", datetime(2026, 10, 26, 9, tzinfo=UTC)),
        Change("America/New_York", "weekly", "09:00", datetime(2026, 3, 9, 13, tzinfo=UTC)),
        Change("America/New_York", "weekly", "09:00", datetime(2026, 11, 2, 14, tzinfo=UTC)),
        Change("Asia/Seoul", "weekly", "09:00", datetime(2026, 3, 30, 0, tzinfo=UTC)),
        # An hour that never comes: at the change itself. One that comes twice: the first time, and not again.
        Change("Europe/London", "daily", "01:30", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        Change("Europe/London", "daily", "01:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        Change("America/New_York", "daily", "02:30", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        Change("America/New_York", "daily", "01:30", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        Change("Asia/Seoul", "daily", "01:30", datetime(2026, 3, 28, 16, 30, tzinfo=UTC)),
        # Any other length: days and hours of the wall, too.
        Change("America/New_York", every(2, "days"), "02:30", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        Change("America/New_York", every(12, "hours"), "01:30", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        Change("Europe/London", every(12, "hours"), "00:30", datetime(2026, 3, 29, 11, 30, tzinfo=UTC)),
    ],
    ids=lambda change: f"{change.zone}-{change.moment:%m%d}-{change.at}",
)
async def test_an_incident_over_a_change_of_the_clocks_is_handed_over_once_at_the_right_hour(
    tmp_path: Path, change: Change
) -> None:
    rotating = layer("infra-engineer", "devops-lead", rotation=change.rotation, at=change.at)
    guide = guide_with(schedules={"duty": schedule(rotating, zone=change.zone)}, roles={"devops": ["duty"]})
    world = await World(tmp_path, start=change.moment - timedelta(minutes=20)).up()
    try:
        await by_guide(world, guide)
        await world.fails("judgment")
        await world.passing(40 * 60, step_s=3600)
        persons = pages_to(world)
        assert len(persons) == len(set(persons)) == 2
        found = await world.core.desk.ask(lambda tx: tx.pages())
        handed = [(page.due_at, page.sent_at) for page in found if (page.person, page.role) == (persons[-1], "devops")]
        assert min(handed) == (change.moment, change.moment)
        # A new engine within the hour that comes twice, and that hour's second coming, hand over nothing.
        await world.crash()
        await world.passing(90 * 60, step_s=3600)
        assert pages_to(world) == persons
    finally:
        await world.down()


async def test_at_a_hand_over_repeats_go_to_whoever_is_on_call_now(world: World) -> None:
    await by_guide(world, guide_with(**TWO))
    monday = datetime(2026, 3, 9, 9, tzinfo=SEOUL)
    await world.clock.advance((monday - timedelta(minutes=7) - world.clock.now()).total_seconds())
    incident_id = await world.fails("judgment")
    await world.passing(20 * 60)
    # The week of the second of March is the infrastructure engineer's (the ninth since the fifth of January).
    assert pages_to(world) == ["infra-engineer", "devops-lead"]
    handed = [page for page in world.pager.sent if page.role == "devops" and page.person == "devops-lead"]
    assert handed[0].due_at == monday.astimezone(UTC)
    reasons = [event.reason for event in await events(world, incident_id, t.PagesPlanned)]
    assert reasons == ["opened", "hand-over"]


async def test_later_rows_name_who_will_be_on_call_when_they_come(world: World) -> None:
    file = {"schedules": TWO["schedules"], "roles": {"dev-lead": ["duty"]}}
    await by_guide(world, guide_with(**file))
    monday = datetime(2026, 3, 9, 9, tzinfo=SEOUL)
    await world.clock.advance((monday - timedelta(minutes=20) - world.clock.now()).total_seconds())
    incident_id = await world.fails("judgment")
    later = {page.person for page in await world.pages(incident_id) if page.row.startswith("30:page")}
    assert later == {"devops-lead"}


async def test_a_stand_in_made_in_the_middle_takes_over_at_once_and_ends_by_itself(world: World) -> None:
    desk = await by_guide(world, guide_with(**TWO))
    incident_id = await world.fails("judgment")
    await world.tick()
    now = world.clock.now()
    made = await desk.stand_in("duty", [Asked("cto", now, now + timedelta(minutes=12), "점심")], MINSU)
    await world.tick()
    assert pages_to(world) == ["infra-engineer", "cto"]
    await world.passing(20 * 60)
    assert pages_to(world) == ["infra-engineer", "cto", "infra-engineer"]
    journal = [entry.event.type for entry in await world.core.desk.ask(lambda tx: tx.entries(None))]
    assert journal.count("stand-in-made") == journal.count("stand-in-ended") == 1
    reasons = [event.reason for event in await events(world, incident_id, t.PagesPlanned)]
    assert reasons == ["opened", "cto stands in for duty", "hand-over"]
    assert await desk.stand_ins() == []
    assert [one.id for one in await desk.stand_ins(past=True)] == [made[0].stand_in.id]


async def test_of_two_stand_ins_at_one_time_the_one_made_last_counts(world: World) -> None:
    desk = await by_guide(world, guide_with(**TWO))
    now = world.clock.now()
    first = await desk.stand_in("duty", [Asked("cto", now, now + timedelta(hours=8))], MINSU)
    await world.clock.advance(1)
    last = await desk.stand_in("duty", [Asked("ceo", now, now + timedelta(hours=1))], JIWON)
    assert last[0].covers == (first[0].stand_in.id,)
    on_call = (await desk.schedule("duty")).on_call
    assert on_call(now + timedelta(minutes=30)).person == "ceo"
    assert on_call(now + timedelta(hours=2)).person == "cto"
    await desk.cancel(last[0].stand_in.id, JIWON)
    assert (await desk.schedule("duty")).on_call(now + timedelta(minutes=30)).person == "cto"


async def test_stand_ins_that_conflict_while_an_incident_is_open_take_turns_as_the_last_made_says(
    world: World,
) -> None:
    desk = await by_guide(world, guide_with(**TWO))
    incident_id = await world.fails("judgment") or ""
    await world.tick()
    begun = world.clock.now()

    async def made(person: str, first: int, last: int, target: str = "duty") -> str:
        asked = Asked(person, begun + timedelta(minutes=first), begun + timedelta(minutes=last))
        found = (await desk.stand_in(target, [asked], MINSU))[0].stand_in.id
        await world.clock.advance(1)
        return found

    await made("cto", 6, 46)
    middle = await made("ceo", 11, 26)
    # A stand-in for the person who stands in counts beside the schedule's own: whoever is meant is looked up last.
    await made("devops-lead", 31, 36, target="cto")
    await world.passing(20 * 60, step_s=3600)
    assert pages_to(world) == ["infra-engineer", "cto", "ceo"]
    # Taken back in the middle, the one that it covered counts again, at once.
    await desk.cancel(middle, JIWON)
    await world.tick()
    assert pages_to(world) == ["infra-engineer", "cto", "ceo", "cto"]
    await world.passing(29 * 60, step_s=3600)
    assert pages_to(world) == ["infra-engineer", "cto", "ceo", "cto", "devops-lead", "cto", "infra-engineer"]
    reasons = [event.reason for event in await events(world, incident_id, t.PagesPlanned)]
    assert "ceo no longer stands in for duty" in reasons
    journal: list[str] = [entry.event.type for entry in await world.core.desk.ask(lambda tx: tx.entries(None))]
    assert [journal.count(f"stand-in-{word}") for word in ("made", "cancelled", "ended")] == [3, 1, 2]


async def test_a_stand_in_that_was_taken_back_before_it_began_is_gone_from_the_list_at_once(world: World) -> None:
    desk = await by_guide(world, guide_with(**TWO))
    now = world.clock.now()
    asked = Asked("cto", now + timedelta(hours=2), now + timedelta(hours=3), "휴가", "event-1")
    (made,) = await desk.stand_in("duty", [asked], MINSU)
    assert [one.what for one in await desk.foresee("duty", [asked], JIWON)] == ["same"]
    await desk.cancel(made.stand_in.id, MINSU)
    assert await desk.stand_ins() == []
    assert len(await desk.stand_ins(past=True)) == 1
    with pytest.raises(Conflict):
        await desk.cancel(made.stand_in.id, MINSU)
    other = replace(asked, person="ceo", source="")
    (fresh, beside) = await desk.foresee("duty", [asked, other], JIWON)
    assert (fresh.what, fresh.covers) == ("new", ())
    assert [one.person for one in beside.covers] == ["cto"]
    refused = await desk.foresee("duty", [replace(asked, end=now)], JIWON)
    assert (refused[0].what, "is past" in refused[0].reason) == ("refused", True)


async def test_two_who_stand_in_for_each_other_swap_and_who_answered_is_called_by_neither(world: World) -> None:
    desk = await by_guide(world, guide_with(**TWO))
    now = world.clock.now()
    for person, target in (("cto", "infra-engineer"), ("infra-engineer", "cto")):
        await desk.stand_in(target, [Asked(person, now, now + timedelta(hours=8))], MINSU)
    incident_id = await world.fails("judgment") or ""
    await world.tick()
    assert pages_to(world) == ["cto"]
    await world.core.engine.acknowledge(incident_id, MINSU)
    before = len(world.pager.sent)
    await desk.stand_in("infra-engineer", [Asked("ceo", now, now + timedelta(hours=1))], JIWON)
    await world.passing(12 * 60, step_s=3600)
    # Somebody holds it: whoever comes on call now is not paged for a row that has been.
    assert [page for page in world.pager.sent[before:] if page.kind == "page"] == []


async def test_a_person_can_be_stood_in_for_without_any_schedule(world: World) -> None:
    desk = await by_guide(world, default_guide())
    now = world.clock.now()
    await desk.stand_in("dev-lead", [Asked("infra-engineer", now, now + timedelta(hours=1))], MINSU)
    incident_id = await world.fails("judgment")
    assert (await world.incident(incident_id)).responder == "infra-engineer"
    await world.tick()
    assert pages_to(world, "owner") == ["infra-engineer"]


async def test_a_gap_brings_the_next_row_and_the_hotline_at_once(world: World) -> None:
    office = schedule(layer("infra-engineer", hours="business"))
    await by_guide(
        world,
        guide_with(
            schedules={"duty": office}, roles={"devops": ["duty"], "owner": ["duty"]}, services={"judgment": ["duty"]}
        ),
    )
    await world.clock.advance(12 * 3600)  # ten at night
    incident_id = await world.fails("judgment")
    await world.tick()
    assert {"hotline", "ops-lead"} <= world.told()
    gap = (await events(world, incident_id, t.ScheduleGap))[0]
    assert (gap.row, set(gap.roles)) == ("0", {"owner", "devops"})
    first = [page for page in await world.pages(incident_id) if page.row == "15:page:ops-lead"]
    assert all(page.due_at == world.clock.now() or page.repeat for page in first)


async def test_when_a_turn_ends_in_a_gap_those_who_were_paged_stay_paged_and_the_hotline_is_called(
    world: World,
) -> None:
    office = schedule(layer("infra-engineer", hours="business"))
    await by_guide(
        world, guide_with(schedules={"duty": office}, roles={"devops": ["duty"]}, services={"judgment": ["duty"]})
    )
    evening = WEDNESDAY.replace(hour=17, minute=53)
    await world.clock.advance((evening - world.clock.now()).total_seconds())
    incident_id = await world.fails("judgment")
    await world.passing(20 * 60)
    repeats = [page for page in world.pager.sent if page.person == "infra-engineer" and page.repeat > 1]
    assert repeats
    assert "hotline" in world.told()
    assert [event.row for event in await events(world, incident_id, t.ScheduleGap)] == ["0"]


CONTACT = {
    "contact": {
        "dev-lead": {
            "rules": {
                "P1": [
                    {"channel": "slack-critical"},
                    {"channel": "sms", "after_s": 120},
                    {"persons": ["ops-lead"], "after_s": 300},
                ]
            },
            "quiet_hours": [{"start": "08:00", "end": "20:00"}],
        }
    }
}


def through(world: World, person: str) -> list[tuple[str, float]]:
    begun = world.pager.sent[0].due_at
    return [
        (page.channel, (page.due_at - begun).total_seconds())
        for page in world.pager.sent
        if page.person == person and page.kind == "page" and page.repeat == 0 and page.row.startswith("0:")
    ]


async def test_a_contact_rule_goes_step_by_step_until_somebody_answers(world: World) -> None:
    guide = switched_on(guide_with(**CONTACT), "slack-critical", "sms")
    await by_guide(world, guide)
    await world.fails("judgment")
    await world.passing(6 * 60)
    # P1 takes no notice of quiet hours; the console and the mailbox are told at once beside the rule.
    assert sorted(through(world, "dev-lead")) == [("console", 0), ("mailbox", 0), ("slack-critical", 0), ("sms", 120)]
    assert {after for _, after in through(world, "ops-lead")} == {300}


async def test_an_answer_ends_the_steps_that_were_still_to_come(world: World) -> None:
    await by_guide(world, switched_on(guide_with(**CONTACT), "slack-critical", "sms"))
    incident_id = await world.fails("judgment")
    await world.passing(60)
    await world.core.engine.acknowledge(incident_id or "", MINSU)
    await world.core.engine.acknowledge(incident_id or "", JIWON)
    await world.passing(10 * 60)
    assert ("sms", 120) not in through(world, "dev-lead")
    assert through(world, "ops-lead") == []
    # Later rows of the matrix still come, as information.
    await world.passing(10 * 60)
    assert "ops-lead" in world.told("information")


async def test_quiet_hours_keep_p2_to_channels_that_wake_nobody(world: World) -> None:
    channels = {
        name: channel.model_copy(update={"enabled": True, "severities": ("P0", "P1", "P2", "P3")})
        for name, channel in default_guide().channels.items()
        if name in {"console", "mailbox", "http"}
    }
    guide = replace(guide_with(contact={"dev-lead": CONTACT["contact"]["dev-lead"]}), channels=channels)
    await by_guide(world, guide)
    await world.send("judgment", "unheard_of", source="generic")
    await world.tick()
    told = {page.channel for page in world.pager.sent if page.person == "dev-lead" and page.kind == "page"}
    assert told == {"console", "mailbox"}


async def test_raising_the_severity_in_the_middle_pages_anew_and_goes_on_with_those_paged_before(world: World) -> None:
    incident_id = await world.fails("judgment")
    await world.passing(20 * 60)
    before = len(world.pager.sent)
    await world.core.engine.severity(incident_id or "", "P0", "고객 전체 영향", MINSU)
    await world.tick()
    new = {page.person for page in world.pager.sent[before:] if page.kind == "page"}
    assert {"infra-engineer", "ops-lead"} <= new
    assert (await events(world, incident_id, t.PagesPlanned))[-1].reason == "severity P1 → P0"
    again = len(world.pager.sent)
    await world.passing(301)
    # Whoever was paged as DevOps before goes on being paged: a change of severity is no answer.
    assert "devops-lead" in {page.person for page in world.pager.sent[again:] if page.repeat > 1}


async def test_an_edited_guide_plans_anew_what_is_due_and_the_timeline_says_so(world: World) -> None:
    await by_guide(world, default_guide())
    incident_id = await world.fails("judgment")
    await world.tick()
    edited = replace(guide_with(schedules=TWO["schedules"], roles={"team-lead": ["duty"]}), digest="edited")
    await by_guide(world, edited)
    await world.tick()
    later = {
        page.person for page in await world.pages(incident_id) if page.row.startswith("15:") and page.state == "due"
    }
    assert later == {"infra-engineer"}
    assert (await events(world, incident_id, t.PagesPlanned))[-1].reason == "the guide changed"


async def test_what_was_taken_and_then_neglected_escalates_anew(world: World) -> None:
    incident_id = await world.fails("judgment") or ""
    await world.tick()
    await world.core.engine.severity(incident_id, "P0", "고객 전체 영향", MINSU)
    await world.core.engine.acknowledge(incident_id, MINSU)
    await world.passing(29 * 60, step_s=3600)
    await world.core.engine.note(incident_id, "보고 있음", MINSU)
    await world.passing(29 * 60, step_s=3600)
    assert (await world.incident(incident_id)).held
    before = len(world.pager.sent)
    await world.passing(65)
    incident = await world.incident(incident_id)
    assert not incident.held
    told = {(page.person, page.kind) for page in world.pager.sent[before:]}
    assert {("infra-engineer", "page"), ("devops-lead", "page")} <= told
    neglected = (await events(world, incident_id, t.IncidentNeglected))[0]
    assert neglected.after_s == 1800
    await world.passing(16 * 60, step_s=3600)
    assert "ops-lead" in {page.person for page in world.pager.sent[before:] if page.kind == "page"}
    await world.core.engine.acknowledge(incident_id, JIWON)
    quiet = len(world.pager.sent)
    await world.passing(20 * 60, step_s=3600)
    assert [page for page in world.pager.sent[quiet:] if page.kind == "page"] == []
    world.works("judgment")
    await world.passing(90)
    await world.passing(35 * 60, step_s=3600)
    assert len(await events(world, incident_id, t.IncidentNeglected)) == 1


async def test_all_channels_down_climbs_by_itself_with_schedules_too(world: World) -> None:
    await by_guide(world, guide_with(**TWO))

    def refuse(_: Page) -> Delivery:
        return Delivery(outcome="refused", detail="no route", reason="unreachable", retry_after_s=1)

    world.pager.answer = refuse
    incident_id = await world.fails("judgment")
    await world.passing(30)
    rows = [event.row for event in await events(world, incident_id, t.NobodyReached)]
    assert {"0", "15", "30", "60"} <= set(rows)
    assert not [page for page in await world.pages(incident_id) if page.kind == "page" and page.state == "failed"]


async def test_a_number_that_was_never_verified_is_used_but_is_nobody_who_was_reached(world: World) -> None:
    contacts = default_guide().contacts
    persons = {
        name: person.model_copy(update={"phone": "+82-10-1234-5678", "email": f"{name}@example.org"})
        for name, person in contacts.persons.items()
    }
    guide = switched_on(default_guide(), "sms", "email-person")
    channels = {name: channel.model_copy(update={"roles": None}) for name, channel in guide.channels.items()}
    guide = replace(guide, contacts=contacts.model_copy(update={"persons": persons}), channels=channels)
    await by_guide(world, guide)
    world.pager.answer = lambda page: (
        Delivery(outcome="refused", detail="no route", reason="unreachable", retry_after_s=600)
        if page.channel == "email-person"
        else Delivery(outcome="sent")
    )
    before = await world.fails("judgment")
    await world.tick()
    assert await events(world, before, t.NobodyReached) == []  # nothing is verified: what was sent counts

    def verify(job: Work) -> None:
        for person in persons:
            body = {"address": own_address(guide, person, "email-person"), "at": iso(job.now)}
            job.tx.keep(Kept(kind=METHOD, id=f"{person}/email-person", owner=person, body=body))

    await world.core.desk.command(verify)
    incident_id = await world.send("gateway", "security_breach", source="generic")
    await world.tick()
    assert [event.row for event in await events(world, incident_id, t.NobodyReached)][:1] == ["0"]
    assert any(page.channel == "sms" and page.incident_id == incident_id for page in world.pager.sent)
