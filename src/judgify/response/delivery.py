"""Pages on their way: claimed, handed to the pager, the outcome recorded. One caught mid-way is a possible repeat."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from judgify.kit.log import get_logger
from judgify.response import calling, outbox, paging, receipt
from judgify.response import timeline as t
from judgify.response.desk import Desk, Taken, Work
from judgify.response.figures import Figures
from judgify.response.incident import Incident
from judgify.response.model import Delivery, Page
from judgify.response.ports import Pager
from judgify.response.subscriber import SUBSCRIBER

log = get_logger("judgify.response.delivery")
AT_ONCE: Final = 32
"""Deliveries under way at the same time; a slow channel holds up no other page."""
TIMEOUT_S: Final = 12.0
AHEAD_S: Final = 0.05
"""How long other pages wait at most until those that wake somebody were handed over."""
Claims = dict[str, tuple[Page | None, Incident | None]]
"""What came of claiming pages: each page as claimed with its incident, or None where it is not owed any more."""


class Deliveries:
    """Takes due rows out of the outbox and records what became of them."""

    def __init__(self, desk: Desk, pager: Pager, figures: Figures) -> None:
        """Hand pages to `pager`."""
        self._desk = desk
        self._pager = pager
        self._figures = figures
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._ahead = _Gone(set())

    async def start(self) -> int:
        """Take back what an engine that is gone had claimed, so that it is sent at once; give how many rows wait."""

        def work(job: Work) -> int:
            for page in job.tx.due_pages(job.now + outbox.LEASE, 100_000):
                if page.state == "claimed":
                    job.tx.save_page(outbox.released(page))
            return len(job.tx.due_pages(job.now, 10_000))

        return await self._desk.command(work)

    async def begin(self) -> int:
        """Start the delivery of every row that is due, as far as there is room; give how many were due."""
        now = self._desk.clock.now()
        due = await self._desk.ask(lambda tx: tx.due_pages(now))
        room = self._room()
        # What wakes a person goes first; what is read at a desk waits a moment for it.
        fresh = sorted((page for page in due if page.id not in self._under_way), key=lambda page: not page.wakes)[:room]
        if fresh:
            # One transaction claims all of them: the disk is waited for once, not once a page.
            claims = asyncio.create_task(self._claim([page.id for page in fresh]), name="claims")
            ahead = {page.id for page in fresh if page.wakes}
            if ahead:
                self._ahead = _Gone(ahead)
            for page in fresh:
                self._start(page.id, self._deliver(page.id, claims, self._ahead))
        return len(due)

    def take(self, job: Work, pages: Sequence[Page]) -> list[Taken]:
        """Claim the pages that wake somebody, as far as there is room; the rest is sent from the outbox."""
        waking = [page.id for page in pages if page.wakes][: self._room()]
        taken = (_claim(job, page_id) for page_id in waking)
        return [(page, incident) for page, incident in taken if page is not None]

    def send(self, taken: Sequence[Taken]) -> None:
        """Begin the delivery of pages that `take` claimed in a transaction which is durable now."""
        self._ahead = gone = _Gone({page.id for page, _ in taken})
        for page, incident in taken:
            self._start(page.id, self._carry(page, incident, gone))

    def _room(self) -> int:
        return max(0, AT_ONCE - len(self._under_way))

    def _start(self, page_id: str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name=f"page-{page_id}")
        self._under_way[page_id] = task
        task.add_done_callback(partial(self._ended, page_id))

    async def urgent(self) -> None:
        """Return once what wakes somebody was handed over, or after `AHEAD_S`: a page comes before its paperwork."""
        await self._ahead.wait()

    async def run(self) -> None:
        """Begin what is due as soon as it is durable, until cancelled; nothing else of the loop is waited for."""
        self._desk.sender = self
        try:
            while True:
                await self._desk.owed.wait()
                self._desk.owed.clear()
                try:
                    await self.begin()
                except Exception:  # boundary: the loop's own tick takes it up again
                    log.exception("pages that are due could not be begun")
        finally:
            self._desk.sender = None

    async def _claim(self, page_ids: Sequence[str]) -> Claims:
        return await self._desk.command(lambda job: {page_id: _claim(job, page_id) for page_id in page_ids})

    def _ended(self, page_id: str, _: "asyncio.Task[None]") -> None:
        self._under_way.pop(page_id, None)
        self._desk.wake.set()

    async def finish(self) -> None:
        """Wait until nothing is under way (for stories and a graceful end)."""
        while self._under_way:
            await asyncio.wait(list(self._under_way.values()))

    def cancel(self) -> None:
        """Drop what is under way: it will be a possible repeat."""
        for task in list(self._under_way.values()):
            task.cancel()

    async def _deliver(self, page_id: str, claims: "asyncio.Task[Claims]", gone: "_Gone") -> None:
        try:
            page, incident = (await asyncio.shield(claims))[page_id]
        except Exception:  # boundary: one fault must not end the loop
            log.exception("page could not be claimed; it will be tried again", page=page_id)
            gone.one(page_id)
            await self._desk.clock.sleep(1.0)
            return
        if page is None:
            gone.one(page_id)
        else:
            await self._carry(page, incident, gone)

    async def _carry(self, page: Page, incident: Incident | None, gone: "_Gone") -> None:
        try:
            if not page.wakes:
                await gone.wait()
            try:
                delivery = await self._hand_over(page, incident)
            finally:
                gone.one(page.id)
            late_s = self._figures.delivered(page, delivery, self._desk.clock.now())
            await self._desk.command(lambda job: _record(job, page, delivery, late_s))
        except Exception:  # boundary: one fault must not end the loop
            log.exception("page could not be recorded; it will be sent again", page=page.id)
            await self._desk.clock.sleep(1.0)

    async def _hand_over(self, page: Page, incident: Incident | None) -> Delivery:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._pager.deliver(page, incident)
        except TimeoutError:
            return Delivery(outcome="unknown", detail="no answer in time", reason="timeout", retry_after_s=5)
        except Exception:  # boundary: one fault must not end the loop
            log.exception("pager failed", page=page.id, channel=page.channel)
            return Delivery(outcome="unknown", detail="the channel failed", reason="fault", retry_after_s=15)


class _Gone:
    """Lets pages wait a moment for those that wake somebody."""

    def __init__(self, ahead: set[str]) -> None:
        self._ahead = set(ahead)
        self._all = asyncio.Event()
        if not ahead:
            self._all.set()

    def one(self, page_id: str) -> None:
        self._ahead.discard(page_id)
        if not self._ahead:
            self._all.set()

    async def wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(AHEAD_S):
                await self._all.wait()


def _claim(job: Work, page_id: str) -> tuple[Page | None, Incident | None]:
    page = job.tx.page(page_id)
    if page is None:
        return None, None
    incident = None if page.incident_id is None else job.tx.incident(page.incident_id)
    reason = paging.still_owed(page, incident)
    if reason is not None and page.state in {"due", "claimed"}:
        job.tx.save_page(paging.withdrawn(page, reason))
        return None, None
    taken = job.tx.claim_page(page_id, job.now, job.now + outbox.LEASE)
    if taken is not None and incident is not None and incident.ongoing and job.tx.automation().held:
        taken = taken.model_copy(update={"automation_held": True})
    return taken, incident


def _record(job: Work, claimed: Page, delivery: Delivery, late_s: float) -> None:
    page = job.tx.page(claimed.id)
    if page is None or page.token != claimed.token or page.state != "claimed":
        return  # somebody else holds it now, and records what becomes of it
    tried = outbox.tried(page, delivery, job.now)
    incident = None if page.incident_id is None else job.tx.incident(page.incident_id)
    reason = paging.still_owed(tried, incident) if tried.state == "due" else None
    settled = tried if reason is None else paging.withdrawn(tried, reason)
    if page.person.startswith(SUBSCRIBER):
        # Neither address nor links stay longer than the message is owed; whom it was for is on no timeline.
        job.tx.save_page(settled if settled.state == "due" else _blanked(settled))
        return
    job.tx.save_page(settled)
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
    again = paging.repetition(tried, incident, job.policy, job.now)
    if again is not None:
        job.tx.save_page(again)
    _tick(job, incident)


def _blanked(page: Page) -> Page:
    kept = {key: value for key, value in page.payload.items() if key == "announcement"}
    return page.model_copy(update={"address": "", "payload": kept})


def _tick(job: Work, incident: Incident) -> None:
    """Tick what the receipts prove by now: nothing is ticked while a channel that is owed something has given none."""
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
