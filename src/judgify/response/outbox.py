"""The rules of the outbox: when a page may be claimed, and what a try makes of it. Pure."""

from datetime import datetime, timedelta
from typing import Final

from judgify.response.model import Delivery, Page

LEASE: Final = timedelta(seconds=20)
"""How long a try may take before somebody else may take the page over."""
MAX_ATTEMPTS: Final = 6
"""Tries of whatever is not a page about an incident; those are never parked."""


def due_at(page: Page) -> datetime | None:
    """Give the moment at which the page may be claimed, or None when it never will be again."""
    if page.state == "due":
        return page.due_at
    return page.lease_until if page.state == "claimed" else None


def claimed(page: Page, now: datetime, lease_until: datetime) -> Page | None:
    """Give the page as claimed: token grown by one; None when it is not due.

    A page that was claimed before and never came to an outcome may have arrived, so it is a possible repeat.
    """
    due = due_at(page)
    if due is None or due > now:
        return None
    return page.model_copy(
        update={
            "state": "claimed",
            "token": page.token + 1,
            "attempt": page.attempt + 1,
            "lease_until": lease_until,
            "possibly_repeat": page.possibly_repeat or page.state == "claimed",
        }
    )


def released(page: Page) -> Page:
    """Give a claimed page back to the outbox, for the engine that starts and knows that no try is under way."""
    return page.model_copy(update={"lease_until": page.due_at})


def tried(page: Page, delivery: Delivery, now: datetime) -> Page:
    """Give the page after a try: sent, or due again later, or failed for good."""
    update = {"outcome": delivery.outcome, "detail": delivery.detail, "lease_until": None}
    if delivery.outcome == "sent":
        return page.model_copy(update={**update, "state": "sent", "sent_at": now})
    # Whoever must be told of a fault is tried until somebody holds it or it is over; other things end.
    for_good = page.kind == "page" and page.incident_id is not None
    if delivery.retry_after_s is None or (page.attempt >= MAX_ATTEMPTS and not for_good):
        return page.model_copy(update={**update, "state": "failed"})
    return page.model_copy(
        update={
            **update,
            "state": "due",
            "due_at": now + timedelta(seconds=delivery.retry_after_s),
            "possibly_repeat": page.possibly_repeat or delivery.outcome == "unknown",
        }
    )
