"""A runbook runner on an orchestrator in memory, with the guide as it ships and a clock that a test moves."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.response import GUIDE, RememberingHost, incident_of

from judgify.kit.clock import FakeClock
from judgify.kit.settings import Settings
from judgify.response.intake.probe import Look
from judgify.response.intake.prober import Prober, Target
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.model import ENGINE, Actor, RunbookRun
from judgify.response.orchestrators.memory import MemoryOrchestrator
from judgify.response.runbook.diagnose import Senses
from judgify.response.runbook.runner import BookRunner
from judgify.response.timeline import StepSkipped

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
