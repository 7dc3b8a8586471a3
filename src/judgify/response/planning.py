"""What an incident owes is planned, and planned anew when something changes in the middle. Inside one command."""

from collections.abc import Sequence
from typing import Final

from judgify.response import paging
from judgify.response import timeline as t
from judgify.response.desk import Work
from judgify.response.incident import Incident
from judgify.response.model import Page

NEGLECTED: Final = "neglected"
"""Why the rows of an incident were planned that nobody tended any more."""


def plan_pages(work: Work, incident: Incident, reason: str) -> Incident:
    """Plan every row of the matrix anew from now (opening, reopening, neglect)."""
    planned = work.duty.pages(incident.severity, incident.key.root, work.now)
    pages = paging.rows(incident.id, planned, work.now)
    return _owed(work, incident, [], pages, reason)


def plan_anew(work: Work, incident: Incident, reason: str, *, detours: bool = False) -> Incident:
    """Hold what an ongoing incident owes to the guide, the schedules and the overrides as they are now.

    Nothing happens, and nothing is told, where what is owed is right already. See `paging.replan`.
    """
    if not incident.ongoing:
        return incident
    planned = work.duty.pages(incident.severity, incident.key.root, incident.begun_at, work.now)
    gone, fresh = paging.replan(incident, work.tx.pages(incident.id), planned, work.now, detours=detours)
    return _owed(work, incident, gone, fresh, reason)


def neglect(work: Work, incident: Incident, after_s: float) -> Incident:
    """Take an incident from whoever holds it and does nothing: it escalates anew from the first row."""
    due = [page for page in work.tx.pages(incident.id) if page.state == "due" and not page.payload]
    gone = [paging.withdrawn(page, NEGLECTED) for page in due if page.kind in {"page", "information"}]
    work.save_pages(gone)
    tended_at = incident.tended_at or incident.acknowledged_at or incident.started_at
    incident = work.append(incident.id, t.IncidentNeglected(after_s=after_s, tended_at=tended_at))
    if gone:
        incident = _withdrawn(work, incident, gone, NEGLECTED)
    return plan_pages(work, incident, NEGLECTED)


def _owed(work: Work, incident: Incident, gone: Sequence[Page], fresh: Sequence[Page], reason: str) -> Incident:
    work.save_pages([*gone, *fresh])
    if any(page.state == "withdrawn" for page in gone):
        incident = _withdrawn(work, incident, gone, reason)
    if fresh:
        incident = work.append(incident.id, t.PagesPlanned(pages=paging.told(fresh), reason=reason))
        empty = {page.row for page in fresh if page.row.startswith("hotline:gap-")}
        gaps = work.duty.gaps(incident.severity, incident.key.root, incident.begun_at, work.now) if empty else []
        for gap in gaps:
            if f"hotline:gap-{gap.row}" in empty:
                told = t.ScheduleGap(row=gap.row, roles=gap.roles, due_at=max(gap.due_at, work.now))
                incident = work.append(incident.id, told)
    return incident


def _withdrawn(work: Work, incident: Incident, gone: Sequence[Page], reason: str) -> Incident:
    return work.append(
        incident.id,
        t.PagesWithdrawn(page_ids=tuple(page.id for page in gone if page.state == "withdrawn"), reason=reason),
    )
