"""The outbox on a real PostgreSQL: claims, leases, doubt, faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.core_service import until

from judgify.kit.clock import FakeClock, SystemClock
from judgify.kit.db import Database
from judgify.kit.outbox import Claim, Outbox, Settlement

START = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)
SQL = """
CREATE TABLE job (id text PRIMARY KEY, state text NOT NULL DEFAULT 'waiting', due_at timestamptz NOT NULL, lease text,
  attempts int NOT NULL DEFAULT 0, attempts_left int NOT NULL DEFAULT 3, last_outcome text, last_detail text,
  finished_at timestamptz);
CREATE TABLE attempt (row_id text, number int, started_at timestamptz, finished_at timestamptz, outcome text,
  detail text, PRIMARY KEY (row_id, number));
"""


@pytest.fixture
async def database(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    package = tmp_path / "outbox_test_package"
    (package / "migrations").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "migrations" / "0001_job.sql").write_text(SQL)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Database(postgres_url, "jobs", "outbox_test_package", clock=SystemClock())
    made.start()
    await made.opened.wait()
    yield made
    await made.close()


async def add(database: Database, *names: str, due: datetime = START) -> None:
    async with database.connection() as connection:
        await connection.executemany("INSERT INTO jobs.job (id, due_at) VALUES ($1, $2)", [(one, due) for one in names])


async def row(database: Database, name: str) -> dict[str, Any]:
    async with database.connection() as connection:
        return dict(await connection.fetchrow("SELECT * FROM jobs.job WHERE id = $1", name))


async def done(_: Claim) -> Settlement:
    return Settlement("done", "sent", "ok")


@asynccontextmanager
async def working(outbox: Outbox) -> AsyncIterator[None]:
    outbox.start()
    try:
        yield
    finally:
        await outbox.stop()


async def test_a_row_is_claimed_by_one_and_after_its_lease_by_another_in_doubt(database: Database) -> None:
    clock = FakeClock(START)
    one, two = (Outbox(database, "jobs.job", done, clock=clock, lease_s=60) for _ in range(2))
    await add(database, "a", "b")
    await add(database, "later", due=START + timedelta(hours=1))
    [first, second] = await one.claim(10)
    assert {first.id, second.id} == {"a", "b"}
    assert not first.in_doubt
    assert await two.claim(10) == []
    await clock.advance(61)
    [again, _] = await two.claim(10)
    assert again.in_doubt
    assert (again.number, again.left) == (2, 1)
    stale = first if first.id == again.id else second
    assert not await one.settle(stale, Settlement("done", "sent", "late"))
    assert (await row(database, again.id))["state"] == "waiting"
    assert await two.settle(again, Settlement("waiting", "timeout", "t", wait_s=30))
    kept = await row(database, again.id)
    assert kept["due_at"] == clock.now() + timedelta(seconds=30)
    assert (kept["last_outcome"], kept["lease"]) == ("timeout", None)
    assert not (await two.claim(10))


async def test_a_fault_in_the_handler_is_a_try_and_the_last_one_is_dead(database: Database) -> None:
    async def faulty(_: Claim) -> Settlement:
        raise RuntimeError("secret text")

    clock = SystemClock()
    await add(database, "a")
    async with working(Outbox(database, "jobs.job", faulty, clock=clock)):

        async def dead() -> bool:
            return bool((await row(database, "a"))["state"] == "dead")

        await until(dead, 15)
    kept = await row(database, "a")
    assert (kept["attempts"], kept["last_outcome"], kept["last_detail"]) == (3, "fault", "RuntimeError; see the log")


async def test_it_wakes_at_once_and_works_on_several_rows_at_a_time(database: Database) -> None:
    gate = asyncio.Event()
    running = 0
    most = 0

    async def slow(_: Claim) -> Settlement:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1
        return Settlement("done", "sent", "ok")

    clock = SystemClock()
    outbox = Outbox(database, "jobs.job", slow, clock=clock, parallel=4)
    async with working(outbox):
        await add(database, *(f"j{number}" for number in range(10)), due=clock.now())
        started = clock.monotonic()
        outbox.wake()

        async def full() -> bool:
            return running == 4

        await until(full)
        assert clock.monotonic() - started < 2
        gate.set()

        async def all_done() -> bool:
            async with database.connection() as connection:
                return bool(await connection.fetchval("SELECT count(*) = 10 FROM jobs.job WHERE state = 'done'"))

        await until(all_done)
    assert most == 4


async def test_stopping_cuts_off_a_try_that_does_not_end(database: Database) -> None:
    begun = asyncio.Event()

    async def endless(_: Claim) -> Settlement:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    clock = SystemClock()
    await add(database, "a")
    outbox = Outbox(database, "jobs.job", endless, clock=clock)
    outbox.start()
    await begun.wait()
    await outbox.stop(grace_s=0.1)
    kept = await row(database, "a")
    assert kept["state"] == "waiting"
    assert kept["lease"] is not None
