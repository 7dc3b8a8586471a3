"""The engine's desk: one command = one transaction; what was committed is told to listeners."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from judgify.kit.clock import Clock
from judgify.kit.errors import NotFound
from judgify.response import follow
from judgify.response.incident import Incident
from judgify.response.joining import WellSince, never_seen
from judgify.response.model import ENGINE, UNSETTLED, Actor, Drill, Page, Rollout
from judgify.response.policy import Policy
from judgify.response.ports import Store, Tx
from judgify.response.stand_in import STAND_IN, current
from judgify.response.storm import Storm
from judgify.response.tally import Tally
from judgify.response.timeline import Entry, Event

T = TypeVar("T")
Taken = tuple[Page, Incident | None]
"""A page claimed by us, with its incident."""
RECENT: Final = timedelta(hours=1)
LISTENER_QUEUE: Final = 1_000


class Work:
    """One command at work inside its transaction."""

    def __init__(
        self, tx: Tx, policy: Policy, now: datetime, well_since: WellSince = never_seen, *, began: float = 0.0
    ) -> None:
        """Work on `tx` at the moment `now`; `well_since` tells what our own checks say of a service."""
        self.tx = tx
        self.began = began
        """Monotonic moment before `now` was read; leases are counted from it."""
        self.policy = policy
        self.now = now
        self.well_since = well_since
        self.entries: list[Entry] = []
        self.owed: list[Page] = []
        """Pages put into the outbox that are due at once."""
        self.soonest: datetime | None = None
        """When the first of the pages that were put into the outbox is due."""
        self.changed: dict[str, Incident] = {}
        """What the incidents that got entries have become."""
        self.tally = Tally(tx)
        """What the command's signals leave in the store."""
        self.standing: dict[str, set[str]] = {}
        """Which outside alerts stand, as far as this command has asked; see `standing`."""
        self.storm: Storm | None = None
        """What makes digests of too many pages; None where no pages are told."""
        self._recent: dict[str, Incident] | None = None
        self._duty: Policy | None = None
        self._odd: set[str] = set()
        """Recent incidents whose root the guide does not know ..."""
        self._strange: dict[str, set[str]] = {}
        """... by the services that they touch."""
        self._drills: list[Drill] | None = None
        self._rollouts: list[Rollout] | None = None

    @property
    def duty(self) -> Policy:
        """The policy with whoever stands in for somebody now or later; asked wherever it matters who is on call."""
        if self._duty is None:
            self._duty = self.policy.beside(current(self.tx.all_kept(STAND_IN), self.now))
        return self._duty

    def relieved(self) -> None:
        """Say that stand-ins were changed within this command: who is on call is looked up anew."""
        self._duty = None

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
        self.changed[incident.id] = incident
        if self._recent is not None:
            self._recent[incident.id] = incident
            self._place(incident)
        return incident

    def journal(self, *events: Event, actor: Actor = ENGINE) -> None:
        """Append events to the engine's own timeline."""
        _, entries = self.tx.append(None, actor, self.now, events)
        self.entries += entries

    def drills(self) -> list[Drill]:
        """Give the newest drills; asked of the store once, since many signals share a command."""
        if self._drills is None:
            self._drills = self.tx.drills(limit=20)
        return self._drills

    def rollouts(self) -> list[Rollout]:
        """Give the rollouts that have not ended; asked of the store once."""
        if self._rollouts is None:
            self._rollouts = self.tx.rollouts(self.now)
        return self._rollouts

    def recent(self, service: str | None = None) -> list[Incident]:
        """Give the incidents that a signal may still belong to: unsettled, or resolved within the hour.

        Of a storm's many incidents on services that the guide does not know, a signal on a `service` can belong only
        to those that the service is part of; the others are left out.
        """
        if self._recent is None:
            found = self.tx.incidents(states=tuple(sorted(UNSETTLED)), limit=1_000)
            found += [
                incident
                for incident in self.tx.incidents(states=("resolved",), limit=50)
                if incident.recovered_at is not None and self.now - incident.recovered_at <= RECENT
            ]
            self._recent = {incident.id: incident for incident in found}
            self._strange = {}
            for incident in found:
                self._place(incident)
        if service is None:
            return list(self._recent.values())
        mine = self._strange.get(service, set())
        return [one for key, one in self._recent.items() if key in mine or key not in self._odd]

    def recent_of(self, service: str) -> bool:
        """Tell whether a service that the guide does not know is part of a recent incident."""
        self.recent()
        return bool(self._strange.get(service))

    def strange(self) -> int:
        """Give how many unsettled incidents have a root that the guide does not know."""
        self.recent()
        return sum(1 for key in self._odd if self._recent is not None and self._recent[key].state in UNSETTLED)

    def _place(self, incident: Incident) -> None:
        if self.policy.service(incident.key.root) is None:
            self._odd.add(incident.id)
            for name in (incident.key.root, *incident.service_names()):
                self._strange.setdefault(name, set()).add(incident.id)
        else:
            self._odd.discard(incident.id)

    def save_pages(self, pages: Sequence[Page]) -> None:
        """Put rows into the outbox."""
        self.tx.save_pages(pages)
        due = [page for page in pages if page.state == "due"]
        self.owed += [page for page in due if page.due_at <= self.now]
        if due:
            first = min(page.due_at for page in due)
            self.soonest = first if self.soonest is None else min(self.soonest, first)


class Sender(Protocol):
    """Takes pages over in the very transaction that plans them: one wait for the disk less before they are sent."""

    def take(self, job: Work, pages: Sequence[Page]) -> list[Taken]:
        """Claim what can be sent at once, inside the transaction; what is left out is sent from the outbox."""
        ...

    def prepare(self, taken: Sequence[Taken], began: float) -> None:
        """Do all but the sending of what was taken, while its transaction is on its way to the disk.

        `began` is the monotonic moment its leases count from. Either `send` or `drop` follows.
        """
        ...

    def send(self, taken: Sequence[Taken], began: float) -> None:
        """Send what was taken, now that it is durable."""
        ...

    def drop(self, taken: Sequence[Taken]) -> None:
        """Forget what was prepared: its transaction came to nothing."""
        ...

    def learn(self, incidents: Iterable[Incident]) -> None:
        """Take what incidents have become: what is not owed any more must not go out."""
        ...

    def expect(self, moment: datetime) -> None:
        """Look in time for a row that is due at this moment."""
        ...


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
        self.sender: Sender | None = None
        """Who takes pages over as they are planned, where somebody does."""
        self.well_since: Callable[[str, datetime], datetime | None] = lambda _service, _now: None
        """Since when our own checks find a service good; the engine puts its own in."""
        self.storm = Storm(policy.storm())
        self.touched: set[str] = set()
        """Incidents that got entries; whoever follows them takes them out."""
        self.heard = 0
        """Number of the newest entry up to which all were told here, by whichever engine they were committed."""
        self._listeners: set[asyncio.Queue[Entry]] = set()

    async def command(self, work: Callable[[Work], T], *, quiet: bool = False) -> T:
        """Run one command in one transaction; a `quiet` one wakes nobody for what it changed.

        Once begun it goes on to its end, also when whoever asked has gone: what is durable is sent and told.
        """
        running = asyncio.ensure_future(self._command(work, quiet=quiet))
        running.add_done_callback(_seen)
        return await asyncio.shield(running)

    def _gather(self, job: Work) -> None:
        if job.owed:
            planned, job.owed = job.owed, []
            alone = self.storm.gather(job, planned)
            job.owed = [*alone, *job.owed]

    async def _command(self, work: Callable[[Work], T], *, quiet: bool) -> T:
        sender, ahead = self.sender, _Preparation(self.sender)

        def run(tx: Tx) -> tuple[T, Work, list[Taken]]:
            began = self.clock.monotonic()
            now = self.clock.now()
            job = Work(tx, self.policy, now, lambda service: self.well_since(service, now), began=began)
            job.storm = self.storm
            result = work(job)
            follow.up(job)
            self._gather(job)
            return result, job, ahead.take(job)

        taken: list[Taken] = []
        try:
            result, job, taken = await self.store.write(run)
        finally:
            ahead.settle(taken)
        if sender is not None:
            sender.learn(job.changed.values())
            if taken:
                sender.send(taken, job.began)
            if job.soonest is not None:
                sender.expect(job.soonest)
        if len(job.owed) > len(taken):
            self.owed.set()
        if job.entries and job.entries[0].number == self.heard + 1:
            self.heard = job.entries[-1].number
        self._pass_on(job.entries)
        if not quiet:
            self.wake.set()
        return result

    def tell(self, entries: Sequence[Entry], incidents: Iterable[Incident]) -> None:
        """Tell what another engine has committed: entries in their order, and what their incidents have become."""
        if self.sender is not None:
            self.sender.learn(incidents)
        if entries:
            self.heard = max(self.heard, entries[-1].number)
            self._pass_on(entries)
            self.wake.set()

    def _pass_on(self, entries: Sequence[Entry]) -> None:
        self.touched.update(entry.incident_id for entry in entries if entry.incident_id is not None)
        for queue in self._listeners:
            for entry in entries:
                if queue.full():
                    # A listener that does not keep up misses entries; it reads them by number when it asks again.
                    queue.get_nowait()
                queue.put_nowait(entry)

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


class _Preparation:
    """What a command's sender prepares while the command's transaction is not durable yet."""

    def __init__(self, sender: Sender | None) -> None:
        self._sender = sender
        self._loop = asyncio.get_running_loop()
        self._tries: list[list[Taken]] = []
        self._settled = False

    def take(self, job: Work) -> list[Taken]:
        """Claim what can be sent at once, and let it be prepared; in the store's thread, each time the command runs."""
        taken = self._sender.take(job, job.owed) if self._sender is not None and job.owed else []
        if taken:
            self._tries.append(taken)
            self._loop.call_soon_threadsafe(self._prepare, taken, job.began)
        return taken

    def _prepare(self, taken: list[Taken], began: float) -> None:
        # A store without a thread of its own is done before the loop comes to this.
        if self._sender is not None and not self._settled:
            self._sender.prepare(taken, began)

    def settle(self, durable: list[Taken]) -> None:
        """Drop what every try but the durable one has prepared."""
        self._settled = True
        for taken in self._tries:
            if self._sender is not None and taken is not durable:
                self._sender.drop(taken)


def _seen(done: "asyncio.Future[Any]") -> None:
    # Marks a failure as seen, should whoever asked have gone.
    if not done.cancelled():
        done.exception()
