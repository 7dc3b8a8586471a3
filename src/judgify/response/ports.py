"""What the engine needs of the world, as Protocols; adapters implement them and `bootstrap` picks them.

The store is used through synchronous functions that run inside one transaction (`Store.write`): such a function runs
from its first line to its commit without the event loop in between, so no cancellation can leave half a command behind.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from judgify.kit.clock import Clock
from judgify.kit.supervisor_types import Change, Resources, Traffic, Unit
from judgify.kit.supervisor_types import Event as UnitEvent
from judgify.response.account import LoginLink, Session, User
from judgify.response.impact import Impact, Stretch, Targets
from judgify.response.incident import Incident
from judgify.response.kept import Kept
from judgify.response.model import (
    ActionItem,
    Actor,
    Approval,
    AutomationState,
    Check,
    Delivery,
    DocumentKind,
    Drill,
    Lang,
    OperationRun,
    Page,
    RenderedOperation,
    Rollout,
    RunbookRun,
    Severity,
    Signal,
    SignalRow,
    State,
)
from judgify.response.subscriber import Subscriber
from judgify.response.timeline import Entry, Event

__all__ = [
    "Clock",
    "Documents",
    "LogSource",
    "MetricsSource",
    "Orchestrator",
    "Pager",
    "RunHost",
    "Runner",
    "SignalSink",
    "Store",
    "Tx",
]

T = TypeVar("T")


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

    def kept(self, kind: str, key: str) -> Kept | None:
        """Give what is remembered under a kind and an id, or None. What may be forgotten is given until it is swept."""
        ...

    def all_kept(self, kind: str, *, owner: str | None = None) -> list[Kept]:
        """Give everything remembered of a kind (and an owner), by id."""
        ...

    def drop(self, kind: str, key: str) -> None:
        """Forget one thing; nothing of it is left."""
        ...

    def sweep_kept(self, now: datetime) -> int:
        """Forget what may be forgotten by now; give how many."""
        ...


class Store(Protocol):
    """The engine's memory. Raises `Unavailable` (slug `store-full`, `store-unavailable`) with nothing half-written."""

    async def open(self) -> None:
        """Open and migrate forward; idempotent."""
        ...

    async def close(self) -> None:
        """Close after the running transaction."""
        ...

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction and commit it; whatever it raises undoes all of it and is raised here."""
        ...

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent state; it must not write."""
        ...


class Orchestrator(Protocol):
    """What runs the platform's units: the local supervisor, memory, later Kubernetes.

    Every mutating call has an operation id: the same id again gives the first answer and acts once.
    Raises `Unavailable` when the orchestrator does not answer, `NotFound` for an unknown unit.
    """

    async def units(self) -> tuple[Unit, ...]:
        """Give all units."""
        ...

    async def unit(self, name: str) -> Unit:
        """Give one unit."""
        ...

    async def logs(self, name: str, lines: int = 100) -> tuple[str, ...]:
        """Give the newest log lines of a unit, oldest first."""
        ...

    async def resources(self, name: str) -> Resources:
        """Give what a unit uses."""
        ...

    async def events(self, after: int = 0, limit: int = 20) -> tuple[UnitEvent, ...]:
        """Give the newest events of the platform with id > after, oldest first."""
        ...

    async def start(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Start a unit."""
        ...

    async def stop(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Stop a unit."""
        ...

    async def restart(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Restart a unit."""
        ...

    async def roll_back(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Go back to the newest revision with another release that had been healthy."""
        ...

    async def scale(self, name: str, replicas: int, *, by: str, reason: str, operation_id: str) -> Change:
        """Change the number of processes of a unit."""
        ...

    async def set_env(
        self,
        name: str,
        set_: Mapping[str, str],
        unset: Sequence[str] = (),
        *,
        by: str,
        reason: str,
        operation_id: str,
    ) -> Change:
        """Set and unset variables of a unit, which restarts it."""
        ...

    async def set_limits(
        self,
        name: str,
        *,
        memory_bytes: int | None = None,
        cpu_millis: int | None = None,
        by: str,
        reason: str,
        operation_id: str,
    ) -> Change:
        """Change what a unit may use."""
        ...

    async def block_traffic(self, retry_after_s: int, *, by: str, reason: str, operation_id: str) -> Traffic:
        """Let the gateway answer 503 with Retry-After."""
        ...

    async def unblock_traffic(self, *, by: str, reason: str, operation_id: str) -> Traffic:
        """Let traffic through again."""
        ...

    async def traffic(self) -> Traffic:
        """Give the state of the traffic switch."""
        ...

    async def alive(self) -> bool:
        """Tell whether the orchestrator itself answers. Never raises."""
        ...

    async def revive(self) -> bool:
        """Start a dead orchestrator again where that is possible (the local supervisor); True when it answers now."""
        ...


class MetricsSource(Protocol):
    """Figures of the platform from a window of the engine's own, so that they outlive the platform."""

    def impact(
        self,
        during: Stretch,
        targets: Targets,
        *,
        availability: float | None = None,
        availability_before: float | None = None,
    ) -> Impact:
        """Compare a stretch with the one of the same length before it (guide 5.2)."""
        ...


class LogSource(Protocol):
    """Log lines of the platform."""

    async def tail(self, service: str, *, lines: int = 100, level: str | None = None) -> list[str]:
        """Give the newest lines, oldest first; `level` ERROR keeps errors only."""
        ...


class Pager(Protocol):
    """Hands a page to its channel (implemented by `response.pager` on `notify`)."""

    def prepares(self, page: Page) -> bool:
        """Tell whether `deliver` may begin before the page is due: its channel passes `notify.fence` before it sends."""
        ...

    async def deliver(self, page: Page, incident: Incident | None) -> Delivery:
        """Render and send one page within 10 s. Never raises for a failed delivery: that is a value."""
        ...


class RunHost(Protocol):
    """What a runbook runner may ask of the engine, and the only way in which it writes."""

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...

    async def incident(self, incident_id: str) -> Incident:
        """Give the incident as it is now."""
        ...

    async def unsettled(self) -> list[Incident]:
        """Give all incidents that are not resolved."""
        ...

    async def record(self, run: RunbookRun, *events: Event) -> None:
        """Append events to the run's incident (if any) and save the run, in one transaction."""
        ...

    async def ask(self, run: RunbookRun, step: str, rendered: RenderedOperation, needed: int) -> Approval:
        """Ask for approval (one or two persons); the same rendering asked again gives the waiting request."""
        ...

    async def approval(self, approval_id: str) -> Approval:
        """Give an approval with its state as of now (`waiting`, `granted`, `rejected`, `lapsed`, `used`)."""
        ...

    async def use_approval(self, approval_id: str, digest: str) -> bool:
        """Take a granted approval for exactly this digest; True once, False when lapsed, used or for something else."""
        ...

    async def automation(self) -> AutomationState:
        """Give the hold switch."""
        ...

    async def recent_operations(self, unit: str | None, within_s: float) -> list[tuple[str, OperationRun]]:
        """Give (incident id, operation) of those started within that time on a unit (None: all), oldest first."""
        ...

    async def probes_suspect(self) -> str | None:
        """Say why our own probes cannot be trusted now, or None."""
        ...

    def check(self, service: str) -> Check | None:
        """Give the newest answer of our own check of a service."""
        ...


class Runner(Protocol):
    """Works through a runbook (implemented by `response.runbook`)."""

    async def advance(self, run: RunbookRun, host: RunHost) -> RunbookRun:
        """Go on until the run ends or has to wait; give it with its new state, `due_at` and `waiting_for`.

        Called again with the saved run after a restart of the engine: an operation that was started and has no result
        is sent again under its id. Everything worth keeping goes through `host.record` before the next thing is done.
        """
        ...

    def plan(self, service: str) -> str | None:
        """Give the id of the runbook for a service, or None when the guide has none."""
        ...


class SignalSink(Protocol):
    """Where probes and intake routes put what they see (implemented by the engine)."""

    async def signal(self, signal: Signal) -> str | None:
        """Make a signal durable, folding repeats; give the incident's id (None: suppressed, or an all-clear)."""
        ...

    def check(self, result: Check) -> None:
        """Take one answer of our own check of a service; cheap, to be called for every answer."""
        ...

    def suspect_probes(self, reason: str | None) -> None:
        """Say that the prober cannot reach itself (automation pauses), or with None that it can again."""
        ...


class Documents(Protocol):
    """Writes the documents of an incident from its timeline (implemented by `response.documents`)."""

    def render(self, kind: DocumentKind, lang: Lang, incident: Incident, entries: Sequence[Entry]) -> str:
        """Give the Markdown of a document; every sentence and number has an entry behind it."""
        ...

    def sentences(self, lang: Lang, incident: Incident, entries: Sequence[Entry]) -> list[str]:
        """Give one sentence of plain text for each entry of a timeline; whoever shows it escapes it."""
        ...
