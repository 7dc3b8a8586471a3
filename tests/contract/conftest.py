"""The stores that a contract suite is run on: memory, SQLite, and PostgreSQL on a real server."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.shifted_clock import ShiftedClock

from judgify.response.ports import Store
from judgify.response.stores.memory import MemoryStore, Tables
from judgify.response.stores.postgres.store import PostgresStore
from judgify.response.stores.sqlite import SqliteStore

NOW = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres", "memory"])
async def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[[], Any]]:
    """Give a function that opens the store, closing an earlier one first, as a restart does."""
    tables = Tables()
    url: str = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened: list[Store] = []

    async def open_store() -> Store:
        while opened:
            await opened.pop().close()
        made: dict[str, Callable[[], Store]] = {
            "sqlite": lambda: SqliteStore(tmp_path / "response.db"),
            "postgres": lambda: PostgresStore(url, clock=ShiftedClock(NOW)),
            "memory": lambda: MemoryStore(tables),
        }
        store = made[request.param]()
        await store.open()
        opened.append(store)
        return store

    yield open_store
    while opened:
        await opened.pop().close()


@pytest.fixture
async def store(reopen: Callable[[], Any]) -> Store:
    opened: Store = await reopen()
    return opened
