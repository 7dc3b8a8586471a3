"""What a channel's configuration may say: a closed set of types, nothing unknown, secrets as references only."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from judgify.kit.errors import Invalid
from judgify.notify.channels import pagerduty, sms
from judgify.notify.channels.email import Tls, read_address
from judgify.notify.channels.http import check_template
from judgify.notify.reference import is_reference
from judgify.notify.slack_calls import API
from judgify.notify.wire import check_headers


def _reference(text: str) -> str:
    if not is_reference(text):
        raise ValueError("a secret must be given as env:NAME or file:/path, not as its value")
    return text


def _references(values: dict[str, str]) -> dict[str, str]:
    return {name: _reference(value) for name, value in values.items()}


def _address(text: str) -> str:
    if not is_reference(text) and not text.startswith(("http://", "https://")):
        raise ValueError("an address must begin with http:// or https://, or be env:NAME or file:/path")
    return text


def _mail_address(text: str) -> str:
    try:
        read_address(text)
    except Invalid as error:
        raise ValueError(error.detail) from error
    return text


def _headers(values: dict[str, str]) -> dict[str, str]:
    try:
        return check_headers(values)
    except Invalid as error:
        raise ValueError(error.detail) from error


def _secret_headers(values: dict[str, str]) -> dict[str, str]:
    _headers(dict.fromkeys(values, "x"))
    return _references(values)


def _template(values: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        check_template(values)
    except Invalid as error:
        raise ValueError(error.detail) from error
    return values


def _sms_template(values: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        check_template(values, sms.FIELD_NAMES)
    except Invalid as error:
        raise ValueError(error.detail) from error
    return values


Reference = Annotated[str, AfterValidator(_reference)]
Address = Annotated[str, AfterValidator(_address)]
Timeout = Annotated[float, Field(gt=0, le=60)]


class Config(BaseModel):
    """What every type shares: an unknown setting is a mistake, and no message of one shows a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Console(Config):
    """Standard output."""

    type: Literal["console"]


class Mailbox(Config):
    """Files in a folder."""

    type: Literal["mailbox"]
    folder: str = "mailbox"
    days: Annotated[int, Field(ge=1, le=36_500)] = 365


class Email(Config):
    """An SMTP server."""

    type: Literal["email"]
    host: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:_-]+$")]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    sender: Annotated[str, AfterValidator(_mail_address)]
    tls: Tls = "starttls"
    username: Reference | None = None
    password: Reference | None = None
    ca_file: str | None = None
    timeout_s: Timeout = 20


class SlackWebhook(Config):
    """A Slack incoming webhook."""

    type: Literal["slack_webhook"]
    url: Reference
    ca_file: str | None = None
    timeout_s: Timeout = 10


class SlackBot(Config):
    """A Slack app's bot in one room (a name with `#`, or a channel's id)."""

    type: Literal["slack_bot"]
    room: Annotated[str, Field(min_length=1, max_length=81, pattern=r"^(#[^\s#]+|[CG][A-Z0-9]{6,20})$")]
    token: Reference
    api_url: Annotated[str, Field(pattern=r"^https?://")] = API
    ca_file: str | None = None
    timeout_s: Timeout = 6
    """Of one call. Waiting for the first message of a thread comes before it, and both end before a caller gives up."""


class ChatWebhook(Config):
    """A webhook of Teams (workflow) or Discord."""

    type: Literal["teams", "discord"]
    url: Reference
    ca_file: str | None = None
    timeout_s: Timeout = 10


class PagerDuty(Config):
    """PagerDuty Events v2."""

    type: Literal["pagerduty"]
    routing_key: Reference
    source: Annotated[str, Field(min_length=1, max_length=100)] = "judgify"
    url: Annotated[str, Field(pattern=r"^https?://")] = pagerduty.EVENTS
    ca_file: str | None = None
    timeout_s: Timeout = 8


class Sms(Config):
    """A text message gateway; see `sms.Gateway`."""

    type: Literal["sms"]
    url: Address
    bearer: Reference | None = None
    sender: Annotated[str, Field(max_length=40)] = ""
    encoding: Literal["json", "form"] = "json"
    fields: Annotated[dict[str, Any] | None, AfterValidator(_sms_template)] = None
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(default_factory=dict)
    secret_headers: Annotated[dict[str, str], AfterValidator(_secret_headers)] = Field(default_factory=dict)
    secret_fields: Annotated[dict[str, str], AfterValidator(_references)] = Field(default_factory=dict)
    receipt_field: Annotated[str, Field(max_length=200)] | None = None
    ok_field: Annotated[str, Field(max_length=200)] | None = None
    ok_values: tuple[str, ...] = ()
    ca_file: str | None = None
    timeout_s: Timeout = 8


class Http(Config):
    """Any HTTP receiver."""

    type: Literal["http"]
    url: Address
    secret: Reference | None = None
    bearer: Reference | None = None
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(default_factory=dict)
    fields: Annotated[dict[str, Any] | None, AfterValidator(_template)] = None
    ca_file: str | None = None
    timeout_s: Timeout = 10


AnyConfig = Console | Mailbox | Email | SlackWebhook | SlackBot | ChatWebhook | PagerDuty | Sms | Http
ADAPTER: Final[TypeAdapter[AnyConfig]] = TypeAdapter(Annotated[AnyConfig, Field(discriminator="type")])
