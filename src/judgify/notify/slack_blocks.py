"""What a Slack message looks like: Block Kit from a message, every text escaped and within Slack's limits. Pure."""

import re
from typing import Any, Final

from judgify.notify.channels.slack_webhook import escape, slack_link
from judgify.notify.message import Lang, Message, Recipient, headline, one_line, visible

MAX_SECTION: Final = 2_900
"""Characters of one section (Slack refuses more than 3,000), counted after escaping."""
MAX_HEADER: Final = 150
MAX_BUTTON: Final = 75
MAX_VALUE: Final = 2_000
MAX_FALLBACK: Final = 3_000
ACTION: Final = "judgify:"
"""Before the verb in the `action_id` of our buttons."""
MEMBER: Final = re.compile(r"[UW][A-Z0-9]{6,20}")
"""A member's id, which cannot be chosen or changed; names can."""
_STYLE: Final = {"acknowledge": "primary", "approve": "primary", "reject": "danger"}
_CONFIRM: Final[dict[Lang, tuple[str, str, str]]] = {
    "ko": ("실행 전 확인", "확인", "취소"),
    "en": ("Are you sure?", "Yes", "No"),
}


def member(slack: str | None) -> str | None:
    """Give the member's id of a contact, or None where only a name is known."""
    return slack if slack is not None and MEMBER.fullmatch(slack) else None


def fallback(message: Message) -> str:
    """Give the text of notifications and of clients without blocks."""
    return cut_escaped(escape(headline(message)), MAX_FALLBACK)


def blocks(message: Message, recipient: Recipient) -> list[dict[str, Any]]:
    """Build the blocks: headline, how things stand, whom it is for, body, links, buttons."""
    built: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _short(headline(message), MAX_HEADER), "emoji": True}}
    ]
    if message.standing:
        built.append(_section(f"*{escape(one_line(message.standing))}*"))
    known = member(recipient.slack)
    if message.turn is None and known is not None:
        built.append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"<@{known}>"}]})
    if visible(message.body).strip():
        built.append(_section(escape(visible(message.body).strip())))
    foot = [escape(one_line(message.incident_id))] if message.incident_id else []
    foot += [slack_link(link) for link in message.links]
    if foot:
        built.append(
            {"type": "context", "elements": [{"type": "mrkdwn", "text": cut_escaped(" · ".join(foot), 2_000)}]}
        )
    buttons = [_button(message, index) for index in range(len(message.acts))]
    return [*built, {"type": "actions", "elements": buttons}] if buttons else built


def cut_escaped(text: str, most: int) -> str:
    """Cut an escaped text visibly, never within one of Slack's three entities."""
    if len(text) <= most:
        return text
    return re.sub(r"&[a-z]{0,3}$", "", text[: most - 1]) + "…"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut_escaped(text, MAX_SECTION), "verbatim": True}}


def _button(message: Message, index: int) -> dict[str, Any]:
    act = message.acts[index]
    button: dict[str, Any] = {
        "type": "button",
        "action_id": f"{ACTION}{act.verb}",
        "text": {"type": "plain_text", "text": _short(one_line(act.label), MAX_BUTTON), "emoji": True},
        "value": act.target[:MAX_VALUE],
        "style": _STYLE[act.verb],
    }
    if act.verb == "approve":
        title, yes, no = _CONFIRM[message.lang]
        text = _short(f"{one_line(act.label)}: {headline(message)}", 300)
        button["confirm"] = {
            "title": {"type": "plain_text", "text": title},
            "text": {"type": "plain_text", "text": text},
            "confirm": {"type": "plain_text", "text": yes},
            "deny": {"type": "plain_text", "text": no},
        }
    return button


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
