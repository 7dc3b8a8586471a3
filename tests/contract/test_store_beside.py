"""What a PostgreSQL store tells of the other engines on it, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.support.shifted_clock import ShiftedClock

from judgify.kit.errors import Unavailable
from judgify.kit.ids import new_id
from judgify.response import timeline as t
from judgify.response.model import ENGINE, IncidentKey, Page, Signal
from judgify.response.outbox import LEASE
from judgify.response.ports import Tx
from judgify.response.stores.memory import MemoryStore
from judgify.response.stores.postgres.beside import BY_INDEX, CLAIMS, PAST, OtherEngines
from judgify.response.stores.postgres.store import PostgresStore
from judgify.response.stores.sqlite import SqliteStore

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)


def _page(**fields: Any) -> Page:
    values = {"incident_id": None, "kind": "page", "person": "p", "role": "r", "channel": "c", "row": "0"}
    return Page.model_validate({"id": new_id("pg"), "due_at": NOW, "created_at": NOW, **values, **fields})


def _opened_incident(tx: Tx) -> str:
    signal = Signal(id=new_id("sig"), service="s", signal="down", source="probe", observed_at=NOW, received_at=NOW)
    opened = t.IncidentOpened(
        id="INC-1",
        key=IncidentKey(root="s", failure_class="service"),
        title="t",
        severity="P1",
        rule="r",
        reason="r",
        signal=signal,
        started_at=NOW,
    )
    tx.append("INC-1", ENGINE, NOW, [opened])
    return "INC-1"


class Heard:
    """What one engine heard of the others; asked for with a time limit."""

    def __init__(self) -> None:
        self._words: asyncio.Queue[datetime | None] = asyncio.Queue()

    def hear(self, word: datetime | None) -> None:
        self._words.put_nowait(word)

    async def word(self) -> datetime | None:
        async with asyncio.timeout(10):
            return await self._words.get()

    @property
    def silent(self) -> bool:
        return self._words.empty()


@asynccontextmanager
async def _listening(store: PostgresStore) -> AsyncIterator[Heard]:
    heard = Heard()
    task = asyncio.create_task(store.beside.news(heard.hear))
    try:
        assert [await heard.word(), await heard.word()] == [PAST, None]
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def pair(postgres_url: str) -> AsyncIterator[tuple[PostgresStore, PostgresStore]]:
    stores = tuple(PostgresStore(postgres_url, engine=name, clock=ShiftedClock(NOW)) for name in ("a", "b"))
    for store in stores:
        await store.open()
    yield stores[0], stores[1]
    for store in stores:
        await store.close()


async def _cut(url: str, name: str, count: int = 1) -> None:
    """End the connections whose names end so."""
    connection = await asyncpg.connect(url)
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE '%' || $1"
    assert await connection.fetchval(cut, name) == count
    await connection.close()


async def test_an_earlier_row_of_the_other_engine_is_told_and_ones_own_is_not(
    pair: tuple[PostgresStore, PostgresStore],
) -> None:
    one, two = pair
    later = _page(due_at=NOW + timedelta(seconds=4.25))
    async with _listening(two) as heard:
        await two.write(lambda tx: tx.save_page(_page()))
        await one.write(lambda tx: tx.save_pages([later, _page(due_at=NOW + timedelta(hours=1))]))
        assert await heard.word() == NOW + timedelta(seconds=4.2)
        assert await heard.word() == NOW + timedelta(hours=1)
        # A claim, and what became of it, make nothing due.
        taken = await one.write(lambda tx: tx.claim_page(later.id, later.due_at, later.due_at + LEASE))
        assert taken is not None
        await one.write(lambda tx: tx.save_page(taken.model_copy(update={"state": "sent"})))
        await one.write(lambda tx: tx.append(None, ENGINE, NOW, [t.NoteAdded(text="x")]))
        assert await heard.word() is None
        assert heard.silent


async def test_a_listener_that_was_cut_off_listens_again_and_looks_for_what_it_missed(
    pair: tuple[PostgresStore, PostgresStore], postgres_url: str
) -> None:
    one, two = pair
    async with _listening(two) as heard:
        await _cut(postgres_url, "b-news")
        await one.write(lambda tx: tx.save_page(_page()))
        words = [await heard.word(), await heard.word()]
        assert words == [PAST, None]
        await one.write(lambda tx: tx.save_page(_page(due_at=NOW + timedelta(seconds=2))))
        assert await heard.word() == NOW + timedelta(seconds=2)


async def test_a_claim_is_told_with_what_its_incident_has_become(pair: tuple[PostgresStore, PostgresStore]) -> None:
    one, two = pair
    owed = _page(incident_id="INC-1")

    def plan(tx: Tx) -> Page | None:
        _opened_incident(tx)
        tx.save_page(owed)
        return tx.claim_page(owed.id, NOW, NOW + LEASE)

    taken = await one.write(plan)
    assert taken is not None
    told = (await one.beside.claims({owed.id: 1, "pg_unknown": 0}))[owed.id]
    assert (told.token, told.incident) == (taken.token, None)
    assert 15 < told.lease_s <= LEASE.total_seconds() + 0.1
    await two.write(lambda tx: tx.append("INC-1", ENGINE, NOW, [t.NoteAdded(text="x")]))
    grown = (await one.beside.claims({owed.id: 1}))[owed.id].incident
    assert grown is not None
    assert (grown.id, grown.last_seq) == ("INC-1", 2)
    later = NOW + LEASE + timedelta(seconds=1)
    again = await two.write(lambda tx: tx.claim_page(owed.id, later, later + LEASE))
    assert again is not None
    assert (await one.beside.claims({owed.id: 2}))[owed.id].token == taken.token + 1
    await two.write(lambda tx: tx.save_page(again.model_copy(update={"state": "sent", "lease_until": None})))
    assert await one.beside.claims({owed.id: 2}) == {}


async def test_claims_are_looked_up_by_their_index_whatever_the_server_guesses(
    pair: tuple[PostgresStore, PostgresStore], postgres_url: str
) -> None:
    settings = {"search_path": "response", **BY_INDEX}
    connection = await asyncpg.connect(postgres_url, server_settings=settings)
    try:
        await connection.execute(f"PREPARE claims (text[], int[]) AS {CLAIMS}")
        plan = await connection.fetch("EXPLAIN EXECUTE claims (ARRAY['x'], ARRAY[1])")
    finally:
        await connection.close()
    text = "\n".join(row[0] for row in plan)
    assert "page_pkey" in text
    assert "Seq Scan" not in text


async def test_the_question_is_asked_again_on_a_new_connection_after_the_first_was_cut_off(
    pair: tuple[PostgresStore, PostgresStore], postgres_url: str
) -> None:
    one, _ = pair
    await _cut(postgres_url, "a-claims")
    with suppress(Unavailable):
        # Whether the end was heard of before the question or by it.
        await one.beside.claims({})
    assert await one.beside.claims({}) == {}


async def test_a_name_belongs_to_one_engine_as_long_as_it_is_there(
    pair: tuple[PostgresStore, PostgresStore], postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one, _ = pair
    again = PostgresStore(postgres_url, engine="a", clock=ShiftedClock(NOW))
    with pytest.raises(Unavailable, match="JUDGIFY_ENGINE"):
        await again.open()
    await _cut(postgres_url, "a-claims", 2)
    # The name is free for a moment, and whoever asks first has it; the engine that had it works on and says so.
    with suppress(Unavailable):
        await again.beside.claims({})
    await again.open()
    with suppress(Unavailable):
        await one.beside.claims({})
    assert await one.beside.claims({}) == {}
    assert "another engine works under this one's name" in capsys.readouterr().out
    await again.close()
    third = PostgresStore(postgres_url, engine="a", clock=ShiftedClock(NOW))
    await third.open()
    await third.close()


async def test_where_no_other_engine_can_be_there_is_nobody_to_hear(tmp_path: Path, postgres_url: str) -> None:
    assert MemoryStore().beside is None
    assert SqliteStore(tmp_path / "x.db").beside is None
    assert isinstance(PostgresStore(postgres_url).beside, OtherEngines)
