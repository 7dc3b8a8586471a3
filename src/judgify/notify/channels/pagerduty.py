"""PagerDuty Events API v2: trigger, acknowledge and resolve one alert per incident."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from judgify.kit.clock import Clock, iso
from judgify.kit.errors import Invalid, JudgifyError
from judgify.notify.channel import Check
from judgify.notify.message import Message, Recipient, Severity, Turn, headline, one_line, plain_text
from judgify.notify.outcome import Doubt, Outcome, Reason, Refused, Sent, Unknown, safe_detail
from judgify.notify.reference import resolve
from judgify.notify.wire import Answer, Poster, judge_status

EVENTS: Final = "https://events.pagerduty.com/v2/enqueue"
SEVERITIES: Final[dict[Severity | None, str]] = {
    "P0": "critical",
    "P1": "error",
    "P2": "warning",
    "P3": "info",
    None: "info",
}
_ACTIONS: Final[dict[Turn | None, str]] = {
    None: "trigger",
    "reopened": "trigger",
    "acknowledged": "acknowledge",
    "recovered": "resolve",
    "resolved": "resolve",
}
MAX_SUMMARY: Final = 1_024
MAX_BODY: Final = 20_000
"""Characters of the details; PagerDuty takes 512 KB for a whole event."""
MAX_KEY: Final = 255


@dataclass(frozen=True, slots=True)
class Service:
    """Where events go: `routing_key` is a reference, `source` names this installation within PagerDuty."""

    routing_key: str
    source: str = "judgify"
    url: str = EVENTS


class PagerDutyChannel:
    """One alert per incident: every page of it triggers the same key, so PagerDuty calls whoever is on call once."""

    type = "pagerduty"

    def __init__(
        self, name: str, service: Service, *, clock: Clock, environ: Mapping[str, str], poster: Poster
    ) -> None:
        """Keep the reference to the routing key."""
        self._name = name
        self._service = service
        self._clock = clock
        self._environ = environ
        self._poster = poster

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._name

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Send one event; only PagerDuty's own `202 success` counts as sent, its key is the receipt."""
        del attempt
        if message.turn == "answered":
            return Sent("an answer changes no alert; nothing was sent", self._clock.now())
        try:
            key = resolve(self._service.routing_key, self._environ)
        except Invalid as error:
            return Refused(Reason.MISCONFIGURED, error.detail, retryable=False)
        event = self.event(message, recipient) | {"routing_key": key}
        body = json.dumps(event, ensure_ascii=False).encode()
        answer = await self._poster.post(self._service.url, body, {"Content-Type": "application/json"}, (key,))
        if not isinstance(answer, Answer):
            return answer
        now = self._clock.now()
        outcome = judge_status(answer, now, (key,))
        if not isinstance(outcome, Sent):
            return outcome
        said = _object(answer.body)
        if answer.status != 202 or said.get("status") != "success":
            return Unknown(Doubt.UNEXPECTED_ANSWER, "the answer is not PagerDuty's `success`")
        told = f"{event['event_action']} {said['status']} dedup_key={said.get('dedup_key', event['dedup_key'])}"
        return Sent(safe_detail(told, (key,)), now)

    async def check(self) -> Check:
        """Tell whether the key can be read and the address takes connections; no event is sent."""
        try:
            resolve(self._service.routing_key, self._environ)
            await self._poster.probe(self._service.url)
        except JudgifyError as error:
            return Check("down", safe_detail(error.detail))
        return Check("ok")

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    def event(self, message: Message, recipient: Recipient) -> dict[str, Any]:
        """Build the event, without the routing key. Events of one incident share one deduplication key."""
        action = _ACTIONS[message.turn]
        key = f"{self._service.source}:{message.incident_id or message.dedup_key}"
        event: dict[str, Any] = {"event_action": action, "dedup_key": one_line(key)[:MAX_KEY]}
        if action != "trigger":
            return event
        links = [
            {"href": one_line(link.url), "text": one_line(link.label)}
            for link in message.links
            if link.url.startswith(("http://", "https://"))
        ]
        details = {
            "details": plain_text(message)[:MAX_BODY],
            "incident": message.incident_id,
            "recipient": one_line(recipient.name),
        }
        payload = {
            "summary": headline(message)[:MAX_SUMMARY],
            "source": self._service.source,
            "severity": SEVERITIES[message.severity],
            "timestamp": iso(self._clock.now()),
            "component": one_line(message.service),
            "custom_details": details,
        }
        event |= {"payload": payload, "client": "Judgify", "links": links}
        return event | ({"client_url": links[0]["href"]} if links else {})


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
