"""A storm: many incidents at once become one digest for each person and channel, and nothing of them is lost.

Pages of up to `pages` different incidents within `within_s` go out one by one. Beyond that, while more keep coming,
everything for the person through the channel is told together: the digest names how many incidents there are and the
worst of them, at once when it begins, again no sooner than `repeat_s` later when more has come, and at once when
something worse has come than all that it named. A page that is told in a digest is withdrawn and says in which; its
incident's timeline says so, too. What is counted here is this engine's own telling: it is lost with the process, the
digest itself is a row of the outbox like any page.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from judgify.kit.ids import new_id
from judgify.response import paging
from judgify.response import timeline as t
from judgify.response.incident import Incident
from judgify.response.model import SEVERITIES, Page, PageKind
from judgify.response.policy import StormRule

if TYPE_CHECKING:
    from judgify.response.desk import Work

DIGEST: Final = "digest"
"""Key of the payload, and beginning of the row, of a digest; its value is the ids of the incidents that it names."""
LINES: Final = "incidents"
COUNT: Final = "count"
_URGENT: Final[tuple[PageKind, ...]] = ("page", "report", "notice", "information")
Key = tuple[str, str]
"""Person and channel."""


@dataclass(slots=True)
class _Told:
    """What one person was told lately through one channel."""

    singles: deque[tuple[datetime, str]] = field(default_factory=deque)
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
        self._told: dict[Key, _Told] = {}

    def gather(self, job: "Work", pages: Sequence[Page]) -> list[Page]:
        """Give the pages that go out as they are; the others are in a digest now, which is in the outbox."""
        groups: dict[Key, list[Page]] = {}
        for page in pages:
            if _counts(page):
                groups.setdefault((page.person, page.channel), []).append(page)
        folded: dict[str, list[Page]] = {}
        for key, mine in groups.items():
            told = self._told.setdefault(key, _Told())
            if self._alone(told, {str(page.incident_id) for page in mine}, job.now):
                continue
            digest = self._fold(job, told, mine)
            for page in mine:
                row = paging.withdrawn(page, f"{paging.TOGETHER}{digest.id}")
                folded.setdefault(str(page.incident_id), []).append(row)
        for incident_id, gone in folded.items():
            job.save_pages(gone)
            named = gone[0].detail if len(gone) == 1 else "told in digests"
            job.append(incident_id, t.PagesWithdrawn(page_ids=tuple(page.id for page in gone), reason=named))
        ids = {page.id for gone in folded.values() for page in gone}
        return [page for page in pages if page.id not in ids]

    def _alone(self, told: _Told, incidents: set[str], now: datetime) -> bool:
        within = timedelta(seconds=self._rule.within_s)
        while told.singles and now - told.singles[0][0] > within:
            told.singles.popleft()
        if told.folded_at is not None:
            if now - told.folded_at <= within:
                return False
            # It is calm again: what comes next is told by itself.
            told.named, told.digest, told.due_at = {}, "", None
            told.worst, told.folded_at = len(SEVERITIES), None
        if len({one for _, one in told.singles} | incidents) > self._rule.pages:
            return False
        told.singles.extend((now, one) for one in incidents)
        return True

    def _fold(self, job: "Work", told: _Told, mine: Sequence[Page]) -> Page:
        told.folded_at = job.now
        if not told.named:
            told.named = dict.fromkeys(one for _, one in told.singles)
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
    """Tell whether a page is the first telling of an incident's row: repeats and retries were let through before."""
    first = page.state == "due" and page.repeat == 0 and page.attempt == 0
    return first and page.incident_id is not None and not page.payload and page.kind in _URGENT


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
