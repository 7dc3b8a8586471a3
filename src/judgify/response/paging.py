"""What is owed to whom: planning, acknowledging, planning anew, repeating, withdrawing. Pure; rows in, rows out."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from judgify.kit.ids import new_id
from judgify.response.incident import Incident
from judgify.response.model import Page
from judgify.response.policy import PlannedRow, Policy
from judgify.response.timeline import PlannedPage

UNSURE_TRIES: Final = 3
"""Tries of unknown outcome after which a channel counts as one that reaches nobody."""


def rows(incident_id: str | None, planned: Iterable[PlannedRow], now: datetime) -> list[Page]:
    """Make rows of the outbox of what the guide asks for."""
    return [
        Page(id=new_id("pg"), incident_id=incident_id, created_at=now, **row.model_dump(mode="python"))
        for row in planned
    ]


def told(pages: Iterable[Page]) -> tuple[PlannedPage, ...]:
    """Give the rows as the timeline tells them."""
    return tuple(
        PlannedPage(
            id=page.id,
            kind=page.kind,
            person=page.person,
            role=page.role,
            channel=page.channel,
            row=page.row,
            due_at=page.due_at,
        )
        for page in pages
    )


def withdrawn(page: Page, reason: str) -> Page:
    """Give a row that is no longer owed."""
    return page.model_copy(update={"state": "withdrawn", "detail": reason, "lease_until": None})


def on_acknowledge(pages: Sequence[Page], now: datetime) -> tuple[list[Page], list[Page]]:
    """Give (withdrawn, changed): what was due stops on all channels; later rows still come, as information.

    A row under way (claimed) cannot be called back; its outcome is recorded and it is not tried again.
    """
    stopped: list[Page] = []
    changed: list[Page] = []
    for page in pages:
        if page.kind != "page" or page.state != "due":
            continue
        if page.due_at <= now or page.repeat > 0 or page.attempt > 0:
            stopped.append(withdrawn(page, "acknowledged"))
        else:
            changed.append(page.model_copy(update={"kind": "information"}))
    return stopped, changed


def of_the_incident(page: Page) -> bool:
    """Tell whether a page is about the fault itself, so that it ends with it; an announcement or a test does not."""
    return not page.payload or any(key in page.payload for key in ("runbook", "approval", "checklist"))


def row_of(page: Page) -> str:
    """Name the row that a page belongs to: its minute in the matrix, or the whole name of another row."""
    first = page.row.partition(":")[0]
    return first if first.isdigit() else page.row


def unreached(pages: Sequence[Page], row: str, policy: Policy) -> bool:
    """Tell whether every channel of every person of a row refused, or never once told what became of it.

    The console and the mailbox of this machine reach nobody who does not look; they count only where a row has
    nothing else.
    """
    mine = [
        page
        for page in pages
        if page.kind == "page" and page.repeat == 0 and page.state != "withdrawn" and row_of(page) == row
    ]
    outward = [page for page in mine if not policy.local_channel(page.channel)] or mine
    return bool(outward) and all(
        page.outcome == "refused" or (page.outcome == "unknown" and page.attempt >= UNSURE_TRIES) for page in outward
    )


def next_row(pages: Sequence[Page], now: datetime, *, quiet: bool) -> list[Page]:
    """Give the next row of the matrix that is still to come, due now; while it is `quiet`, only what wakes nobody."""
    coming = [page for page in pages if page.kind == "page" and page.state == "due" and page.due_at > now]
    matrix = [page for page in coming if page.repeat == 0 and page.attempt == 0 and row_of(page).isdigit()]
    soonest = min((page.due_at for page in matrix), default=None)
    row = [page for page in matrix if page.due_at == soonest and not (quiet and page.wakes)]
    return [page.model_copy(update={"due_at": now}) for page in row]


def on_settled(pages: Sequence[Page], reason: str) -> list[Page]:
    """Give what is withdrawn when recovery is verified: every row still to come, what runbooks called for, repeats.

    Announcements and answers to persons (tests, reminders) are still owed.
    """
    return [
        withdrawn(page, reason)
        for page in pages
        if page.state == "due" and page.kind in {"page", "information", "report", "notice"} and of_the_incident(page)
    ]


def replan(
    incident: Incident, pages: Sequence[Page], planned: Sequence[PlannedRow], now: datetime
) -> tuple[list[Page], list[Page]]:
    """Give (withdrawn, new) after a change of severity: what was already told is not told again.

    A row whose time under the new severity has passed is due now. Once acknowledged, rows inform only.
    """
    told = [p for p in pages if p.state in {"sent", "claimed"} and p.created_at >= incident.begun_at]
    done = {(p.person, p.channel, p.row) for p in told}
    old = [withdrawn(p, "planned anew") for p in pages if p.state == "due" and not p.payload]
    fresh: list[PlannedRow] = []
    for row in planned:
        if (row.person, row.channel, row.row) in done:
            continue
        update: dict[str, object] = {"due_at": max(row.due_at, now)}
        if incident.held and row.kind == "page":
            update["kind"] = "information"
        fresh.append(row.model_copy(update=update))
    return old, rows(incident.id, fresh, now)


def repetition(page: Page, incident: Incident, policy: Policy, now: datetime) -> Page | None:
    """Give the next telling of a page that was sent and that nobody has acknowledged yet, or None."""
    every_s, times = policy.repeat()
    if page.kind != "page" or incident.held or not incident.ongoing or page.repeat >= times:
        return None
    return page.model_copy(
        update={
            "id": new_id("pg"),
            "created_at": now,
            "due_at": now + timedelta(seconds=every_s),
            "repeat": page.repeat + 1,
            "state": "due",
            "attempt": 0,
            "token": 0,
            "lease_until": None,
            "possibly_repeat": False,
            "sent_at": None,
            "outcome": None,
            "detail": "",
        }
    )


def still_owed(page: Page, incident: Incident | None) -> str | None:
    """Say why a row that is due is not owed after all, or None. A row is asked again when it is claimed."""
    if incident is None or not of_the_incident(page):
        return None
    if not incident.ongoing:
        return f"the incident is {incident.state}"
    # That a runbook gave up is news to whoever holds it already.
    if page.kind == "page" and incident.held and not page.payload:
        return "acknowledged"
    return None
