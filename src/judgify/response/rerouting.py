"""A page whose channel fails goes another way at once: its person's next contact method, else any channel. Pure."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from judgify.response.incident import Incident
from judgify.response.model import Page
from judgify.response.paging import row_of
from judgify.response.policy import PlannedRow


def reroute(
    page: Page, pages: Sequence[Page], others: Sequence[str], unwell: Collection[str], now: datetime
) -> tuple[list[Page], list[str]]:
    """Give (the person's later steps, due now; channels that are still to be tried) for a page that does not get out.

    `pages` are the incident's, `others` the channels that may page this person, in the guide's order. Nothing is owed
    where another channel that is well has the person already, has taken the page, or is about to.
    """
    mine = [
        one
        for one in pages
        if one.person == page.person and row_of(one) == row_of(page) and one.id != page.id and one.kind == "page"
    ]
    fine = [one for one in mine if one.channel not in unwell and one.channel != page.channel]
    if any(one.outcome == "sent" or one.state == "claimed" or _coming(one, now) for one in fine):
        return [], []
    later = [one for one in fine if one.state == "due" and one.attempt == 0 and one.due_at > now]
    if later:
        soonest = min(one.due_at for one in later)
        return [one.model_copy(update={"due_at": now, "after_s": 0.0}) for one in later if one.due_at == soonest], []
    tried = {one.channel for one in mine} | {page.channel}
    return [], [name for name in others if name not in tried and name not in unwell]


def _coming(page: Page, now: datetime) -> bool:
    """Tell whether a page is due now and has not failed yet."""
    return page.state == "due" and page.due_at <= now and page.attempt == 0


def detours(page: Page, channels: Sequence[str], wakes: Callable[[str], bool], now: datetime) -> list[PlannedRow]:
    """Give the rows by which a page goes through other channels; its row and kind stay what they were."""
    return [
        PlannedRow(
            kind=page.kind,
            person=page.person,
            role=page.role,
            channel=name,
            row=page.row,
            due_at=now,
            wakes=wakes(name),
        )
        for name in channels
    ]


def needs(page: Page, incident: Incident | None) -> bool:
    """Tell whether a page must still reach its person: about a fault that goes on and that nobody holds."""
    return (
        incident is not None
        and incident.ongoing
        and not incident.held
        and page.kind == "page"
        and page.state in {"due", "claimed", "failed"}
        and page.outcome != "sent"
        and page.repeat == 0
    )
