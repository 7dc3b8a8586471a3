"""One transaction on a store that speaks SQL: timelines, incidents, signals and pages; each statement written once."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from judgify.response import fold
from judgify.response.incident import Incident
from judgify.response.model import Actor, Page, Severity, Signal, SignalRow, State
from judgify.response.outbox import LEASE, claimed, due_at, released
from judgify.response.stores.record_rows import RecordRows, Row, chunks, places
from judgify.response.timeline import EVENT, Entry, Event

_ENTRY = "SELECT number, incident_id, seq, at, actor, body FROM entry"
_SIGNAL = "SELECT body, incident_id, count, first_at, last_at, suppressed FROM signal"


class SqlTx(RecordRows):
    """See `ports.Tx`; lives as long as its transaction. What a database does in a way of its own is a method below."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        # Writers come one after another, so what was read or written here stays true to the transaction's end.
        self._incidents: dict[str, Incident | None] = {}

    @abstractmethod
    def _at(self, moment: datetime) -> Any:
        """Give a moment as the database keeps it."""

    @abstractmethod
    def _when(self, kept: Any) -> datetime:
        """Give the moment that the database keeps."""

    # -- timeline and incidents --------------------------------------------------------------------------------------

    def next_number(self, year: int) -> int:
        """Give the next incident number of a year."""
        row = self._one(
            "INSERT INTO counter (year, last) VALUES ($1, 1)"
            " ON CONFLICT (year) DO UPDATE SET last = counter.last + 1 RETURNING last",
            year,
        )
        return 0 if row is None else int(row[0])

    def append(
        self, incident_id: str | None, actor: Actor, at: datetime, events: Sequence[Event]
    ) -> tuple[Incident | None, list[Entry]]:
        """Append events to a timeline and keep the fold beside it."""
        key = incident_id or ""
        incident = self.incident(key) if key else None
        if not events:
            return incident, []
        seq = incident.last_seq if incident is not None else self._last_seq(key)
        who, moment = actor.model_dump_json(), self._at(at)
        rows = self._each(
            "INSERT INTO entry (incident_id, seq, at, actor, type, body) VALUES ($1, $2, $3, $4, $5, $6)"
            " RETURNING number",
            [
                (key, seq + place, moment, who, event.type, event.model_dump_json())
                for place, event in enumerate(events, 1)
            ],
        )
        entries = [
            Entry(number=row[0], incident_id=incident_id, seq=seq + place, at=at, actor=actor, event=event)
            for place, (row, event) in enumerate(zip(rows, events, strict=True), 1)
        ]
        if key:
            for entry in entries:
                incident = fold.apply(incident, entry)
        if incident is not None:
            self._save_incident(incident)
        return incident, entries

    def _last_seq(self, key: str) -> int:
        row = self._one("SELECT coalesce(max(seq), 0) FROM entry WHERE incident_id = $1", key)
        return 0 if row is None else int(row[0])

    def _save_incident(self, incident: Incident) -> None:
        self._run(
            "INSERT INTO incident (id, state, severity, drill, started_at, body) VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (id) DO UPDATE SET state = excluded.state, severity = excluded.severity,"
            " drill = excluded.drill, body = excluded.body",
            incident.id,
            incident.state,
            incident.severity,
            incident.drill or "",
            self._at(incident.started_at),
            incident.model_dump_json(),
        )
        self._incidents[incident.id] = incident

    def incident(self, incident_id: str) -> Incident | None:
        """Give an incident, or None."""
        if incident_id not in self._incidents:
            row = self._one("SELECT body FROM incident WHERE id = $1", incident_id)
            self._incidents[incident_id] = None if row is None else read_incident(row[0])
        return self._incidents[incident_id]

    def incidents(
        self,
        *,
        states: Sequence[State] = (),
        severities: Sequence[Severity] = (),
        drill: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Incident]:
        """List incidents, newest first."""
        values: list[Any] = [limit, offset]
        conditions = []
        for column, wanted in (
            ("state", states),
            ("severity", severities),
            ("drill", [] if drill is None else [drill]),
        ):
            if wanted:
                places = ", ".join(f"${len(values) + place}" for place in range(1, len(wanted) + 1))
                conditions.append(f"{column} IN ({places})")
                values += wanted
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        statement = f"SELECT body FROM incident{where} ORDER BY started_at DESC, id DESC LIMIT $1 OFFSET $2"  # noqa: S608 - our own column names and placeholders
        return [read_incident(row[0]) for row in self._all(statement, *values)]

    def entries(self, incident_id: str | None, *, after: int = 0, limit: int = 10_000) -> list[Entry]:
        """Give a timeline's entries with seq > after."""
        statement = f"{_ENTRY} WHERE incident_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
        return [self._entry(row) for row in self._all(statement, incident_id or "", after, limit)]

    def entries_after(self, number: int, limit: int = 500) -> list[Entry]:
        """Give entries of all timelines after a number."""
        statement = f"{_ENTRY} WHERE number > $1 ORDER BY number LIMIT $2"
        return [self._entry(row) for row in self._all(statement, number, limit)]

    def last_number(self) -> int:
        """Give the number of the newest entry."""
        row = self._one("SELECT coalesce(max(number), 0) FROM entry")
        return 0 if row is None else int(row[0])

    # -- signals -----------------------------------------------------------------------------------------------------

    def record_signal(self, signal: Signal, incident_id: str | None, suppressed: str | None = None) -> SignalRow:
        """Store a signal, or count it as a repeat."""
        return self.record_signals([(signal, incident_id, suppressed)])[0]

    def record_signals(self, rows: Sequence[tuple[Signal, str | None, str | None]]) -> list[SignalRow]:
        """Store many signals at once, each as `record_signal` does."""
        at = [self._at(signal.received_at) for signal, _, _ in rows]
        kept = self._each(
            "INSERT INTO signal (id, incident_id, fold_key, count, first_at, last_at, suppressed, body)"
            " VALUES ($1, $2, $3, 1, $4, $4, $5, $6) ON CONFLICT (incident_id, fold_key)"
            " DO UPDATE SET count = signal.count + 1, last_at = excluded.last_at"
            " RETURNING count, first_at, last_at, suppressed, CASE count WHEN 1 THEN NULL ELSE body END",
            [
                (signal.id, incident_id or "", signal.fold_key, moment, suppressed, signal.model_dump_json())
                for (signal, incident_id, suppressed), moment in zip(rows, at, strict=True)
            ],
        )
        return [
            SignalRow(
                # The first of its kind is what was given; only a repeat has another one's body.
                signal=Signal.model_validate_json(row[4]) if row[4] else given[0],
                incident_id=given[1],
                count=row[0],
                first_at=self._when(row[1]),
                last_at=self._when(row[2]),
                suppressed=row[3],
            )
            for given, row in zip(rows, kept, strict=True)
        ]

    def signal_counts(self, incident_id: str | None, fold_keys: Sequence[str]) -> dict[str, int]:
        """Give how often signals came, by fold key."""
        statement = f"SELECT fold_key, count FROM signal WHERE incident_id = $1 AND fold_key IN ({places(2)})"  # noqa: S608 - placeholders
        return {
            row[0]: int(row[1]) for some in chunks(fold_keys) for row in self._all(statement, incident_id or "", *some)
        }

    def signals(self, incident_id: str) -> list[SignalRow]:
        """Give an incident's signals by first arrival."""
        return [
            SignalRow(
                signal=Signal.model_validate_json(row[0]),
                incident_id=row[1] or None,
                count=row[2],
                first_at=self._when(row[3]),
                last_at=self._when(row[4]),
                suppressed=row[5],
            )
            for row in self._all(f"{_SIGNAL} WHERE incident_id = $1 ORDER BY first_at, id", incident_id)
        ]

    # -- pages -------------------------------------------------------------------------------------------------------

    def save_page(self, page: Page) -> None:
        """Insert or replace a page."""
        self.save_pages([page])

    def save_pages(self, pages: Sequence[Page]) -> None:
        """Insert or replace many pages."""
        self._many(
            "INSERT INTO page (id, incident_id, open_at, due_at, channel, body) VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (id) DO UPDATE SET incident_id = excluded.incident_id, open_at = excluded.open_at,"
            " due_at = excluded.due_at, channel = excluded.channel, body = excluded.body",
            [
                (
                    page.id,
                    page.incident_id or "",
                    None if (due := due_at(page)) is None else self._at(due),
                    self._at(page.due_at),
                    page.channel,
                    page.model_dump_json(),
                )
                for page in pages
            ],
        )

    def page(self, page_id: str) -> Page | None:
        """Give a page, or None."""
        found = self._pages("WHERE id = $1", page_id)
        return found[0] if found else None

    def pages(self, incident_id: str | None = None, *, limit: int = 1000) -> list[Page]:
        """Give pages by due time."""
        if incident_id is None:
            return self._pages("ORDER BY due_at, id LIMIT $1", limit)
        return self._pages("WHERE incident_id = $1 ORDER BY due_at, id LIMIT $2", incident_id, limit)

    def due_pages(self, now: datetime, limit: int = 100, *, without: Sequence[str] = ()) -> list[Page]:
        """Give pages that may be claimed now, the earliest first."""
        left = others(without, after=2)
        return self._pages(f"WHERE open_at <= $1{left} ORDER BY open_at, id LIMIT $2", self._at(now), limit, *without)

    def owed_pages(self, now: datetime, limit: int = 100, *, without: Sequence[str] = ()) -> list[Page]:
        """Give what `due_pages` gives; there is one writer only, so nobody else claims them meanwhile."""
        return self.due_pages(now, limit, without=without)

    def count_due(self, now: datetime) -> int:
        """Give the number of pages that may be claimed now."""
        row = self._one("SELECT count(*) FROM page WHERE open_at <= $1", self._at(now))
        return 0 if row is None else int(row[0])

    def next_page_due(self, *, without: Sequence[str] = ()) -> datetime | None:
        """Give the moment at which the next page may be claimed."""
        left = others(without, after=0)
        row = self._one(
            f"SELECT open_at FROM page WHERE open_at IS NOT NULL{left} ORDER BY open_at LIMIT 1",  # noqa: S608 - placeholders
            *without,
        )
        return None if row is None else self._when(row[0])

    def claim_page(self, page_id: str, now: datetime, lease_until: datetime) -> Page | None:
        """Claim a due page, or give None."""
        page = self.page(page_id)
        taken = None if page is None else claimed(page, now, lease_until)
        if taken is not None:
            self.save_page(taken)
        return taken

    def release_claims(self, now: datetime) -> int:
        """Give back to the outbox what an earlier run of this engine had claimed; tell how many rows."""
        held = self._pages("WHERE open_at > $1 AND open_at <= $2", self._at(now), self._at(now + LEASE))
        mine = [released(page) for page in held if page.state == "claimed"]
        self.save_pages(mine)
        return len(mine)

    def _pages(self, rest: str, *values: Any) -> list[Page]:
        """Give the pages that a condition, an order and a limit leave."""
        return [read_page(row[0]) for row in self._all(f"SELECT body FROM page {rest}", *values)]  # noqa: S608 - `rest` is ours

    def _entry(self, row: Row) -> Entry:
        number, incident_id, seq, at, actor, body = row
        return Entry(
            number=number,
            incident_id=incident_id or None,
            seq=seq,
            at=self._when(at),
            actor=Actor.model_validate_json(actor),
            event=EVENT.validate_json(body),
        )


@lru_cache(maxsize=512)
def read_incident(body: str) -> Incident:
    """Read an incident. It is immutable, and the same one is asked for on every turn of the loop: read once."""
    return Incident.model_validate_json(body)


@lru_cache(maxsize=2048)
def read_page(body: str) -> Page:
    """Read a page. It is immutable, and those of an incident are read again with every one that is delivered."""
    return Page.model_validate_json(body)


def others(without: Sequence[str], *, after: int) -> str:
    """Give the condition that leaves channels out, whose names follow that many other values."""
    places = ", ".join(f"${place}" for place in range(after + 1, after + 1 + len(without)))
    return f" AND channel NOT IN ({places})" if without else ""
