"""The engine's senses on real processes: a supervisor, a service, a PostgreSQL; what is noticed, and how soon."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from tests.support.response import GUIDE, RememberingHost, RememberingSink, incident_of, running
from tests.support.supervised import CLOCK, Home, supervised, until

from judgify.kit.settings import Settings
from judgify.response.intake.watch import Watch
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.model import ENGINE, RunbookRun, Signal
from judgify.response.orchestrators.local import LocalOrchestrator
from judgify.response.runbook.diagnose import Senses
from judgify.response.runbook.runner import BookRunner

pytestmark = pytest.mark.enable_socket  # the guard against other hosts refuses Unix sockets, too


@dataclass
class Scene:
    home: Home
    watch: Watch
    sink: RememberingSink
    settings: Settings
    orchestrator: LocalOrchestrator
    metrics: ScrapedMetrics

    async def pid(self) -> int:
        pid = (await self.home.client.unit("judgment")).pid
        assert pid is not None
        return pid

    async def told(self, name: str) -> float:
        async def heard() -> bool:
            return name in self.sink.of("judgment")

        return await until(heard, 10)

    async def good(self) -> None:
        async def well() -> bool:
            return self.watch.prober.condition("judgment") == "good"

        await until(well, 10)


@pytest.fixture
async def scene(postgres_url: str) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        home = await stack.enter_async_context(supervised())
        await home.started("judgment")
        port = str(home.specs["judgment"].port)
        environ = {
            **home.environ,
            "JUDGIFY_PORT_JUDGMENT": port,
            "DATABASE_URL": postgres_url,
            "REDIS_ENABLED": "false",
        }
        settings = Settings.from_env(environ)
        orchestrator = await stack.enter_async_context(LocalOrchestrator(settings, CLOCK, environ=environ))
        sink = RememberingSink()
        metrics = ScrapedMetrics({"judgment": settings.url("judgment")}, CLOCK)
        watch = await stack.enter_async_context(
            Watch(GUIDE, settings, CLOCK, orchestrator=orchestrator, metrics=metrics, sink=sink)
        )
        await stack.enter_async_context(running(watch.run))
        found = Scene(home, watch, sink, settings, orchestrator, metrics)
        await found.good()
        yield found


async def test_a_killed_service_is_noticed_within_three_seconds(scene: Scene) -> None:
    os.kill(await scene.pid(), signal.SIGKILL)
    took = await scene.told("service_down")
    assert took < 3.0
    heard = next(one for one in scene.sink.signals if one.service == "judgment")
    assert heard.own is True
    assert heard.observed_at <= heard.received_at
    assert scene.sink.checks["judgment"].ok is False
    await scene.home.client.start("judgment", reason="test", wait_s=15)
    await scene.good()
    (outage,) = scene.watch.prober.outages("judgment")
    assert outage.end is not None


async def test_a_frozen_service_is_noticed_within_five_seconds(scene: Scene) -> None:
    pid = await scene.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        assert await scene.told("service_down") < 5.0
    finally:
        os.kill(pid, signal.SIGCONT)
    await scene.good()


async def test_a_unit_that_somebody_stopped_raises_nothing(scene: Scene) -> None:
    await scene.home.client.stop("judgment", reason="maintenance")

    async def down() -> bool:
        return scene.watch.prober.condition("judgment") == "down"

    await until(down, 10)
    # The database is looked at in the same rhythm: three more looks at it are three more looks at what was stopped.
    seen = {check.at for check in (scene.sink.checks["judgment"],)}

    async def looked() -> bool:
        seen.add(scene.sink.checks["judgment"].at)
        return len(seen) >= 4

    await until(looked, 15)
    assert scene.sink.of("judgment") == []


async def test_the_database_is_asked_a_real_question(scene: Scene) -> None:
    look = await scene.watch.prober.check("database")
    assert (look.good, look.health) == (True, "ok")


async def test_a_killed_service_is_running_again_well_within_twenty_seconds(scene: Scene) -> None:
    senses = Senses(
        guide=GUIDE,
        settings=scene.settings,
        clock=CLOCK,
        orchestrator=scene.orchestrator,
        prober=scene.watch.prober,
        metrics=scene.metrics,
    )
    runner = BookRunner(senses)
    before = CLOCK.monotonic()
    os.kill(await scene.pid(), signal.SIGKILL)
    await scene.told("service_down")
    host = RememberingHost(incident_of("judgment", CLOCK.now()))
    now = CLOCK.now()
    run = RunbookRun(
        id="run_real",
        incident_id=host.incident_now.id,
        runbook="judgment",
        service="judgment",
        asked_by=ENGINE,
        created_at=now,
        due_at=now,
    )
    ended = await runner.advance(run, host)
    assert (ended.state, [one.rendered.operation.kind for one in host.operations]) == ("done", ["start"])
    assert CLOCK.monotonic() - before < 20
    event = next(one for one in reversed(await scene.home.client.events(after=-1, limit=20)) if one.kind == "started")
    assert (event.unit, event.by, event.reason) == ("judgment", "engine", "INC-2026-0001: judgment/start")


async def test_a_dead_supervisor_is_started_again(scene: Scene) -> None:
    scene.home.kill_supervisor()
    assert await until(scene.home.client.alive, 15) < 15
    assert (await scene.home.client.unit("judgment")).state == "running"


async def test_a_fall_that_could_not_be_made_durable_is_told_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = scene.sink.signal
    refused: list[str] = []

    async def locked_at_first(told: Signal) -> str | None:
        if told.service == "judgment" and len(refused) < 2:
            refused.append(told.signal)
            msg = "database is locked"
            raise OSError(msg)
        return await keep(told)

    monkeypatch.setattr(scene.sink, "signal", locked_at_first)
    os.kill(await scene.pid(), signal.SIGKILL)
    await scene.told("service_down")
    assert refused == ["service_down", "service_down"]
