"""Text messages through any HTTP gateway: SMS up to 90 bytes, longer as LMS."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlencode

from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid, JudgifyError
from judgify.notify.channel import Check
from judgify.notify.channels.http import fill, header_safe
from judgify.notify.channels.slack_webhook import secrets_in
from judgify.notify.message import REPEAT_MARK, Message, Recipient, headline, plain_text, short_text
from judgify.notify.outcome import Doubt, Outcome, Reason, Refused, Sent, Unknown, safe_detail
from judgify.notify.reference import is_reference, resolve
from judgify.notify.text_message import text_message
from judgify.notify.wire import Answer, Poster, judge_status

FIELD_NAMES: Final = frozenset({"to", "to_international", "sender", "text", "subject", "type", "bytes", "key"})
"""What `{…}` in a gateway's template may name."""
STANDARD: Final = {
    "to": "{to}",
    "from": "{sender}",
    "type": "{type}",
    "subject": "{subject}",
    "text": "{text}",
    "key": "{key}",
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where to post and how. `url` is an address or a reference; `bearer` and all `secret_…` values are references.

    `ok_field` and `ok_values`: many gateways answer 200 whatever happens and tell in a field of the JSON answer.
    `receipt_field` names where the answer holds the message's number; both are paths with dots.
    """

    url: str
    bearer: str | None = None
    sender: str = ""
    encoding: Literal["json", "form"] = "json"
    fields: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    secret_fields: Mapping[str, str] = field(default_factory=dict)
    receipt_field: str | None = None
    ok_field: str | None = None
    ok_values: tuple[str, ...] = ()


class SmsChannel:
    """Sends one text message to the recipient's telephone."""

    type = "sms"

    def __init__(
        self, name: str, gateway: Gateway, *, clock: Clock, environ: Mapping[str, str], poster: Poster
    ) -> None:
        """Keep the gateway's description; its template was checked by the registry."""
        self._name = name
        self._gateway = gateway
        self._clock = clock
        self._environ = environ
        self._poster = poster

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._name

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Post once. A 2xx is `Sent`, unless the gateway's own field says otherwise."""
        del attempt
        national, international = numbers(recipient.phone)
        if not national:
            return Refused(Reason.NO_ADDRESS, "the recipient has no telephone number", retryable=False)
        # Without a short form of the author's, the body must not be lost to the headline.
        repeat = REPEAT_MARK[message.lang] if message.possibly_repeat else ""
        short = repeat + short_text(message) if message.short else f"{headline(message)}\n{message.body}"
        text = text_message(short, headline(message), plain_text(message))
        values = {
            "to": national,
            "to_international": international,
            "sender": numbers(self._gateway.sender)[0] or self._gateway.sender,
            "text": text.text,
            "subject": text.subject,
            "type": text.kind,
            "bytes": text.size,
            "key": header_safe(message.dedup_key),
        }
        try:
            url, headers, document, secrets = self._request(values)
        except Invalid as error:
            return Refused(Reason.MISCONFIGURED, safe_detail(error.detail), retryable=False)
        body = json.dumps(document, ensure_ascii=False) if self._gateway.encoding == "json" else urlencode(document)
        answer = await self._poster.post(url, body.encode(), headers, secrets)
        if not isinstance(answer, Answer):
            return answer
        outcome = judge_status(answer, self._clock.now(), secrets)
        return self._taken(answer, outcome, f"{text.kind} {text.size} bytes", secrets)

    async def check(self) -> Check:
        """Tell whether the address may be called and takes connections; nothing is sent."""
        try:
            url, *_ = self._request(dict.fromkeys(FIELD_NAMES, ""))
            await self._poster.probe(url)
        except JudgifyError as error:
            return Check("down", safe_detail(error.detail))
        return Check("ok")

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    def _request(self, values: Mapping[str, Any]) -> tuple[str, dict[str, str], dict[str, Any], tuple[str, ...]]:
        gateway = self._gateway
        url = resolve(gateway.url, self._environ) if is_reference(gateway.url) else gateway.url
        fields = {name: resolve(one, self._environ) for name, one in gateway.secret_fields.items()}
        extra = {name: resolve(one, self._environ) for name, one in gateway.secret_headers.items()}
        if gateway.bearer is not None:
            extra["Authorization"] = f"Bearer {resolve(gateway.bearer, self._environ)}"
        kind = "json" if gateway.encoding == "json" else "x-www-form-urlencoded"
        headers = {
            **gateway.headers,
            **extra,
            "Content-Type": f"application/{kind}; charset=utf-8",
            "Idempotency-Key": str(values["key"]),
        }
        document = {**fill(gateway.fields or STANDARD, values), **fields}
        hidden = (
            *secrets_in(url),
            *fields.values(),
            *extra.values(),
            *(one.removeprefix("Bearer ") for one in extra.values()),
        )
        return url, headers, document, hidden

    def _taken(self, answer: Answer, outcome: Outcome, what: str, secrets: tuple[str, ...]) -> Outcome:
        gateway = self._gateway
        if not isinstance(outcome, Sent) or (gateway.ok_field is None and gateway.receipt_field is None):
            return Sent(f"{outcome.receipt} {what}", outcome.at) if isinstance(outcome, Sent) else outcome
        try:
            document = json.loads(answer.body)
        except ValueError:
            return Unknown(Doubt.UNEXPECTED_ANSWER, "the answer is not the gateway's JSON")
        if gateway.ok_field is not None:
            word = found_at(document, gateway.ok_field)
            if word is None:
                return Unknown(Doubt.UNEXPECTED_ANSWER, f"the answer has no {gateway.ok_field}")
            if word not in gateway.ok_values:
                said = safe_detail(answer.body[:200].decode("utf-8", errors="replace"), secrets)
                return Refused(Reason.REJECTED, f"{gateway.ok_field} is {word[:40]}: {said}"[:300], retryable=False)
        number = None if gateway.receipt_field is None else found_at(document, gateway.receipt_field)
        receipt = f"{outcome.receipt} {what}" + (f" id={number}" if number is not None else "")
        return Sent(safe_detail(receipt, secrets), outcome.at)


def numbers(phone: str | None) -> tuple[str, str]:
    """Give a telephone number in the national form (01012345678) and the international one (+821012345678).

    A number that begins with another country's code stays international in both.
    """
    digits = re.sub(r"[^0-9+]", "", phone or "")
    if digits.startswith("+82"):
        rest = digits[3:].removeprefix("0")
        return f"0{rest}", f"+82{rest}"
    if digits.startswith("+") or not digits.startswith("0"):
        return digits, digits
    return digits, f"+82{digits[1:]}"


def found_at(document: Any, path: str) -> str | None:
    """Give what lies at a path with dots in a JSON document, as text; None where there is nothing."""
    for part in path.split("."):
        if isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            return None
    return None if document is None or isinstance(document, dict | list) else str(document)
