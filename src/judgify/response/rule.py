"""Rules of single commands: who may approve, what a closing needs, what a text may be. Pure."""

from datetime import datetime

from judgify.kit.errors import Conflict, Denied, Invalid
from judgify.response.incident import Incident
from judgify.response.model import Approval, Vote


def missing_to_close(incident: Incident) -> list[str]:
    """Give what a P0 or P1 still lacks before it can be closed: root_cause, owner, action_items."""
    if incident.severity not in {"P0", "P1"}:
        return []
    given = {
        "root_cause": incident.root_cause is not None,
        "owner": incident.responder is not None,
        "action_items": bool(incident.actions),
    }
    return [name for name, there in given.items() if not there]


def decide_vote(approval: Approval, vote: Vote, now: datetime) -> Approval:
    """Count a vote. Two approvals are two different persons, neither of them the one who asked."""
    state = approval.state_at(now)
    if state != "waiting":
        raise Conflict(f"the request for approval is {state}", slug=f"approval-{state}")
    actor = vote.actor
    if actor.kind not in {"person", "cli"}:
        raise Denied("only a person can answer a request for approval")
    if vote.approve and approval.needed >= 2:
        if not actor.is_person:
            raise Denied("this needs two persons who signed in; the command line's own token is not a person")
        if actor.name == approval.asked_by.name:
            raise Denied("who asked cannot be one of the two who approve")
        if any(known.actor.name == actor.name for known in approval.votes):
            raise Conflict("you have approved this already; another person is needed")
    votes = (*approval.votes, vote)
    if not vote.approve:
        return approval.model_copy(update={"votes": votes, "state": "rejected"})
    granted = sum(known.approve for known in votes) >= approval.needed
    return approval.model_copy(update={"votes": votes, "state": "granted" if granted else "waiting"})


def said(text: str, longest: int = 4_000) -> str:
    """Give what a person wrote without the space around it; `Invalid` when it is empty or too long."""
    stripped = text.strip()
    if not stripped:
        raise Invalid("the text is empty")
    if len(stripped) > longest:
        raise Invalid(f"the text is longer than {longest} characters")
    return stripped
