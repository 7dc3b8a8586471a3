"""A message as it arrives over HTTP, and as it is handed to a channel."""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from judgify.kit.text import Text
from judgify.notify import Link, Message, Recipient

Name = Annotated[Text, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class LinkIn(_Strict):
    """A labelled address."""

    label: Name
    url: Annotated[Text, Field(max_length=2000, pattern=r"^https?://")]


class RecipientIn(_Strict):
    """Who is to read it; each channel takes the address it needs."""

    name: Name = "operators"
    email: Annotated[Text, Field(max_length=254)] | None = None
    phone: Annotated[Text, Field(max_length=40)] | None = None
    slack: Annotated[Text, Field(max_length=100)] | None = None


Via = Literal["console", "mailbox", "email", "slack", "http", "sms", "pagerduty", "teams", "discord"]
"""A kind of channel: every configured channel whose type is that word, or begins with it and an underscore."""


class TemplateIn(_Strict):
    """Which template says it, and what its places hold; without `version` the newest."""

    name: Annotated[Text, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    variables: Annotated[dict[str, JsonValue], Field(max_length=100)] = Field(default_factory=dict)


class MessageIn(_Strict):
    """One message, in words of its own or by a template.

    It goes to `channels` and to every channel of the kinds in `via`; without both, to the configured defaults. Unknown
    fields are refused.
    """

    subject: Annotated[Text, Field(max_length=500)] = ""
    body: Annotated[Text, Field(max_length=50_000)] = ""
    short: Annotated[Text, Field(max_length=2000)] = ""
    template: TemplateIn | None = None
    channels: Annotated[list[Name], Field(max_length=20)] = Field(default_factory=list)
    via: Annotated[list[Via], Field(max_length=10)] = Field(default_factory=list)
    recipient: RecipientIn | None = None
    kind: Literal["page", "report", "notice"] = "notice"
    severity: Literal["P0", "P1", "P2", "P3"] | None = None
    incident_id: Name | None = None
    links: Annotated[list[LinkIn], Field(max_length=20)] = Field(default_factory=list)
    lang: Literal["ko", "en"] = "ko"
    source: Name | None = None
    idempotency_key: Name | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.template is None and not self.subject:
            raise ValueError("subject: a message needs a subject, or a template")
        if self.template is not None and (self.subject or self.body or self.short):
            raise ValueError("template: a message is said by a template or in words of its own, not both")
        return self


def digest(content: MessageIn) -> str:
    """Give a fingerprint of a message; the same key with another fingerprint is a conflict."""
    return hashlib.sha256(json.dumps(content.model_dump(), sort_keys=True).encode()).hexdigest()


def message_of(content: dict[str, Any], message_id: str, *, possibly_repeat: bool) -> Message:
    """Give the message to hand to a channel."""
    return Message(
        kind=content["kind"],
        subject=content["subject"],
        body=content["body"] or content["subject"],
        short=content["short"],
        severity=content["severity"],
        incident_id=content["incident_id"],
        links=tuple(Link(link["label"], link["url"]) for link in content["links"]),
        dedup_key=message_id,
        lang=content["lang"],
        possibly_repeat=possibly_repeat,
    )


def recipient_of(content: dict[str, Any]) -> Recipient:
    """Give the recipient to hand to a channel."""
    return Recipient(**(content["recipient"] or RecipientIn().model_dump()))
