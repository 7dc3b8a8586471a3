"""Dry runs, steps run by people, and what the runner refuses."""

import asyncio
import itertools
from typing import Any

import pytest
from tests.support.response import GUIDE, EngineKilled
from tests.support.runbook_world import MINSU, World, run_of, state

from judgify.kit.errors import Conflict, Unavailable
from judgify.response.intake.probe import Look
from judgify.response.model import AutomationState, Operation, OperationResult
from judgify.response.operation_entry import OperationVerified
from judgify.response.orchestrators.memory import MemoryOrchestrator
from judgify.response.runbook.operation import perform
from judgify.response.timeline import RunbookFinished


async def test_a_dry_run_shows_every_step_and_does_nothing(world: World) -> None:
    world.orchestrator.fail("judgment")
    host = world.host()
    ended = await world.advance(run_of(dry_run=True), host)
    assert ended.state == "done"
    assert [step["step"] for step in ended.memory["rehearsal"]] == [s.id for s in GUIDE.runbooks["judgment"].recover]
    assert (host.operations, state(world)) == ([], "exited")
    one = await world.advance(run_of(dry_run=True, step="start"), host)
    assert [step["step"] for step in one.memory["rehearsal"]] == ["start"]
    assert state(world) == "exited"


async def test_a_person_runs_one_step_by_hand(world: World) -> None:
    host = world.host()
    host.held = AutomationState(held=True, reason="people go on")
    ended = await world.advance(run_of(step="restart", asked_by=MINSU), host)
    assert (ended.state, host.operations[0].by) == ("done", MINSU)
    event = world.orchestrator._events[-1]
    assert (event.kind, event.by) == ("restarted", "minsu")
    looked = await world.advance(run_of(step="pods", asked_by=MINSU), host)
    assert looked.state == "done"
    unknown = await world.advance(run_of(step="nothing", asked_by=MINSU), host)
    assert unknown.state == "failed"


@pytest.mark.guide("G12")
async def test_emergency_changes_by_hand_have_their_undo(world: World) -> None:
    host = world.host()
    await world.advance(run_of(step="rules-only", asked_by=MINSU), host)
    undo = host.results()[0].result.undo
    assert undo is not None
    assert (undo.kind, undo.arguments) == ("set_env", {"set": {}, "unset": ["ENABLE_LLM_ENGINE"]})
    await world.advance(run_of(step="raise-limits", asked_by=MINSU), host)
    assert world.orchestrator._units["judgment"].limits.cpu_millis == 2000
    blocked = await world.advance(run_of("emergency", service="gateway", step="block-traffic", asked_by=MINSU), host)
    assert blocked.state == "done"
    assert (await world.orchestrator.traffic()).blocked
    await world.advance(run_of("emergency", service="gateway", step="unblock-traffic", asked_by=MINSU), host)
    assert not (await world.orchestrator.traffic()).blocked


@pytest.mark.guide("G15")
async def test_what_this_machine_cannot_do_is_refused_and_never_asked_for(world: World) -> None:
    host = world.host("database", severity="P0")
    for step in ("restore-backup", "switch-to-replica", "external-database"):
        ended = await world.advance(run_of("database", step=step, asked_by=MINSU), host)
        assert (ended.state, host.approvals) == ("failed", {})
        assert "nothing was done" in ended.outcome


async def test_a_dead_supervisor_is_started_again_for_an_operation(world: World) -> None:
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    host = world.host()
    host.cut_off_after = "operation-started"
    with pytest.raises(EngineKilled):
        await world.advance(run_of(), host)
    assert host.saved is not None
    world.orchestrator.dead = True

    async def revived(*_: object) -> Look:
        return Look(live=False, detail="cannot be told")

    target = world.prober._targets["judgment"].probe
    look = target.look
    target.look = revived  # type: ignore[method-assign]
    task = asyncio.ensure_future(world.runner.advance(host.saved, host))
    while world.orchestrator.dead:
        await world.clock.advance(0.25)
    target.look = look  # type: ignore[method-assign]
    while not task.done():
        await world.clock.advance(0.25)
    assert (await task).state == "done"


async def test_an_unknown_runbook_fails_and_services_know_theirs(world: World) -> None:
    host = world.host()
    assert (await world.advance(run_of("nothing"), host)).state == "failed"
    assert isinstance(host.events[-1], RunbookFinished)
    assert world.runner.plan("judgment") == "judgment"
    assert world.runner.plan("the weather") is None
    assert {step["step"] for step in world.runner.rehearse(GUIDE.runbooks["redis"])}


@pytest.mark.parametrize("runbook", sorted(GUIDE.runbooks))
@pytest.mark.guide("G12", "G13", "G14", "G15", "G16", "G17")
async def test_every_step_of_the_shipped_guide_can_be_shown_in_both_languages(world: World, runbook: str) -> None:
    for step in world.runner.rehearse(GUIDE.runbooks[runbook]):
        assert all("{" not in text for text in step["will"].values())
        assert set(step["will"]) == {"ko", "en"}


async def test_a_supervisor_that_died_with_the_service_is_started_again_before_diagnosis(world: World) -> None:
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    world.orchestrator.dead = True
    host = world.host()
    assert (await world.advance(run_of(), host)).state == "done"
    assert [one.rendered.operation.kind for one in host.operations] == ["start"]


async def test_a_step_that_is_not_verified_in_time_is_not_the_cure(world: World) -> None:
    host = world.host()
    world.hung.add("judgment")

    async def restart(name: str, **tag: str) -> Any:
        return await MemoryOrchestrator.restart(world.orchestrator, name, **tag)

    world.orchestrator.restart = restart  # type: ignore[method-assign]
    ended = await world.advance(run_of(step="restart", asked_by=MINSU), host)
    (verified,) = [event for event in host.events if isinstance(event, OperationVerified)]
    assert (ended.state, verified.ok) == ("failed", False)
    assert "not within 60 s" in verified.detail


async def test_replicas_are_verified_and_undone_by_number(world: World) -> None:
    host = world.host("gateway")
    ended = await world.advance(run_of("gateway", step="scale", asked_by=MINSU), host)
    assert ended.state == "done"
    undo = host.results()[0].result.undo
    assert undo is not None
    assert (undo.kind, undo.arguments) == ("scale", {"replicas": 1})


async def test_a_refusal_of_the_orchestrator_is_a_result(world: World) -> None:
    host = world.host()
    ended = await world.advance(run_of(step="rollback", asked_by=MINSU), host)
    result = host.results()[0].result
    assert (ended.state, result.ok, result.changed) == ("failed", False, False)
    assert "cannot be rolled back" in result.detail


async def test_every_kind_of_operation_is_performed_and_an_unknown_one_is_refused(world: World) -> None:
    numbers = itertools.count()

    async def do(kind: str, unit: str = "judgment", **arguments: Any) -> OperationResult:
        operation = Operation(kind=kind, unit=unit, arguments=arguments)
        tag = {"by": "minsu", "reason": "test", "operation_id": f"op_{next(numbers)}"}
        return await perform(world.orchestrator, operation, **tag)

    assert (await do("unblock_traffic")).undo is None
    first = await do("block_traffic", retry_after_s=5)
    assert first.undo is not None
    assert first.undo.kind == "unblock_traffic"
    assert (await do("block_traffic", retry_after_s=5)).changed is False
    back = await do("unblock_traffic")
    assert back.undo is not None
    assert (back.undo.kind, back.undo.arguments) == ("block_traffic", {"retry_after_s": 5})
    assert (await do("unset_env", name="ENABLE_LLM_ENGINE")).ok
    stopped = await do("stop")
    assert (stopped.ok, stopped.undo) == (True, None)
    assert (await do("start", unit="judgment")).undo is not None
    limits = await do("set_limits", cpu_millis=1000)
    assert (limits.ok, limits.undo) == (True, None)
    assert (await do("fly")).detail == "an operation 'fly' is not known here"
    assert (await do("start", unit="nothing")).ok is False
    assert (await do("edit_config")).ok is False


async def test_another_services_unit_is_never_touched_without_asking(world: World) -> None:
    world.hung |= {"judgment", "postgres"}

    async def restart(name: str, **tag: str) -> Any:
        return await MemoryOrchestrator.restart(world.orchestrator, name, **tag)

    world.orchestrator.restart = restart  # type: ignore[method-assign]
    await world.look("judgment")
    host = world.host()
    waiting = await world.advance(run_of(), host)
    assert [one.rendered.operation.unit for one in host.operations] == ["judgment"]
    assert (waiting.state, [approval.step for approval in host.approvals.values()]) == ("waiting", ["restart-database"])


async def test_a_condition_that_cannot_be_told_is_a_persons_decision(world: World) -> None:
    """Without the log, nobody knows whether the database is corrupt: it is not started by itself."""
    world.orchestrator.fail("postgres")
    await world.look("database")

    async def logs(name: str, lines: int = 100) -> tuple[str, ...]:
        raise Unavailable(f"the log of {name} cannot be read ({lines} lines)")

    world.orchestrator.logs = logs  # type: ignore[method-assign]
    host = world.host("database", severity="P0")
    waiting = await world.advance(run_of("database"), host)
    assert (waiting.state, host.operations, state(world, "postgres")) == ("waiting", [], "exited")
    assert [approval.step for approval in host.approvals.values()] == ["start"]
    host.answer("apr_0", "granted")
    assert (await world.advance(waiting, host)).state == "done"


async def test_a_run_that_was_stopped_meanwhile_stays_stopped(world: World) -> None:
    world.orchestrator.fail("judgment")
    await world.look("judgment", "database")
    host = world.host()

    async def record(*_: object) -> None:
        raise Conflict("the run was stopped: by minsu", slug="run-stopped")

    host.record = record  # type: ignore[assignment, method-assign]
    ended = await world.advance(run_of(), host)
    assert (ended.state, ended.outcome) == ("stopped", "the run was stopped: by minsu")


@pytest.mark.guide("G15", "S07")
async def test_read_only_mode_counts_only_when_the_server_says_so(world: World) -> None:
    host = world.host("database", severity="P0")
    run = run_of("database", step="restart-read-only", asked_by=MINSU)
    ended = await world.advance(run, host)
    (verified,) = [event for event in host.events if isinstance(event, OperationVerified)]
    assert (ended.state, verified.ok) == ("failed", False)
    assert "still takes writes" in verified.detail

    async def read_only() -> Look:
        return Look(live=True, ready=True, health="degraded", good=True, detail="read-only")

    world.prober._targets["database"].probe.look = read_only  # type: ignore[method-assign]
    again = world.host("database", severity="P0")
    assert (await world.advance(run_of("database", id="run_2", step=run.step, asked_by=MINSU), again)).state == "done"
