"""Two engines on one PostgreSQL: one leads, the other takes over, and a silent twin is an incident."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.response_world import World
from tests.support.shifted_clock import ShiftedClock

from judgify.response.lead import LEASE, MARGIN_S, SILENT, Lead
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


@pytest.fixture
async def twins(tmp_path: Path, postgres_url: str) -> AsyncIterator[tuple[Lead, Lead, StandingClock, World]]:
    clock = StandingClock(NOW)
    leads = []
    worlds = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        world = World(folder)
        await world.up()
        world.store = PostgresStore(postgres_url, engine=name, clock=clock)
        await world.store.open()
        world.core.desk.store = world.store
        world.core.desk.clock = clock
        worlds.append(world)
        leads.append(Lead(world.core.desk, world.core.engine, name))
    yield leads[0], leads[1], clock, worlds[1]
    for world in worlds:
        await world.down()


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
