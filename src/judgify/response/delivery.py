"""Pages on their way: claimed, handed to the pager, the outcome recorded. One caught mid-way is a possible repeat."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger
from judgify.notify.fence import Fenced, fenced
from judgify.response import calling, outbox, paging, receipt, storm
from judgify.response import timeline as t
from judgify.response.claim import HELD, Claimed, claim, claim_due, give_back, still_mine, stop
from judgify.response.desk import Desk, Taken, Work
from judgify.response.figures import Figures
from judgify.response.hold import Hold
from judgify.response.incident import Incident
from judgify.response.last_look import LastLook
from judgify.response.model import Delivery, Page
from judgify.response.ports import Pager
from judgify.response.prepared import Ahead, Prepared
from judgify.response.subscriber import SUBSCRIBER

log = get_logger("judgify.response.delivery")
AT_ONCE: Final = 32
"""Deliveries under way at the same time through one channel; a slow channel holds up no other."""
CLAIM_AHEAD: Final = timedelta(seconds=0.25)
"""A row is claimed this long before it is due, with its like: no disk is waited for when its moment comes."""
EARLY_S: Final = 0.1
"""The next rows are looked for this long before the first of them is due."""
LONGEST_S: Final = 1.0
"""Due rows are looked for at least this often, so that nothing hangs on one missed waking."""
PREPARE_S: Final = 0.04
"""A message is rendered and its receiver connected to this long before it is due, where the channel can wait then."""
DOOR_S: Final = 5.0
"""A page that waits longer than this for its channel to have room is given back, for whoever has."""
TIMEOUT_S: Final = 12.0
LEARNT: Final = 200
"""Incidents whose newest state is kept for claims that are still on their way back from the store."""
RECORD_S: Final = 60.0
"""How long the outcome of a try is kept for a store that is away."""


class Deliveries:
    """Takes due rows out of the outbox and records what became of them."""

    def __init__(self, desk: Desk, pager: Pager, figures: Figures) -> None:
        """Hand pages to `pager`."""
        self._desk = desk
        self._pager = pager
        self._figures = figures
        self._holds: dict[str, Hold] = {}
        self._learnt: dict[str, Incident] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._doors: dict[str, asyncio.Semaphore] = {}
        self._ahead = Ahead()
        self._full: frozenset[str] = frozenset()
        self._last = LastLook(desk, self.learn, figures.unasked.inc)
        self._wakes_at: datetime | None = None
        self._running = False

    async def start(self) -> int:
        """Take back what this engine had claimed before it ended, to be sent at once; give how many rows wait."""

        def work(job: Work) -> int:
            job.tx.release_claims(job.now)
            return job.tx.count_due(job.now)

        return await self._desk.command(work)

    async def begin(self) -> int:
        """Start the delivery of every row that is due, as far as there is room; give how many are due."""
        if self._running:
            # The loop beside looks by itself; it is only woken, should it have missed something.
            now = self._desk.clock.now()
            due = await self._desk.ask(lambda tx: tx.count_due(now))
            if due:
                self._desk.owed.set()
            return due
        now = self._desk.clock.now()
        if not await self._desk.ask(lambda tx: tx.due_pages(now, 1)):
            return 0
        return (await self._look(timedelta(0))).due

    async def _look(self, ahead: timedelta) -> Claimed:
        """Claim what is due, and what will be within `ahead`, in one transaction, and begin it."""
        began = self._desk.clock.monotonic()
        room = self._rooms()
        held = frozenset(self._holds)
        found = await self._desk.command(lambda job: claim_due(job, ahead, room, held), quiet=True)
        self._full = found.full
        now = self._desk.clock.now()
        # What wakes a person goes first; what is read at a desk waits a moment for it.
        self._ahead.add({page.id for page, _ in found.taken if page.wakes and page.due_at <= now})
        for page, incident in sorted(found.taken, key=lambda one: not one[0].wakes):
            self._start(Hold(page, incident, began))
        return found

    def _rooms(self) -> dict[str, int]:
        """Give how many more pages may be claimed for each channel that has some claimed already."""
        # Also asked from the store's thread, so of a copy, which is made at one go.
        count = Counter(hold.page.channel for hold in list(self._holds.values()))
        return {
            channel: 0 if channel in self._doors and self._doors[channel].locked() else max(0, HELD - used)
            for channel, used in count.items()
        }

    def take(self, job: Work, pages: Sequence[Page]) -> list[Taken]:
        """Claim the pages that wake somebody, as far as there is room; the rest is sent from the outbox."""
        room = self._rooms()
        waking = [page.id for page in pages if page.wakes and room.get(page.channel, HELD) > 0][:AT_ONCE]
        taken = (claim(job, page_id) for page_id in waking)
        return [(page, incident) for page, incident in taken if page is not None]

    def prepare(self, taken: Sequence[Taken], began: float) -> None:
        """Render and connect for pages that `take` claimed, as far as their channels can wait for the commit."""
        self._ahead.add({page.id for page, _ in taken})
        for page, incident in taken:
            if self._pager.prepares(page):
                self._start(Prepared(page, incident, began))

    def send(self, taken: Sequence[Taken], began: float) -> None:
        """Deliver pages that `take` claimed in a transaction which is durable now."""
        for page, incident in taken:
            hold = self._holds.get(page.id)
            if isinstance(hold, Prepared) and hold.page is page:
                hold.committed()
            else:
                self._start(Hold(page, incident, began))

    def drop(self, taken: Sequence[Taken]) -> None:
        """Let nothing go out of what was prepared for a transaction that came to nothing."""
        for page, _ in taken:
            self._ahead.one(page.id)
            hold = self._holds.get(page.id)
            if isinstance(hold, Prepared) and hold.page is page:
                hold.undone()

    def learn(self, incidents: Iterable[Incident]) -> None:
        """Take what incidents have become: a page that is not owed any more does not go out, claimed as it is."""
        # What was read in the store may be older than what this engine has committed meanwhile.
        known = {
            incident.id: incident
            for incident in incidents
            if (before := self._learnt.get(incident.id)) is None or before.last_seq <= incident.last_seq
        }
        self._learnt = dict([*self._learnt.items(), *known.items()][-LEARNT:])
        for hold in self._holds.values():
            incident = known.get(hold.page.incident_id or "")
            if incident is not None:
                hold.learn(incident)

    def expect(self, moment: datetime) -> None:
        """Look again in time for a row that is due at this moment."""
        if self._wakes_at is None or moment < self._wakes_at:
            self._desk.owed.set()

    def _start(self, hold: Hold) -> None:
        page_id = hold.page.id
        newer = self._learnt.get(hold.page.incident_id or "")
        if newer is not None and (hold.incident is None or newer.last_seq > hold.incident.last_seq):
            # What was learnt between the claim's commit and this line was learnt before there was a hold to tell.
            hold.learn(newer)
        self._holds[page_id] = hold
        task = asyncio.create_task(self._carry(hold), name=f"page-{page_id}")
        self._under_way.add(task)
        task.add_done_callback(partial(self._ended, hold))

    def _ended(self, hold: Hold, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if self._holds.get(hold.page.id) is hold:
            del self._holds[hold.page.id]
        if hold.page.channel in self._full:
            self._desk.owed.set()  # the last look left this channel out, and it has room now
        self._desk.wake.set()

    async def urgent(self) -> None:
        """Return once what wakes somebody was handed over, or after `AHEAD_S`: a page comes before its paperwork."""
        await self._ahead.wait()

    async def run(self) -> None:
        """Begin what is due when it is due, until cancelled; nothing else of the loop is waited for."""
        self._desk.sender = self
        self._running = True
        try:
            while True:
                self._desk.owed.clear()
                rest_s = LONGEST_S
                try:
                    found = await self._look(CLAIM_AHEAD)
                except Exception:  # boundary: it is tried again
                    log.exception("pages that are due could not be begun")
                else:
                    rest_s = self._rest(found.upcoming)
                await self._desk.clock.wait(self._desk.owed, rest_s)
        finally:
            self._running = False
            self._desk.sender = None

    def _rest(self, upcoming: datetime | None) -> float:
        now = self._desk.clock.now()
        self._wakes_at = now + timedelta(seconds=LONGEST_S)
        if upcoming is None or upcoming - timedelta(seconds=EARLY_S) >= self._wakes_at:
            return LONGEST_S
        self._wakes_at = upcoming
        return max(0.005, (upcoming - now).total_seconds() - EARLY_S)

    async def finish(self) -> None:
        """Wait until nothing is under way (for stories and a graceful end)."""
        while self._under_way:
            await asyncio.wait(list(self._under_way))

    def cancel(self) -> None:
        """Drop what is under way: it will be a possible repeat."""
        for task in list(self._under_way):
            task.cancel()

    async def stop(self) -> None:
        """Drop what is under way, and give back what was claimed and not begun: whoever goes on sends it at once."""
        unsent = [hold.page for hold in self._holds.values() if not hold.handed]
        self.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._last.stop()
        if unsent:
            try:
                await self._desk.command(lambda job: give_back(job, unsent))
            except Unavailable as error:
                log.warning("claimed pages could not be given back; their leases end by themselves", reason=str(error))

    async def _carry(self, hold: Hold) -> None:
        page, clock = hold.page, self._desk.clock
        try:
            early_s = PREPARE_S if self._pager.prepares(page) else 0.0
            wait_s = (page.due_at - clock.now()).total_seconds() - early_s
            if wait_s > 0:
                await clock.sleep(wait_s)
            if not page.wakes:
                await self._ahead.wait()
            try:
                delivery = await self._in_turn(hold)
            finally:
                self._ahead.one(page.id)
            if delivery is None:
                await self._let_go(hold)
                return
            late_s = self._figures.delivered(page, delivery, clock.now())
            await self._kept_trying(lambda job: _record(job, page, delivery, late_s))
        except Exception:  # boundary: one fault must not end the loop
            log.exception("page could not be recorded; it will be sent again", page=page.id)
            await clock.sleep(1.0)

    async def _in_turn(self, hold: Hold) -> Delivery | None:
        """Hand a page over once its channel has room; None when it did not go out, and must not by this claim."""
        door = self._doors.setdefault(hold.page.channel, asyncio.Semaphore(AT_ONCE))
        if door.locked():
            try:
                async with asyncio.timeout(DOOR_S):
                    await door.acquire()
            except TimeoutError:
                return None
        else:
            await door.acquire()
        try:
            return await self._hand_over(hold)
        finally:
            door.release()

    async def _hand_over(self, hold: Hold) -> Delivery | None:
        page = hold.page
        if not self._pager.prepares(page):
            await self._last.take(hold)
        if hold.stopped is not None or hold.over(self._desk.clock.monotonic()):
            return None
        hold.handed = True
        try:
            with fenced(partial(self._gate, hold)):
                async with asyncio.timeout(TIMEOUT_S):
                    return await self._pager.deliver(page, hold.incident)
        except Fenced:
            return None
        except TimeoutError:
            return Delivery(outcome="unknown", detail="no answer in time", reason="timeout", retry_after_s=5)
        except Exception:  # boundary: one fault must not end the loop
            log.exception("pager failed", page=page.id, channel=page.channel)
            return Delivery(outcome="unknown", detail="the channel failed", reason="fault", retry_after_s=15)

    async def _gate(self, hold: Hold) -> None:
        """Return when the page's first byte may go out; raise `Fenced` when it must not."""
        if isinstance(hold, Prepared):
            await hold.settled()
        while True:
            await self._until(hold.page.due_at - self._last.ahead)
            await self._last.take(hold)
            await self._until(hold.page.due_at)
            if self._last.fresh(hold):
                break
        reason = hold.look(self._desk.clock.monotonic())
        if reason is not None:
            raise Fenced(reason)

    async def _until(self, moment: datetime) -> None:
        clock = self._desk.clock
        while (wait_s := (moment - clock.now()).total_seconds()) > 0:
            await clock.sleep(wait_s)

    async def _let_go(self, hold: Hold) -> None:
        """Write down what becomes of a page that was claimed and did not go out."""
        if isinstance(hold, Prepared) and hold.void:
            return
        page, reason = hold.page, hold.stopped
        if reason is not None:
            self._figures.fenced.labels("not_owed").inc()
            await self._kept_trying(lambda job: stop(job, page, reason))
        elif hold.over(self._desk.clock.monotonic()):
            # It may be another engine's by now; if it is nobody's, its lease ends by itself.
            self._figures.fenced.labels("lease_over").inc()
            log.warning("page not sent: its lease had run out", page=page.id, channel=page.channel)
        else:
            self._figures.fenced.labels("no_room").inc()
            await self._kept_trying(lambda job: give_back(job, [page]))

    async def _kept_trying(self, work: Callable[[Work], None]) -> None:
        """Run a command, again and again for a while where the store is away."""
        until = self._desk.clock.monotonic() + RECORD_S
        while True:
            try:
                await self._desk.command(work)
            except Unavailable:
                if self._desk.clock.monotonic() >= until:
                    raise
                await self._desk.clock.sleep(1.0)
            else:
                return


def _record(job: Work, claimed: Page, delivery: Delivery, late_s: float) -> None:
    page = still_mine(job, claimed)
    if page is None:
        return
    tried = outbox.tried(page, delivery, job.now)
    incident = None if page.incident_id is None else job.tx.incident(page.incident_id)
    reason = paging.still_owed(tried, incident) if tried.state == "due" else None
    settled = tried if reason is None else paging.withdrawn(tried, reason)
    if page.person.startswith(SUBSCRIBER):
        # Neither address nor links stay longer than the message is owed; whom it was for is on no timeline.
        job.save_pages([settled if settled.state == "due" else _blanked(settled)])
        return
    job.save_pages([settled])
    if incident is None:
        return
    incident = job.append(
        incident.id,
        t.PageDelivered(
            page_id=page.id,
            kind=page.kind,
            person=page.person,
            role=page.role,
            channel=page.channel,
            row=page.row,
            outcome=delivery.outcome,
            detail=delivery.detail,
            attempt=page.attempt,
            repeat=page.repeat,
            possibly_repeat=page.possibly_repeat,
            late_s=late_s,
        ),
    )
    if tried.state != "sent":
        calling.if_nobody_was_reached(job, tried)
        return
    # A digest is told again while anything of it goes on and nobody holds that.
    about = next(iter(storm.left(job, tried)), incident) if storm.DIGEST in tried.payload else incident
    again = paging.repetition(tried, about, job.policy, job.now)
    if again is not None:
        job.save_pages([again])
    _tick(job, incident)


def _blanked(page: Page) -> Page:
    kept = {key: value for key, value in page.payload.items() if key == "announcement"}
    return page.model_copy(update={"address": "", "payload": kept})


_RECEIPTS: Final = {"receipt_confirmed", "management_reported", "announced"}


def _tick(job: Work, incident: Incident) -> None:
    """Tick what the receipts prove by now: nothing is ticked while a channel that is owed something has given none."""
    if incident.checklist.keys() >= _RECEIPTS:
        return
    pages = job.tx.pages(incident.id)
    found = receipt.receipts(incident, pages, job.now)
    facts = {
        "receipt_confirmed": receipt.confirmed(found),
        "management_reported": receipt.reported(found),
        "announced": receipt.announced(pages, "internal"),
    }
    known = job.incident(incident.id).checklist
    for item, true in facts.items():
        if true and item not in known:
            job.append(incident.id, t.ChecklistDone(item=item, how="machine", detail=_channels(item, found, pages)))


def _channels(item: str, found: Sequence[receipt.Receipt], pages: Sequence[Page]) -> str:
    """Name the channels that gave the receipts."""
    named = {
        "receipt_confirmed": [one.channel for one in found],
        "management_reported": [one.channel for one in found if one.kind == "report" and one.answer == "sent"],
    }.get(item, [page.channel for page in pages if page.payload.get("announcement") == "internal"])
    return ", ".join(dict.fromkeys(named))
