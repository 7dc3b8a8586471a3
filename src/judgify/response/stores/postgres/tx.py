"""One transaction on the PostgreSQL store: how PostgreSQL runs the shared statements, and leases by its own clock."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from judgify.response.model import Page
from judgify.response.outbox import claimed, released
from judgify.response.stores.postgres.link import Link
from judgify.response.stores.postgres.skew import Skew
from judgify.response.stores.record_rows import Row
from judgify.response.stores.sql_tx import SqlTx, others, read_page

_SAVE: Final = (
    "INSERT INTO page (id, incident_id, open_at, lease_at, token, claimed_by, due_at, channel, body)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    " ON CONFLICT (id) DO UPDATE SET incident_id = excluded.incident_id, open_at = excluded.open_at,"
    " lease_at = excluded.lease_at, token = excluded.token, due_at = excluded.due_at,"
    " channel = excluded.channel, body = excluded.body,"
    # A row that another engine holds and that is only written upon stays his.
    " claimed_by = CASE WHEN excluded.token > page.token THEN excluded.claimed_by ELSE page.claimed_by END"
)
# Two scans of an index each: one condition with OR could be answered from no index in order. Moments are bound values,
# since a clock that is asked in the condition itself keeps the index from being used.
_OPEN: Final = "SELECT body, lease_at FROM page WHERE open_at <= $1{} ORDER BY open_at, id LIMIT $2"
_LEFT: Final = "SELECT body, lease_at FROM page WHERE lease_at <= $1{} ORDER BY lease_at, id LIMIT $2"
_LOCK: Final = " FOR UPDATE SKIP LOCKED"


class PostgresTx(SqlTx):
    """See `ports.Tx`. The lease of a claimed page ends by the database's clock, which both engines share."""

    def __init__(self, link: Link, skew: Skew, engine: str) -> None:
        """Use a connection within a transaction, for the engine of this name."""
        super().__init__()
        self._link = link
        self._skew = skew
        self._engine = engine

    def _run(self, statement: str, *values: Any) -> int:
        return self._link.execute(statement, *_clean(values))

    def _all(self, statement: str, *values: Any) -> Sequence[Row]:
        return self._link.fetch(statement, *_clean(values))

    def _each(self, statement: str, values: Sequence[Row]) -> Sequence[Row]:
        if len(values) == 1:
            return self._all(statement, *values[0])
        return self._link.fetch_each(statement, [_clean(one) for one in values]) if values else []

    def _many(self, statement: str, values: Sequence[Row]) -> None:
        if len(values) == 1:
            self._run(statement, *values[0])
        elif values:
            self._link.execute_each(statement, [_clean(one) for one in values])

    def _at(self, moment: datetime) -> datetime:
        return moment

    def _when(self, kept: datetime) -> datetime:
        return kept

    # -- pages: as in SQLite, but for whose clock ends a lease ---------------------------------------------------------

    def save_pages(self, pages: Sequence[Page]) -> None:
        """Insert or replace many pages."""
        self._many(
            _SAVE,
            [
                (
                    page.id,
                    page.incident_id or "",
                    page.due_at if page.state == "due" else None,
                    self._lease(page),
                    page.token,
                    self._engine,
                    page.due_at,
                    page.channel,
                    page.model_dump_json(),
                )
                for page in pages
            ],
        )

    def _lease(self, page: Page) -> datetime | None:
        held = page.state == "claimed" and page.lease_until is not None
        return self._skew.to_database(page.lease_until) if held and page.lease_until else None

    def due_pages(self, now: datetime, limit: int = 100, *, without: Sequence[str] = ()) -> list[Page]:
        """Give pages that may be claimed now, the earliest first."""
        return self._due(now, limit, without, "")

    def owed_pages(self, now: datetime, limit: int = 100, *, without: Sequence[str] = ()) -> list[Page]:
        """Give what `due_pages` gives and nobody else is about to claim; nobody does before this transaction ends."""
        return self._due(now, limit, without, _LOCK)

    def _due(self, now: datetime, limit: int, without: Sequence[str], lock: str) -> list[Page]:
        left = others(without, after=2)
        rows = [
            *self._all(_OPEN.format(left) + lock, now, limit, *without),
            *self._all(_LEFT.format(left) + lock, self._skew.to_database(now), limit, *without),
        ]
        pages = [self._page(row) for row in rows]
        return sorted(pages, key=lambda page: (page.lease_until or page.due_at, page.id))[:limit]

    def count_due(self, now: datetime) -> int:
        """Give the number of pages that may be claimed now."""
        row = self._one(
            "SELECT (SELECT count(*) FROM page WHERE open_at <= $1) + (SELECT count(*) FROM page WHERE lease_at <= $2)",
            now,
            self._skew.to_database(now),
        )
        return 0 if row is None else int(row[0])

    def next_page_due(self, *, without: Sequence[str] = ()) -> datetime | None:
        """Give the moment at which the next page may be claimed."""
        left = others(without, after=0)
        row = self._one(
            f"SELECT (SELECT open_at FROM page WHERE open_at IS NOT NULL{left} ORDER BY open_at LIMIT 1),"  # noqa: S608 - placeholders
            f" (SELECT lease_at FROM page WHERE lease_at IS NOT NULL{left} ORDER BY lease_at LIMIT 1)",
            *without,
        )
        opens, ends = (None, None) if row is None else row
        moments = [] if opens is None else [opens]
        if ends is not None:
            moments.append(self._skew.to_engine(ends))
        return min(moments, default=None)

    def claim_page(self, page_id: str, now: datetime, lease_until: datetime) -> Page | None:
        """Claim a due page, or give None; one that somebody else is about to claim is left to him."""
        found = self._pages("WHERE id = $1 FOR UPDATE SKIP LOCKED", page_id)
        taken = claimed(found[0], now, lease_until) if found else None
        if taken is not None:
            self.save_page(taken)
        return taken

    def release_claims(self, now: datetime) -> int:
        """Give back to the outbox what an earlier run of the engine of this name had claimed."""
        mine = self._pages("WHERE lease_at > $1 AND claimed_by = $2", self._skew.to_database(now), self._engine)
        self.save_pages([released(page) for page in mine])
        return len(mine)

    def _pages(self, rest: str, *values: Any) -> list[Page]:
        return [self._page(row) for row in self._all(f"SELECT body, lease_at FROM page {rest}", *values)]  # noqa: S608 - `rest` is ours

    def _page(self, row: Row) -> Page:
        page = read_page(row[0])
        if row[1] is None:
            return page
        return page.model_copy(update={"lease_until": self._skew.to_engine(row[1])})


def _clean(values: Row) -> Row:
    """Give values as PostgreSQL takes them: its text has no NUL, though a stranger's alert may have one."""
    return [one.replace("\0", "\ufffd") if isinstance(one, str) and "\0" in one else one for one in values]
