"""A message as it arrives over HTTP, and as it is handed to a channel."""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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


class MessageIn(_Strict):
    """One message. Without `channels` it goes to the configured defaults; unknown fields are refused."""

    subject: Annotated[Text, Field(min_length=1, max_length=500)]
    body: Annotated[Text, Field(max_length=50_000)] = ""
    short: Annotated[Text, Field(max_length=2000)] = ""
    channels: Annotated[list[Name], Field(max_length=20)] = Field(default_factory=list)
    recipient: RecipientIn | None = None
    kind: Literal["page", "report", "notice"] = "notice"
    severity: Literal["P0", "P1", "P2", "P3"] | None = None
    incident_id: Name | None = None
    links: Annotated[list[LinkIn], Field(max_length=20)] = Field(default_factory=list)
    lang: Literal["ko", "en"] = "ko"
    source: Name | None = None
    idempotency_key: Name | None = None


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
