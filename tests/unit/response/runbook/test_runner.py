"""Runbooks at work on an orchestrator in memory, with the guide as it ships and a clock that a test moves."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.response import GUIDE, EngineKilled
from tests.support.runbook_world import NOON, World, run_of, skipped, state

from judgify.response.model import ENGINE, AutomationState
from judgify.response.operation_entry import OperationVerified
from judgify.response.runbook.runner import BookRunner
from judgify.response.timeline import FindingRecorded, StepSkipped


@pytest.mark.guide("G14")
async def test_a_dead_service_is_diagnosed_started_and_verified(world: World) -> None:
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    host = world.host()
    ended = await world.advance(run_of(), host)
    assert (ended.state, state(world)) == ("done", "running")
    book = GUIDE.runbooks["judgment"]
    findings = [event.finding for event in host.events if isinstance(event, FindingRecorded)]
    assert [finding.step for finding in findings] == [step.id for step in book.diagnose]
    assert findings[0].facts["unit_state"] == "exited"
    assert host.types()[len(findings) :] == [
        "step-skipped",  # nothing was released within the hour
        "operation-started",
        "operation-finished",
        "operation-verified",
        "runbook-finished",
    ]
    shown = host.operations[0].rendered
    assert shown.operation.kind == "start"
    assert "시작" in shown.will["ko"]
    assert "Start" in shown.will["en"]
    assert shown.command.startswith("kubectl")
    assert host.operations[0].by == ENGINE
    assert host.results()[0].result.undo is not None


@pytest.mark.guide("G12", "G14")
async def test_a_unit_that_dies_after_a_release_is_rolled_back_first_and_only_once(world: World) -> None:
    """Starting it again would start the same fault again; a rollback is no release that the next fault is blamed on."""
    world.orchestrator.release("judgment", "v2.0.0")
    await world.clock.advance(300)
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    host = world.host()
    assert (await world.advance(run_of(), host)).state == "done"
    assert [one.rendered.operation.kind for one in host.operations] == ["rollback"]
    assert (await world.orchestrator.unit("judgment")).release == "v1.0.0"
    await world.clock.advance(60)
    world.orchestrator.fail("judgment")
    await world.look("judgment")
    other = world.host()
    assert (await world.advance(run_of(), other)).state == "done"
    assert [one.rendered.operation.kind for one in other.operations] == ["start"]
    assert "does not apply" in skipped(other.events)["rollback-recent"]


async def test_an_old_release_is_started_again(world: World) -> None:
    world.orchestrator.release("judgment", "v2.0.0")
    await world.clock.advance(3700)
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    host = world.host()
    assert (await world.advance(run_of(), host)).state == "done"
    assert [one.rendered.operation.kind for one in host.operations] == ["start"]


async def test_a_hung_service_is_restarted_and_a_living_one_is_left_alone(world: World) -> None:
    world.hung.add("judgment")
    await world.look("judgment", "database")
    host = world.host()
    assert (await world.advance(run_of(), host)).state == "done"
    assert [one.rendered.operation.kind for one in host.operations] == ["restart"]
    world.sick.add("judgment")
    other = world.host()
    await world.look("judgment")
    ended = await world.advance(run_of(), other)
    # Whether memory is short cannot be told without a limit: that is offered to people, after all that surely applies.
    assert (ended.state, other.operations) == ("waiting", [])
    assert [approval.step for approval in other.approvals.values()] == ["raise-limits"]
    assert "does not apply" in skipped(other.events)["restart"]
    other.answer("apr_0", "rejected")
    assert (await world.advance(ended, other)).state == "failed"


async def test_after_a_kill_at_any_moment_the_operation_happens_once(world: World) -> None:
    for moment in ("operation-started", "operation-finished", "operation-verified"):
        world.orchestrator.fail("judgment")
        await world.look("judgment", "database")
        before = len([event for event in world.orchestrator._events if event.kind == "started"])
        host = world.host()
        host.cut_off_after = moment
        with pytest.raises(EngineKilled):
            await world.advance(run_of(), host)
        world.runner = BookRunner(world.senses)
        assert host.saved is not None
        ended = await world.advance(host.saved, host)
        assert ended.state == "done"
        assert len({one.id for one in host.operations}) == 1
        after = len([event for event in world.orchestrator._events if event.kind == "started"])
        assert after == before + 1
        await world.clock.advance(700)


async def test_a_start_that_does_not_help_is_followed_by_asking_people(world: World) -> None:
    world.orchestrator.fail("judgment")
    world.orchestrator.broken.add("judgment")
    await world.look("judgment", "database")
    host = world.host()
    ended = await world.advance(run_of(), host)
    verified = [event for event in host.events if isinstance(event, OperationVerified)]
    assert [event.ok for event in verified] == [False]
    assert ended.state == "waiting"
    assert [approval.step for approval in host.approvals.values()] == ["raise-limits"]
    assert set(skipped(host.events)) >= {"restart", "restart-database"}


async def test_the_second_start_within_ten_minutes_asks_and_an_approval_is_bound_to_what_was_shown(
    world: World,
) -> None:
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    host = world.host()
    await world.advance(run_of(), host)
    world.orchestrator.fail("judgment")
    await world.look("judgment")
    waiting = await world.advance(run_of(id="run_2"), host)
    assert (waiting.state, waiting.waiting_for) == ("waiting", "apr_0")
    approval = host.approvals["apr_0"]
    assert (approval.needed, approval.digest) == (1, approval.rendered.digest)
    still = await world.advance(waiting, host)
    assert (still.state, state(world)) == ("waiting", "exited")
    host.answer("apr_0", "granted")
    ended = await world.advance(still, host)
    assert (ended.state, host.operations[-1].approval_id, state(world)) == ("done", "apr_0", "running")


@pytest.mark.parametrize("answer", ["rejected", "lapsed", "used"])
async def test_without_approval_the_step_is_left_out(world: World, answer: str) -> None:
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    host = world.host()
    await world.advance(run_of(), host)
    world.orchestrator.fail("judgment")
    await world.look("judgment")
    waiting = await world.advance(run_of(id="run_2"), host)
    host.answer("apr_0", answer)
    await world.advance(waiting, host)
    assert answer in skipped(host.events)["start"]
    assert state(world) == "exited"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"held": AutomationState(held=True, reason="점검")}, "on hold: 점검"),
        ({"suspect": "own listener"}, "probes in doubt"),
    ],
)
async def test_what_makes_it_wait_is_told_once_and_ends(world: World, change: dict[str, Any], why: str) -> None:
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    host = world.host()
    host = replace(host, **change)
    waiting = await world.advance(run_of(), host)
    again = await world.advance(waiting, host)
    assert (again.state, again.waiting_for, state(world)) == ("waiting", None, "exited")
    assert again.due_at <= world.clock.now() + timedelta(seconds=2)
    reasons = [event.reason for event in host.events if isinstance(event, StepSkipped) and event.waits]
    assert [why in reason for reason in reasons] == [True]
    host.held, host.suspect = AutomationState(), None
    assert (await world.advance(again, host)).state == "done"


async def test_only_an_outside_signal_starts_nothing(world: World) -> None:
    host = world.host(services=({"service": "judgment", "since": NOON, "confirmed": False},))
    await world.look("judgment", "database")
    ended = await world.advance(run_of(), host)
    assert (ended.state, host.operations, host.approvals) == ("done", [], {})


@pytest.mark.guide("G04")
async def test_a_service_waits_for_what_it_depends_on_and_comes_back_with_it(world: World) -> None:
    world.orchestrator.fail("judgment")
    world.orchestrator.fail("postgres")
    await world.look("judgment", "database")
    host = world.host("database")
    waiting = await world.advance(run_of(), host)
    assert waiting.state == "waiting"
    assert "it waits for what it depends on: database" in skipped(host.events)["start"]
    database = await world.advance(run_of("database"), host)
    assert (database.state, state(world, "postgres")) == ("done", "running")
    await world.look("database")
    await world.clock.advance(3)
    assert (await world.advance(waiting, host)).state == "done"
    assert [one.rendered.operation.unit for one in host.operations] == ["postgres", "judgment"]


@pytest.mark.guide("G04")
async def test_a_service_that_is_being_watched_does_not_hold_up_what_it_needs(world: World) -> None:
    world.orchestrator.fail("notification")
    world.hung.add("notification")
    await world.look("notification", "database")
    host = world.host("notification")
    notification = asyncio.ensure_future(world.runner.advance(run_of("notification"), host))
    while not host.operations:
        await world.clock.advance(0.25)
    world.orchestrator.fail("postgres")
    await world.look("database")
    began = world.clock.now()
    assert (await world.advance(run_of("database"), host)).state == "done"
    assert world.clock.now() - began < timedelta(seconds=5)
    assert not notification.done()
    world.hung.discard("notification")
    while not notification.done():
        await world.clock.advance(0.25)
    assert (await notification).state == "done"
    assert [one.rendered.operation.unit for one in host.operations] == ["notification", "postgres"]


async def test_nobody_else_acts_while_a_service_is_being_watched(world: World) -> None:
    for unit in ("notification", "action"):
        world.orchestrator.fail(unit)
    world.hung.add("notification")
    await world.look("notification", "action", "database")
    host = world.host("notification")
    notification = asyncio.ensure_future(world.runner.advance(run_of("notification"), host))
    while not host.operations:
        await world.clock.advance(0.25)
    other = world.host("action")
    action = await world.runner.advance(run_of("action"), other)
    assert action.state == "waiting"
    assert skipped(other.events)["start"] == "one unit at a time: notification is being acted on"
    notification.cancel()


@pytest.mark.guide("G04")
async def test_the_order_of_recovery_among_equals(world: World) -> None:
    for unit in ("gateway", "judgment"):
        world.orchestrator.fail(unit)
    await world.look("gateway", "judgment", "database")
    host = world.host("gateway", severity="P0")
    host.held = AutomationState(held=True, reason="both are waiting")
    gateway = await world.advance(run_of("gateway"), host)
    judgment = await world.advance(run_of("judgment"), host)
    host.held = AutomationState()
    judgment = await world.advance(judgment, host)
    assert judgment.state == "waiting"
    assert "first by the order of 1.2: gateway" in skipped(host.events)["start"]
    assert (await world.advance(gateway, host)).state == "done"
    assert (await world.advance(judgment, host)).state == "done"


async def test_the_second_exit_of_the_database_stops_automation(world: World) -> None:
    world.orchestrator.fail("postgres")
    await world.look("database")
    host = world.host("database", severity="P0")
    assert (await world.advance(run_of("database"), host)).state == "done"
    world.orchestrator.fail("postgres")
    await world.look("database")
    ended = await world.advance(run_of("database", id="run_2"), host)
    assert (ended.state, state(world, "postgres")) == ("stopped", "exited")
    assert "2 times" in ended.outcome


async def test_corruption_in_the_log_stops_automation(world: World) -> None:
    world.orchestrator.fail("postgres")
    world.orchestrator.say("postgres", "ERROR: invalid page in block 7 of relation base/5/1259 password=hunter2")
    await world.look("database")
    host = world.host("database", severity="P0")
    ended = await world.advance(run_of("database"), host)
    assert (ended.state, host.operations) == ("stopped", [])
    assert "corruption" in ended.outcome
    assert "hunter2" not in "".join(event.model_dump_json() for event in host.events)


async def test_recovery_by_others_ends_the_run(world: World) -> None:
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    host = world.host()
    host.held = AutomationState(held=True, reason="by hand")
    waiting = await world.advance(run_of(), host)
    await world.orchestrator.start("judgment", by="minsu", reason="by hand", operation_id="op_by_hand")
    await world.clock.advance(3)
    ended = await world.advance(waiting, host)
    assert (ended.state, ended.outcome) == ("done", "the service's own check is good again")
    again = await world.runner.advance(ended, host)
    assert again == ended


@pytest.mark.parametrize(
    ("change", "outcome"),
    [({"state": "recovered"}, "done"), ({"merged_into": "INC-2026-0002"}, "stopped")],
)
async def test_an_incident_that_is_over_ends_the_run(world: World, change: dict[str, Any], outcome: str) -> None:
    host = world.host(**change)
    assert (await world.advance(run_of(), host)).state == outcome
