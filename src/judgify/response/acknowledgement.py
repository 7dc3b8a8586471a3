"""Taking an incident over, whatever the way it was said by: the one place at which repeats and retries stop."""

from dataclasses import dataclass

from judgify.kit.errors import Denied
from judgify.response import paging
from judgify.response import timeline as t
from judgify.response.desk import Work
from judgify.response.incident import Incident
from judgify.response.model import Actor


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of an acknowledgement: the incident, and whether this one was the first."""

    incident: Incident
    first: bool

    @property
    def holder(self) -> Actor:
        """Who holds it now; the one who must be named to everybody else."""
        holder = self.incident.holder
        if holder is None:  # pragma: no cover - `take` gives incidents that somebody holds
            raise LookupError("nobody holds it")
        return holder


def take(job: Work, incident: Incident, actor: Actor, via: str) -> Taken:
    """Record that a person has taken an unsettled incident. `Denied` for what is no person.

    The first one counts: on all channels at once repeats end and retries of what is due are withdrawn. Whoever comes
    second is on the timeline, too, once; nothing else changes.
    """
    if not actor.may_acknowledge:
        raise Denied("only a person can acknowledge an incident")
    holder = incident.holder
    if holder is not None:
        if (actor.kind, actor.name, actor.detail) != (holder.kind, holder.name, holder.detail) and not _told(
            job, incident, actor
        ):
            incident = job.append(incident.id, t.IncidentAcknowledged(via=via, also=True), actor=actor)
        return Taken(incident, first=False)
    stopped, changed = paging.on_acknowledge(job.tx.pages(incident.id), job.now)
    job.save_pages([*stopped, *changed])
    taken = job.append(incident.id, t.IncidentAcknowledged(via=via), actor=actor)
    if "receipt_confirmed" not in taken.checklist:
        done = t.ChecklistDone(item="receipt_confirmed", how="person", detail=str(actor))
        taken = job.append(incident.id, done, actor=actor)
    if stopped:
        gone = t.PagesWithdrawn(page_ids=tuple(page.id for page in stopped), reason=f"acknowledged by {actor}")
        taken = job.append(incident.id, gone, actor=actor)
    return Taken(taken, first=True)


def _told(job: Work, incident: Incident, actor: Actor) -> bool:
    """Tell whether somebody who came second is on the timeline already, since it was last taken."""
    for entry in reversed(job.tx.entries(incident.id)):
        if isinstance(entry.event, t.IncidentAcknowledged):
            if not entry.event.also:
                return False
            if entry.actor == actor:
                return True
    return False  # pragma: no cover - what is held was taken by an entry
