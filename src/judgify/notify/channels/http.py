"""Any HTTP receiver: a POST of JSON, signed when a secret is set, with fields of the operator's choice."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from judgify.kit.clock import Clock, iso
from judgify.kit.errors import Invalid, JudgifyError
from judgify.notify.channel import Check
from judgify.notify.channels.slack_webhook import secrets_in
from judgify.notify.message import Message, Recipient, headline, plain_text, short_text
from judgify.notify.outcome import Outcome, Reason, Refused, safe_detail
from judgify.notify.reference import is_reference, resolve
from judgify.notify.signature import signed_headers
from judgify.notify.wire import Answer, Poster, judge_status

_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_KEY: Final = re.compile(r"[A-Za-z0-9._:/+-]{1,200}")
FIELD_NAMES: Final = frozenset(
    {
        "kind", "subject", "headline", "body", "text", "short", "severity", "incident_id", "dedup_key", "lang",
        "possibly_repeat", "recipient", "email", "phone", "slack", "attempt", "sent_at",
    }
)  # fmt: skip
"""What `{…}` in a template may name."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to post and how. `url` is an address or a reference to one; `secret` and `bearer` are references."""

    url: str
    secret: str | None = None
    bearer: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] | None = None


class HttpChannel:
    """Posts each message as JSON. The header `Idempotency-Key` names the message across attempts."""

    type = "http"

    def __init__(
        self, name: str, receiver: Receiver, *, clock: Clock, environ: Mapping[str, str], poster: Poster
    ) -> None:
        """Keep the receiver's description; its template was checked by the registry."""
        self._name = name
        self._receiver = receiver
        self._clock = clock
        self._environ = environ
        self._poster = poster

    @property
    def name(self) -> str:
        """The channel's name in the configuration."""
        return self._name

    async def deliver(self, message: Message, recipient: Recipient, attempt: int) -> Outcome:
        """Post once; any 2xx is `Sent`."""
        now = self._clock.now()
        values = values_of(message, recipient, attempt) | {"sent_at": iso(now)}
        template = self._receiver.fields
        document = _standard(values, message) if template is None else fill(template, values)
        body = json.dumps(document, ensure_ascii=False).encode()
        headers = {
            **self._receiver.headers,
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": header_safe(message.dedup_key),
        }
        secrets: tuple[str, ...] = ()
        try:
            url, secrets = self._address()
            if self._receiver.bearer is not None:
                token = resolve(self._receiver.bearer, self._environ)
                secrets += (token,)
                headers["Authorization"] = f"Bearer {token}"
            if self._receiver.secret is not None:
                secret = resolve(self._receiver.secret, self._environ)
                secrets += (secret,)
                headers |= signed_headers(secret, int(now.timestamp()), body)
        except Invalid as error:
            return Refused(Reason.MISCONFIGURED, safe_detail(error.detail, secrets), retryable=False)
        answer = await self._poster.post(url, body, headers, secrets)
        return judge_status(answer, self._clock.now(), secrets) if isinstance(answer, Answer) else answer

    async def check(self) -> Check:
        """Tell whether the address may be called and takes connections; nothing is posted."""
        try:
            url, _ = self._address()
            await self._poster.probe(url)
        except JudgifyError as error:
            return Check("down", safe_detail(error.detail))
        return Check("ok")

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    def _address(self) -> tuple[str, tuple[str, ...]]:
        url = self._receiver.url
        if is_reference(url):
            url = resolve(url, self._environ)
        return url, secrets_in(url)


def values_of(message: Message, recipient: Recipient, attempt: int) -> dict[str, Any]:
    """Give what a template can place, by name."""
    return {
        "kind": message.kind,
        "subject": message.subject,
        "headline": headline(message),
        "body": message.body,
        "text": plain_text(message),
        "short": short_text(message),
        "severity": message.severity,
        "incident_id": message.incident_id,
        "dedup_key": message.dedup_key,
        "lang": message.lang,
        "possibly_repeat": message.possibly_repeat,
        "recipient": recipient.name,
        "email": recipient.email,
        "phone": recipient.phone,
        "slack": recipient.slack,
        "attempt": attempt,
    }


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Fill a template of JSON. A text that is one place alone keeps the value's type; values are never read again."""
    if isinstance(template, Mapping):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill(value, values) for value in template]
    if not isinstance(template, str):
        return template
    alone = _PLACE.fullmatch(template)
    if alone is not None:
        return values[alone[1]]
    return _PLACE.sub(lambda found: "" if values[found[1]] is None else str(values[found[1]]), template)


def check_template(template: Any, names: frozenset[str] = FIELD_NAMES) -> None:
    """Raise `Invalid` when a template names something that no message has."""
    if isinstance(template, Mapping):
        for value in template.values():
            check_template(value, names)
    elif isinstance(template, list | tuple):
        for value in template:
            check_template(value, names)
    elif isinstance(template, str):
        for name in _PLACE.findall(template):
            if name not in names:
                raise Invalid(f"{{{name}}} is not known; use {', '.join(sorted(names))}")


def _standard(values: Mapping[str, Any], message: Message) -> dict[str, Any]:
    links = [{"label": link.label, "url": link.url} for link in message.links]
    return {**{name: value for name, value in values.items() if name != "text"}, "links": links}


def header_safe(key: str) -> str:
    """Give a key that a header may hold: itself, or its SHA-256."""
    return key if _KEY.fullmatch(key) else hashlib.sha256(key.encode("utf-8", errors="replace")).hexdigest()
