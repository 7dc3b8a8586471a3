"""One transaction on the SQLite store: how SQLite runs the statements that all stores share."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from judgify.kit.clock import iso
from judgify.response.stores.record_rows import Row
from judgify.response.stores.sql_tx import SqlTx


class SqliteTx(SqlTx):
    """See `ports.Tx`. Moments are UTC text of fixed width, so that text order is time order."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection within a transaction."""
        super().__init__()
        self._db = connection

    def _run(self, statement: str, *values: Any) -> int:
        return self._db.execute(_own(statement), values).rowcount

    def _all(self, statement: str, *values: Any) -> Sequence[Row]:
        return self._db.execute(_own(statement), values).fetchall()

    def _each(self, statement: str, values: Sequence[Row]) -> Sequence[Row]:
        own = _own(statement)
        return [row for one in values for row in self._db.execute(own, one).fetchall()]

    def _many(self, statement: str, values: Sequence[Row]) -> None:
        self._db.executemany(_own(statement), values)

    def _at(self, moment: datetime) -> str:
        return iso(moment)

    def _when(self, kept: str) -> datetime:
        return datetime.fromisoformat(kept)


@lru_cache(maxsize=256)
def _own(statement: str) -> str:
    """Give a statement with SQLite's placeholders."""
    return statement.replace("$", "?")
