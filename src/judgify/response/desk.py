"""The engine's desk: one command = one transaction; what was committed is told to listeners."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from judgify.kit.clock import Clock
from judgify.kit.errors import NotFound
from judgify.response import follow
from judgify.response.incident import Incident
from judgify.response.joining import WellSince, never_seen
from judgify.response.model import ENGINE, UNSETTLED, Actor, Page
from judgify.response.policy import Policy
from judgify.response.ports import Store, Tx
from judgify.response.timeline import Entry, Event

T = TypeVar("T")
RECENT: Final = timedelta(hours=1)
LISTENER_QUEUE: Final = 1_000


class Work:
    """One command at work inside its transaction."""

    def __init__(self, tx: Tx, policy: Policy, now: datetime, well_since: WellSince = never_seen) -> None:
        """Work on `tx` at the moment `now`; `well_since` tells what our own checks say of a service."""
        self.tx = tx
        self.policy = policy
        self.now = now
        self.well_since = well_since
        self.entries: list[Entry] = []
        self.owed = False
        """Whether a page was put into the outbox that is due at once."""
        self._recent: dict[str, Incident] | None = None

    def incident(self, incident_id: str) -> Incident:
        """Give an incident; `NotFound` when there is none."""
        incident = self.tx.incident(incident_id)
        if incident is None:
            raise NotFound(f"there is no incident {incident_id!r}")
        return incident

    def append(self, incident_id: str, *events: Event, actor: Actor = ENGINE) -> Incident:
        """Append events to an incident's timeline and give what it amounts to."""
        incident, entries = self.tx.append(incident_id, actor, self.now, events)
        self.entries += entries
        if incident is None:
            raise NotFound(f"there is no incident {incident_id!r}")
        if self._recent is not None:
            self._recent[incident.id] = incident
        return incident

    def journal(self, *events: Event, actor: Actor = ENGINE) -> None:
        """Append events to the engine's own timeline."""
        _, entries = self.tx.append(None, actor, self.now, events)
        self.entries += entries

    def recent(self) -> list[Incident]:
        """Give the incidents that a signal may still belong to: unsettled, or resolved within the hour."""
        if self._recent is None:
            found = self.tx.incidents(states=tuple(sorted(UNSETTLED)), limit=1_000)
            found += [
                incident
                for incident in self.tx.incidents(states=("resolved",), limit=50)
                if incident.recovered_at is not None and self.now - incident.recovered_at <= RECENT
            ]
            self._recent = {incident.id: incident for incident in found}
        return list(self._recent.values())

    def save_pages(self, pages: Sequence[Page]) -> None:
        """Put rows into the outbox."""
        for page in pages:
            self.tx.save_page(page)
            self.owed |= page.state == "due" and page.due_at <= self.now


class Desk:
    """Runs commands. Nothing is told to anybody before it is durable."""

    def __init__(self, store: Store, policy: Policy, clock: Clock) -> None:
        """Work on a store, by a policy, in a clock's time."""
        self.store = store
        self.policy = policy
        self.clock = clock
        self.wake = asyncio.Event()
        self.owed = asyncio.Event()
        """Set once a page is durable that is due at once."""
        self.well_since: Callable[[str, datetime], datetime | None] = lambda _service, _now: None
        """Since when our own checks find a service good; the engine puts its own in."""
        self.touched: set[str] = set()
        """Incidents that got entries; whoever follows them takes them out."""
        self._listeners: set[asyncio.Queue[Entry]] = set()

    async def command(self, work: Callable[[Work], T]) -> T:
        """Run one command in one transaction."""
        told: list[Entry] = []
        owed: list[bool] = []

        def run(tx: Tx) -> T:
            now = self.clock.now()
            job = Work(tx, self.policy, now, lambda service: self.well_since(service, now))
            result = work(job)
            follow.up(job)
            told.extend(job.entries)
            owed.append(job.owed)
            return result

        result = await self.store.write(run)
        if any(owed):
            self.owed.set()
        self.touched.update(entry.incident_id for entry in told if entry.incident_id is not None)
        for queue in self._listeners:
            for entry in told:
                if queue.full():
                    # A listener that does not keep up misses entries; it reads them by number when it asks again.
                    queue.get_nowait()
                queue.put_nowait(entry)
        self.wake.set()
        return result

    async def ask(self, work: Callable[[Tx], T]) -> T:
        """Read on one consistent state."""
        return await self.store.read(work)

    async def incident(self, incident_id: str) -> Incident:
        """Give an incident; `NotFound` when there is none."""
        incident = await self.ask(lambda tx: tx.incident(incident_id))
        if incident is None:
            raise NotFound(f"there is no incident {incident_id!r}")
        return incident

    def listen(self) -> "asyncio.Queue[Entry]":
        """Give a queue of everything that is committed from now on; end with `deafen`."""
        queue: asyncio.Queue[Entry] = asyncio.Queue(LISTENER_QUEUE)
        self._listeners.add(queue)
        return queue

    def deafen(self, queue: "asyncio.Queue[Entry]") -> None:
        """Stop telling a queue."""
        self._listeners.discard(queue)
