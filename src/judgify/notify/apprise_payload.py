"""Payloads of chat services as the multi-service library Apprise builds them; the library itself sends nothing here.

Apprise's own sending gives a yes or a no without the status, follows what it resolves itself, and lets Discord call
`@everyone`; so only what it knows of each service's format is used. It is loaded on first use (about 28 MB).
"""

import re
from typing import Any, Final

from judgify.notify.message import Message, headline, plain_text

DISCORD_TEXT: Final = 2_000
"""Characters that Discord takes as content of one message."""
TEAMS_BYTES: Final = 20_000
"""Bytes of text for one card; Teams refuses a message of more than 28 KB."""
_NO_EMBEDS: Final = 4
"""Discord's flag against previews of links."""
_DISCORD_MARKS: Final = re.compile(r"([\\*_~`|>#\[\]()<-])")
_TEAMS_MARKS: Final = re.compile(r"([\\*_`\[\]()#-])")


def discord(message: Message) -> dict[str, Any]:
    """Build what a Discord webhook takes: text whose marks are escaped, and which calls nobody."""
    from apprise.plugins.discord import NotifyDiscord  # noqa: PLC0415 - lazily: an idle engine must not carry it

    built: list[dict[str, Any]] = []

    class Captured(NotifyDiscord):  # type: ignore[no-untyped-call]  # the library is typed in part
        """Hands over what it would post."""

        def _send(self, payload: dict[str, Any], *_: Any, **__: Any) -> bool:
            built.append(dict(payload))
            return True

    title = f"**{_discord_text(headline(message))}**"
    body = _discord_text(plain_text(message).rstrip())
    plugin = Captured("0", "0", avatar=False, flags=_NO_EMBEDS)
    plugin.send(_cut(body, DISCORD_TEXT - len(title) - 2), title=title)
    payload = built[0]
    payload["content"] = _cut(str(payload["content"]), DISCORD_TEXT)
    return payload | {"allowed_mentions": {"parse": []}}


def teams(message: Message) -> dict[str, Any]:
    """Build what a Teams workflow takes: an adaptive card whose text is text, mentioning nobody."""
    from apprise.plugins.workflows import NotifyWorkflows  # noqa: PLC0415 - lazily: see `discord`

    plugin = NotifyWorkflows("a", "a", include_image=False)  # type: ignore[no-untyped-call]  # as above
    body = _cut_bytes(_teams_text(plain_text(message).rstrip()), TEAMS_BYTES)
    title = _cut_bytes(_teams_text(headline(message)), 1_000)
    made = plugin.gen_payload(body.replace("\n", "\n\n"), title)  # type: ignore[no-untyped-call]  # as above
    payload: dict[str, Any] = made
    for part in payload["attachments"][0]["content"]["body"]:
        part["wrap"] = True
    return payload


def _discord_text(text: str) -> str:
    # A zero-width space keeps the sign from being read as a call; `allowed_mentions` forbids it as well.
    return _DISCORD_MARKS.sub(r"\\\1", text).replace("@", "@\u200b")


def _teams_text(text: str) -> str:
    # Cards read Markdown and `<at>…</at>`; an entity is shown as the sign and read as nothing.
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _TEAMS_MARKS.sub(r"\\\1", escaped)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip("\\") + "…"


def _cut_bytes(text: str, most: int) -> str:
    raw = text.encode()
    if len(raw) <= most:
        return text
    kept = raw[: most - 3].decode(errors="ignore")
    return re.sub(r"(&[a-z]{0,3}|\\+)$", "", kept) + "…"
