"""Claims of due rows, each within one transaction: what is taken, what is given back, what is not owed any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from judgify.response import digest_code, outbox, paging, storm
from judgify.response.desk import Taken, Work
from judgify.response.hold import given_back, stopped
from judgify.response.incident import Incident
from judgify.response.model import Page

OVER: Final = "all that it names is held, or over"
HELD: Final = 256
"""Pages of one channel that are claimed at the same time, those among them whose moment is still to come."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one look at the outbox brought."""

    taken: tuple[Taken, ...]
    due: int
    """Rows whose time has come."""
    upcoming: datetime | None
    """When the next row may be claimed that this look left, but for the channels that are full."""
    full: frozenset[str]
    """Channels that have no room for more."""


def claim(job: Work, page_id: str) -> tuple[Page | None, Incident | None]:
    """Claim one page, or give None for it when it is not due or not owed any more."""
    page = job.tx.page(page_id)
    if page is None:
        return None, None
    told = digest_code.as_told(job, page) if storm.DIGEST in page.payload else page
    incident = None if told is None or told.incident_id is None else job.tx.incident(told.incident_id)
    reason = OVER if told is None else paging.still_owed(told, incident)
    if reason is not None and page.state in {"due", "claimed"}:
        job.tx.save_page(_held_back(page, incident, reason, job.now))
        return None, None
    if told is not None and told is not page:
        job.tx.save_page(told)
    taken = job.tx.claim_page(page_id, job.now, job.now + outbox.LEASE)
    if taken is not None and incident is not None and incident.ongoing and job.tx.automation().held:
        taken = taken.model_copy(update={"automation_held": True})
    return taken, incident


def claim_due(job: Work, ahead: timedelta, rooms: dict[str, int], held: frozenset[str]) -> Claimed:
    """Claim what is due within `ahead`, as far as each channel has room; not what this engine holds already."""
    until = job.now + ahead
    room = dict(rooms)
    full = [channel for channel, places in room.items() if places <= 0]
    pages = job.tx.owed_pages(until, HELD, without=full)
    if job.storm is not None:
        free = [page for page in pages if page.id not in held]
        alone = {page.id for page in job.storm.gather(job, free)}
        pages = [page for page in pages if page.id in alone or page.id in held]
    saved: list[Page] = []
    taken: list[Taken] = []
    paused: bool | None = None
    for page in pages:
        if page.id in held or room.get(page.channel, HELD) <= 0:
            continue
        told = digest_code.as_told(job, page) if storm.DIGEST in page.payload else page
        incident = None if told is None or told.incident_id is None else job.tx.incident(told.incident_id)
        reason = OVER if told is None else paging.still_owed(told, incident)
        if told is None or reason is not None:
            saved.append(_held_back(page, incident, reason or OVER, job.now))
            continue
        mine = outbox.claimed(told, until, job.now + outbox.LEASE)
        if mine is None:
            continue
        saved.append(mine)
        room[page.channel] = room.get(page.channel, HELD) - 1
        if incident is not None and incident.ongoing:
            paused = job.tx.automation().held if paused is None else paused
            mine = mine.model_copy(update={"automation_held": True}) if paused else mine
        taken.append((mine, incident))
    job.tx.save_pages(saved)
    full = [channel for channel, places in room.items() if places <= 0]
    due = sum(page.due_at <= job.now for page in pages)
    return Claimed(tuple(taken), due, job.tx.next_page_due(without=full), frozenset(full))


def _held_back(page: Page, incident: Incident | None, reason: str, now: datetime) -> Page:
    """Give a row that is not owed as it was: withdrawn, or information where it was due after the acknowledgement.

    The engine that had claimed it ahead of its moment may have died between the acknowledgement and its own note of it.
    """
    kept = stopped(page, incident, reason, now)
    unsure = page.possibly_repeat or (page.state == "claimed" and kept.state == "due")
    return kept.model_copy(update={"possibly_repeat": unsure})


def still_mine(job: Work, claimed: Page) -> Page | None:
    """Give the row if nobody has claimed it since; whoever has, records what becomes of it."""
    page = job.tx.page(claimed.id)
    return page if page is not None and page.token == claimed.token and page.state == "claimed" else None


def give_back(job: Work, pages: Sequence[Page]) -> None:
    """Give claimed pages back that were never begun."""
    job.save_pages([given_back(page) for one in pages if (page := still_mine(job, one)) is not None])


def stop(job: Work, claimed: Page, reason: str) -> None:
    """Write down that a claimed page was held back, and why."""
    page = still_mine(job, claimed)
    if page is not None:
        incident = None if page.incident_id is None else job.tx.incident(page.incident_id)
        job.save_pages([stopped(page, incident, reason, job.now)])
