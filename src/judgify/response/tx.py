"""What one transaction on the engine's store can do; the stores implement it, held to it by one suite of tests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

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
from judgify.response.subscriber import Subscriber
from judgify.response.timeline import Entry, Event


class Tx(Protocol):
    """One transaction on the store. All of it is durable when `Store.write` returns, or none of it ever happened."""

    # timeline and incidents
    def next_number(self, year: int) -> int:
        """Give the next incident number of a year, from 1, gapless: taken only if this transaction commits."""
        ...

    def append(
        self, incident_id: str | None, actor: Actor, at: datetime, events: Sequence[Event]
    ) -> tuple[Incident | None, list[Entry]]:
        """Append events to a timeline and give the folded incident (None for the engine's own timeline)."""
        ...

    def incident(self, incident_id: str) -> Incident | None:
        """Give an incident, or None."""
        ...

    def incidents(
        self,
        *,
        states: Sequence[State] = (),
        severities: Sequence[Severity] = (),
        drill: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Incident]:
        """List incidents, newest first; an empty filter lets everything pass."""
        ...

    def entries(self, incident_id: str | None, *, after: int = 0, limit: int = 10_000) -> list[Entry]:
        """Give a timeline's entries with seq > after, in order."""
        ...

    def entries_after(self, number: int, limit: int = 500) -> list[Entry]:
        """Give entries of all timelines with number > `number`, in order."""
        ...

    def last_number(self) -> int:
        """Give the number of the newest entry, 0 when there is none."""
        ...

    # signals
    def record_signal(self, signal: Signal, incident_id: str | None, suppressed: str | None = None) -> SignalRow:
        """Store a signal, or count it when the incident has one with the same fold key."""
        ...

    def record_signals(self, rows: Sequence[tuple[Signal, str | None, str | None]]) -> list[SignalRow]:
        """Store many signals (signal, incident, why suppressed), each as `record_signal` does, in few statements."""
        ...

    def signal_counts(self, incident_id: str | None, fold_keys: Sequence[str]) -> dict[str, int]:
        """Give how often signals came to an incident, by fold key; one that never came is left out."""
        ...

    def signals(self, incident_id: str) -> list[SignalRow]:
        """Give an incident's signals by first arrival."""
        ...

    # pages
    def save_page(self, page: Page) -> None:
        """Insert or replace a page."""
        ...

    def save_pages(self, pages: Sequence[Page]) -> None:
        """Insert or replace many pages in few statements."""
        ...

    def page(self, page_id: str) -> Page | None:
        """Give a page, or None."""
        ...

    def pages(self, incident_id: str | None = None, *, limit: int = 1000) -> list[Page]:
        """Give an incident's pages (all when None) by due time."""
        ...

    def due_pages(self, now: datetime, limit: int = 100, *, without: Sequence[str] = ()) -> list[Page]:
        """Give pages that are due, and claimed ones whose lease ran out, the earliest first; not of channels `without`.

        `now` is the engine's clock; a lease ends by the clock that all engines on the store share.
        """
        ...

    def owed_pages(self, now: datetime, limit: int = 100, *, without: Sequence[str] = ()) -> list[Page]:
        """Give what `due_pages` gives, for whoever claims them in this transaction: nobody else can before it ends."""
        ...

    def count_due(self, now: datetime) -> int:
        """Give the number of pages that may be claimed now."""
        ...

    def release_claims(self, now: datetime) -> int:
        """Give back to the outbox, at once, what an earlier run of this same engine had claimed; tell how many rows.

        For the engine that starts and knows that no try of its own is under way. What a twin holds stays its own.
        """
        ...

    def next_page_due(self, *, without: Sequence[str] = ()) -> datetime | None:
        """Give the moment at which the next page is due (a claimed one: its lease's end), or None."""
        ...

    def claim_page(self, page_id: str, now: datetime, lease_until: datetime) -> Page | None:
        """Claim a due page: its token grows, its state is `claimed`. None when somebody else was faster.

        A page whose earlier claim ended without an outcome comes back with `possibly_repeat` set.
        """
        ...

    # runbook runs, approvals
    def save_run(self, run: RunbookRun) -> None:
        """Insert or replace a run."""
        ...

    def run(self, run_id: str) -> RunbookRun | None:
        """Give a run, or None."""
        ...

    def runs(self, incident_id: str | None = None, *, active: bool = False) -> list[RunbookRun]:
        """Give runs by creation, of one incident or of all; `active` = queued, running or waiting."""
        ...

    def save_approval(self, approval: Approval) -> None:
        """Insert or replace an approval."""
        ...

    def approval(self, approval_id: str) -> Approval | None:
        """Give an approval, or None."""
        ...

    def approvals(self, *, waiting: bool = False) -> list[Approval]:
        """Give approvals by the time they were asked for; `waiting` = state waiting or granted."""
        ...

    # action items, drills, rollouts, hold
    def save_action(self, action: ActionItem) -> None:
        """Insert or replace an action item."""
        ...

    def action(self, action_id: str) -> ActionItem | None:
        """Give an action item, or None."""
        ...

    def actions(self, incident_id: str | None = None, *, undone: bool = False) -> list[ActionItem]:
        """Give action items by due date."""
        ...

    def save_drill(self, drill: Drill) -> None:
        """Insert or replace a drill."""
        ...

    def drill(self, drill_id: str) -> Drill | None:
        """Give a drill, or None."""
        ...

    def drills(self, *, limit: int = 100) -> list[Drill]:
        """Give drills, newest first."""
        ...

    def save_rollout(self, rollout: Rollout) -> None:
        """Insert or replace a planned rollout."""
        ...

    def rollouts(self, now: datetime) -> list[Rollout]:
        """Give rollouts that have not ended."""
        ...

    def automation(self) -> AutomationState:
        """Give the hold switch."""
        ...

    def save_automation(self, state: AutomationState) -> None:
        """Set the hold switch."""
        ...

    # people
    def save_user(self, user: User) -> None:
        """Insert or replace a user."""
        ...

    def user(self, name: str) -> User | None:
        """Give a user, or None."""
        ...

    def users(self) -> list[User]:
        """Give all users by name."""
        ...

    def save_session(self, session: Session) -> None:
        """Insert or replace a console session."""
        ...

    def session(self, digest: str) -> Session | None:
        """Give a session, or None."""
        ...

    def delete_sessions(self, *, digest: str | None = None, user: str | None = None) -> None:
        """End one session, or all of a user."""
        ...

    def save_link(self, link: LoginLink) -> None:
        """Insert or replace a login link."""
        ...

    def link(self, digest: str) -> LoginLink | None:
        """Give a login link, or None."""
        ...

    # who hears of incidents outside
    def save_subscriber(self, subscriber: Subscriber) -> None:
        """Insert or replace a subscriber."""
        ...

    def subscriber(self, subscriber_id: str) -> Subscriber | None:
        """Give a subscriber, or None."""
        ...

    def subscriber_of(self, address: str) -> Subscriber | None:
        """Give the subscriber with an address, or None."""
        ...

    def subscribers(self) -> list[Subscriber]:
        """Give all subscribers, the oldest first."""
        ...

    def delete_subscriber(self, subscriber_id: str) -> None:
        """Erase a subscriber; nothing of the address is left in the table."""
        ...

    # small things to remember
    def keep(self, kept: Kept) -> None:
        """Insert or replace what is remembered under a kind and an id."""
        ...

    def keep_all(self, rows: Sequence[Kept]) -> None:
        """Keep many, each as `keep` does, in few statements."""
        ...

    def kept_of(self, kind: str, keys: Sequence[str]) -> dict[str, Kept]:
        """Give what is remembered under a kind and any of these ids, by id, in few statements."""
        ...

    def kept(self, kind: str, key: str) -> Kept | None:
        """Give what is remembered under a kind and an id, or None. What may be forgotten is given until it is swept."""
        ...

    def all_kept(self, kind: str, *, owner: str | None = None) -> list[Kept]:
        """Give everything remembered of a kind (and an owner), by id."""
        ...

    def drop(self, kind: str, key: str) -> bool:
        """Forget one thing; nothing of it is left. False when there was none: another transaction was faster."""
        ...

    def sweep_kept(self, now: datetime) -> int:
        """Forget what may be forgotten by now; give how many."""
        ...
