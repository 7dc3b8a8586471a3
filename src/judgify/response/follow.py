"""What channels that can change what they told are told after the fact: who holds it, that it is over.

Each is a row of the outbox, written in the transaction in which things changed, so it is retried and survives a crash
like any page: a Slack message shows who holds the incident, a PagerDuty alert is acknowledged and resolved.
"""

from typing import TYPE_CHECKING, Final

from judgify.kit.ids import new_id
from judgify.response import timeline as t
from judgify.response.incident import Incident
from judgify.response.model import Page

if TYPE_CHECKING:
    from judgify.response.desk import Work

FOLLOW: Final = "follow"
"""Key of the payload, and role, of such a row; its value is the turn."""
EVERYONE: Final = "everyone"
_TURNS: Final = (
    t.IncidentAcknowledged,
    t.RecoveryObserved,
    t.IncidentResolved,
    t.IncidentReopened,
    t.IncidentMerged,
)


def up(job: "Work") -> None:
    """Owe a turn to every channel that told of an incident which this command changed. Part of its transaction."""
    for incident_id in dict.fromkeys(
        entry.incident_id for entry in job.entries if entry.incident_id is not None and _matters(job, entry.event)
    ):
        incident = job.incident(incident_id)
        turn = turn_of(incident)
        if turn is not None:
            job.save_pages(rows(job, incident, turn))


def turn_of(incident: Incident) -> str | None:
    """Give how things stand with an incident, in the words of `notify.Turn`; None while it is open as it was told."""
    if incident.merged_into is not None or incident.state in {"resolved", "closed"}:
        return "resolved"
    if incident.state == "recovered":
        return "recovered"
    if incident.held:
        return "acknowledged"
    return "reopened" if incident.reopened else None


def rows(job: "Work", incident: Incident, turn: str) -> list[Page]:
    """Give one row for each channel that told of the incident, and withdraw earlier ones that are still due."""
    pages = job.tx.pages(incident.id)
    told = dict.fromkeys(
        page.channel
        for page in pages
        if page.outcome in {"sent", "unknown"}
        and FOLLOW not in page.payload
        and "announcement" not in page.payload
        and job.policy.follows(page.channel)
    )
    overtaken = [
        page.model_copy(update={"state": "withdrawn", "detail": f"now {turn}"})
        for page in pages
        if page.state == "due" and FOLLOW in page.payload
    ]
    return overtaken + [
        Page(
            id=new_id("pg"),
            incident_id=incident.id,
            kind="notice",
            person=EVERYONE,
            role=FOLLOW,
            channel=channel,
            row=f"{FOLLOW}:{turn}",
            due_at=job.now,
            created_at=job.now,
            wakes=False,
            payload={FOLLOW: turn},
        )
        for channel in told
    ]


def _matters(job: "Work", event: t.Event) -> bool:
    if isinstance(event, t.PageDelivered):
        # A page that was under way when things changed arrives after the turn: its channel is told once more.
        return (
            event.outcome != "refused" and not event.row.startswith(FOLLOW) and bool(job.policy.follows(event.channel))
        )
    return isinstance(event, _TURNS) and not getattr(event, "also", False)
