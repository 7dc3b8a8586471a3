"""Which digests of a storm a person was told, so that the code in a text message takes all that it named.

A digest is told again under another page's id, with what is left of it; its row keeps its name, and so its code. Kept
is no code, only when a row was told last and by which page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from judgify.kit.clock import iso, parse
from judgify.response import storm
from judgify.response.incident import Incident
from judgify.response.kept import Kept
from judgify.response.model import Page
from judgify.response.ports import Tx
from judgify.response.ticket import VALID

if TYPE_CHECKING:
    from judgify.response.desk import Work

TOLD: Final = "digest-told"


@dataclass(frozen=True, slots=True)
class ToldDigest:
    """A digest as a person was told it last: the page, and when that began."""

    page: Page
    at: datetime

    def means(self, incident: Incident) -> bool:
        """Tell whether an incident is still the one that was told: what came back since was told anew."""
        return self.at >= incident.begun_at


def as_told(job: "Work", page: Page) -> Page | None:
    """Give a digest as it is told now, and remember that it was; None when all of it is over. See `storm.refreshed`."""
    told = storm.refreshed(job, page)
    if told is not None and told.kind == "page":
        body = {"page": told.id, "at": iso(job.now)}
        job.tx.keep(Kept(kind=TOLD, id=told.row, owner=told.person, until=job.now + VALID, body=body))
    return told


def told_at(tx: Tx, page: Page) -> datetime:
    """Give when a page was told, so far as it is a digest; of any other page when it was made."""
    kept = tx.kept(TOLD, page.row)
    return page.created_at if kept is None or kept.body["page"] != page.id else parse(str(kept.body["at"]))


def told_to(tx: Tx, person: str, now: datetime) -> Iterator[ToldDigest]:
    """Give the digests that a person was told within the time for which a code counts."""
    for kept in tx.all_kept(TOLD, owner=person):
        page = tx.page(str(kept.body["page"]))
        if page is not None and kept.until is not None and kept.until > now:
            yield ToldDigest(page, parse(str(kept.body["at"])))
