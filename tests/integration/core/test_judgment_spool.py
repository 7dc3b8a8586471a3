"""The spool on a real disk, and the committer between it and a real PostgreSQL."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from judgify.core.judgment import commit as commit_module
from judgify.core.judgment.commit import Committer, Kept
from judgify.core.judgment.row import Order, Row, to_line
from judgify.core.judgment.spool import Spool
from judgify.core.judgment.store import ExecutionStore
from judgify.kit.clock import SystemClock, parse
from judgify.kit.db import Database
from judgify.kit.errors import JudgifyError, Unavailable
from judgify.kit.ids import new_id


def row(number: str | None = None, **changes: Any) -> Row:
    number = number or new_id("exe")
    values: dict[str, Any] = {
        "id": number,
        "created_at": "2026-01-15T00:00:00.000000Z",
        "workflow_id": "wfl_1",
        "workflow_name": "w",
        "workflow_version": 1,
        "method_used": "rule",
        "verdict": "matched",
        "result": "NG",
        "degraded": False,
        "time_ms": 0.1,
        "record": msgspec.Raw(b'{"id":"%s"}' % number.encode()),
        "input_sha256": None,
        "orders": [],
    }
    return Row(**(values | changes))


def test_rows_are_found_taken_and_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    assert spool.take() is None
    rows = [row(), row()]
    assert spool.append(rows) == [True, True]
    assert spool.find(rows[1].id) == rows[1]
    assert spool.find(new_id("exe")) is None
    segment = spool.take()
    assert segment is not None
    assert list(spool.rows(segment)) == rows
    assert spool.size() > 0
    spool.remove(segment)
    assert (spool.size(), spool.find(rows[0].id)) == (0, None)
    spool.close()


def test_another_process_sees_rows_but_takes_only_what_the_dead_left(tmp_path: Path) -> None:
    mine, other = Spool(tmp_path / "s"), Spool(tmp_path / "s")
    kept = row()
    mine.append([kept])
    assert other.find(kept.id) == kept
    assert other.take() is None, "its owner lives"
    mine.close()
    segment = other.take()
    assert segment is not None
    assert list(other.rows(segment)) == [kept]
    other.give_back(segment)
    assert mine.take() is not None


def test_a_torn_line_is_passed_over_and_the_lines_after_it_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    first, last = row(), row()
    (folder / f"{new_id('seg')}.log").write_bytes(
        to_line(first) + to_line(row())[:-9] + b"\n" + to_line(last) + b"1234"
    )
    spool = Spool(folder)
    segment = spool.take()
    assert segment is not None
    assert list(spool.rows(segment)) == [first, last]
    spool.give_back(segment)


def test_the_bound_is_kept_and_said(tmp_path: Path) -> None:
    bound = 10 * len(to_line(row()))
    spool = Spool(tmp_path / "s", max_bytes=bound)
    assert spool.state() == "ok"
    spool.append([row() for _ in range(9)])
    with pytest.raises(Unavailable) as error:
        spool.append([row(), row()])
    assert error.value.type_slug == "spool-full"
    assert spool.state() == "degraded"
    assert spool.size() <= bound
    with pytest.raises(Unavailable):
        spool.append([row(record=msgspec.Raw(b'{"x":"%s"}' % (b"y" * 100_000)))])
    assert spool.state() == "down", "it refused what was last to be kept"
    assert Spool(tmp_path / "s", max_bytes=1).state() == "down"
    assert Spool(tmp_path / "s", min_free=2**60).state() == "down"
    with pytest.raises(Unavailable):
        Spool(tmp_path / "s", min_free=2**60).append([row()])


def test_a_key_is_spooled_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    keyed = row(input_sha256="d")
    assert spool.append([keyed, keyed]) == [True, False]
    assert spool.append([keyed]) == [False]
    segment = spool.take()
    assert segment is not None
    assert len(list(spool.rows(segment))) == 1


def test_a_full_segment_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("judgify.core.judgment.spool.SEGMENT_BYTES", 300)
    spool = Spool(tmp_path / "s")
    rows = [row() for _ in range(6)]
    for one in rows:
        spool.append([one])
    assert len(list((tmp_path / "s").glob("*.log"))) > 1
    assert all(spool.find(one.id) == one for one in rows)
    drained: list[Row] = []
    while (segment := spool.take()) is not None:
        drained += spool.rows(segment)
        spool.remove(segment)
    assert {one.id for one in drained} == {one.id for one in rows}


def test_after_a_failed_flush_nothing_of_the_group_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "s")
    kept = row()
    spool.append([kept])

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    lost = row()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", refuse)
        with pytest.raises(Unavailable) as error:
            spool.append([lost])
    assert error.value.type_slug == "spool-broken"
    assert spool.find(lost.id) is None
    after = row()
    spool.append([after])
    assert [spool.find(one.id) for one in (kept, after)] == [kept, after]


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[ExecutionStore]:
    database = Database(postgres_url, "judgment", "judgify.core.judgment", clock=SystemClock())
    database.start()
    async with asyncio.timeout(20):
        await database.opened.wait()
    yield ExecutionStore(database, SystemClock())
    await database.close()


@pytest.fixture
async def committer(store: ExecutionStore, tmp_path: Path) -> AsyncIterator[Committer]:
    made = Committer(store, Spool(tmp_path / "s"), SystemClock())
    made.start()
    yield made
    await made.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the condition is a file's or another task's state
            await asyncio.sleep(0.02)


async def count(url: str, table: str = "executions") -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM judgment.{table}"))  # noqa: S608 - ours
    finally:
        await connection.close()


async def test_a_row_is_written_once_with_its_orders(store: ExecutionStore, postgres_url: str) -> None:
    one = row(orders=[Order("k:0", msgspec.Raw(b"{}"))])
    assert await store.insert([one]) == [True]
    assert await store.insert([one, row()]) == [False, True]
    assert (await count(postgres_url), await count(postgres_url, "outbox")) == (2, 1)


async def test_a_key_is_one_execution_whatever_the_moment(store: ExecutionStore, postgres_url: str) -> None:
    one = row("exe_" + "1" * 26, input_sha256="d")
    later = row("exe_" + "1" * 26, input_sha256="d", created_at="2026-02-15T00:00:00.000000Z")
    assert await store.insert([one, later]) == [True, False]
    assert await store.insert([later]) == [False]
    assert await count(postgres_url) == 1
    assert await store.firsts([one.id, "exe_nobody"]) == {one.id: (bytes(one.record), "d")}


async def test_months_are_made_remade_and_forgotten(store: ExecutionStore, postgres_url: str) -> None:
    old, new = row(), row(created_at="2026-03-31T23:59:59.999999Z")
    await store.insert([old, new])
    assert await store.drop_before(parse("2026-03-05T00:00:00Z")) == ["executions_202601"]
    assert await count(postgres_url) == 1
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("DROP TABLE judgment.executions_202603")
    finally:
        await connection.close()
    await store.insert([old])
    # A partition that this process knows and that is gone is made again, not an error.
    assert await store.insert([row(created_at="2026-03-01T00:00:00.000000Z")]) == [True]


async def test_one_row_that_the_database_refuses_takes_no_other_with_it(
    committer: Committer, postgres_url: str
) -> None:
    bad = row(record=msgspec.Raw(b"{not json"))
    kept = await committer.keep([row(), bad, row()])
    assert [isinstance(outcome, Kept) for outcome in kept] == [True, False, True]
    assert isinstance(kept[1], JudgifyError)
    assert await count(postgres_url) == 2


async def test_a_spooled_row_that_the_database_refuses_is_set_aside_and_the_others_go_in(
    store: ExecutionStore, tmp_path: Path, postgres_url: str
) -> None:
    spool = Spool(tmp_path / "s")
    # The judge never lets a NUL into this column; a spool of another release might hold one.
    bad = row(result="a\x00b")
    spool.append([row(), bad, row(orders=[Order("k:9", msgspec.Raw(b"{}"))])])
    made = Committer(store, spool, SystemClock())
    made.start()
    try:
        await until(lambda: not spool.size())
    finally:
        await made.close()
    assert (await count(postgres_url), await count(postgres_url, "outbox")) == (2, 1)
    assert (tmp_path / "s" / "refused" / f"{bad.id}.line").read_bytes() == to_line(bad)


async def test_too_many_waiting_rows_are_told_to_come_back(
    committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_module, "MAX_WAITING", 1)
    with pytest.raises(Unavailable, match="too many"):
        await committer.keep([row(), row()])


async def test_a_committer_that_ends_takes_nothing_more(store: ExecutionStore, tmp_path: Path) -> None:
    made = Committer(store, Spool(tmp_path / "s"), SystemClock())
    made.start()
    await made.close()
    with pytest.raises(Unavailable, match="shutting down"):
        await made.keep([row()])


async def test_a_read_only_database_means_the_spool(store: ExecutionStore, tmp_path: Path, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    name = await connection.fetchval("SELECT current_database()")
    spool = Spool(tmp_path / "s")
    made = Committer(store, spool, SystemClock())
    made.start()
    try:
        assert await made.keep([row()]) == [Kept("database")]
        # A dropped table is a database that cannot serve, like one that is read-only or away.
        await connection.execute("ALTER TABLE judgment.outbox RENAME TO elsewhere")
        assert await made.keep([row(orders=[Order("k:1", msgspec.Raw(b"{}"))])]) == [Kept("spool")]
        await connection.execute("ALTER TABLE judgment.elsewhere RENAME TO outbox")
        await until(lambda: not spool.size())
        await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
            name,
        )
        assert await made.keep([row()]) == [Kept("spool")]
        await until(lambda: not made.database_up)
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
            name,
        )
        await until(lambda: made.database_up and not spool.size())
        assert await count(postgres_url) == 3
    finally:
        await made.close()
        await connection.close()
