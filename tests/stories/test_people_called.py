"""Stories in which the engine comes to its end by itself: people must hear of it, and of nothing more than that."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.support.response_world import MINSU, World

from judgify.kit.clock import SEOUL
from judgify.response import timeline as t
from judgify.response.engine import DeclareIncident
from judgify.response.model import Delivery, Page

REFUSED = Delivery(outcome="refused", detail="no route", reason="unreachable", retry_after_s=1)


def but(*channels: str) -> Callable[[Page], Delivery]:
    """Refuse everything but what goes through these channels."""
    return lambda page: Delivery(outcome="sent") if page.channel in channels else REFUSED


async def test_a_runbook_that_breaks_calls_people_and_says_why(world: World) -> None:
    world.runner.fault = ValueError("unit vanished")
    incident_id = await world.fails("judgment")
    await world.passing(60)
    called = [page for page in world.pager.sent if page.payload.get("runbook") == "judgment"]
    assert called
    assert {page.kind for page in called} == {"page"}
    assert "unit vanished" in called[0].payload["text"]
    assert (await world.types(incident_id)).count("runbook-finished") == 1


async def test_calls_about_a_runbook_end_with_the_incident(world: World) -> None:
    world.runner.fault = ValueError("unit vanished")
    incident_id = await world.fails("judgment")
    await world.passing(60)
    world.works("judgment")
    await world.passing(90)
    assert (await world.incident(incident_id)).state == "recovered"
    sent = len(world.pager.sent)
    await world.passing(600)
    assert [page for page in world.pager.sent[sent:] if page.kind == "page"] == []
    assert [page for page in await world.pages(incident_id) if page.state == "due"] == []


async def test_a_service_that_falls_again_gets_a_new_run_though_it_was_known_by_another_signal(
    world: World,
) -> None:
    incident_id = await world.fails("judgment", "not_ready")
    await world.tick()
    assert world.runner.performed == ["judgment"]
    await world.fails("judgment")
    await world.tick()
    assert world.runner.performed == ["judgment", "judgment"]
    assert (await world.incident(incident_id)).ongoing
    # A figure that stays bad is no new fall.
    await world.send("judgment", "error_rate", source="metrics", own=True, value=30)
    await world.send("judgment", "error_rate", source="metrics", own=True, value=30)
    await world.tick()
    assert len(world.runner.performed) == 2


async def test_a_new_fall_after_a_run_that_gave_up_is_worked_on_too(world: World) -> None:
    world.runner.fault = ValueError("unit vanished")
    await world.fails("judgment")
    await world.passing(60)
    world.runner.fault = None
    await world.fails("judgment", "not_ready")
    await world.tick()
    assert world.runner.performed == []
    await world.fails("judgment")
    await world.tick()
    assert world.runner.performed == ["judgment"]


async def test_when_nobody_of_a_row_is_reached_the_next_row_and_the_hotline_are_called_at_once(world: World) -> None:
    world.pager.answer = lambda page: Delivery(outcome="sent") if page.person == "hotline" else REFUSED
    incident_id = await world.fails("judgment")
    await world.passing(30)
    events = [
        entry.event
        for entry in await world.core.desk.ask(lambda tx: tx.entries(incident_id))
        if isinstance(entry.event, t.NobodyReached)
    ]
    assert [event.row for event in events][:2] == ["0", "15"]
    assert events[0].brought_forward
    assert events[0].hotline
    tried = {page.row.partition(":")[0] for page in await world.pages(incident_id) if page.attempt > 0}
    assert {"0", "15", "30", "60", "hotline"} <= tried
    assert {page.person for page in world.pager.sent} == {"hotline"}
    # Nothing that somebody must know of is ever parked.
    await world.passing(600)
    parked = [page for page in await world.pages(incident_id) if page.kind == "page" and page.state == "failed"]
    assert parked == []
    await world.core.engine.acknowledge(incident_id or "", MINSU)
    assert [p for p in await world.pages(incident_id) if p.kind == "page" and p.state == "due"] == []


async def test_the_mailbox_of_this_machine_is_nobody_reached_only_beside_real_channels(world: World) -> None:
    world.pager.answer = but("console", "mailbox")
    incident_id = await world.fails("judgment")
    await world.passing(30)
    local = {page.channel for page in await world.pages(incident_id) if page.kind == "page"} <= {"console", "mailbox"}
    assert ("nobody-reached" in await world.types(incident_id)) is not local


async def test_pages_say_that_automation_is_on_hold(world: World) -> None:
    await world.core.office.hold(MINSU, held=True, reason="점검")
    await world.fails("judgment")
    await world.tick()
    assert world.pager.sent
    assert all(page.automation_held for page in world.pager.sent if page.incident_id)


async def test_the_number_of_a_quiet_night_is_taken_in_the_new_year_of_seoul(tmp_path: object) -> None:
    world = World(tmp_path, start=datetime(2026, 12, 31, 23, 59, 58, tzinfo=SEOUL))  # type: ignore[arg-type]
    await world.up()
    try:
        assert await world.fails("judgment") == "INC-2026-0001"
        await world.clock.advance(timedelta(seconds=5).total_seconds())
        assert await world.fails("redis") == "INC-2027-0001"
    finally:
        await world.down()


async def test_after_reopening_a_change_of_severity_tells_again_those_who_were_told_before(world: World) -> None:
    incident_id = await world.fails("judgment") or ""
    await world.tick()
    world.works("judgment")
    await world.passing(90)
    assert (await world.incident(incident_id)).state == "recovered"
    assert await world.fails("judgment") == incident_id
    await world.core.engine.severity(incident_id, "P0", "고객 전체 영향", MINSU)
    before = len(world.pager.sent)
    await world.tick()
    first = {page.person for page in world.pager.sent[:before] if page.kind == "page" and page.role == "devops"}
    again = {page.person for page in world.pager.sent[before:] if page.kind == "page"}
    assert first
    assert first <= again


async def test_a_report_that_joins_may_worsen_an_incident_but_not_lower_it(world: World) -> None:
    opened = await world.core.engine.declare(DeclareIncident("redis", "reported", "느림", severity="P3"), MINSU)
    assert opened.severity == "P3"
    worse = await world.core.engine.declare(DeclareIncident("redis", "reported", "멈춤", severity="P1"), MINSU)
    assert (worse.id, worse.severity) == (opened.id, "P1")
    same = await world.core.engine.declare(DeclareIncident("redis", "reported", "괜찮음", severity="P3"), MINSU)
    assert (same.id, same.severity) == (opened.id, "P1")


async def test_a_service_that_wavers_does_not_fill_the_timeline_with_runs(world: World) -> None:
    incident_id = await world.fails("judgment", "health_failed")
    await world.tick()
    for _ in range(5):
        await world.clock.advance(5)
        await world.fails("judgment", "health_failed")
        await world.tick()
    assert world.runner.performed == ["judgment"]
    await world.clock.advance(60)
    await world.fails("judgment", "health_failed")
    await world.tick()
    assert world.runner.performed == ["judgment", "judgment"]
    assert (await world.types(incident_id)).count("signal-joined") == 0
