"""Figures say nothing rather than zero; capture names what is missing."""

import asyncio
import math
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.support.response_world import WEDNESDAY, World

from judgify.kit.clock import FakeClock
from judgify.kit.metrics import Metrics
from judgify.kit.steady import SteadyClock
from judgify.response import guard
from judgify.response.figures import Figures
from judgify.response.journal import ClockFollowed
from judgify.response.model import Actor

PERSON = Actor(kind="person", name="kim")


async def test_what_was_not_measured_is_not_zero(tmp_path: Path) -> None:
    world = await World(tmp_path).up()
    shown = Figures(Metrics("response"))
    assert math.isnan(shown.mttr._value.get())
    answers = iter([(None, None), (99.5, 500.0)])
    task = asyncio.create_task(guard.figures(world.core.desk, shown, world.clock, lambda _, __: next(answers)))
    await world.clock.advance(1)
    assert math.isnan(shown.availability._value.get())
    incident_id = await world.fails("judgment") or ""
    world.works("judgment")
    await world.passing(70)
    assert (await world.incident(incident_id)).restored_at is not None
    assert shown.availability._value.get() == 99.5
    assert shown.budget._value.get() == 500.0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await world.down()


async def test_a_dead_orchestrator_leaves_a_line_in_the_scope_and_stops_nothing(tmp_path: Path) -> None:
    world = await World(tmp_path).up()
    world.orchestrator.dead = True
    incident_id = await world.fails("judgment")
    await world.tick()
    scope = (await world.incident(incident_id)).scope
    assert scope is not None
    assert len(scope.missing) == 2
    assert world.pager.sent
    await world.down()


async def test_a_runbook_that_fails_again_and_again_ends_and_pages(tmp_path: Path) -> None:
    world = await World(tmp_path).up()
    world.runner.fault = RuntimeError("broken")
    incident_id = await world.fails("judgment")
    await world.passing(120)
    kinds = await world.types(incident_id)
    assert kinds.count("runbook-finished") == 1
    runs = await world.core.desk.ask(lambda tx: tx.runs(incident_id))
    assert [(run.state, run.outcome) for run in runs] == [("failed", "RuntimeError: broken")]
    await world.down()


async def test_a_store_that_fails_makes_the_engine_unhealthy_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await World(tmp_path).up()
    await world.fails("judgment")
    broken = world.store.read

    async def fails(work: object) -> object:
        raise OSError("disk on fire")

    monkeypatch.setattr(world.store, "read", fails)
    await world.core.conductor.tick()
    completed = world.core.conductor.completed_at
    assert completed is None
    monkeypatch.setattr(world.store, "read", broken)
    await world.tick()
    assert world.pager.sent
    assert world.core.conductor.completed_at == world.clock.now()
    await world.down()


class SetClock(FakeClock):
    """A machine whose time of day somebody sets."""

    set_by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.set_by

    def since_boot(self) -> float:
        return self.monotonic()


async def test_a_clock_that_was_set_is_followed_only_when_nothing_has_a_deadline(tmp_path: Path) -> None:
    world = await World(tmp_path).up()
    shown = Figures(Metrics("response"))
    machine = SetClock(WEDNESDAY)
    clock = SteadyClock(tmp_path / "clock.json", machine, "boot-1")
    task = asyncio.create_task(guard.steadiness(world.core.desk, shown, clock))
    incident_id = await world.fails("judgment") or ""
    machine.set_by = timedelta(days=1)
    await machine.advance(3)
    assert shown.clock_ahead._value.get() == 86_400
    assert clock.now() == WEDNESDAY + timedelta(seconds=3)
    world.works("judgment")
    await world.passing(70)
    await world.core.engine.resolve(incident_id, "over", PERSON)
    await machine.advance(2)
    assert clock.now() == WEDNESDAY + timedelta(days=1, seconds=5)
    await machine.advance(1)
    assert shown.clock_ahead._value.get() == 0
    told = [entry.event for entry in await world.core.desk.ask(lambda tx: tx.entries(None))]
    assert [event.by_s for event in told if isinstance(event, ClockFollowed)] == [86_400]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await world.down()


async def test_a_storys_own_clock_is_left_alone(tmp_path: Path) -> None:
    world = await World(tmp_path).up()
    task = asyncio.create_task(guard.steadiness(world.core.desk, Figures(Metrics("response")), world.clock))
    await world.clock.advance(5)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await world.down()
