"""A Slack incoming webhook. The address itself is the secret, so it comes as a reference."""

import json
import re
from collections.abc import Mapping

from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid, JudgifyError
from judgify.notify.channel import Check
from judgify.notify.message import Link, Message, Recipient, headline, one_line, plain_text
from judgify.notify.outcome import Doubt, Outcome, Reason, Refused, Sent, Unknown, safe_detail
from judgify.notify.reference import resolve
from judgify.notify.wire import Answer, Poster, judge_status

MAX_TEXT = 12_000
"""Characters of one message; Slack cuts at 40,000 and nobody reads that."""


class SlackWebhookChannel:
    """Posts to one Slack webhook. Text is escaped, so no message can call `<!channel>` or hide a link."""

    type = "slack_webhook"

    def __init__(self, name: str, url: str, *, clock: Clock, environ: Mapping[str, str], poster: Poster) -> None:
        """Keep the reference to the webhook's address."""
        self._name = name
        self._url = url
        self._clock = clock
        self._environ = environ
        self._poster = poster

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._name

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Post once. Slack answers 200 and `ok` when it took the message over; nothing else counts as sent."""
        del recipient, attempt
        try:
            url = resolve(self._url, self._environ)
        except Invalid as error:
            return Refused(Reason.MISCONFIGURED, error.detail, retryable=False)
        secrets = secrets_in(url)
        body = json.dumps(payload(message), ensure_ascii=False).encode()
        answer = await self._poster.post(url, body, {"Content-Type": "application/json; charset=utf-8"}, secrets)
        if not isinstance(answer, Answer):
            return answer
        outcome = judge_status(answer, self._clock.now(), secrets)
        if isinstance(outcome, Sent) and answer.body.strip() != b"ok":
            return Unknown(Doubt.UNEXPECTED_ANSWER, "the answer is not Slack's `ok`; something else answers there")
        return outcome

    async def check(self) -> Check:
        """Tell whether the address is set and may be called; nothing is posted."""
        try:
            url = resolve(self._url, self._environ)
            await self._poster.probe(url)
        except JudgifyError as error:
            return Check("down", safe_detail(error.detail))
        return Check("ok")

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def payload(message: Message) -> dict[str, object]:
    """Build what is posted: escaped text, names not linked, links not unfolded."""
    links = "".join(f"\n{slack_link(link)}" for link in message.links)
    text = f"*{escape(headline(message))}*\n{escape(plain_text(_without_links(message))).rstrip()}"
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 1].rsplit("&", 1)[0] + "…"
    return {"text": text + links, "mrkdwn": True, "link_names": False, "unfurl_links": False, "unfurl_media": False}


def escape(text: str) -> str:
    """Escape the three characters that Slack reads as control: `&`, `<`, `>`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def secrets_in(url: str) -> tuple[str, ...]:
    """Give the parts of an address that must never be shown: all of it, its path, and each longer part of that."""
    path = url.split("//", 1)[-1].partition("/")[2]
    return (url, path, *(part for part in re.split(r"[/?&=]", path) if len(part) >= 8))


def slack_link(link: Link) -> str:
    """Give a link as Slack writes it; an address of another kind stays text."""
    label = escape(one_line(link.label)).replace("|", "¦")
    url = escape(one_line(link.url)).replace("|", "%7C").replace(" ", "%20")
    return f"<{url}|{label}>" if url.startswith(("http://", "https://")) else f"{label}: {url}"


def _without_links(message: Message) -> Message:
    return Message(
        kind=message.kind,
        subject=message.subject,
        body=message.body,
        dedup_key=message.dedup_key,
        incident_id=message.incident_id,
        lang=message.lang,
    )
