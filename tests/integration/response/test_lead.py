"""Two engines on one PostgreSQL: one leads, the other takes over, and a silent twin is an incident."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.response_world import World
from tests.support.shifted_clock import ShiftedClock

from judgify.response.lead import LEASE, MARGIN_S, SILENT, Lead
from judgify.response.stores.postgres.beside import OtherEngines
from judgify.response.stores.postgres.store import PostgresStore

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)


class StandingClock(ShiftedClock):
    """A clock whose durations jump with its hands, as when a process stood still."""

    _stood = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._stood

    def stand(self, seconds: float) -> None:
        self._stood += seconds
        self.jump(seconds)


@asynccontextmanager
async def engine(folder: Path, url: str, name: str, clock: ShiftedClock) -> AsyncIterator[tuple[Lead, World]]:
    (folder / name).mkdir()
    world = await World(folder / name).up()
    await world.store.close()
    world.store = PostgresStore(url, engine=name, clock=clock)
    await world.store.open()
    world.core.desk.store = world.store
    world.core.desk.clock = clock
    yield Lead(world.core.desk, world.core.engine, name), world
    await world.down()


@pytest.fixture
async def twins(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Lead, Lead, StandingClock, World]]:
    """Two engines in whose world all time passes by one pair of hands, the database's too."""
    monkeypatch.setattr(OtherEngines, "ahead_s", 0.0)
    clock = StandingClock(NOW)
    async with (
        engine(tmp_path, postgres_url, "a", clock) as (one, _),
        engine(tmp_path, postgres_url, "b", clock) as (two, world),
    ):
        yield one, two, clock, world


async def test_one_leads_and_the_other_takes_over_when_its_lease_is_over(
    twins: tuple[Lead, Lead, StandingClock, World],
) -> None:
    one, two, clock, _ = twins
    await one.look()
    await two.look()
    assert (one.held, two.held) == (True, False)
    clock.stand(LEASE.total_seconds() - MARGIN_S)
    # The leader lets go before anybody else can take the lead: never two.
    await two.look()
    assert (one.held, two.held) == (False, False)
    clock.stand(MARGIN_S + 0.1)
    await two.look()
    await one.look()
    assert (one.held, two.held) == (False, True)


async def test_clocks_that_differ_end_no_lease_and_make_nobody_silent(tmp_path: Path, postgres_url: str) -> None:
    fast = ShiftedClock(NOW + timedelta(hours=1))
    async with (
        engine(tmp_path, postgres_url, "a", ShiftedClock(NOW)) as (one, _),
        engine(tmp_path, postgres_url, "b", fast) as (two, world),
    ):
        for _ in range(2):
            await one.look()
            await two.look()
            assert (one.held, two.held) == (True, False)
        now = fast.now()
        await world.store.write(lambda tx: tx.sweep_kept(now))
        await two.look()
        assert (one.held, two.held) == (True, False)
        assert await world.store.read(lambda tx: tx.incidents()) == []


async def test_what_the_leader_does_begins_anew_after_a_fault(
    twins: tuple[Lead, Lead, StandingClock, World], capsys: pytest.CaptureFixture[str]
) -> None:
    one, _, _, _ = twins
    again = asyncio.Event()
    runs = iter([RuntimeError("broken"), None])

    async def work() -> None:
        fault = next(runs)
        if fault is not None:
            raise fault
        again.set()
        await asyncio.Event().wait()

    await one.look()
    only = asyncio.create_task(one.only(work))
    await asyncio.wait_for(again.wait(), 10)
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
    assert "begins anew" in capsys.readouterr().out


async def test_a_twin_that_falls_silent_is_an_incident_once_and_one_that_left_is_none(
    twins: tuple[Lead, Lead, StandingClock, World],
) -> None:
    one, two, clock, world = twins
    await one.look()
    await two.look()
    clock.stand(SILENT.total_seconds() + 1)
    await two.look()
    await two.look()
    found = await world.store.read(lambda tx: tx.incidents())
    assert [incident.key.root for incident in found] == ["engine:a"]
    assert found[0].signal_count == 1
    running = asyncio.create_task(one.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    clock.stand(SILENT.total_seconds() + 1)
    await two.look()
    assert len(await world.store.read(lambda tx: tx.incidents())) == 1


async def test_what_only_one_may_do_ends_with_the_lead(twins: tuple[Lead, Lead, StandingClock, World]) -> None:
    one, _, clock, _ = twins
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    only = asyncio.create_task(one.only(work))
    await one.look()
    await asyncio.wait_for(began.wait(), 10)
    clock.stand(LEASE.total_seconds())
    await asyncio.wait_for(ended.wait(), 10)
    only.cancel()
    await asyncio.gather(only, return_exceptions=True)
