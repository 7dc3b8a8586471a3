"""Section 6.2 and 1.1 in full, told with the clock moved in leaps: every row, every answer, every change in between."""

import asyncio
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from tests.support.response_world import JIWON, MINSU, World

from judgify.response import timeline as t
from judgify.response.model import Actor, Delivery, Page, Severity

pytestmark = pytest.mark.guide("G22")
LEAP_S = 3600.0
"""No look at the engine but those that it asks for itself."""
Rows = dict[int, set[str]]

PAGED: dict[Severity, Rows] = {
    # Section 6.2 as printed, by the persons of section 9.3; whoever was paged before is paged on and not listed again.
    "P0": {0: {"ops-lead", "devops-lead", "infra-engineer"}, 15: {"ops-lead"}, 30: {"dev-lead"}, 60: {"cto", "ceo"}},
    "P1": {0: {"dev-lead", "devops-lead"}, 15: {"ops-lead"}, 30: {"dev-lead"}, 60: {"cto"}},
    "P2": {0: {"dev-lead"}, 15: {"dev-lead"}, 30: {"ops-lead"}, 60: {"dev-lead"}},
    "P3": {0: {"dev-lead"}, 60: {"ops-lead"}},
}
REPORTED: dict[Severity, set[str]] = {
    # 3.1: P0 and P1 to the executives, P2 to the team lead; 1.1: P1 to the manager. Of two messages of one row a
    # person gets the more urgent one: in P0 the manager is on the response team.
    "P0": {"cto", "ceo"},
    "P1": {"cto", "ceo", "ops-lead"},
    "P2": {"ops-lead"},
    "P3": set(),
}
SEVERITIES: tuple[Severity, ...] = ("P0", "P1", "P2", "P3")


async def opened(world: World, severity: Severity) -> str:
    """An incident of the judgment service, which the development lead answers for."""
    incident_id = await world.send("judgment", "unheard_of", source="generic") or ""
    await world.core.engine.severity(incident_id, severity, "이야기를 위해", MINSU)
    return incident_id


def told(world: World, since: int = 0, kind: str = "page") -> list[Page]:
    """What went out about the incident itself, in order."""
    return [page for page in world.pager.sent[since:] if page.kind == kind and not page.payload]


def by_row(pages: list[Page]) -> Rows:
    found: Rows = {}
    for page in pages:
        found.setdefault(int(page.row.partition(":")[0]), set()).add(page.person)
    return found


async def events(world: World, incident_id: str, kind: type[Any]) -> list[t.Entry]:
    entries = await world.core.desk.ask(lambda tx: tx.entries(incident_id))
    return [entry for entry in entries if isinstance(entry.event, kind)]


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_every_row_is_told_at_its_second_through_every_channel_and_repeated(
    world: World, severity: Severity
) -> None:
    incident_id = await opened(world, severity)
    begun = world.clock.now()
    await world.passing(61 * 60, step_s=LEAP_S)
    pages = [page for page in await world.pages(incident_id) if page.state == "sent" and not page.payload]
    for page in pages:
        assert page.sent_at == page.due_at, (page.row, page.sent_at)
    first = [page for page in pages if page.kind == "page" and page.repeat == 0]
    assert by_row(first) == PAGED[severity]
    for minute, persons in PAGED[severity].items():
        for person in persons:
            mine = [page for page in first if page.person == person and page.row.startswith(f"{minute}:")]
            assert {page.channel for page in mine} == {"console", "mailbox"}
            assert {page.due_at - begun for page in mine} == {timedelta(minutes=minute)}
    assert {page.person for page in pages if page.kind == "report"} == REPORTED[severity]
    assert {page.due_at for page in pages if page.kind == "report"} <= {begun}
    team = {page.person for page in pages if page.kind == "notice" and page.row.startswith("0:")}
    # 1.1: P1 convenes the response team; those of it who are paged or reported to are not told twice.
    assert team == ({"infra-engineer"} if severity == "P1" else set())
    # Nobody answered: every five minutes again, whoever was paged.
    again = {page.due_at - begun for page in pages if page.row.startswith("0:page") and page.repeat}
    assert again == {timedelta(minutes=minute) for minute in range(5, 61, 5)}


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_an_answer_is_silence_at_once_and_later_rows_come_as_information_until_it_has_recovered(
    world: World, severity: Severity
) -> None:
    world.pager.answer = lambda page: (
        Delivery(outcome="refused", reason="server-error", retry_after_s=90)
        if page.channel == "mailbox" and page.kind == "page"
        else Delivery(outcome="sent")
    )
    incident_id = await opened(world, severity)
    await world.passing(7 * 60, step_s=LEAP_S)
    assert [page for page in await world.pages(incident_id) if page.kind == "page" and page.attempt > 1]
    await world.core.engine.acknowledge(incident_id, JIWON, "console")
    # At once: nothing that was due, repeated or tried again is left, on no channel.
    assert not [page for page in await world.pages(incident_id) if page.kind == "page" and page.state == "due"]
    since = len(world.pager.sent)
    for _ in range(5):
        await world.passing(20 * 60, step_s=LEAP_S)
        await world.core.engine.note(incident_id, "보고 있음", JIWON)  # tended: nobody is called anew
    assert told(world, since) == []
    later = {minute: persons for minute, persons in PAGED[severity].items() if minute}
    information = told(world, since, "information")
    assert by_row(information) == later
    assert all(page.repeat == 0 for page in information)
    assert (await world.incident(incident_id)).holder == JIWON
    await world.core.engine.resolve(incident_id, "끝", JIWON)
    since = len(world.pager.sent)
    await world.passing(2 * 3600, step_s=LEAP_S)
    assert told(world, since) == told(world, since, "information") == []


async def test_once_recovery_is_verified_no_later_row_comes(world: World) -> None:
    incident_id = await world.fails("gateway") or ""
    await world.passing(60)
    await world.core.engine.acknowledge(incident_id, MINSU, "console")
    world.works("gateway")
    await world.passing(65)
    assert (await world.incident(incident_id)).state == "recovered"
    since = len(world.pager.sent)
    await world.passing(14 * 60)
    await world.passing(2 * 3600, step_s=LEAP_S)
    assert told(world, since) == told(world, since, "information") == []


class Raised(NamedTuple):
    """A change of severity at a minute: whom the rows page at once that are past, and the rows still to come."""

    before: Severity
    after: Severity
    minute: int
    at_once: set[str]
    coming: Rows


@pytest.mark.parametrize(
    "story",
    [
        Raised("P3", "P1", 40, {"dev-lead", "devops-lead", "ops-lead"}, {60: {"cto"}}),
        Raised("P2", "P0", 20, {"ops-lead", "devops-lead", "infra-engineer"}, {30: {"dev-lead"}, 60: {"cto", "ceo"}}),
        Raised(
            "P1", "P0", 14, {"ops-lead", "infra-engineer"}, {15: {"ops-lead"}, 30: {"dev-lead"}, 60: {"cto", "ceo"}}
        ),
        Raised("P3", "P0", 70, {"ops-lead", "devops-lead", "infra-engineer", "dev-lead", "cto", "ceo"}, {}),
    ],
    ids=lambda story: f"{story.before}-{story.after}-{story.minute}",
)
async def test_raised_in_the_middle_what_is_past_comes_at_once_and_the_rest_at_its_minute(
    world: World, story: Raised
) -> None:
    before, after, minute, at_once, coming = story
    incident_id = await opened(world, before)
    begun = world.clock.now()
    await world.passing(minute * 60, step_s=LEAP_S)
    since = len(world.pager.sent)
    await world.core.engine.severity(incident_id, after, "더 나빠짐", MINSU)
    await world.tick()
    first = [page for page in told(world, since) if page.repeat == 0]
    assert {page.person for page in first} <= at_once
    on = {page.person for page in await world.pages(incident_id) if page.kind == "page" and page.state == "due"}
    # Whoever was paged before is paged on: a change of severity is no answer.
    assert at_once <= {page.person for page in first} | on
    assert {page.due_at for page in first} <= {begun + timedelta(minutes=minute)}
    since = len(world.pager.sent)
    await world.passing((61 - min(minute, 60)) * 60, step_s=LEAP_S)
    new = [page for page in told(world, since) if page.repeat == 0]
    assert by_row(new) == coming
    assert all(page.due_at - begun == timedelta(minutes=int(page.row.partition(":")[0])) for page in new)
    planned = [str(entry.event.model_dump()["reason"]) for entry in await events(world, incident_id, t.PagesPlanned)]
    assert planned[-1] == f"severity {before} → {after}"


async def test_lowered_in_the_middle_what_nobody_needs_any_more_is_withdrawn(world: World) -> None:
    incident_id = await opened(world, "P0")
    await world.passing(10 * 60, step_s=LEAP_S)
    await world.core.engine.severity(incident_id, "P3", "한 화면의 오자였음", MINSU)
    since = len(world.pager.sent)
    await world.passing(55 * 60, step_s=LEAP_S)
    assert not {"cto", "ceo"} & {page.person for page in told(world, since)}
    assert {page.person for page in told(world, since) if page.repeat == 0} <= {"dev-lead", "ops-lead"}
    assert [entry for entry in await events(world, incident_id, t.PagesWithdrawn) if "P0 → P3" in str(entry.event)]


async def test_raised_while_somebody_holds_it_new_people_are_informed_and_nobody_is_called_away(world: World) -> None:
    incident_id = await opened(world, "P2")
    await world.passing(6 * 60, step_s=LEAP_S)
    await world.core.engine.acknowledge(incident_id, JIWON, "console")
    since = len(world.pager.sent)
    await world.core.engine.severity(incident_id, "P0", "더 나빠짐", MINSU)
    await world.passing(20 * 60, step_s=LEAP_S)
    assert told(world, since) == []
    assert (await world.incident(incident_id)).holder == JIWON
    assert {"devops-lead", "infra-engineer", "ops-lead"} <= {page.person for page in told(world, since, "information")}


async def all_answer(world: World, incident_id: str, actors: list[tuple[Actor, str]]) -> None:
    await asyncio.gather(*(world.core.engine.acknowledge(incident_id, actor, via) for actor, via in actors))


async def test_of_many_who_answer_in_one_moment_one_holds_it_and_all_are_on_the_record(stored_world: World) -> None:
    world = stored_world
    incident_id = await opened(world, "P0")
    await world.tick()
    ways = ("console", "slack", "email", "sms", "pagerduty", "cli")
    actors = [(Actor(kind="person", name=f"p{index}"), via) for index, via in enumerate(ways)]
    await all_answer(world, incident_id, [*actors, *reversed(actors)])
    taken = await events(world, incident_id, t.IncidentAcknowledged)
    assert [bool(entry.event.model_dump()["also"]) for entry in taken] == [False, *[True] * 5]
    recorded = {(entry.actor.name, entry.event.model_dump()["via"]) for entry in taken}
    assert recorded == {(actor.name, via) for actor, via in actors}
    incident = await world.incident(incident_id)
    assert incident.holder == taken[0].actor
    assert len(await events(world, incident_id, t.PagesWithdrawn)) == 2  # the severity's, and the first answer's
    since = len(world.pager.sent)
    await world.crash()
    await world.passing(12 * 60, step_s=LEAP_S)
    assert told(world, since) == []
    # Whoever answers again, in another way and much later, changes nothing either.
    await all_answer(world, incident_id, actors)
    assert len(await events(world, incident_id, t.IncidentAcknowledged)) == 6


async def silent(world: World) -> str:
    """A job that should tell of itself every hour falls silent; gives the incident that its silence is."""
    await world.core.heartbeats.register("nightly-backup", every_s=3_600, grace_s=60, service="database")
    await world.clock.advance(3_661)
    await world.core.heartbeats.look()
    (incident,) = await world.core.desk.ask(lambda tx: tx.incidents())
    return incident.id


async def test_a_heartbeat_that_is_missing_pages_as_1_1_says_until_somebody_answers(world: World) -> None:
    incident_id = await silent(world)
    begun = world.clock.now()
    assert (await world.incident(incident_id)).severity == "P2"  # 1.1: an alert of the monitoring is missing
    await world.passing(31 * 60, step_s=LEAP_S)
    owner = (await world.incident(incident_id)).responder
    rows = by_row([page for page in told(world) if page.repeat == 0])
    assert (rows[0], rows[15], rows[30]) == ({owner}, {owner}, {"ops-lead"})
    assert min(page.due_at for page in told(world)) == begun
    await world.core.engine.acknowledge(incident_id, MINSU, "console")
    since = len(world.pager.sent)
    await world.passing(3 * 3600, step_s=LEAP_S)
    assert told(world, since) == []


async def test_a_heartbeat_that_comes_back_is_on_the_timeline_and_its_next_silence_is_the_same_incident(
    world: World,
) -> None:
    incident_id = await silent(world)
    await world.tick()
    await world.core.heartbeats.beat("nightly-backup")
    assert "signal-cleared" in await world.types(incident_id)
    await world.clock.advance(3_661)
    await world.core.heartbeats.look()
    assert len(await world.core.desk.ask(lambda tx: tx.incidents())) == 1
    assert (await world.incident(incident_id)).ongoing
    again = [page for page in told(world) if page.incident_id != incident_id]
    assert again == []
