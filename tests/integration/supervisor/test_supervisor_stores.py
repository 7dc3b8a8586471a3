"""The two stores as units of the supervisor: real PostgreSQL and real Valkey, whoever runs this test."""

import os
import signal
from collections.abc import AsyncIterator

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from tests.support.supervised import CLOCK, Home, alive, supervised, until

from judgify.kit.errors import Unavailable
from judgify.kit.settings import Settings

pytestmark = pytest.mark.enable_socket  # the guard against other hosts refuses Unix sockets, too


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    async with supervised("postgres,redis") as one:
        yield one


def settings(home: Home) -> Settings:
    return Settings.from_env(home.environ, home.path)


async def test_postgres_is_made_started_and_asks_for_its_password(home: Home) -> None:
    change = await home.client.start("postgres", reason="test", wait_s=60)
    assert change.healthy, await home.client.logs("postgres")
    connection = await asyncpg.connect(settings(home).database_url)
    try:
        assert await connection.fetchval("show server_encoding") == "UTF8"
        assert await connection.fetchval("show max_connections") == "200"
        assert await connection.fetchval("show log_min_duration_statement") == "500ms"
        assert await connection.fetchval("select lower('ÄÖ한글')") == "äö한글"
        assert await connection.fetchval("show listen_addresses") == "127.0.0.1"
    finally:
        await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(settings(home).database_url.replace("judgify:", "judgify:x", 1))
    assert change.unit.pid is not None
    owner = psutil.Process(change.unit.pid).uids().real
    assert owner == (65534 if os.geteuid() == 0 else os.geteuid())
    assert (home.path / "postgres").stat().st_mode & 0o777 == 0o700
    assert list(home.path.glob(".initdb*")) == []


@pytest.mark.guide("S07")
async def test_what_was_committed_survives_kill_9_of_the_postmaster(home: Home) -> None:
    """Its orphaned backends and its postmaster.pid must not stop the next start; nor must a busy client."""
    first = await home.client.start("postgres", reason="test", wait_s=60)
    assert first.unit.pid is not None
    connection = await asyncpg.connect(settings(home).database_url)
    await connection.execute("create table kept (n int)")
    await connection.execute("insert into kept values (42)")
    busy = await asyncpg.connect(settings(home).database_url)
    try:
        os.kill(first.unit.pid, signal.SIGKILL)

        async def noticed() -> bool:
            return (await home.client.unit("postgres")).state == "exited"

        assert await until(noticed) < 2
        began = CLOCK.monotonic()
        again = await home.client.start("postgres", reason="runbook", wait_s=60)
        assert again.healthy, await home.client.logs("postgres")
        assert CLOCK.monotonic() - began < 20
    finally:
        connection.terminate()
        busy.terminate()
    after = await asyncpg.connect(settings(home).database_url)
    try:
        assert await after.fetchval("select n from kept") == 42
    finally:
        await after.close()


async def test_a_frozen_backend_of_a_killed_postmaster_is_ended(home: Home) -> None:
    first = await home.client.start("postgres", reason="test", wait_s=60)
    assert first.unit.pid is not None
    connection = await asyncpg.connect(settings(home).database_url)
    backend = await connection.fetchval("select pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)  # it cannot notice that its parent has gone
    os.kill(first.unit.pid, signal.SIGKILL)
    again = await home.client.start("postgres", reason="runbook", wait_s=60)
    assert again.healthy, await home.client.logs("postgres")
    assert not alive(backend)
    connection.terminate()


async def test_postgres_stops_fast_beside_an_open_connection(home: Home) -> None:
    await home.client.start("postgres", reason="test", wait_s=60)
    connection = await asyncpg.connect(settings(home).database_url)
    began = CLOCK.monotonic()
    await home.client.stop("postgres", reason="test")
    assert CLOCK.monotonic() - began < 15  # the smart shutdown would wait for the client for ever
    connection.terminate()
    assert not (home.path / "postgres" / "postmaster.pid").exists()
    assert "database system is shut down" in "\n".join(await home.client.logs("postgres"))


async def test_a_folder_of_other_files_is_not_taken_for_a_database(home: Home) -> None:
    (home.path / "postgres").mkdir()
    (home.path / "postgres" / "diary.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Unavailable, match="holds files but no PostgreSQL database"):
        await home.client.start("postgres", reason="test", wait_s=60)
    assert (home.path / "postgres" / "diary.txt").read_text(encoding="utf-8") == "mine"


async def test_a_half_made_database_is_made_anew(home: Home) -> None:
    (home.path / "postgres.new").mkdir()
    (home.path / "postgres.new" / "PG_VERSION").write_text("18", encoding="utf-8")
    assert (await home.client.start("postgres", reason="test", wait_s=60)).healthy is True


@pytest.mark.guide("S08")
async def test_the_cache_keeps_what_it_held_over_a_stop(home: Home) -> None:
    change = await home.client.start("redis", reason="test", wait_s=30)
    assert change.healthy, await home.client.logs("redis")
    async with Redis.from_url(settings(home).redis_url) as client:
        await client.set("kept", "yes")
    await home.client.stop("redis", reason="test")
    assert (await home.client.start("redis", reason="test", wait_s=30)).healthy is True
    async with Redis.from_url(settings(home).redis_url) as client:
        assert await client.get("kept") == b"yes"


async def test_the_stores_outlive_the_supervisor_and_stop_under_the_next(home: Home) -> None:
    fleet = await home.client.start_all(reason="test", wait_s=60)
    assert fleet.done
    assert fleet.failed == ()
    pids = [unit.pid for unit in await home.client.units()]
    home.kill_supervisor()
    await home.open()
    assert [unit.pid for unit in await home.client.units()] == pids
    await home.client.shutdown()
    assert not any(alive(pid) for pid in pids if pid is not None)


async def test_stores_get_no_variable_that_may_hold_a_secret() -> None:
    async with supervised("redis", JWT_SECRET="canary-77aa", OPENAI_API_KEY="canary-77ab") as home:
        change = await home.client.start("redis", reason="test", wait_s=30)
        assert change.unit.pid is not None
        assert "canary-77" not in str(psutil.Process(change.unit.pid).environ())


@pytest.mark.guide("G15", "S07")
async def test_the_guides_read_only_start_refuses_writes_and_can_be_taken_back(home: Home) -> None:
    """Guide 4.3: POSTGRES_READ_ONLY=true, then a restart; the undo is the variable's removal."""
    await home.client.start("postgres", reason="test", wait_s=60)
    change = await home.client.set_env(
        "postgres", to_set={"POSTGRES_READ_ONLY": "true"}, reason="runbook 4.3", wait_s=60
    )
    assert change.healthy, await home.client.logs("postgres")
    connection = await asyncpg.connect(settings(home).database_url)
    try:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("create table refused (n int)")
    finally:
        await connection.close()
    await home.client.set_env("postgres", to_unset=["POSTGRES_READ_ONLY"], reason="undo", wait_s=60)
    connection = await asyncpg.connect(settings(home).database_url)
    try:
        await connection.execute("create table accepted (n int)")
    finally:
        await connection.close()


async def test_a_frozen_process_is_stopped_without_waiting_for_the_timeout(home: Home) -> None:
    change = await home.client.start("redis", reason="test", wait_s=60)
    assert change.unit.pid is not None
    os.kill(change.unit.pid, signal.SIGSTOP)
    began = CLOCK.monotonic()
    await home.client.stop("redis", reason="test")
    assert CLOCK.monotonic() - began < 10
    assert not alive(change.unit.pid)
