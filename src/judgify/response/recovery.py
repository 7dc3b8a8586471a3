"""When an incident has recovered: every affected service's own check held, unbroken, long enough. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from judgify.response.incident import Incident
from judgify.response.model import Check

STALE: Final = timedelta(seconds=15)
"""A check older than this says nothing about now."""


@dataclass(slots=True)
class Stretch:
    """The newest answer of a service's check, and since when the answers have been good without a break."""

    last: Check
    good_since: datetime | None


@dataclass(slots=True)
class Checks:
    """What our own checks say. Kept in memory only: after a restart a stretch begins anew, never too early."""

    stretches: dict[str, Stretch] = field(default_factory=dict)

    def take(self, check: Check) -> bool:
        """Take one answer; True when it turned from bad to good or the other way (or is the first)."""
        known = self.stretches.get(check.service)
        if known is None:
            self.stretches[check.service] = Stretch(check, check.at if check.ok else None)
            return True
        turned = known.last.ok != check.ok
        gap = check.at - known.last.at > STALE
        known.last = check
        if not check.ok:
            known.good_since = None
        elif known.good_since is None or gap:
            # After a gap nobody knows what happened in between: the stretch begins anew.
            known.good_since = check.at
        return turned

    def last(self, service: str) -> Check | None:
        """Give the newest answer about a service."""
        known = self.stretches.get(service)
        return None if known is None else known.last

    def good_since(self, service: str, now: datetime) -> datetime | None:
        """Give the start of the unbroken good stretch that lasts until now, or None."""
        known = self.stretches.get(service)
        if known is None or now - known.last.at > STALE:
            return None
        return known.good_since


@dataclass(frozen=True, slots=True)
class Recovered:
    """The incident has recovered: restored at that moment, held for so many seconds since."""

    restored_at: datetime
    held_s: float
    services: tuple[str, ...]


def recovered(incident: Incident, checks: Checks, hold_s: float, now: datetime) -> Recovered | datetime | None:
    """Say whether an incident has recovered, or give the moment at which it will have when all stays good, or None.

    What our own probes never saw failing cannot be seen recovering by them: such an incident needs, besides good
    checks, that every signal of it was cleared by its sender; else a person resolves it. The same holds for what a
    person reports after our checks had found everything good: the trouble is one that they do not see.
    """
    if not incident.ongoing:
        return None
    awaited = [
        f"{seen.source}|{seen.service}|{seen.signal}"
        for seen in incident.signals
        if seen.source == "metrics" or not incident.confirmed
    ]
    if any(name not in incident.cleared for name in awaited):
        return None
    starts = [checks.good_since(service, now) for service in incident.service_names()]
    known = [start for start in starts if start is not None]
    if not known or len(known) < len(starts):
        return None
    restored = max(*known, *(incident.cleared[name] for name in awaited), incident.occurred_at)
    if any(seen.source == "person" and seen.at > restored for seen in incident.signals):
        return None
    if now - restored < timedelta(seconds=hold_s):
        return restored + timedelta(seconds=hold_s)
    return Recovered(restored, (now - restored).total_seconds(), incident.service_names())
