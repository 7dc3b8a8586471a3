"""What the PostgreSQL store guarantees beyond the shared suite: leases, two engines, a server that goes and comes."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.support.shifted_clock import ShiftedClock
from tests.support.stores import Postgres, free_port

from judgify.kit.errors import Unavailable
from judgify.kit.ids import new_id
from judgify.response import timeline as t
from judgify.response.model import ENGINE, Page
from judgify.response.outbox import LEASE
from judgify.response.ports import Tx
from judgify.response.stores.postgres.store import PostgresStore, shown

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)


def _page(**fields: Any) -> Page:
    values = {"incident_id": None, "kind": "page", "person": "p", "role": "r", "channel": "c", "row": "0"}
    return Page.model_validate({"id": new_id("pg"), "due_at": NOW, "created_at": NOW, **values, **fields})


def _note(tx: Tx) -> None:
    tx.append(None, ENGINE, NOW, [t.NoteAdded(text="x")])


@asynccontextmanager
async def _opened(url: str, engine: str = "a", clock: ShiftedClock | None = None) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url, engine=engine, clock=clock or ShiftedClock(NOW))
    try:
        await store.open()
        yield store
    finally:
        await store.close()


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """Give a server that the test may kill."""
    folder = Path(tempfile.mkdtemp(prefix="judgify-test-pg-"))
    folder.chmod(0o755)
    server = Postgres(folder / "server")
    try:
        yield server.create()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def test_two_engines_whose_clocks_differ_agree_on_when_a_lease_ends(postgres_url: str) -> None:
    owed, fast = _page(), ShiftedClock(NOW + timedelta(minutes=5))
    async with _opened(postgres_url) as one, _opened(postgres_url, "b", fast) as two:
        await one.write(lambda tx: tx.save_page(owed))
        assert await one.write(lambda tx: tx.claim_page(owed.id, NOW, NOW + LEASE)) is not None
        assert two.skew.measured is not None
        assert one.skew.measured is not None
        assert abs((one.skew.measured - two.skew.measured).total_seconds() - 300) < 0.5
        # For the fast one it is long past the end that the slow one wrote down; by the database's clock it is not.
        now = fast.now()
        assert await two.read(lambda tx: tx.due_pages(now)) == []
        assert await two.write(lambda tx: tx.claim_page(owed.id, now, now + LEASE)) is None
        later = now + LEASE + timedelta(seconds=1)
        taken = await two.write(lambda tx: tx.claim_page(owed.id, later, later + LEASE))
        assert taken is not None
        assert (taken.token, taken.possibly_repeat) == (2, True)


async def test_a_clock_that_is_moved_moves_no_lease(postgres_url: str) -> None:
    owed, clock = _page(), ShiftedClock(NOW)
    async with _opened(postgres_url, clock=clock) as store:
        await store.write(lambda tx: tx.save_page(owed))
        await store.write(lambda tx: tx.claim_page(owed.id, NOW, NOW + LEASE))
        clock.jump(3_600)
        now = clock.now()
        assert await store.read(lambda tx: tx.count_due(now)) == 0
        due = await store.read(lambda tx: tx.next_page_due())
        assert due is not None
        assert timedelta(seconds=10) < due - now <= LEASE


async def test_an_engine_that_starts_takes_back_its_own_claims_and_leaves_its_twins(postgres_url: str) -> None:
    mine, his = _page(), _page()
    async with _opened(postgres_url) as one, _opened(postgres_url, "b") as two:
        await one.write(lambda tx: tx.save_pages([mine, his]))
        assert await one.write(lambda tx: tx.claim_page(mine.id, NOW, NOW + LEASE)) is not None
        held = await two.write(lambda tx: tx.claim_page(his.id, NOW, NOW + LEASE))
        assert held is not None
        # That one writes on a row the other holds takes nothing away from him.
        changed = held.model_copy(update={"detail": "x"})
        await one.write(lambda tx: tx.save_page(changed))
        assert await one.write(lambda tx: tx.release_claims(NOW)) == 1
        assert [page.id for page in await one.read(lambda tx: tx.due_pages(NOW))] == [mine.id]
        assert await two.write(lambda tx: tx.release_claims(NOW)) == 1


async def test_hostile_text_is_kept_though_postgresql_knows_no_nul(postgres_url: str) -> None:
    async with _opened(postgres_url) as store:
        page = _page(incident_id="I\0'; DROP TABLE page; --", detail="\0한글")
        await store.write(lambda tx: tx.save_page(page))
        found = await store.read(lambda tx: tx.pages("I\0'; DROP TABLE page; --"))
        assert [one.detail for one in found] == ["\0한글"]


async def test_a_statement_that_failed_unheard_is_an_error_and_nothing_is_written(postgres_url: str) -> None:
    def work(tx: Tx) -> None:
        _note(tx)
        with pytest.raises(asyncpg.PostgresError):
            tx.incidents(limit=-1)

    async with _opened(postgres_url) as store:
        with pytest.raises(Unavailable, match="nothing was written"):
            await store.write(work)
        assert await store.read(lambda tx: tx.last_number()) == 0


async def test_what_is_left_of_a_transaction_whose_connection_broke_is_not_written(postgres_url: str) -> None:
    owed = _page()

    def work(tx: Tx) -> None:
        _note(tx)
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            tx._run("SELECT pg_terminate_backend(pg_backend_pid())")  # type: ignore[attr-defined]
        # As an engine does that was frozen so long that the server ended its session.
        tx.save_page(owed)

    async with _opened(postgres_url) as store:
        with pytest.raises(Unavailable):
            await store.write(work)
        assert await store.read(lambda tx: (tx.last_number(), tx.page(owed.id))) == (0, None)
        await store.write(_note)
        assert await store.read(lambda tx: tx.last_number()) > 0


async def test_the_timeline_is_append_only_and_a_newer_database_is_refused(postgres_url: str) -> None:
    async with _opened(postgres_url) as store:
        await store.write(_note)
    connection = await asyncpg.connect(postgres_url)
    for statement in ("UPDATE response.entry SET type = 'x'", "DELETE FROM response.entry", "TRUNCATE response.entry"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
            await connection.execute(statement)
    await connection.execute("INSERT INTO response.schema_version VALUES (9999, 'from the future', '')")
    await connection.close()
    with pytest.raises(Unavailable, match="newer"):
        async with _opened(postgres_url):
            pass


async def test_a_server_that_was_killed_is_used_again_as_soon_as_it_is_back(own_server: Postgres) -> None:
    async with _opened(own_server.url) as store:
        await store.write(_note)
        own_server.kill()
        with pytest.raises(Unavailable) as away:
            await store.write(_note)
        assert away.value.type_slug == "store-unavailable"
        assert "made-up" not in str(away.value)
        with pytest.raises(Unavailable):
            await store.read(lambda tx: tx.last_number())
        own_server.start()
        await store.write(_note)
        assert len(await store.read(lambda tx: tx.entries(None))) == 2
        # One that is restarted between two commands is not even noticed.
        own_server.kill()
        own_server.start()
        await store.write(_note)
        assert len(await store.read(lambda tx: tx.entries(None))) == 3


async def test_a_frozen_engine_in_mid_transaction_holds_up_its_twin_for_seconds_only(postgres_url: str) -> None:
    async with _opened(postgres_url) as store:
        await store.write(_note)
        frozen = await asyncpg.connect(
            postgres_url, server_settings={"idle_in_transaction_session_timeout": "300ms", "search_path": "response"}
        )
        await frozen.execute("BEGIN; SELECT pg_advisory_xact_lock(0x6A7564676966)")
        await store.write(_note)
        assert await store.read(lambda tx: tx.last_number()) == 2
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await frozen.execute("SELECT 1")
        await frozen.close()


async def test_nobody_there_is_told_without_the_password() -> None:
    port = free_port()
    store = PostgresStore(f"postgresql://u:hidden-word@127.0.0.1:{port}/judgify")
    with pytest.raises(Unavailable, match="not open"):
        await store.write(_note)
    with pytest.raises(Unavailable) as away:
        await store.open()
    assert "hidden-word" not in str(away.value)
    assert f"127.0.0.1:{port}/judgify" in str(away.value)
    await store.close()
    assert shown("postgresql:///x") == "localhost:5432/x"


async def test_writers_take_turns_over_two_engines(postgres_url: str) -> None:
    async with _opened(postgres_url) as one, _opened(postgres_url, "b") as two:
        works = [(one if index % 2 else two).write(lambda tx: tx.next_number(2026)) for index in range(60)]
        assert sorted(await asyncio.gather(*works)) == list(range(1, 61))
