import asyncio
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.support.stores import free_port

from judgify.kit.clock import SystemClock
from judgify.kit.db import Database, migrate
from judgify.kit.errors import JudgifyError, NotFound, Unavailable

ONE = "CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL);"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `shelf` with one migration, importable during the test."""
    folder = tmp_path / "shelf"
    (folder / "migrations").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "migrations" / "0001_thing.sql").write_text(ONE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder / "migrations"
    sys.modules.pop("shelf", None)


async def test_migrations_run_once_in_order_and_forward_only(postgres_url: str, package: Path) -> None:
    pool = await asyncpg.create_pool(postgres_url, min_size=1, max_size=4)
    try:
        assert await migrate(pool, "shelf", "shelf") == [1]
        (package / "0002_more.sql").write_text("ALTER TABLE thing ADD COLUMN note text;")
        # Three at once: one does the work, nobody fails.
        done = await asyncio.gather(*(migrate(pool, "shelf", "shelf") for _ in range(3)))
        assert sorted(done) == [[], [], [2]]
        (package / "0001_thing.sql").write_text(ONE + "-- changed")
        with pytest.raises(JudgifyError, match=r"0001_thing\.sql .* was changed after"):
            await migrate(pool, "shelf", "shelf")
        (package / "0001_thing.sql").write_text(ONE)
        (package / "0002_more.sql").unlink()
        with pytest.raises(JudgifyError, match="has migration 2, which this release does not know"):
            await migrate(pool, "shelf", "shelf")
    finally:
        await pool.close()


async def test_a_service_opens_a_database_that_is_read_only_for_the_time_being(
    postgres_url: str, package: Path
) -> None:
    pool = await asyncpg.create_pool(postgres_url, min_size=1, max_size=2)
    try:
        await migrate(pool, "shelf", "shelf")
    finally:
        await pool.close()
    only = {"default_transaction_read_only": "on"}
    pool = await asyncpg.create_pool(postgres_url, min_size=1, max_size=2, server_settings=only)
    try:
        assert await migrate(pool, "shelf", "shelf") == []
        (package / "0002_more.sql").write_text("ALTER TABLE thing ADD COLUMN note text;")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await migrate(pool, "shelf", "shelf")
    finally:
        await pool.close()


async def test_a_migration_that_fails_leaves_nothing_of_itself(postgres_url: str, package: Path) -> None:
    (package / "0002_bad.sql").write_text("CREATE TABLE half (id int); SELECT no_such_function();")
    pool = await asyncpg.create_pool(postgres_url, min_size=1, max_size=2)
    try:
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await migrate(pool, "shelf", "shelf")
        assert await pool.fetchval("SELECT max(number) FROM shelf.schema_version") == 1
        assert await pool.fetchval("SELECT to_regclass('shelf.half')") is None
    finally:
        await pool.close()


async def test_a_transaction_happens_whole_or_not_at_all(postgres_url: str, package: Path) -> None:
    database = Database(postgres_url, "shelf", "shelf", clock=SystemClock())
    assert math.isnan(database.usage()), "no pool is not an idle one"
    database.start()
    try:
        await asyncio.wait_for(database.opened.wait(), 10)

        async def half() -> None:
            async with database.transaction() as connection:
                await connection.execute("INSERT INTO shelf.thing VALUES (1, 'a')")
                raise NotFound

        with pytest.raises(NotFound):
            await half()
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM shelf.thing") == 0
            assert database.usage() > 0
        assert await database.alive()
    finally:
        await database.close()


async def test_without_a_server_the_database_is_reported_down_and_the_service_goes_on(package: Path) -> None:
    database = Database(f"postgresql://x:y@127.0.0.1:{free_port()}/z", "shelf", "shelf", clock=SystemClock())
    database.start()
    try:
        assert not await database.alive()
        with pytest.raises(Unavailable, match="not reachable yet"):
            async with database.connection():
                pass
    finally:
        await database.close()


async def test_a_lost_server_is_unavailable_not_a_fault(postgres_url: str, package: Path) -> None:
    database = Database(postgres_url, "shelf", "shelf", clock=SystemClock())
    database.start()
    await asyncio.wait_for(database.opened.wait(), 10)
    try:
        with pytest.raises(Unavailable, match="cannot serve"):
            async with database.connection() as connection:
                await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        assert await database.alive()
    finally:
        await database.close()
