"""An order to act, as it arrives: checked before it is kept, so that what is kept can be carried out."""

import hashlib
import json
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from judgify.kit.errors import Invalid
from judgify.kit.text import Text
from judgify.notify.wire import check_headers

MAX_PARAMS = 256 * 1024
"""Bytes of an order's params and context as JSON."""

Type = Literal["webhook", "slack", "email", "notify"]
MESSAGES: Final = "notification"
"""The target of every order that is handed to the notification service."""

Key = Annotated[Text, Field(min_length=1, max_length=200)]
Name = Annotated[Text, Field(max_length=200)]


class Order(BaseModel):
    """The order of `core.contracts.ActionRequest`. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    idempotency_key: Key
    type: Type
    params: dict[str, JsonValue]
    name: Name | None = None
    execution_id: Name | None = None
    workflow_id: Name | None = None
    context: dict[str, JsonValue] = Field(default_factory=dict)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("cannot be read as an address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError("must begin with http:// or https:// and name a host")
    if parts.username or parts.password:
        raise ValueError("must not carry credentials")
    return text


def _headers(values: dict[str, str]) -> dict[str, str]:
    try:
        return check_headers(values)
    except Invalid as error:
        raise ValueError(error.detail) from error


class WebhookParams(BaseModel):
    """What a webhook needs: an address, and what is posted there (without it, the order itself)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: Annotated[Text, Field(max_length=2000), AfterValidator(_url)]
    headers: Annotated[dict[str, str], Field(max_length=30), AfterValidator(_headers)] = Field(default_factory=dict)
    body: JsonValue = None


class NotifyParams(BaseModel):
    """What a message needs; the notification service checks the rest."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    subject: Annotated[Text, Field(min_length=1, max_length=500)]
    body: Annotated[Text, Field(max_length=50_000)] = ""
    channels: Annotated[list[Name], Field(max_length=20)] = Field(default_factory=list)
    recipient: dict[str, JsonValue] | None = None
    severity: Literal["P0", "P1", "P2", "P3"] | None = None
    lang: Literal["ko", "en"] = "ko"


class SlackParams(BaseModel):
    """What a message to Slack needs. Without `channel` it goes to every configured channel of a Slack type."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    text: Annotated[Text, Field(min_length=1, max_length=50_000)]
    subject: Annotated[Text, Field(min_length=1, max_length=500)] | None = None
    channel: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    severity: Literal["P0", "P1", "P2", "P3"] | None = None
    lang: Literal["ko", "en"] = "ko"


class EmailParams(BaseModel):
    """What a mail needs. Without `channel` it goes through every configured channel of type `email`."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    to: Annotated[Text, Field(max_length=254, pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")]
    subject: Annotated[Text, Field(min_length=1, max_length=500)]
    body: Annotated[Text, Field(max_length=50_000)] = ""
    channel: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    severity: Literal["P0", "P1", "P2", "P3"] | None = None
    lang: Literal["ko", "en"] = "ko"


_PARAMS: Final[dict[str, type[BaseModel]]] = {
    "webhook": WebhookParams,
    "slack": SlackParams,
    "email": EmailParams,
    "notify": NotifyParams,
}


def message_of(kind: str, params: dict[str, Any]) -> dict[str, Any]:
    """Give the message that an order of type slack, email or notify hands to the notification service."""
    if kind == "notify":
        return dict(params)
    common: dict[str, Any] = {name: params[name] for name in ("severity", "lang") if name in params}
    where: dict[str, Any] = {"channels": [params["channel"]]} if params.get("channel") else {"via": [kind]}
    if kind == "email":
        recipient = {"name": params["to"], "email": params["to"]}
        return {"subject": params["subject"], "body": params.get("body", ""), "recipient": recipient, **where, **common}
    lines = str(params["text"]).strip().splitlines() or ["-"]
    return {"subject": params.get("subject") or lines[0][:500], "body": params["text"], **where, **common}


def target_of(order: Order) -> str:
    """Name whom an order goes to, for the breaker: host and port of a webhook, or the notification service."""
    if order.type != "webhook":
        return MESSAGES
    parts = urlsplit(str(order.params["url"]))
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check(order: Order) -> Order:
    """Give the order back if it can be carried out; `Invalid` names the field otherwise."""
    model = _PARAMS[order.type]
    try:
        model.model_validate(order.params)
    except ValidationError as error:
        entry = error.errors(include_input=False)[0]
        place = ".".join(map(str, ("params", *entry["loc"])))
        raise Invalid(f"{place}: {entry['msg'].removeprefix('Value error, ')}", path=place) from None
    try:
        written = json.dumps([order.params, order.context], ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        # What no JSON can carry would be kept, and then fail at every try.
        raise Invalid(
            "params and context: hold NaN, a number beyond all bounds, or half of a surrogate pair", path="params"
        ) from None
    if len(written) > MAX_PARAMS:
        raise Invalid(f"params and context are larger than {MAX_PARAMS:,} bytes")
    return order


def digest(order: Order) -> str:
    """Give a fingerprint of an order; the same key with another fingerprint is a conflict."""
    plain: dict[str, Any] = order.model_dump()
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
