"""Breakers of an outbox on a real PostgreSQL: fair shares, open, held, one probe, shared by workers, kept for ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from judgify.kit.breaker import THRESHOLD, Breakers, Fate
from judgify.kit.clock import FakeClock, SystemClock
from judgify.kit.db import Database
from judgify.kit.outbox import Claim, Outbox, Settlement

pytestmark = pytest.mark.guide("S03")
START = datetime(2026, 11, 22, 14, 10, tzinfo=UTC)
SQL = """
CREATE TABLE job (id text PRIMARY KEY, target text NOT NULL, state text NOT NULL DEFAULT 'waiting',
  due_at timestamptz NOT NULL, lease text, attempts int NOT NULL DEFAULT 0, attempts_left int NOT NULL DEFAULT 10,
  last_outcome text, last_detail text, finished_at timestamptz);
CREATE INDEX job_due ON job (target, due_at) WHERE state = 'waiting';
CREATE TABLE attempt (row_id text, number int, started_at timestamptz, finished_at timestamptz, outcome text,
  detail text, PRIMARY KEY (row_id, number));
CREATE TABLE breaker (target text PRIMARY KEY, failures int NOT NULL, retry_at timestamptz, last_outcome text,
  changed_at timestamptz NOT NULL);
"""
BREAKERS = Breakers("fair.breaker", parallel=4)


@pytest.fixture
async def database(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    package = tmp_path / "fair_test_package"
    (package / "migrations").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "migrations" / "0001_job.sql").write_text(SQL)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Database(postgres_url, "fair", "fair_test_package", clock=SystemClock())
    made.start()
    await made.opened.wait()
    yield made
    await made.close()


async def add(database: Database, target: str, count: int, *, due: datetime = START) -> None:
    rows = [(f"{target}-{number:05}", target, due) for number in range(count)]
    async with database.connection() as connection:
        await connection.executemany("INSERT INTO fair.job (id, target, due_at) VALUES ($1, $2, $3)", rows)


async def unused(_: Claim) -> Settlement:
    raise AssertionError("these tests settle by hand")


def worker(database: Database, clock: FakeClock) -> Outbox:
    return Outbox(database, "fair.job", unused, clock=clock, lease_s=30, breakers=BREAKERS)


def ended(state: Any = "waiting", fate: Fate = "ailing", hold_s: float = 0.0, wait_s: float = 0.0) -> Settlement:
    return Settlement(state, "timeout" if fate == "ailing" else "sent", "told", wait_s, fate, hold_s)


async def states(database: Database, clock: FakeClock) -> dict[str, str]:
    async with database.connection() as connection:
        return {row["target"]: row["state"] for row in await BREAKERS.states(connection, clock.now())}


async def fail(database: Database, clock: FakeClock, times: int = THRESHOLD) -> None:
    """Let the target `dead` fail so often in a row."""
    box = worker(database, clock)
    for _ in range(times):
        [one, *rest] = [claim for claim in await box.claim(4) if claim.target == "dead"]
        assert await box.settle(one, ended())
        for other in rest:
            assert await box.settle(other, ended(fate="untouched"))


async def test_a_long_queue_keeps_no_short_one_waiting(database: Database) -> None:
    clock = FakeClock(START)
    await add(database, "dead", 2000)
    await add(database, "live", 2, due=START)
    claims = await worker(database, clock).claim(8)
    assert sorted(claim.target or "" for claim in claims) == ["dead"] * 4 + ["live"] * 2
    few = await worker(database, clock).claim(2)
    assert [claim.target for claim in few] == ["dead", "dead"], "what is leased to others is not taken"


async def test_an_open_breaker_defers_without_using_up_tries(database: Database) -> None:
    clock = FakeClock(START)
    await add(database, "dead", 50)
    await fail(database, clock)
    await add(database, "live", 1)
    assert await states(database, clock) == {"dead": "open"}
    claims = await worker(database, clock).claim(32)
    assert [claim.target for claim in claims] == ["live"]
    async with database.connection() as connection:
        untouched = await connection.fetchval("SELECT count(*) FROM fair.job WHERE target = 'dead' AND attempts = 0")
    assert untouched >= 50 - 4 * THRESHOLD


async def test_half_open_lets_one_try_through_whoever_asks(database: Database) -> None:
    clock = FakeClock(START)
    await add(database, "dead", 50)
    await fail(database, clock)
    await clock.advance(1.1)
    assert await states(database, clock) == {"dead": "half-open"}
    # A new process: nothing of the breaker lies in memory.
    boxes = [worker(database, clock) for _ in range(4)]
    found = await asyncio.gather(*(box.claim(8) for box in boxes))
    taken = [(box, claim) for box, claims in zip(boxes, found, strict=True) for claim in claims]
    [(box, probe)] = taken
    assert probe.probe
    assert await box.settle(probe, ended())
    assert await states(database, clock) == {"dead": "open"}
    await clock.advance(0.9)
    assert await worker(database, clock).claim(8) == [], "the second pause is 1 to 2 seconds long"
    await clock.advance(1.2)
    [again] = await worker(database, clock).claim(8)
    assert await boxes[0].settle(again, ended("done", "alive"))
    assert await states(database, clock) == {}
    assert len(await worker(database, clock).claim(8)) == 4


async def test_a_probe_whose_worker_died_is_given_to_another_after_the_lease(database: Database) -> None:
    clock = FakeClock(START)
    await add(database, "dead", 50)
    await fail(database, clock)
    await clock.advance(1.1)
    assert len(await worker(database, clock).claim(8)) == 1
    assert await worker(database, clock).claim(8) == []
    await clock.advance(31)
    assert len(await worker(database, clock).claim(8)) == 1


async def test_a_probe_that_never_reached_the_target_is_given_back(database: Database) -> None:
    clock = FakeClock(START)
    await add(database, "dead", 50)
    await fail(database, clock)
    await clock.advance(1.1)
    box = worker(database, clock)
    [probe] = await box.claim(8)
    assert await box.settle(probe, ended("dead", "untouched"))
    assert await states(database, clock) == {"dead": "half-open"}
    assert len(await box.claim(8)) == 1


async def test_tries_under_way_when_it_opened_do_not_open_it_for_longer(database: Database) -> None:
    clock = FakeClock(START)
    await add(database, "dead", 50)
    boxes = [worker(database, clock) for _ in range(3)]
    claims = [(box, claim) for box in boxes for claim in await box.claim(4)]
    assert len(claims) == 12
    for box, claim in claims:
        assert await box.settle(claim, ended(wait_s=60))
    async with database.connection() as connection:
        [row] = await BREAKERS.states(connection, clock.now())
    assert row["failures"] == THRESHOLD


async def test_who_asks_to_be_left_alone_is_and_stays_closed(database: Database) -> None:
    clock = FakeClock(START)
    await add(database, "busy", 10)
    box = worker(database, clock)
    [first, *rest] = await box.claim(4)
    for other in rest:
        assert await box.settle(other, ended("done", "alive"))
    assert await box.settle(first, ended(fate="alive", hold_s=20, wait_s=20))
    assert await states(database, clock) == {"busy": "held"}
    assert await box.claim(8) == []
    await clock.advance(20)
    assert len(await box.claim(8)) == 4


async def test_an_idle_worker_rests_until_the_breaker_may_be_tried(database: Database) -> None:
    clock = FakeClock(START)
    await add(database, "busy", 10)
    box = worker(database, clock)
    [first, *_] = await box.claim(4)
    assert await box.settle(first, ended(fate="alive", hold_s=3, wait_s=3))
    assert await box._rest() == pytest.approx(3, abs=0.01)
    assert box.waiting == 10


async def test_ten_thousand_rows_for_a_dead_target_cost_little(database: Database) -> None:
    clock = FakeClock(START)
    await add(database, "dead", 10_000)
    await fail(database, clock)
    await add(database, "live", 200)
    box = worker(database, clock)
    real = SystemClock()
    begun = real.monotonic()
    for _ in range(50):
        claims = await box.claim(4)
        assert {claim.target for claim in claims} == {"live"}
        for claim in claims:
            assert await box.settle(claim, ended("done", "alive"))
    assert real.monotonic() - begun < 10
