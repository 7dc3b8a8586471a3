"""Two engines on one real PostgreSQL, in one process: what one of them commits counts in the other at once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.support.response_world import MINSU, World
from tests.support.shifted_clock import ShiftedClock

from judgify.kit.clock import SystemClock
from judgify.kit.metrics import Metrics
from judgify.notify.fence import pass_fence
from judgify.response import guard, last_look
from judgify.response.delivery import Deliveries
from judgify.response.figures import Figures
from judgify.response.incident import Incident
from judgify.response.model import Delivery, Page
from judgify.response.news import News
from judgify.response.stores.postgres.beside import PAST
from judgify.response.stores.postgres.store import PostgresStore

CLOCK = SystemClock()
NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
"""A Wednesday morning in Seoul."""


@dataclass
class HeldPager:
    """Connects, and then waits with every message until it is let go; only then comes the last look."""

    waiting: set[str] = field(default_factory=set)
    sent: list[Page] = field(default_factory=list)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    def prepares(self, _: Page) -> bool:
        return True

    async def deliver(self, page: Page, incident: Incident | None) -> Delivery:
        self.waiting.add(page.id)
        self.ready.set()
        await self.go.wait()
        await pass_fence()
        self.sent.append(page)
        return Delivery(outcome="sent")


class NotingDeliveries(Deliveries):
    """Notes what it is told of rows and incidents."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.expected: list[datetime] = []
        self.learnt: list[str] = []

    def expect(self, moment: datetime) -> None:
        self.expected.append(moment)
        super().expect(moment)

    def learn(self, incidents: Iterable[Incident]) -> None:
        found = list(incidents)
        self.learnt += [incident.id for incident in found]
        super().learn(found)


@dataclass
class Engine:
    """One of two engines: its world without probes, its sender, what it counts."""

    world: World
    store: PostgresStore
    pager: HeldPager
    deliveries: NotingDeliveries
    figures: Figures

    async def opened(self) -> str:
        """Open an incident whose first pages are due at once, and wait until one of them is about to go out."""
        incident_id = await self.world.send("judgment", "service_down", source="probe", own=True)
        assert incident_id is not None
        async with asyncio.timeout(20):
            await self.pager.ready.wait()
        return incident_id

    async def settled(self) -> None:
        async with asyncio.timeout(20):
            await self.deliveries.finish()

    def count(self, counter: Any, *labels: str) -> float:
        return float((counter.labels(*labels) if labels else counter)._value.get())


@pytest.fixture
async def twins(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Engine, Engine]]:
    # On a busy machine an answer takes its time; what happens then is another test's.
    monkeypatch.setattr(last_look, "ANSWER_S", 10.0)
    clock = ShiftedClock(NOW)
    engines: list[Engine] = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        world = await World(folder).up()
        store = PostgresStore(postgres_url, engine=name, clock=clock)
        await store.open()
        await world.store.close()
        desk = world.core.desk
        world.store = desk.store = store
        desk.clock = clock
        world.clock = clock  # type: ignore[assignment]
        pager, figures = HeldPager(), Figures(Metrics("response"))
        engines.append(Engine(world, store, pager, NotingDeliveries(desk, pager, figures), figures))
    yield engines[0], engines[1]
    for engine in engines:
        await engine.deliveries.stop()
        await engine.world.down()


@asynccontextmanager
async def running(*loops: Callable[[], Any]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(loop()) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not look():
            await CLOCK.sleep(0.01)


async def test_what_the_twin_was_told_of_holds_back_a_page_that_was_about_to_go_out(
    twins: tuple[Engine, Engine],
) -> None:
    one, two = twins
    async with running(one.deliveries.run):
        incident_id = await one.opened()
        # Nothing of it is told to the first engine: it must look itself.
        await two.world.core.engine.acknowledge(incident_id, MINSU)
        one.pager.go.set()
        await one.settled()
    pages = {page.id: page for page in await one.world.pages(incident_id)}
    about_to = [pages[name] for name in one.pager.waiting if pages[name].kind == "page"]
    assert about_to, "somebody was about to be paged"
    assert not [page for page in one.pager.sent if page.kind == "page"]
    assert {(page.state, page.detail) for page in about_to} == {("withdrawn", "acknowledged")}
    assert one.count(one.figures.fenced, "not_owed") >= len(about_to)
    assert [page for page in one.pager.sent if page.kind == "report"], "executives are told all the same"


async def test_a_claim_that_the_twin_has_taken_over_goes_out_once(twins: tuple[Engine, Engine]) -> None:
    one, two = twins
    async with running(one.deliveries.run):
        incident_id = await one.opened()
        connection = await asyncpg.connect(one.store._url)
        await connection.execute("UPDATE response.page SET lease_at = clock_timestamp() WHERE lease_at IS NOT NULL")
        await connection.close()
        two.pager.go.set()
        async with running(two.deliveries.run):
            await until(lambda: two.pager.sent)
            await two.settled()
        one.pager.go.set()
        await one.settled()
    both = [page.id for page in one.pager.sent + two.pager.sent]
    assert len(both) == len(set(both))
    assert all(page.possibly_repeat for page in two.pager.sent if page.id in one.pager.waiting)
    assert one.count(one.figures.fenced, "lease_over") >= 1
    assert {page.state for page in await one.world.pages(incident_id) if page.id in one.pager.waiting} == {"sent"}


async def test_a_database_that_does_not_answer_at_the_last_look_holds_up_no_page(twins: tuple[Engine, Engine]) -> None:
    one, _ = twins
    database = one.store._url.rsplit("/", 1)[-1]
    async with running(one.deliveries.run):
        await one.opened()
        connection = await asyncpg.connect(one.store._url.rsplit("/", 1)[0] + "/postgres")
        try:
            # Who writes stays connected; the question loses its connection and gets no other.
            await connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
            mine = "datname = $1 AND application_name ~ 'a-claims$'"
            cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"  # noqa: S608 - ours
            assert await connection.fetchval(cut, database)
            one.pager.go.set()
            await until(lambda: one.pager.sent)
        finally:
            await connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
            await connection.close()
        await one.settled()
    assert one.count(one.figures.unasked) >= 1


async def test_a_row_the_twin_writes_wakes_and_its_timeline_is_heard(twins: tuple[Engine, Engine]) -> None:
    one, two = twins
    desk = two.world.core.desk
    queue = desk.listen()
    two.pager.go.set()
    async with running(two.deliveries.run, News(desk, two.store.beside).run):
        # From here on it listens: it was told to look once, whatever came before.
        await until(lambda: desk.sender is not None and PAST in two.deliveries.expected)
        began = one.world.clock.now()
        incident_id = await one.world.send("judgment", "service_down", source="probe", own=True)
        async with asyncio.timeout(20):
            told = await queue.get()
        assert told.incident_id == incident_id
        await until(lambda: incident_id in two.deliveries.learnt)
        assert incident_id in desk.touched
        # Nobody looks after the first engine's pages but its twin, which was told when they are due.
        await until(lambda: [page for page in two.pager.sent if page.kind == "page"])
        assert any(abs(moment - began) < timedelta(seconds=30) for moment in two.deliveries.expected)
    desk.deafen(queue)


async def test_how_far_the_clocks_differ_is_shown_and_told_once(
    twins: tuple[Engine, Engine], capsys: pytest.CaptureFixture[str]
) -> None:
    one, _ = twins
    ahead = (CLOCK.now() - NOW).total_seconds()
    shown = one.figures.database_ahead
    async with running(lambda: guard.database_clock(one.store.beside, one.figures, one.world.clock)):
        await until(lambda: abs(shown._value.get() - ahead) < 60)
    assert "differ" in capsys.readouterr().out
