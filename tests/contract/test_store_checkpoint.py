"""SQLite's log is copied into the database between writes, by nobody who waits for a commit."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from judgify.kit.clock import SystemClock
from judgify.response.kept import Kept
from judgify.response.ports import Tx
from judgify.response.stores.checkpoint import Checkpointer
from judgify.response.stores.sqlite import SqliteStore


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def _database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE t (x BLOB)")
    return connection


def _size(path: Path) -> int:
    return path.stat().st_size


def test_what_was_written_reaches_the_database_soon_after_the_last_commit(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = _database(path)
    checkpointer = Checkpointer(path, SystemClock().monotonic)
    try:
        writer.execute("INSERT INTO t VALUES (zeroblob(400000))")
        assert _size(path) < 100_000
        checkpointer.wrote()
        _until(lambda: _size(path) > 400_000)
    finally:
        checkpointer.close()
        writer.close()


def test_writing_that_never_rests_is_copied_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = _database(path)
    checkpointer = Checkpointer(path, SystemClock().monotonic)

    def written() -> bool:
        writer.execute("INSERT INTO t VALUES (zeroblob(4000))")
        checkpointer.wrote()
        return _size(path) > 20_000

    try:
        _until(written)
    finally:
        checkpointer.close()
        writer.close()


def test_a_copy_that_fails_is_tried_again_after_the_next_commit(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = _database(path)
    checkpointer = Checkpointer(path, SystemClock().monotonic)
    reader = sqlite3.connect(path, isolation_level=None)
    try:
        # A reader of the old state keeps what came after it in the log.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchone()
        writer.execute("INSERT INTO t VALUES (zeroblob(400000))")
        checkpointer.wrote()
        reader.execute("ROLLBACK")
        writer.execute("INSERT INTO t VALUES (zeroblob(4000))")
        checkpointer.wrote()
        _until(lambda: _size(path) > 400_000)
    finally:
        reader.close()
        checkpointer.close()
        writer.close()


def test_the_store_keeps_its_log_short_and_what_it_answered_is_there_after_a_death(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"

    async def fill() -> SqliteStore:
        store = SqliteStore(path)
        await store.open()
        for number in range(400):
            kept = Kept(kind="note", id=f"k{number}", body={"text": "가" * 2_000})

            def work(tx: Tx, kept: Kept = kept) -> None:
                tx.keep(kept)

            await store.write(work)
        return store

    async def whole() -> None:
        store = await fill()
        _until(lambda: _size(path) > 2_000_000)
        copy = tmp_path / "after.db"
        # What a kill -9 leaves: the files as they are.
        for ending in ("", "-wal"):
            copy.with_name(copy.name + ending).write_bytes(path.with_name(path.name + ending).read_bytes())
        await store.close()
        again = SqliteStore(copy)
        await again.open()
        assert len(await again.read(lambda tx: tx.all_kept("note"))) == 400
        await again.close()

    asyncio.run(whole())
