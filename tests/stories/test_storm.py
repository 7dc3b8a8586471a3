"""Stories of many signals and several services: folding, root naming, drills, rollouts, hold."""

import asyncio
from datetime import timedelta

import pytest
from tests.support.response_world import MINSU, World

from judgify.response.model import Delivery


async def test_ten_thousand_alerts_are_one_incident_and_a_handful_of_entries(world: World) -> None:
    world.runner.fault = RuntimeError("no runbook today")
    ids = await asyncio.gather(*(world.send("judgment", "service_down") for _ in range(10_000)))
    assert set(ids) == {"INC-2026-0001"}
    await world.tick()
    rows = await world.core.desk.ask(lambda tx: tx.signals("INC-2026-0001"))
    assert [row.count for row in rows] == [10_000]
    incident = await world.incident("INC-2026-0001")
    assert incident.signal_count == 10_000
    assert incident.last_seq < 60
    assert len(world.pager.sent) < 60


async def test_a_probe_and_an_alert_about_one_fault_are_one_incident(world: World) -> None:
    first = await world.send("judgment-service", "service_down")
    assert not (await world.incident(first)).confirmed
    assert await world.fails("judgment") == first
    assert (await world.incident(first)).confirmed


async def test_what_depends_on_the_root_joins_and_a_root_that_turns_up_later_takes_over(world: World) -> None:
    first = await world.fails("judgment", "health_failed")
    assert (await world.incident(first)).key.root == "judgment"
    await world.clock.advance(5)
    assert await world.fails("database") == first
    rerooted = await world.incident(first)
    assert rerooted.key.root == "database"
    assert rerooted.severity == "P0"
    assert "incident-rerooted" in await world.types(first)
    assert await world.fails("workflow", "health_failed") == first


async def test_two_incidents_that_turn_out_to_have_one_root_become_one(world: World) -> None:
    first = await world.fails("judgment", "health_failed")
    second = await world.fails("workflow", "health_failed")
    assert first != second
    assert await world.fails("database") == first
    merged = await world.incident(second)
    assert (merged.state, merged.merged_into) == ("closed", first)
    assert "workflow" in (await world.incident(first)).service_names()
    await world.tick()
    assert all(page.state in {"withdrawn", "sent"} for page in await world.pages(second))


async def test_several_incidents_at_once_stay_apart(world: World) -> None:
    assert await world.fails("judgment") == "INC-2026-0001"
    assert await world.fails("logging") == "INC-2026-0002"


async def test_what_nobody_knows_reaches_a_person_and_says_so(world: World) -> None:
    incident_id = await world.send("coffee-machine", "no_coffee")
    incident = await world.incident(incident_id)
    assert (incident.severity, incident.known) == ("P2", False)
    await world.tick()
    assert world.told() != set()
    critical = await world.send("another-machine", "on_fire", labels={"severity": "critical"})
    assert (await world.incident(critical)).severity == "P1"


async def test_a_drill_tags_its_signals_and_holds_for_ten_seconds(world: World) -> None:
    await world.core.office.register_drill("drill-7", "judgment-service-down", ("judgment",), MINSU)
    incident_id = await world.fails("judgment")
    assert (await world.incident(incident_id)).drill == "drill-7"
    # A real fault elsewhere is no part of the drill.
    assert (await world.incident(await world.fails("logging"))).drill is None
    world.works("judgment")
    await world.passing(12)
    assert (await world.incident(incident_id)).state == "recovered"
    finished = await world.core.office.finish_drill("drill-7", {"passed": True}, MINSU)
    assert finished.report == {"passed": True}
    assert "drill-finished" in await world.types(incident_id)


async def test_an_announced_rollout_suppresses_until_it_ends(world: World) -> None:
    await world.core.office.announce_rollout("judgment", "v2.1.0", 60, MINSU)
    assert await world.fails("judgment") is None
    assert await world.types(None) == ["engine-started", "rollout-announced", "signal-suppressed"]
    await world.clock.advance(61)
    assert await world.fails("judgment") == "INC-2026-0001"


async def test_what_still_fails_after_its_rollout_is_an_incident(world: World) -> None:
    await world.core.office.announce_rollout("judgment", "v2.1.0", 60, MINSU)
    assert await world.fails("judgment") is None
    await world.passing(70)
    assert (await world.incident("INC-2026-0001")).key.root == "judgment"
    await world.core.office.announce_rollout("logging", "v2.1.0", 60, MINSU)
    world.works("logging")
    await world.passing(70)
    assert len(await world.core.desk.ask(lambda tx: tx.incidents())) == 1


@pytest.mark.guide("G24")
async def test_action_items_are_reminded_of_once_a_day_until_they_are_done(world: World) -> None:
    due = world.clock.now() + timedelta(hours=30)
    action = await world.core.office.add_action(None, "누수 수정", "dev-lead", due, horizon="week", actor=MINSU)
    await world.core.office.add_action(None, "나중에", "nobody", due + timedelta(days=9), horizon="month", actor=MINSU)
    await world.tick()
    assert world.pager.sent == []
    await world.clock.advance(7 * 3600)
    await world.tick()
    await world.clock.advance(120)
    await world.tick()
    assert [(page.person, page.payload["action"]) for page in world.pager.sent] == [("dev-lead", action.id)] * 2
    await world.clock.advance(24 * 3600)
    await world.tick()
    assert len(world.pager.sent) == 4
    assert "overdue" in world.pager.sent[-1].payload["text"]["en"]
    await world.core.office.finish_action(action.id, MINSU)
    await world.clock.advance(24 * 3600)
    await world.tick()
    assert len(world.pager.sent) == 4


async def test_the_hold_switch_is_on_every_open_incident(world: World) -> None:
    incident_id = await world.fails("judgment") or ""
    state = await world.core.office.hold(MINSU, held=True, reason="점검 중")
    assert state.held
    assert "automation-switched" in await world.types(incident_id)


async def test_a_channel_that_refuses_for_ever_does_not_hold_up_the_others(world: World) -> None:
    world.pager.answer = lambda page: Delivery(outcome="refused" if page.channel == "mailbox" else "sent")
    incident_id = await world.fails("judgment")
    await world.tick()
    assert {page.channel for page in world.pager.sent} == {"console"}
    failed = [page for page in await world.pages(incident_id) if page.state == "failed"]
    assert {page.channel for page in failed} == {"mailbox"}


async def test_reports_of_people_are_each_kept(world: World) -> None:
    from judgify.response.engine import DeclareIncident

    first = await world.core.engine.declare(DeclareIncident("gateway", "reported", "느립니다", None, True), MINSU)
    assert first.life_at_risk
    again = await world.core.engine.declare(DeclareIncident("gateway", "reported", "안 됩니다", "P0"), MINSU)
    assert again.id == first.id
    assert again.severity == "P0"
    rows = await world.core.desk.ask(lambda tx: tx.signals(first.id))
    assert [row.signal.text for row in rows] == ["느립니다", "안 됩니다"]
    assert again.started_at - first.started_at == timedelta(0)


async def test_a_storm_of_different_alerts_does_not_bury_the_timeline(world: World) -> None:
    incident_id = await world.fails("judgment")
    for number in range(60):
        await world.send("judgment", "slow_response", fingerprint=f"f{number}")
    joined = (await world.types(incident_id)).count("signal-joined")
    assert joined == 20
    rows = await world.core.desk.ask(lambda tx: tx.signals(incident_id or ""))
    assert len(rows) == 61
    # Another kind of signal is still news.
    await world.send("judgment", "not_ready", fingerprint="other")
    assert (await world.types(incident_id)).count("signal-joined") == 21


async def test_a_beginning_before_all_time_is_no_evidence(world: World) -> None:
    incident_id = await world.fails("judgment")
    for days in (800_000 // 400, 8):
        await world.send("judgment", f"odd_{days}", observed_at=world.clock.now() - timedelta(days=days))
    assert (await world.incident(incident_id)).occurred_at == (await world.incident(incident_id)).started_at
    begun = world.clock.now() - timedelta(days=2)
    await world.send("judgment", "not_ready", observed_at=begun)
    assert (await world.incident(incident_id)).occurred_at == begun


async def test_a_sender_of_ever_new_names_fills_no_timeline(world: World) -> None:
    incident_id = await world.fails("judgment")
    for number in range(230):
        await world.send("judgment", f"made_up_{number}")
    joined = (await world.types(incident_id)).count("signal-joined")
    unknown = [i for i in await world.core.desk.ask(lambda tx: tx.incidents()) if i.id != incident_id]
    assert joined <= 200
    assert len(unknown) <= 1
