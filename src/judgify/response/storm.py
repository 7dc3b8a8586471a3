"""A storm: many incidents at once become one digest for each person and channel, and nothing of them is lost.

Pages of up to `pages` different incidents within `within_s` go out one by one. Beyond that, while more keep coming,
everything for the person through the channel is told together: the digest names how many incidents there are and the
worst of them, at once when it begins, again no sooner than `repeat_s` later when more has come, and at once when
something worse has come than all that it named. A page that is told in a digest is withdrawn and says in which; its
incident's timeline says so, too. The digest is a row of the outbox like any page, and that a storm is on is kept beside
it, so that neither a restart nor a second engine begins the telling anew. Who was told one by one lately is counted in
memory, and read from the outbox once when an engine begins.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from judgify.kit.clock import iso
from judgify.kit.ids import new_id
from judgify.response import paging
from judgify.response import timeline as t
from judgify.response.incident import Incident
from judgify.response.kept import Kept
from judgify.response.model import SEVERITIES, Page, PageKind
from judgify.response.policy import StormRule

if TYPE_CHECKING:
    from judgify.response.desk import Work

DIGEST: Final = "digest"
"""Key of the payload, and beginning of the row, of a digest; its value is the ids of the incidents that it names."""
STORM: Final = "storm"
"""Kind of what is kept of a storm that is on."""
LINES: Final = "incidents"
COUNT: Final = "count"
_URGENT: Final[tuple[PageKind, ...]] = ("page", "report", "notice", "information")
Key = tuple[str, str]
"""Person and channel."""


@dataclass(slots=True)
class _Told:
    """What one person is told together through one channel while a storm is on."""

    named: dict[str, None] = field(default_factory=dict)
    digest: str = ""
    due_at: datetime | None = None
    worst: int = len(SEVERITIES)
    folded_at: datetime | None = None


class Storm:
    """Decides which pages go out by themselves. Used within transactions only, which come one after another."""

    def __init__(self, rule: StormRule) -> None:
        """Go by a rule of the guide."""
        self._rule = rule
        self._within = timedelta(seconds=rule.within_s)
        self._singles: dict[Key, dict[str, datetime]] | None = None
        """The incidents told one by one, each with the moment, the oldest first; None before the outbox was read."""

    def gather(self, job: "Work", pages: Sequence[Page]) -> list[Page]:
        """Give the pages that go out as they are; the others are in a digest now, which is in the outbox."""
        groups: dict[Key, list[Page]] = {}
        for page in pages:
            if _counts(page):
                groups.setdefault((page.person, page.channel), []).append(page)
        if not groups:
            return list(pages)
        if self._singles is None:
            self._singles = self._told_before(job)
        storms = self._storms(job)
        folded: dict[str, list[Page]] = {}
        for key, mine in groups.items():
            told = storms.get(key)
            lately = self._singles.setdefault(key, {})
            if told is None and self._alone(lately, {str(page.incident_id) for page in mine}, job.now):
                continue
            told = told or _Told(named=dict.fromkeys(lately))
            digest = self._fold(job, told, mine)
            job.tx.keep(self._row(key, told, job.now))
            for page in mine:
                row = paging.withdrawn(page, f"{paging.TOGETHER}{digest.id}")
                folded.setdefault(str(page.incident_id), []).append(row)
        for incident_id, gone in folded.items():
            job.save_pages(gone)
            named = gone[0].detail if len(gone) == 1 else "told in digests"
            job.append(incident_id, t.PagesWithdrawn(page_ids=tuple(page.id for page in gone), reason=named))
        ids = {page.id for gone in folded.values() for page in gone}
        return [page for page in pages if page.id not in ids]

    def _alone(self, lately: dict[str, datetime], incidents: set[str], now: datetime) -> bool:
        while lately and now - next(iter(lately.values())) > self._within:
            del lately[next(iter(lately))]
        if len(lately) + sum(one not in lately for one in incidents) > self._rule.pages:
            return False
        for one in incidents:
            lately.pop(one, None)
            lately[one] = now
        return True

    def _told_before(self, job: "Work") -> dict[Key, dict[str, datetime]]:
        """Give what was told one by one within the time that counts, by whichever engine."""
        found: list[tuple[datetime, Key, str]] = []
        for incident in job.recent():
            for page in job.tx.pages(incident.id):
                at = page.sent_at or min(page.due_at, job.now)
                if _first(page) and page.attempt and page.state != "withdrawn" and job.now - at <= self._within:
                    found.append((at, (page.person, page.channel), incident.id))
        singles: dict[Key, dict[str, datetime]] = {}
        for at, key, incident_id in sorted(found):
            singles.setdefault(key, {})[incident_id] = at
        return singles

    def _storms(self, job: "Work") -> dict[Key, _Told]:
        """Give the storms that are on; what comes after one that is over is told by itself."""
        storms: dict[Key, _Told] = {}
        for kept in job.tx.all_kept(STORM):
            body = kept.body
            folded_at = datetime.fromisoformat(body["folded_at"])
            if job.now - folded_at <= self._within:
                due = datetime.fromisoformat(body["due_at"])
                named = dict.fromkeys(body["named"])
                storms[body["person"], body["channel"]] = _Told(named, body["digest"], due, body["worst"], folded_at)
        return storms

    def _row(self, key: Key, told: _Told, now: datetime) -> Kept:
        body = {
            "person": key[0],
            "channel": key[1],
            "named": list(told.named),
            "digest": told.digest,
            "due_at": iso(told.due_at or now),
            "worst": told.worst,
            "folded_at": iso(now),
        }
        digest = hashlib.sha256("\0".join(key).encode()).hexdigest()[:40]
        return Kept(kind=STORM, id=digest, until=now + self._within, body=body)

    def _fold(self, job: "Work", told: _Told, mine: Sequence[Page]) -> Page:
        told.folded_at = job.now
        told.named.update(dict.fromkeys(str(page.incident_id) for page in mine))
        worst = min(SEVERITIES.index(job.incident(str(page.incident_id)).severity) for page in mine)
        worse, told.worst = worst < told.worst, min(worst, told.worst)
        pending = job.tx.page(told.digest) if told.digest else None
        if pending is not None and pending.state == "due" and not pending.attempt:
            update: dict[str, Any] = {"payload": {DIGEST: list(told.named)}, "kind": _kind([pending, *mine])}
            update["wakes"] = pending.wakes or any(page.wakes for page in mine)
            if worse:
                update["due_at"] = job.now
            digest = pending.model_copy(update=update)
        else:
            due = job.now
            if told.due_at is not None and not worse:
                due = max(due, told.due_at + timedelta(seconds=self._rule.repeat_s))
            digest = _digest(mine, list(told.named), due, job.now)
            told.digest = digest.id
        told.due_at = digest.due_at
        job.save_pages([digest])
        return digest


def _counts(page: Page) -> bool:
    """Tell whether a page waits to be told for the first time: repeats and retries were let through before."""
    return _first(page) and page.state == "due" and page.attempt == 0


def _first(page: Page) -> bool:
    """Tell whether a page is the first telling of an incident's row."""
    return page.repeat == 0 and page.incident_id is not None and not page.payload and page.kind in _URGENT


def _kind(pages: Iterable[Page]) -> PageKind:
    return min((page.kind for page in pages), key=_URGENT.index)


def _digest(pages: Sequence[Page], named: list[str], due: datetime, now: datetime) -> Page:
    first, made = pages[0], new_id("pg")
    return Page(
        id=made,
        incident_id=first.incident_id,
        kind=_kind(pages),
        person=first.person,
        role=first.role,
        channel=first.channel,
        address=first.address,
        # A row of its own: receivers fold what has the same, and two digests are two messages.
        row=f"{DIGEST}:{made}",
        due_at=due,
        created_at=now,
        wakes=any(page.wakes for page in pages),
        payload={DIGEST: named},
    )


def left(job: "Work", page: Page) -> list[Incident]:
    """Give the incidents of a digest that it still has something to say about, the worst first.

    Those are the ones that go on, and that nobody holds where the digest asks for somebody.
    """
    found = [job.tx.incident(str(one)) for one in page.payload.get(DIGEST, ())]
    open_ones = [
        one
        for one in found
        if one is not None and one.ongoing and one.merged_into is None and not (page.kind == "page" and one.held)
    ]
    return sorted(open_ones, key=lambda one: (SEVERITIES.index(one.severity), one.started_at, one.id))


def refreshed(job: "Work", page: Page) -> Page | None:
    """Give a digest as it is to be told now, carried by the worst of its incidents; None when all of it is over."""
    mine = left(job, page)
    if not mine:
        return None
    lines = [{"id": one.id, "severity": one.severity, "title": one.title} for one in mine[: job.policy.storm().names]]
    payload = {DIGEST: [one.id for one in mine], COUNT: len(mine), LINES: lines}
    return page.model_copy(update={"incident_id": mine[0].id, "payload": payload})
