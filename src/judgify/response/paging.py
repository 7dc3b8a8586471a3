"""What is owed to whom: planning, acknowledging, planning anew, repeating, withdrawing. Pure; rows in, rows out."""

from collections.abc import Container, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from judgify.kit.ids import new_id
from judgify.response.incident import Incident
from judgify.response.model import Page
from judgify.response.policy import PlannedRow, Policy
from judgify.response.timeline import PlannedPage

TOGETHER: Final = "told in the digest "
"""Beginning of why a page was withdrawn whose incident a digest names (see `storm`)."""
ACKNOWLEDGED: Final = "acknowledged"
"""Why a row was withdrawn that an acknowledgement stopped."""
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

    The later steps of a contact rule belong to the row that has begun: they stop with it. A row under way (claimed)
    cannot be called back; its outcome is recorded and it is not tried again.
    """
    stopped: list[Page] = []
    changed: list[Page] = []
    for page in pages:
        if page.kind != "page" or page.state != "due" or "digest" in page.payload:
            # A digest is about others, too; it leaves out what is held when it is told.
            continue
        begun = begins(page) <= now
        # A row that was claimed ahead of its moment and given back counts a try, and has no outcome of one.
        if begun or page.repeat > 0 or page.outcome is not None:
            stopped.append(withdrawn(page, ACKNOWLEDGED))
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


def unreached(pages: Sequence[Page], row: str, policy: Policy, doubtful: Container[str] = ()) -> bool:
    """Tell whether every channel of every person of a row refused, or never once told what became of it.

    The console and the mailbox of this machine reach nobody who does not look; they count only where a row has
    nothing else. `doubtful` are pages (by id) that cannot say that anybody was reached.
    """
    mine = [
        page
        for page in pages
        if page.kind == "page" and page.repeat == 0 and page.state != "withdrawn" and row_of(page) == row
        if page.id not in doubtful
    ]
    outward = [page for page in mine if not policy.local_channel(page.channel)] or mine
    return bool(outward) and all(
        page.outcome == "refused" or (page.outcome == "unknown" and page.attempt >= UNSURE_TRIES) for page in outward
    )


def next_row(pages: Sequence[Page], now: datetime, *, quiet: bool) -> list[Page]:
    """Give the next row of the matrix that is still to come, due now; while it is `quiet`, only what wakes nobody."""
    coming = [page for page in pages if page.kind == "page" and page.state == "due" and begins(page) > now]
    matrix = [page for page in coming if page.repeat == 0 and page.outcome is None and row_of(page).isdigit()]
    soonest = min((begins(page) for page in matrix), default=None)
    row = [page for page in matrix if begins(page) == soonest and not (quiet and page.wakes)]
    return [page.model_copy(update={"due_at": now + timedelta(seconds=page.after_s)}) for page in row]


def begins(page: Page) -> datetime:
    """Give when the row begins that a page is a step of."""
    return page.due_at - timedelta(seconds=page.after_s)


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
    incident: Incident,
    pages: Sequence[Page],
    planned: Sequence[PlannedRow],
    now: datetime,
    *,
    detours: bool = False,
) -> tuple[list[Page], list[Page]]:
    """Give (changed, new) so that what is owed is what is planned now; what stays owed is not touched.

    Whoever was told and still is to be told goes on being told as before; whoever is not any more is left in peace;
    whoever is new to a row whose time has passed is told now. Once acknowledged, rows inform only. `detours` keeps
    pages through channels that nobody planned (another had failed) while their person is still on the row. A row for
    which nobody is on call any more keeps those it had: they are better than nobody. What is changed is withdrawn; or,
    where it is under way and cannot be called back, marked so that it is not repeated (`Page.relieved`).
    """
    mine = [page for page in pages if page.created_at >= incident.begun_at and not page.payload]
    wanted = {(row.person, row.channel, row.row): _as_held(row, incident, now) for row in planned}
    persons = {(row.person, row.row) for row in planned}
    gaps = {row.row.partition("gap-")[2] for row in planned if _of_a_gap(row.row)}
    gone: list[Page] = []
    done = _done(mine, held=incident.held)
    for page in mine:
        if page.state not in {"due", "claimed"} or page.kind == "test":
            continue
        key = (page.person, page.channel, page.row)
        row = wanted.get(key)
        if row is None:
            # The hotline was called since nobody answered; no plan takes that back.
            called = page.row.startswith("hotline:") and not _of_a_gap(page.row)
            kept = called or row_of(page) in gaps or (detours and (page.person, page.row) in persons)
        else:
            begun = page.repeat > 0 or page.attempt > 0 or page.state == "claimed"
            kept = begun or (page.kind == row.kind and page.due_at <= row.due_at)
        if page.state == "claimed":
            if page.relieved is kept:
                gone.append(page.model_copy(update={"relieved": not kept}))
            (done.add if kept else done.discard)(key)
        elif kept:
            done.add(key)
        else:
            gone.append(withdrawn(page, "planned anew"))
            if row is not None:
                done.discard(key)
    fresh = [row for key, row in wanted.items() if key not in done]
    return gone, rows(incident.id, fresh, now)


def _as_held(row: PlannedRow, incident: Incident, now: datetime) -> PlannedRow:
    update: dict[str, object] = {"due_at": max(row.due_at, now)}
    if incident.held and row.kind == "page":
        update["kind"] = "information"
    return row.model_copy(update=update)


def _of_a_gap(row: str) -> bool:
    return row.startswith("hotline:gap-")


def _done(pages: Sequence[Page], *, held: bool) -> set[tuple[str, str, str]]:
    """Give what was told and need not be told again by a new plan.

    While nobody holds the incident, whoever was told and then taken off is told again when they come back on; an
    acknowledgement, however, had stopped what it stopped for good.
    """
    newest: dict[tuple[str, str, str], Page] = {}
    for page in sorted(pages, key=lambda page: (page.created_at, page.repeat, page.state != "withdrawn")):
        newest[page.person, page.channel, page.row] = page
    told = {
        key
        for key, page in newest.items()
        if (page.state in {"sent", "claimed", "failed"} and not page.relieved) or page.detail.startswith(TOGETHER)
    }
    if held:
        told |= {
            (page.person, page.channel, page.row)
            for page in pages
            if page.state in {"sent", "claimed"} or page.detail == ACKNOWLEDGED
        }
    return told


def repetition(page: Page, incident: Incident, policy: Policy, now: datetime) -> Page | None:
    """Give the next telling of a page that was sent and that nobody has acknowledged yet, or None."""
    every_s, times = policy.repeat()
    if page.kind != "page" or page.relieved or incident.held or not incident.ongoing or page.repeat >= times:
        return None
    return page.model_copy(
        update={
            "id": new_id("pg"),
            "created_at": now,
            "due_at": now + timedelta(seconds=every_s),
            "repeat": page.repeat + 1,
            "after_s": 0.0,
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
    if page.relieved:
        return "somebody else is on call now"
    # That a runbook gave up is news to whoever holds it already.
    if page.kind == "page" and incident.held and not page.payload:
        return "acknowledged"
    return None
