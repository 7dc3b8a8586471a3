"""Incoming webhooks of chat services: Teams (Power Automate workflow) and Discord. The address is the secret."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid, JudgifyError
from judgify.notify import apprise_payload
from judgify.notify.channel import Check
from judgify.notify.channels.slack_webhook import secrets_in
from judgify.notify.message import Message, Recipient
from judgify.notify.outcome import Doubt, Outcome, Reason, Refused, Sent, Unknown, safe_detail
from judgify.notify.reference import resolve
from judgify.notify.wire import Answer, Poster, judge_status

ServiceName = Literal["teams", "discord"]


@dataclass(frozen=True, slots=True)
class _Dialect:
    payload: Callable[[Message], dict[str, Any]]
    taken: tuple[int, ...]
    """The statuses by which the service says that it took the message over."""
    query: Mapping[str, str]


_DIALECTS: Final[dict[ServiceName, _Dialect]] = {
    "teams": _Dialect(apprise_payload.teams, (200, 202), {}),
    # `wait`: Discord answers with the message it made, so that its number is the receipt.
    "discord": _Dialect(apprise_payload.discord, (200, 204), {"wait": "true"}),
}


class ChatWebhookChannel:
    """Posts to one webhook of a chat service. Text stays text there: it calls nobody and formats nothing."""

    def __init__(
        self, name: str, service: ServiceName, url: str, *, clock: Clock, environ: Mapping[str, str], poster: Poster
    ) -> None:
        """Keep the reference to the webhook's address."""
        self._name = name
        self._service: ServiceName = service
        self._url = url
        self._clock = clock
        self._environ = environ
        self._poster = poster

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._name

    @property
    def type(self) -> str:
        """The service's name."""
        return self._service

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Post once. A 2xx that the service does not give is unknown: something else answers there."""
        del recipient, attempt
        dialect = _DIALECTS[self._service]
        try:
            url = _with_query(resolve(self._url, self._environ), dialect.query)
        except Invalid as error:
            return Refused(Reason.MISCONFIGURED, error.detail, retryable=False)
        secrets = secrets_in(url)
        payload = await asyncio.to_thread(dialect.payload, message)
        body = json.dumps(payload, ensure_ascii=False).encode()
        answer = await self._poster.post(url, body, {"Content-Type": "application/json"}, secrets)
        if not isinstance(answer, Answer):
            return answer
        outcome = judge_status(answer, self._clock.now(), secrets)
        if not isinstance(outcome, Sent):
            return outcome
        number = _number(answer.body)
        if answer.status not in dialect.taken or (self._service == "discord" and answer.body and number is None):
            return Unknown(Doubt.UNEXPECTED_ANSWER, f"the answer is not that of {self._service}")
        receipt = outcome.receipt if number is None else f"{outcome.receipt} id={number}"
        return Sent(safe_detail(receipt, secrets), outcome.at)

    async def check(self) -> Check:
        """Tell whether the address is set and may be called; nothing is posted."""
        try:
            await self._poster.probe(resolve(self._url, self._environ))
        except JudgifyError as error:
            return Check("down", safe_detail(error.detail))
        return Check("ok")

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def _with_query(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit(parts._replace(query=urlencode({**given, **query})))


def _number(body: bytes) -> str | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    number = found.get("id") if isinstance(found, dict) else None
    return str(number)[:40] if isinstance(number, str | int) else None
