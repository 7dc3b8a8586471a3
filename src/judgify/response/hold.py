"""A page that this engine has claimed: until when, and whether it may still go out. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from judgify.response import outbox, paging
from judgify.response.incident import Incident
from judgify.response.model import Page

MARGIN_S: Final = 2.0
"""A message is not begun this shortly before its lease ends, so that its bytes are out before anybody else may send."""
LEASE_OVER: Final = "its lease ran out before it could be sent"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store says of a claim."""

    token: int
    """The newest claim's; another one than ours says that somebody else has the page."""
    lease_s: float
    """Seconds until that claim ends, by the clock of the store."""
    incident: Incident | None = None
    """What the page's incident has become, where it has grown since we last heard of it."""


@dataclass(slots=True)
class Hold:
    """One claim.

    `began` is the monotonic moment before the transaction that claimed it: no clock that is set, and no time in which
    this process stood still, makes the lease look longer than it is.
    """

    page: Page
    incident: Incident | None
    began: float
    stopped: str | None = None
    """Why it is not owed any more, once somebody has said so."""
    handed: bool = False
    """Whether a channel has been given it: from then on it may have arrived."""
    sent: bool = False
    """Whether it has passed its last look: from then on it can be held back no more."""
    lost: bool = False
    """Whether the store has said that the claim is not ours any more."""
    confirmed: float | None = None
    """The monotonic moment at which the store's word on the claim was had, or was waited for long enough."""

    def over(self, monotonic: float) -> bool:
        """Tell whether the lease is over, or as good as that."""
        return self.lost or monotonic >= self.began + outbox.LEASE.total_seconds() - MARGIN_S

    def look(self, monotonic: float) -> str | None:
        """Say why it must not go out, or None, which is the last word: it counts as sent from here on."""
        if self.stopped is not None:
            return self.stopped
        if self.over(monotonic):
            return LEASE_OVER
        self.sent = True
        return None

    def learn(self, incident: Incident) -> None:
        """Take what the incident has become; a page that is not owed any more is stopped."""
        if not self.sent and self.stopped is None:
            self.stopped = paging.still_owed(self.page, incident)
            self.incident = incident

    def hear(self, standing: Standing | None) -> None:
        """Take what the store says of the claim; None: nobody holds one on this page."""
        if standing is None or standing.token != self.page.token or standing.lease_s <= 0:
            self.lost = True
        elif standing.incident is not None:
            self.learn(standing.incident)


def given_back(page: Page) -> Page:
    """Give a claimed page that was never begun as it was before: nobody can have it, so it is no possible repeat."""
    return page.model_copy(update={"state": "due", "attempt": max(0, page.attempt - 1), "lease_until": None})


def stopped(page: Page, incident: Incident | None, reason: str, now: datetime) -> Page:
    """Give a claimed page that was held back: withdrawn, or information where it was due after the acknowledgement."""
    acknowledged = None if incident is None else incident.acknowledged_at
    # Not the number of tries: a claim ahead of its moment whose engine died counts as one, and has no outcome.
    untold = page.repeat == 0 and page.outcome is None and not page.relieved
    ahead = acknowledged is not None and paging.begins(page) > acknowledged and untold
    if incident is not None and incident.ongoing and incident.held and ahead:
        return given_back(page).model_copy(update={"kind": "information", "due_at": max(page.due_at, now)})
    return paging.withdrawn(page, reason)
