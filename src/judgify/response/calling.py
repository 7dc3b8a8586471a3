"""Calls people where the engine has come to an end: its runbook gave up, or nobody of a row could be reached."""

from collections.abc import Mapping, Sequence

from judgify.response import paging
from judgify.response import timeline as t
from judgify.response.desk import Work
from judgify.response.guide_policy import GuidePolicy
from judgify.response.model import Lang, Page, RunbookRun
from judgify.response.verification import own_address, verified


def gave_up(work: Work, run: RunbookRun, reason: str, reasons: Mapping[Lang, str] | None = None) -> None:
    """Page those of the first row: a runbook ended and the service is not back. Nothing once the incident is over.

    A step that a person asked for tells that person; nobody else is woken for it.
    """
    if run.incident_id is None or run.dry_run or run.step is not None:
        return
    incident = work.incident(run.incident_id)
    if not incident.ongoing:
        return
    planned = [
        row.model_copy(update={"row": f"runbook:{run.id}", "due_at": work.now})
        for row in work.duty.pages(incident.severity, incident.key.root, work.now)
        if row.kind == "page" and row.due_at <= work.now
    ]
    payload = {"runbook": run.runbook, "text": dict(reasons) if reasons else reason}
    pages = [page.model_copy(update={"payload": payload}) for page in paging.rows(incident.id, planned, work.now)]
    work.save_pages(pages)
    work.append(incident.id, t.PagesPlanned(pages=paging.told(pages), reason=f"runbook {run.runbook}: {reason}"))


def if_nobody_was_reached(work: Work, tried: Page) -> None:
    """When every channel of every person of a row refused: bring the next row forward, and call the 24/7 hotline."""
    if tried.incident_id is None or tried.outcome == "sent":
        return
    incident = work.incident(tried.incident_id)
    row = paging.row_of(tried)
    pages = [page for page in work.tx.pages(incident.id) if page.created_at >= incident.begun_at]
    if (
        incident.held
        or not incident.ongoing
        or row in incident.unreached
        or not paging.unreached(pages, row, work.policy, _doubtful(work, pages, row))
    ):
        return
    forward = paging.next_row(pages, work.now, quiet=work.policy.quiet(incident.severity, work.now))
    hotline = paging.rows(incident.id, work.policy.hotline_pages(incident.severity, row, work.now), work.now)
    # Whoever is called by the hotline's own row and is not reached either: there is nobody behind the hotline.
    hotline = [] if row.startswith("hotline") else hotline
    work.save_pages([*forward, *hotline])
    event = t.NobodyReached(
        row=row, brought_forward=tuple(page.id for page in forward), hotline=tuple(page.id for page in hotline)
    )
    work.append(incident.id, event)


def _doubtful(work: Work, pages: Sequence[Page], row: str) -> frozenset[str]:
    """Give the pages of a row to addresses that were never verified, where the row has one to an address that was.

    They were sent all the same: no page is lost for it; but a wrong number is nobody who was reached.
    """
    if not isinstance(work.policy, GuidePolicy):
        return frozenset()
    guide = work.policy.guide
    mine = [page for page in pages if page.kind == "page" and paging.row_of(page) == row]
    own = [page for page in mine if own_address(guide, page.person, page.channel) is not None]
    good = {person: verified(work.tx, guide, person) for person in {page.person for page in own}}
    unsure = frozenset(page.id for page in own if page.channel not in good[page.person])
    return unsure if len(unsure) < len(own) else frozenset()
