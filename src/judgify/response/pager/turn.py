"""What a message adds where a channel can do more than tell: buttons, how things stand, a short form. Pure."""

import json
from dataclasses import replace
from typing import Final, cast

from judgify.kit.clock import show
from judgify.notify import Act, Message, Turn
from judgify.response.follow import ANSWERED, FOLLOW
from judgify.response.guide.base import Lang, Text
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import Actor, Page

_ACKNOWLEDGE: Final = Text(ko="접수", en="Acknowledge")
_APPROVE: Final = Text(ko="승인", en="Approve")
_REJECT: Final = Text(ko="거절", en="Reject")
_HELD: Final = Text(ko="✅ 담당: {name} (접수 {at})", en="✅ Held by {name} (since {at})")
_RECOVERED: Final = Text(ko="🟢 복구가 확인되었습니다 ({at})", en="🟢 Recovery is verified ({at})")
_RESOLVED: Final = Text(ko="🟢 해결되었습니다 ({at})", en="🟢 Resolved ({at})")
_MERGED: Final = Text(ko="➡️ {other} 장애로 합쳐졌습니다", en="➡️ Merged into {other}")
_REOPENED: Final = Text(ko="🔁 다시 발생했습니다. 담당자가 없습니다", en="🔁 It is back, and nobody holds it")
_APPROVED: Final = Text(ko="✅ 승인: {name}", en="✅ Approved by {name}")
_REJECTED: Final = Text(ko="⛔ 거절: {name}", en="⛔ Rejected by {name}")
_LAPSED: Final = Text(ko="⌛ 시간이 지나 취소되었습니다", en="⌛ It lapsed, or is not needed any more")
ANNOUNCEMENT: Final = "announcement"


def completed(message: Message, page: Page, incident: Incident | None, guide: Guide, lang: Lang) -> Message:
    """Add to a page's message what only some channels show: buttons, turn, standing, short form, service, topic."""
    if incident is None:
        # An answer to a text message is as short as what it answers.
        return replace(message, short=str(page.payload.get("short", "")))
    asked = str(page.payload.get(ANSWERED) or page.payload.get("approval") or "")
    if ANSWERED in page.payload:
        told = answer(asked, incident, guide, lang)
        return replace(message, turn="answered", ask=asked, standing=told, service=incident.key.root)
    announcement = ANNOUNCEMENT in page.payload
    turn = page.payload.get(FOLLOW)
    return replace(
        message,
        acts=() if announcement else acts(page, incident, lang),
        turn=cast("Turn | None", turn),
        standing="" if announcement else standing(incident, guide, lang),
        short="" if announcement else short(message, incident, guide, lang),
        service=incident.key.root,
        topic=ANNOUNCEMENT if announcement else "",
        ask=asked,
    )


def answer(approval_id: str, incident: Incident, guide: Guide, lang: Lang) -> str:
    """Give the line that says what became of a request for approval, and who decided it."""
    found = next((one for one in incident.approvals if one.id == approval_id), None)
    if found is None or found.state in {"waiting", "lapsed"} or not found.votes:
        return _LAPSED.of(lang)
    name = ", ".join(named(vote.actor, guide) for vote in found.votes if vote.approve == found.votes[-1].approve)
    return (_APPROVED if found.votes[-1].approve else _REJECTED).of(lang).format(name=name)


def acts(page: Page, incident: Incident, lang: Lang) -> tuple[Act, ...]:
    """Give what the reader may do: acknowledge while nobody holds it; answer the approval that the page asks for.

    An answer names the digest of the operation as it was shown, so that it can never count for another one.
    """
    found = next((one for one in incident.approvals if one.id == page.payload.get("approval")), None)
    if found is not None:
        target = json.dumps({"incident": incident.id, "approval": found.id, "digest": found.digest})
        return (Act("approve", _APPROVE.of(lang), target), Act("reject", _REJECT.of(lang), target))
    if incident.ongoing and not incident.held and incident.merged_into is None:
        return (Act("acknowledge", _ACKNOWLEDGE.of(lang), incident.id),)
    return ()


def standing(incident: Incident, guide: Guide, lang: Lang) -> str:
    """Give the line that says how things stand; empty while it is open and nobody has taken it."""
    if incident.merged_into is not None:
        return _MERGED.of(lang).format(other=incident.merged_into)
    if incident.resolved_at is not None and incident.state in {"resolved", "closed"}:
        return _RESOLVED.of(lang).format(at=show(incident.resolved_at))
    if incident.recovered_at is not None and incident.state == "recovered":
        return _RECOVERED.of(lang).format(at=show(incident.recovered_at))
    if incident.holder is not None and incident.acknowledged_at is not None:
        name = named(incident.holder, guide)
        return _HELD.of(lang).format(name=name, at=show(incident.acknowledged_at))
    return _REOPENED.of(lang) if incident.reopened and incident.ongoing else ""


def named(actor: Actor, guide: Guide) -> str:
    """Give an actor's name for people: a contact's own where it is one."""
    person = guide.contacts.persons.get(actor.name) if actor.kind == "person" else None
    return str(actor) if person is None else person.shown


def short(message: Message, incident: Incident, guide: Guide, lang: Lang) -> str:
    """Give the text for a small screen; 112/119 comes first when life is at risk (which then takes an LMS)."""
    risk = f"{guide.notices.life_at_risk.of(lang)} " if incident.life_at_risk else ""
    drill = f"{guide.notices.drill.of(lang)} " if incident.drill is not None else ""
    subject = message.subject.partition(f"[{incident.severity}] ")[2] or message.subject
    return f"{risk}{drill}[{incident.severity}] {subject}"
