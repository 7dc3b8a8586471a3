"""What channels that can change what they told are told after the fact: who holds it, that it is over.

Each is a row of the outbox, written in the transaction in which things changed, so it is retried and survives a crash
like any page: a Slack message shows who holds the incident, a PagerDuty alert is acknowledged and resolved.
"""

from typing import TYPE_CHECKING, Final

from judgify.kit.ids import new_id
from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.incident import Incident
from judgify.response.model import Page

if TYPE_CHECKING:
    from judgify.response.desk import Work

FOLLOW: Final = "follow"
"""Key of the payload, and role, of such a row; its value is the turn."""
ANSWERED: Final = "answered"
"""Key of the payload of a row that tells what became of a request for approval; its value is the request's id."""
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
    for entry in list(job.entries):
        approval_id = _answered(job, entry.event)
        if approval_id is not None and entry.incident_id is not None:
            job.save_pages(answers(job, entry.incident_id, approval_id))


def answers(job: "Work", incident_id: str, approval_id: str) -> list[Page]:
    """Give one row for each channel that asked for an approval and can take its buttons away."""
    pages = job.tx.pages(incident_id)
    asked = {
        page.channel: page
        for page in pages
        if page.payload.get("approval") == approval_id
        and page.outcome in {"sent", "unknown"}
        and job.policy.follows(page.channel)
    }
    owed = {page.channel for page in pages if page.payload.get(ANSWERED) == approval_id and page.state == "due"}
    return [
        _row(job, incident_id, page.channel, ANSWERED, {**_words(page), ANSWERED: approval_id})
        for page in asked.values()
        if page.channel not in owed
    ]


def _words(page: Page) -> dict[str, object]:
    return {key: page.payload[key] for key in ("text", "command") if key in page.payload}


def _answered(job: "Work", event: t.Event) -> str | None:
    """Give the request that an entry ends, or whose message arrived only after it had ended."""
    if isinstance(event, o.ApprovalVoted):
        return event.approval_id if event.state in {"granted", "rejected"} else None
    if isinstance(event, o.ApprovalLapsed):
        return event.approval_id
    if isinstance(event, t.PageDelivered) and event.row == "approval" and event.outcome != "refused":
        page = job.tx.page(event.page_id)
        approval = None if page is None else job.tx.approval(str(page.payload.get("approval", "")))
        return approval.id if approval is not None and approval.state_at(job.now) != "waiting" else None
    return None


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
        and ANSWERED not in page.payload
        and "announcement" not in page.payload
        and job.policy.follows(page.channel)
    )
    overtaken = [
        page.model_copy(update={"state": "withdrawn", "detail": f"now {turn}"})
        for page in pages
        if page.state == "due" and FOLLOW in page.payload
    ]
    return overtaken + [_row(job, incident.id, channel, turn, {FOLLOW: turn}) for channel in told]


def _row(job: "Work", incident_id: str, channel: str, turn: str, payload: dict[str, object]) -> Page:
    return Page(
        id=new_id("pg"),
        incident_id=incident_id,
        kind="notice",
        person=EVERYONE,
        role=FOLLOW,
        channel=channel,
        row=f"{FOLLOW}:{turn}",
        due_at=job.now,
        created_at=job.now,
        wakes=False,
        payload=payload,
    )


def _matters(job: "Work", event: t.Event) -> bool:
    if isinstance(event, t.PageDelivered):
        # A page that was under way when things changed arrives after the turn: its channel is told once more.
        return (
            event.outcome != "refused" and not event.row.startswith(FOLLOW) and bool(job.policy.follows(event.channel))
        )
    return isinstance(event, _TURNS) and not getattr(event, "also", False)
