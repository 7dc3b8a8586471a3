"""Runbooks at work on an orchestrator in memory, with the guide as it ships and a clock that a test moves."""

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.response import GUIDE, EngineKilled, RememberingHost, incident_of

from judgify.kit.clock import FakeClock
from judgify.kit.errors import Conflict, Unavailable
from judgify.kit.settings import Settings
from judgify.response.intake.probe import Look
from judgify.response.intake.prober import Prober, Target
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.model import ENGINE, Actor, AutomationState, Operation, OperationResult, RunbookRun
from judgify.response.orchestrators.memory import MemoryOrchestrator
from judgify.response.runbook.diagnose import Senses
from judgify.response.runbook.operation import perform
from judgify.response.runbook.runner import BookRunner
from judgify.response.timeline import FindingRecorded, OperationVerified, RunbookFinished, StepSkipped

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINSU = Actor(kind="person", name="minsu")


class UnitProbe:
    """Sees a unit as the orchestrator in memory has it; a hung one runs and does not answer."""

    def __init__(self, world: "World", unit: str) -> None:
        self._world = world
        self._unit = unit

    async def look(self) -> Look:
        state = (await self._world.orchestrator.unit(self._unit)).state
        if state != "running" or self._unit in self._world.hung:
            return Look(live=False, detail="no answer")
        if self._unit in self._world.sick:
            return Look(live=True, ready=True, health="down", detail="ill")
        return Look(live=True, ready=True, health="ok", good=True)

    async def close(self) -> None:
        pass


class World:
    def __init__(self, home: Path) -> None:
        self.clock = FakeClock(NOON)
        self.orchestrator = MemoryOrchestrator(self.clock)
        self.hung: set[str] = set()
        self.sick: set[str] = set()
        targets = {}
        for name, service in GUIDE.services.items():
            self.orchestrator.define(service.unit)
            targets[name] = Target(name, UnitProbe(self, service.unit))
        self.prober = Prober(targets, self.clock, on_turn=_nothing, on_look=_nothing)
        settings = Settings.from_env({"JUDGIFY_HOME": str(home), "REDIS_ENABLED": "false"})
        self.senses = Senses(
            guide=GUIDE,
            settings=settings,
            clock=self.clock,
            orchestrator=self.orchestrator,
            prober=self.prober,
            metrics=ScrapedMetrics({}, self.clock),
        )
        self.runner = BookRunner(self.senses)

        async def reachable() -> bool:
            return True

        self.prober._listener.reachable = reachable  # type: ignore[method-assign]
        original = self.orchestrator.restart

        async def restart(name: str, **tag: str) -> Any:
            self.hung.discard(name)
            return await original(name, **tag)

        self.orchestrator.restart = restart  # type: ignore[method-assign]

    async def look(self, *services: str) -> None:
        for _ in range(4):
            for service in services:
                await self.prober.step(service)

    async def advance(self, run: RunbookRun, host: RememberingHost) -> RunbookRun:
        """Let the runner go on while the clock moves."""
        task = asyncio.ensure_future(self.runner.advance(run, host))
        while not task.done():
            await self.clock.advance(0.25)
        return await task

    def host(self, service: str = "judgment", **more: Any) -> RememberingHost:
        return RememberingHost(incident_of(service, self.clock.now(), **more), clock=self.clock)


async def _nothing(*_: object) -> None:
    pass


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def run_of(runbook: str = "judgment", **more: Any) -> RunbookRun:
    values: dict[str, Any] = {
        "id": f"run_{runbook}_{more.get('step', '')}",
        "incident_id": "INC-2026-0001",
        "runbook": runbook,
        "service": runbook,
        "asked_by": ENGINE,
        "created_at": NOON,
        "due_at": NOON,
        **more,
    }
    return RunbookRun.model_validate(values)


def state(world: World, unit: str = "judgment") -> str:
    return world.orchestrator._units[unit].state


def skipped(events: Iterable[Any]) -> dict[str, str]:
    return {event.step: event.reason for event in events if isinstance(event, StepSkipped)}


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
    reasons = [event.reason for event in host.events if isinstance(event, StepSkipped)]
    assert [why in reason for reason in reasons] == [True]
    host.held, host.suspect = AutomationState(), None
    assert (await world.advance(again, host)).state == "done"


async def test_only_an_outside_signal_starts_nothing(world: World) -> None:
    host = world.host(services=({"service": "judgment", "since": NOON, "confirmed": False},))
    await world.look("judgment", "database")
    ended = await world.advance(run_of(), host)
    assert (ended.state, host.operations, host.approvals) == ("done", [], {})


async def test_a_service_waits_for_what_it_depends_on_and_comes_back_with_it(world: World) -> None:
    world.orchestrator.fail("judgment")
    world.orchestrator.fail("postgres")
    await world.look("judgment", "database")
    host = world.host("database")
    waiting = await world.advance(run_of(), host)
    assert waiting.state == "waiting"
    assert "it waits for what it depends on: database" in next(iter(skipped(host.events).values()))
    database = await world.advance(run_of("database"), host)
    assert (database.state, state(world, "postgres")) == ("done", "running")
    await world.look("database")
    await world.clock.advance(3)
    assert (await world.advance(waiting, host)).state == "done"
    assert [one.rendered.operation.unit for one in host.operations] == ["postgres", "judgment"]


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
