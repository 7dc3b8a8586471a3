"""The engine's memory in memory: for stories, simulations and dry looks at a guide. Lost with the process."""

import asyncio
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TypeVar

from judgify.kit.errors import Unavailable
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
)
from judgify.response.outbox import claimed, due_at, released
from judgify.response.ports import Tx
from judgify.response.subscriber import Subscriber
from judgify.response.timeline import Entry, Event

T = TypeVar("T")


@dataclass
class Tables:
    """Everything that is kept. Values are immutable, so a copy of the containers is a copy of the state."""

    counters: dict[int, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    incidents: dict[str, Incident] = field(default_factory=dict)
    signals: dict[tuple[str | None, str], SignalRow] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    runs: dict[str, RunbookRun] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    actions: dict[str, ActionItem] = field(default_factory=dict)
    drills: dict[str, Drill] = field(default_factory=dict)
    rollouts: dict[str, Rollout] = field(default_factory=dict)
    automation: list[AutomationState] = field(default_factory=lambda: [AutomationState()])
    users: dict[str, User] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    links: dict[str, LoginLink] = field(default_factory=dict)
    subscribers: dict[str, Subscriber] = field(default_factory=dict)
    kept: dict[tuple[str, str], Kept] = field(default_factory=dict)

    def copied(self) -> "Tables":
        """Give a copy that changes on its own."""
        return Tables(**{item.name: copy(getattr(self, item.name)) for item in fields(self)})


class MemoryStore:
    """See `ports.Store`. Two stores on the same `Tables` are one store before and after a restart."""

    def __init__(self, tables: Tables | None = None) -> None:
        """Begin empty, or with what an earlier store of this process held."""
        self.tables = tables or Tables()
        self._lock = asyncio.Lock()

    @property
    def beside(self) -> None:
        """There is no other engine on this store: one process has it."""
        return None

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close; what was kept stays in `tables`."""

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction; whatever it raises undoes all of it and is raised here."""
        async with self._lock:
            before = self.tables.copied()
            try:
                return work(MemoryTx(self.tables))
            except BaseException:
                for item in fields(before):
                    setattr(self.tables, item.name, getattr(before, item.name))
                raise

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent state."""
        async with self._lock:
            return work(MemoryTx(self.tables))


class MemoryTx:
    """See `ports.Tx`."""

    def __init__(self, tables: Tables) -> None:
        """Work on these tables."""
        self._t = tables

    def next_number(self, year: int) -> int:
        """Give the next incident number of a year."""
        self._t.counters[year] = self._t.counters.get(year, 0) + 1
        return self._t.counters[year]

    def append(
        self, incident_id: str | None, actor: Actor, at: datetime, events: Sequence[Event]
    ) -> tuple[Incident | None, list[Entry]]:
        """Append events to a timeline and keep the fold beside it."""
        seq = max((entry.seq for entry in self._t.entries if entry.incident_id == incident_id), default=0)
        incident = self._t.incidents.get(incident_id) if incident_id else None
        added: list[Entry] = []
        for event in events:
            seq += 1
            number = len(self._t.entries) + 1
            entry = Entry(number=number, incident_id=incident_id, seq=seq, at=at, actor=actor, event=event)
            self._t.entries.append(entry)
            added.append(entry)
            if incident_id:
                incident = fold.apply(incident, entry)
                self._t.incidents[incident_id] = incident
        return incident, added

    def incident(self, incident_id: str) -> Incident | None:
        """Give an incident, or None."""
        return self._t.incidents.get(incident_id)

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
        found = [
            incident
            for incident in self._t.incidents.values()
            if (not states or incident.state in states)
            and (not severities or incident.severity in severities)
            and (drill is None or incident.drill == drill)
        ]
        found.sort(key=lambda incident: (incident.started_at, incident.id), reverse=True)
        return found[offset : offset + limit]

    def entries(self, incident_id: str | None, *, after: int = 0, limit: int = 10_000) -> list[Entry]:
        """Give a timeline's entries with seq > after."""
        return [entry for entry in self._t.entries if entry.incident_id == incident_id and entry.seq > after][:limit]

    def entries_after(self, number: int, limit: int = 500) -> list[Entry]:
        """Give entries of all timelines after a number."""
        return self._t.entries[number : number + limit]

    def last_number(self) -> int:
        """Give the number of the newest entry."""
        return len(self._t.entries)

    def record_signal(self, signal: Signal, incident_id: str | None, suppressed: str | None = None) -> SignalRow:
        """Store a signal, or count it as a repeat."""
        key = (incident_id, signal.fold_key)
        known = self._t.signals.get(key)
        if known is None:
            if any(row.signal.id == signal.id for row in self._t.signals.values()):
                raise Unavailable(f"the signal {signal.id} is stored already, under another key")
            at = signal.received_at
            row = SignalRow(
                signal=signal, incident_id=incident_id, count=1, first_at=at, last_at=at, suppressed=suppressed
            )
        else:
            row = known.model_copy(update={"count": known.count + 1, "last_at": signal.received_at})
        self._t.signals[key] = row
        return row

    def record_signals(self, rows: Sequence[tuple[Signal, str | None, str | None]]) -> list[SignalRow]:
        """Store many signals at once."""
        return [self.record_signal(*row) for row in rows]

    def signal_counts(self, incident_id: str | None, fold_keys: Sequence[str]) -> dict[str, int]:
        """Give how often signals came, by fold key."""
        found = {fold: self._t.signals.get((incident_id, fold)) for fold in fold_keys}
        return {fold: row.count for fold, row in found.items() if row is not None}

    def signals(self, incident_id: str) -> list[SignalRow]:
        """Give an incident's signals by first arrival."""
        rows = [row for row in self._t.signals.values() if row.incident_id == incident_id]
        return sorted(rows, key=lambda row: (row.first_at, row.signal.id))

    def save_page(self, page: Page) -> None:
        """Insert or replace a page."""
        self._t.pages[page.id] = page

    def save_pages(self, pages: Sequence[Page]) -> None:
        """Insert or replace many pages."""
        for page in pages:
            self.save_page(page)

    def page(self, page_id: str) -> Page | None:
        """Give a page, or None."""
        return self._t.pages.get(page_id)

    def pages(self, incident_id: str | None = None, *, limit: int = 1000) -> list[Page]:
        """Give pages by due time."""
        found = [page for page in self._t.pages.values() if incident_id is None or page.incident_id == incident_id]
        return sorted(found, key=lambda page: (page.due_at, page.id))[:limit]

    def due_pages(self, now: datetime, limit: int = 100, *, without: Sequence[str] = ()) -> list[Page]:
        """Give pages that may be claimed now, the earliest first."""
        found = [
            (due, page.id, page)
            for page in self._t.pages.values()
            if (due := due_at(page)) and due <= now and page.channel not in without
        ]
        return [page for _, _, page in sorted(found, key=lambda item: item[:2])][:limit]

    def owed_pages(self, now: datetime, limit: int = 100, *, without: Sequence[str] = ()) -> list[Page]:
        """Give what `due_pages` gives."""
        return self.due_pages(now, limit, without=without)

    def count_due(self, now: datetime) -> int:
        """Give the number of pages that may be claimed now."""
        return sum((due := due_at(page)) is not None and due <= now for page in self._t.pages.values())

    def release_claims(self, now: datetime) -> int:
        """Give back to the outbox what an earlier run of this engine had claimed."""
        held = [page for page in self._t.pages.values() if page.state == "claimed" and (due_at(page) or now) > now]
        self.save_pages([released(page) for page in held])
        return len(held)

    def next_page_due(self, *, without: Sequence[str] = ()) -> datetime | None:
        """Give the moment at which the next page may be claimed."""
        pages = (page for page in self._t.pages.values() if page.channel not in without)
        return min((due for page in pages if (due := due_at(page))), default=None)

    def claim_page(self, page_id: str, now: datetime, lease_until: datetime) -> Page | None:
        """Claim a due page, or give None."""
        page = self.page(page_id)
        taken = None if page is None else claimed(page, now, lease_until)
        if taken is not None:
            self.save_page(taken)
        return taken

    def save_run(self, run: RunbookRun) -> None:
        """Insert or replace a run."""
        self._t.runs[run.id] = run

    def run(self, run_id: str) -> RunbookRun | None:
        """Give a run, or None."""
        return self._t.runs.get(run_id)

    def runs(self, incident_id: str | None = None, *, active: bool = False) -> list[RunbookRun]:
        """Give runs by creation."""
        found = [
            run
            for run in self._t.runs.values()
            if (incident_id is None or run.incident_id == incident_id)
            and (not active or run.state in {"queued", "running", "waiting"})
        ]
        return sorted(found, key=lambda run: (run.created_at, run.id))

    def save_approval(self, approval: Approval) -> None:
        """Insert or replace an approval."""
        self._t.approvals[approval.id] = approval

    def approval(self, approval_id: str) -> Approval | None:
        """Give an approval, or None."""
        return self._t.approvals.get(approval_id)

    def approvals(self, *, waiting: bool = False) -> list[Approval]:
        """Give approvals by the time they were asked for."""
        found = [a for a in self._t.approvals.values() if not waiting or a.state in {"waiting", "granted"}]
        return sorted(found, key=lambda approval: (approval.asked_at, approval.id))

    def save_action(self, action: ActionItem) -> None:
        """Insert or replace an action item."""
        self._t.actions[action.id] = action

    def action(self, action_id: str) -> ActionItem | None:
        """Give an action item, or None."""
        return self._t.actions.get(action_id)

    def actions(self, incident_id: str | None = None, *, undone: bool = False) -> list[ActionItem]:
        """Give action items by due date."""
        found = [
            action
            for action in self._t.actions.values()
            if (incident_id is None or action.incident_id == incident_id) and (not undone or action.done_at is None)
        ]
        return sorted(found, key=lambda action: (action.due, action.id))

    def save_drill(self, drill: Drill) -> None:
        """Insert or replace a drill."""
        self._t.drills[drill.id] = drill

    def drill(self, drill_id: str) -> Drill | None:
        """Give a drill, or None."""
        return self._t.drills.get(drill_id)

    def drills(self, *, limit: int = 100) -> list[Drill]:
        """Give drills, newest first."""
        return sorted(self._t.drills.values(), key=lambda drill: (drill.started_at, drill.id), reverse=True)[:limit]

    def save_rollout(self, rollout: Rollout) -> None:
        """Insert or replace a planned rollout."""
        self._t.rollouts[rollout.id] = rollout

    def rollouts(self, now: datetime) -> list[Rollout]:
        """Give rollouts that have not ended, by their end."""
        found = [rollout for rollout in self._t.rollouts.values() if rollout.ends_at > now]
        return sorted(found, key=lambda rollout: (rollout.ends_at, rollout.id))

    def automation(self) -> AutomationState:
        """Give the hold switch."""
        return self._t.automation[0]

    def save_automation(self, state: AutomationState) -> None:
        """Set the hold switch."""
        self._t.automation[0] = state

    def save_user(self, user: User) -> None:
        """Insert or replace a user."""
        self._t.users[user.name] = user

    def user(self, name: str) -> User | None:
        """Give a user, or None."""
        return self._t.users.get(name)

    def users(self) -> list[User]:
        """Give all users by name."""
        return sorted(self._t.users.values(), key=lambda user: user.name)

    def save_session(self, session: Session) -> None:
        """Insert or replace a session."""
        self._t.sessions[session.digest] = session

    def session(self, digest: str) -> Session | None:
        """Give a session, or None."""
        return self._t.sessions.get(digest)

    def delete_sessions(self, *, digest: str | None = None, user: str | None = None) -> None:
        """End one session, or all of a user."""
        for key, session in list(self._t.sessions.items()):
            if key == digest or (user is not None and session.user == user):
                del self._t.sessions[key]

    def save_link(self, link: LoginLink) -> None:
        """Insert or replace a login link."""
        self._t.links[link.digest] = link

    def link(self, digest: str) -> LoginLink | None:
        """Give a login link, or None."""
        return self._t.links.get(digest)

    def save_subscriber(self, subscriber: Subscriber) -> None:
        """Insert or replace a subscriber."""
        self._t.subscribers[subscriber.id] = subscriber

    def subscriber(self, subscriber_id: str) -> Subscriber | None:
        """Give a subscriber, or None."""
        return self._t.subscribers.get(subscriber_id)

    def subscriber_of(self, address: str) -> Subscriber | None:
        """Give the subscriber with an address, or None."""
        return next((one for one in self.subscribers() if one.address == address), None)

    def subscribers(self) -> list[Subscriber]:
        """Give all subscribers, the oldest first."""
        return sorted(self._t.subscribers.values(), key=lambda one: (one.created_at, one.id))

    def delete_subscriber(self, subscriber_id: str) -> None:
        """Erase a subscriber."""
        self._t.subscribers.pop(subscriber_id, None)

    def keep(self, kept: Kept) -> None:
        """Insert or replace what is remembered."""
        self._t.kept[kept.kind, kept.id] = kept

    def kept(self, kind: str, key: str) -> Kept | None:
        """Give what is remembered, or None."""
        return self._t.kept.get((kind, key))

    def keep_all(self, rows: Sequence[Kept]) -> None:
        """Keep many."""
        for kept in rows:
            self.keep(kept)

    def kept_of(self, kind: str, keys: Sequence[str]) -> dict[str, Kept]:
        """Give what is remembered under any of these ids."""
        return {key: kept for key in keys if (kept := self._t.kept.get((kind, key))) is not None}

    def all_kept(self, kind: str, *, owner: str | None = None) -> list[Kept]:
        """Give everything remembered of a kind, by id."""
        mine = [one for one in self._t.kept.values() if one.kind == kind and owner in {None, one.owner}]
        return sorted(mine, key=lambda one: one.id)

    def drop(self, kind: str, key: str) -> bool:
        """Forget one thing."""
        return self._t.kept.pop((kind, key), None) is not None

    def sweep_kept(self, now: datetime) -> int:
        """Forget what may be forgotten by now."""
        old = [key for key, one in self._t.kept.items() if one.until is not None and one.until <= now]
        for key in old:
            del self._t.kept[key]
        return len(old)
