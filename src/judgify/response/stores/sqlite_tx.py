"""One transaction on the SQLite store: the `Tx` port in SQL."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from judgify.kit.clock import iso
from judgify.response import fold
from judgify.response.account import LoginLink, Session, User
from judgify.response.incident import Incident
from judgify.response.kept import Kept
from judgify.response.model import (
    ActionItem,
    Actor,
    Approval,
    AutomationState,
    Drill,
    Page,
    Rollout,
    RunbookRun,
    Severity,
    Signal,
    SignalRow,
    State,
    Value,
)
from judgify.response.outbox import claimed, due_at
from judgify.response.subscriber import Subscriber
from judgify.response.timeline import EVENT, Entry, Event

V = TypeVar("V", bound=Value)


class SqliteTx:
    """See `ports.Tx`; lives as long as its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection within a transaction."""
        self._db = connection

    def next_number(self, year: int) -> int:
        """Give the next incident number of a year."""
        row = self._db.execute(
            "INSERT INTO counter VALUES (?, 1) ON CONFLICT (year) DO UPDATE SET last = last + 1 RETURNING last", (year,)
        ).fetchone()
        return int(row[0])

    def append(
        self, incident_id: str | None, actor: Actor, at: datetime, events: Sequence[Event]
    ) -> tuple[Incident | None, list[Entry]]:
        """Append events to a timeline and keep the fold beside it."""
        key = incident_id or ""
        seq = int(
            self._db.execute("SELECT coalesce(max(seq), 0) FROM entry WHERE incident_id = ?", (key,)).fetchone()[0]
        )
        incident = self.incident(key) if key else None
        entries: list[Entry] = []
        for event in events:
            seq += 1
            number = self._db.execute(
                "INSERT INTO entry (incident_id, seq, at, actor, type, body) VALUES (?, ?, ?, ?, ?, ?)",
                (key, seq, iso(at), actor.model_dump_json(), event.type, event.model_dump_json()),
            ).lastrowid
            entry = Entry(number=number or 0, incident_id=incident_id, seq=seq, at=at, actor=actor, event=event)
            entries.append(entry)
            if key:
                incident = fold.apply(incident, entry)
        if incident is not None and entries:
            self._save_incident(incident)
        return incident, entries

    def _save_incident(self, incident: Incident) -> None:
        self._db.execute(
            "INSERT INTO incident VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, "
            "severity = excluded.severity, drill = excluded.drill, body = excluded.body",
            (
                incident.id,
                incident.state,
                incident.severity,
                incident.drill or "",
                iso(incident.started_at),
                incident.model_dump_json(),
            ),
        )

    def incident(self, incident_id: str) -> Incident | None:
        """Give an incident, or None."""
        row = self._db.execute("SELECT body FROM incident WHERE id = ?", (incident_id,)).fetchone()
        return None if row is None else _incident(row[0])

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
        rows = self._db.execute(
            "SELECT body FROM incident WHERE (:states = '[]' OR state IN (SELECT value FROM json_each(:states)))"
            " AND (:severities = '[]' OR severity IN (SELECT value FROM json_each(:severities)))"
            " AND (:drill IS NULL OR drill = :drill) ORDER BY started_at DESC, id DESC LIMIT :limit OFFSET :offset",
            {
                "states": json.dumps(list(states)),
                "severities": json.dumps(list(severities)),
                "drill": drill,
                "limit": limit,
                "offset": offset,
            },
        )
        return [_incident(row[0]) for row in rows]

    def entries(self, incident_id: str | None, *, after: int = 0, limit: int = 10_000) -> list[Entry]:
        """Give a timeline's entries with seq > after."""
        rows = self._db.execute(
            "SELECT number, incident_id, seq, at, actor, body FROM entry"
            " WHERE incident_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (incident_id or "", after, limit),
        )
        return [_entry(row) for row in rows]

    def entries_after(self, number: int, limit: int = 500) -> list[Entry]:
        """Give entries of all timelines after a number."""
        rows = self._db.execute(
            "SELECT number, incident_id, seq, at, actor, body FROM entry WHERE number > ? ORDER BY number LIMIT ?",
            (number, limit),
        )
        return [_entry(row) for row in rows]

    def last_number(self) -> int:
        """Give the number of the newest entry."""
        return int(self._db.execute("SELECT coalesce(max(number), 0) FROM entry").fetchone()[0])

    def record_signal(self, signal: Signal, incident_id: str | None, suppressed: str | None = None) -> SignalRow:
        """Store a signal, or count it as a repeat."""
        row = self._db.execute(
            "INSERT INTO signal VALUES (?, ?, ?, 1, ?, ?, ?, ?) ON CONFLICT (incident_id, fold_key)"
            " DO UPDATE SET count = count + 1, last_at = excluded.last_at"
            " RETURNING body, incident_id, count, first_at, last_at, suppressed",
            (
                signal.id,
                incident_id or "",
                signal.fold_key,
                iso(signal.received_at),
                iso(signal.received_at),
                suppressed,
                signal.model_dump_json(),
            ),
        ).fetchone()
        return _signal_row(row)

    def signals(self, incident_id: str) -> list[SignalRow]:
        """Give an incident's signals by first arrival."""
        rows = self._db.execute(
            "SELECT body, incident_id, count, first_at, last_at, suppressed FROM signal"
            " WHERE incident_id = ? ORDER BY first_at, id",
            (incident_id,),
        )
        return [_signal_row(row) for row in rows]

    def save_page(self, page: Page) -> None:
        """Insert or replace a page."""
        due = due_at(page)
        self._db.execute(
            "INSERT OR REPLACE INTO page VALUES (?, ?, ?, ?, ?)",
            (page.id, page.incident_id or "", None if due is None else iso(due), iso(page.due_at), _body(page)),
        )

    def page(self, page_id: str) -> Page | None:
        """Give a page, or None."""
        row = self._db.execute("SELECT body FROM page WHERE id = ?", (page_id,)).fetchone()
        return None if row is None else Page.model_validate_json(row[0])

    def pages(self, incident_id: str | None = None, *, limit: int = 1000) -> list[Page]:
        """Give pages by due time."""
        rows = self._db.execute(
            "SELECT body FROM page WHERE ?1 IS NULL OR incident_id = ?1 ORDER BY due_at, id LIMIT ?2",
            (incident_id, limit),
        )
        return [Page.model_validate_json(row[0]) for row in rows]

    def due_pages(self, now: datetime, limit: int = 100) -> list[Page]:
        """Give pages that may be claimed now, the earliest first."""
        rows = self._db.execute(
            "SELECT body FROM page WHERE open_at <= ? ORDER BY open_at, id LIMIT ?", (iso(now), limit)
        )
        return [Page.model_validate_json(row[0]) for row in rows]

    def next_page_due(self) -> datetime | None:
        """Give the moment at which the next page may be claimed."""
        row = self._db.execute("SELECT min(open_at) FROM page WHERE open_at IS NOT NULL").fetchone()
        return None if row[0] is None else datetime.fromisoformat(row[0])

    def claim_page(self, page_id: str, now: datetime, lease_until: datetime) -> Page | None:
        """Claim a due page, or give None."""
        page = self.page(page_id)
        taken = None if page is None else claimed(page, now, lease_until)
        if taken is not None:
            self.save_page(taken)
        return taken

    def save_run(self, run: RunbookRun) -> None:
        """Insert or replace a run."""
        live = run.state in {"queued", "running", "waiting"}
        self._put("run", run.id, run, owner=run.incident_id, live=live, sort=iso(run.created_at))

    def run(self, run_id: str) -> RunbookRun | None:
        """Give a run, or None."""
        return self._get("run", run_id, RunbookRun)

    def runs(self, incident_id: str | None = None, *, active: bool = False) -> list[RunbookRun]:
        """Give runs by creation."""
        return self._list("run", RunbookRun, owner=incident_id, live=active)

    def save_approval(self, approval: Approval) -> None:
        """Insert or replace an approval."""
        live = approval.state in {"waiting", "granted"}
        sort = iso(approval.asked_at)
        self._put("approval", approval.id, approval, owner=approval.incident_id, live=live, sort=sort)

    def approval(self, approval_id: str) -> Approval | None:
        """Give an approval, or None."""
        return self._get("approval", approval_id, Approval)

    def approvals(self, *, waiting: bool = False) -> list[Approval]:
        """Give approvals by the time they were asked for."""
        return self._list("approval", Approval, live=waiting)

    def save_action(self, action: ActionItem) -> None:
        """Insert or replace an action item."""
        live = action.done_at is None
        self._put("action", action.id, action, owner=action.incident_id, live=live, sort=iso(action.due))

    def action(self, action_id: str) -> ActionItem | None:
        """Give an action item, or None."""
        return self._get("action", action_id, ActionItem)

    def actions(self, incident_id: str | None = None, *, undone: bool = False) -> list[ActionItem]:
        """Give action items by due date."""
        return self._list("action", ActionItem, owner=incident_id, live=undone)

    def save_drill(self, drill: Drill) -> None:
        """Insert or replace a drill."""
        self._put("drill", drill.id, drill, live=drill.finished_at is None, sort=iso(drill.started_at))

    def drill(self, drill_id: str) -> Drill | None:
        """Give a drill, or None."""
        return self._get("drill", drill_id, Drill)

    def drills(self, *, limit: int = 100) -> list[Drill]:
        """Give drills, newest first."""
        return self._list("drill", Drill)[::-1][:limit]

    def save_rollout(self, rollout: Rollout) -> None:
        """Insert or replace a planned rollout; its place is its end."""
        self._put("rollout", rollout.id, rollout, live=True, sort=iso(rollout.ends_at))

    def rollouts(self, now: datetime) -> list[Rollout]:
        """Give rollouts that have not ended."""
        return [rollout for rollout in self._list("rollout", Rollout) if rollout.ends_at > now]

    def automation(self) -> AutomationState:
        """Give the hold switch."""
        return self._get("automation", "hold", AutomationState) or AutomationState()

    def save_automation(self, state: AutomationState) -> None:
        """Set the hold switch."""
        self._put("automation", "hold", state)

    def save_user(self, user: User) -> None:
        """Insert or replace a user."""
        self._put("user", user.name, user, sort=user.name)

    def user(self, name: str) -> User | None:
        """Give a user, or None."""
        return self._get("user", name, User)

    def users(self) -> list[User]:
        """Give all users by name."""
        return self._list("user", User)

    def save_session(self, session: Session) -> None:
        """Insert or replace a session."""
        self._put("session", session.digest, session, owner=session.user, sort=iso(session.expires_at))

    def session(self, digest: str) -> Session | None:
        """Give a session, or None."""
        return self._get("session", digest, Session)

    def delete_sessions(self, *, digest: str | None = None, user: str | None = None) -> None:
        """End one session, or all of a user."""
        self._db.execute(
            "DELETE FROM record WHERE kind = 'session' AND (id = ? OR owner = ?)", (digest, user or "\0nobody")
        )

    def save_link(self, link: LoginLink) -> None:
        """Insert or replace a login link."""
        self._put("link", link.digest, link, owner=link.user, sort=iso(link.expires_at))

    def link(self, digest: str) -> LoginLink | None:
        """Give a login link, or None."""
        return self._get("link", digest, LoginLink)

    def save_subscriber(self, subscriber: Subscriber) -> None:
        """Insert or replace a subscriber."""
        sort = iso(subscriber.created_at)
        self._put("subscriber", subscriber.id, subscriber, owner=subscriber.address, sort=sort)

    def subscriber(self, subscriber_id: str) -> Subscriber | None:
        """Give a subscriber, or None."""
        return self._get("subscriber", subscriber_id, Subscriber)

    def subscriber_of(self, address: str) -> Subscriber | None:
        """Give the subscriber with an address, or None."""
        return next(iter(self._list("subscriber", Subscriber, owner=address)), None)

    def subscribers(self) -> list[Subscriber]:
        """Give all subscribers, the oldest first."""
        return self._list("subscriber", Subscriber)

    def delete_subscriber(self, subscriber_id: str) -> None:
        """Erase a subscriber."""
        self._db.execute("DELETE FROM record WHERE kind = 'subscriber' AND id = ?", (subscriber_id,))

    def keep(self, kept: Kept) -> None:
        """Insert or replace what is remembered; its place is the moment from which it may be forgotten."""
        sort = "" if kept.until is None else iso(kept.until)
        self._put(f"kept:{kept.kind}", kept.id, kept, owner=kept.owner, live=kept.until is not None, sort=sort)

    def kept(self, kind: str, key: str) -> Kept | None:
        """Give what is remembered, or None."""
        return self._get(f"kept:{kind}", key, Kept)

    def all_kept(self, kind: str, *, owner: str | None = None) -> list[Kept]:
        """Give everything remembered of a kind, by id."""
        return sorted(self._list(f"kept:{kind}", Kept, owner=owner), key=lambda one: one.id)

    def drop(self, kind: str, key: str) -> None:
        """Forget one thing."""
        self._db.execute("DELETE FROM record WHERE kind = ? AND id = ?", (f"kept:{kind}", key))

    def sweep_kept(self, now: datetime) -> int:
        """Forget what may be forgotten by now."""
        done = self._db.execute(
            "DELETE FROM record WHERE kind >= 'kept:' AND kind < 'kept;' AND live = 1 AND sort <= ?", (iso(now),)
        )
        return done.rowcount

    def _put(
        self, kind: str, key: str, value: Value, *, owner: str | None = None, live: bool = False, sort: str = ""
    ) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?)",
            (kind, key, owner or "", int(live), sort, _body(value)),
        )

    def _get(self, kind: str, key: str, form: type[V]) -> V | None:
        row = self._db.execute("SELECT body FROM record WHERE kind = ? AND id = ?", (kind, key)).fetchone()
        return None if row is None else form.model_validate_json(row[0])

    def _list(self, kind: str, form: type[V], *, owner: str | None = None, live: bool = False) -> list[V]:
        rows = self._db.execute(
            "SELECT body FROM record WHERE kind = ?1 AND (?2 IS NULL OR owner = ?2) AND (live = 1 OR ?3 = 0)"
            " ORDER BY sort, id",
            (kind, owner, int(live)),
        )
        return [form.model_validate_json(row[0]) for row in rows]


@lru_cache(maxsize=512)
def _incident(body: str) -> Incident:
    """Read an incident. It is immutable, and the same one is asked for on every turn of the loop: read once."""
    return Incident.model_validate_json(body)


def _body(value: Value) -> str:
    return value.model_dump_json()


def _entry(row: tuple[Any, ...]) -> Entry:
    number, incident_id, seq, at, actor, body = row
    return Entry(
        number=number,
        incident_id=incident_id or None,
        seq=seq,
        at=datetime.fromisoformat(at),
        actor=Actor.model_validate_json(actor),
        event=EVENT.validate_json(body),
    )


def _signal_row(row: tuple[Any, ...]) -> SignalRow:
    body, incident_id, count, first_at, last_at, suppressed = row
    return SignalRow(
        signal=Signal.model_validate_json(body),
        incident_id=incident_id or None,
        count=count,
        first_at=datetime.fromisoformat(first_at),
        last_at=datetime.fromisoformat(last_at),
        suppressed=suppressed,
    )
