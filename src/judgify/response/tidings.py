"""What outside tools tell besides alerts: that somebody took an alert over there, that something was changed."""

from datetime import timedelta
from typing import Final

from judgify.kit.clock import iso
from judgify.kit.ids import new_id
from judgify.response import standing
from judgify.response import timeline as t
from judgify.response.desk import Desk, Work
from judgify.response.journal import ChangeReported
from judgify.response.kept import Kept
from judgify.response.model import UNSETTLED, Actor, Signal

CHANGE: Final = "change"
KEPT: Final = timedelta(hours=24)
BEFORE: Final = timedelta(hours=1)
"""Changes that were told of so long before an incident opened are shown on its timeline."""
MOST: Final = 20
"""Changes of one service that are shown on an incident."""


async def taken_elsewhere(desk: Desk, signal: Signal, who: str) -> None:
    """Note on an alert's incident that its sender calls it acknowledged.

    It stops no page: only a person who is known here can say that they hold an incident.
    """

    def work(job: Work) -> None:
        alert = standing.known(job, standing.key_of(signal))
        incident = None if alert is None or not alert.incident_id else job.tx.incident(alert.incident_id)
        if incident is not None and incident.state in UNSETTLED:
            text = f"{who}에서 접수됨. 여기서 접수할 때까지 호출은 계속됩니다"
            job.append(incident.id, t.NoteAdded(text=text), actor=Actor(kind="outside", name=signal.source))

    await desk.command(work)


async def changed(desk: Desk, change: ChangeReported, source: str) -> None:
    """Keep a change for a day, and tell of it on the engine's timeline and on the service's open incidents."""
    actor = Actor(kind="outside", name=source)

    def work(job: Work) -> None:
        body = change.model_dump(mode="json")
        job.tx.keep(Kept(kind=CHANGE, id=new_id("chg"), owner=change.service, until=job.now + KEPT, body=body))
        job.journal(change, actor=actor)
        for incident in job.recent(change.service):
            if incident.state in UNSETTLED and change.service in incident.service_names():
                job.append(incident.id, change, actor=actor)

    await desk.command(work)


def on_opening(work: Work, incident_id: str, service: str) -> None:
    """Put the service's latest changes on the timeline of an incident that opens: the likeliest cause of a fault."""
    since = iso(work.now - BEFORE)
    found = [ChangeReported.model_validate(kept.body) for kept in work.tx.all_kept(CHANGE, owner=service)]
    for change in [one for one in found if iso(one.at) >= since][-MOST:]:
        work.append(incident_id, change)
