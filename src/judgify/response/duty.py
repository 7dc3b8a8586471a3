"""Who is on call changes while an incident is open: hand-overs, stand-ins, neglect. What is owed follows by itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from judgify.response import planning
from judgify.response.desk import Desk, Work
from judgify.response.incident import Incident
from judgify.response.journal import StandInEnded
from judgify.response.kept import Kept
from judgify.response.stand_in import STAND_IN, current, read

LOOKED_ANEW: Final = timedelta(seconds=1)
"""So often stand-ins are read anew: another engine on the same store may have made one."""
GUIDE: Final = "duty-guide"
"""Under which kind it is kept by which guide the rows were planned last."""


class Duty:
    """Looks whether somebody else is on call now than those whom the rows name, and whether anybody still tends."""

    def __init__(self, desk: Desk) -> None:
        """Work at a desk."""
        self._desk = desk
        self._started = False
        self._looked_at: datetime | None = None
        self._next: datetime | None = None
        self._ends: list[tuple[datetime, str]] = []

    async def begin(self, incidents: Sequence[Incident]) -> None:
        """Do what is due now for these unsettled incidents; after a start all of them are looked at once."""
        now = self._desk.clock.now()
        changed = not self._started or (self._next is not None and self._next <= now)
        if changed:
            reason = await self._desk.command(_guide_of) if not self._started else HANDED_OVER
            for incident in incidents:
                if incident.ongoing and incident.merged_into is None:
                    await self._desk.command(lambda job, i=incident: _again(job, i.id, reason))  # type: ignore[misc]
            self._started = True
        if changed or self._looked_at is None or now - self._looked_at >= LOOKED_ANEW:
            await self._look(now)
        for end, _ in self._ends:
            if end <= now:
                await self._desk.command(_ended)
                await self._look(now)
                break
        for incident in incidents:
            limit_s = self._limit_s(incident)
            if limit_s is not None and now >= _tended(incident) + timedelta(seconds=limit_s):
                await self._desk.command(lambda job, i=incident, s=limit_s: _neglected(job, i.id, s))  # type: ignore[misc]

    def moments(self, incidents: Sequence[Incident]) -> list[datetime]:
        """Give the moments at which there is something to do for these incidents."""
        found = [end for end, _ in self._ends]
        if self._next is not None and incidents:
            found.append(self._next)
        for incident in incidents:
            limit_s = self._limit_s(incident)
            if limit_s is not None:
                found.append(_tended(incident) + timedelta(seconds=limit_s))
        return found

    async def _look(self, now: datetime) -> None:
        kept = await self._desk.ask(lambda tx: tx.all_kept(STAND_IN))
        self._ends = [(one.ends, one.id) for one in (read(each) for each in kept if "ended" not in each.body)]
        self._next = self._desk.policy.beside(current(kept, now)).duty_changes(now)
        self._looked_at = now

    def _limit_s(self, incident: Incident) -> float | None:
        if not incident.held or not incident.ongoing or incident.merged_into is not None:
            return None
        return self._desk.policy.neglected_after_s(incident.severity)


HANDED_OVER: Final = "hand-over"
"""Why rows were planned anew: somebody else is on call now."""
GUIDE_CHANGED: Final = "the guide changed"
"""Why rows were planned anew: the engine came up with another guide."""


def _tended(incident: Incident) -> datetime:
    return max(moment for moment in (incident.tended_at, incident.started_at) if moment is not None)


def _guide_of(job: Work) -> str:
    present = job.policy.guide_digest()
    known = job.tx.kept(GUIDE, "planned")
    if known is not None and known.body.get("guide") == present:
        return HANDED_OVER
    job.tx.keep(Kept(kind=GUIDE, id="planned", body={"guide": present}))
    return HANDED_OVER if known is None else GUIDE_CHANGED


def _again(job: Work, incident_id: str, reason: str) -> None:
    planning.plan_anew(job, job.incident(incident_id), reason, detours=True)


def _ended(job: Work) -> None:
    for kept in job.tx.all_kept(STAND_IN):
        one = read(kept)
        if one.ends <= job.now and "ended" not in kept.body:
            job.tx.keep(kept.model_copy(update={"body": {**kept.body, "ended": True}}))
            if one.cancelled_at is None:
                job.journal(StandInEnded(stand_in=one))


def _neglected(job: Work, incident_id: str, limit_s: float) -> None:
    incident = job.incident(incident_id)
    if incident.held and incident.ongoing and job.now >= _tended(incident) + timedelta(seconds=limit_s):
        planning.neglect(job, incident, limit_s)
