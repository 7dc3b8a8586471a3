"""Channels from configuration: a closed set of types, unknown settings refused, secrets as references only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TextIO

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid
from judgify.notify.channel import Channel, Guarded
from judgify.notify.channels.console import ConsoleChannel
from judgify.notify.channels.email import EmailChannel, MailServer, Tls, read_address
from judgify.notify.channels.http import HttpChannel, Receiver, check_template
from judgify.notify.channels.mailbox import MailboxChannel
from judgify.notify.channels.slack_webhook import SlackWebhookChannel
from judgify.notify.reference import is_reference
from judgify.notify.wire import Poster, check_headers


@dataclass(frozen=True, slots=True)
class Toolkit:
    """What channels need from the process: clock, the folder that relative mailboxes lie in, and where secrets are."""

    clock: Clock
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow: tuple[str, ...] = ()
    stream: TextIO | None = None


def _reference(text: str) -> str:
    if not is_reference(text):
        raise ValueError("a secret must be given as env:NAME or file:/path, not as its value")
    return text


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


def _template(values: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        check_template(values)
    except Invalid as error:
        raise ValueError(error.detail) from error
    return values


Reference = Annotated[str, AfterValidator(_reference)]
Timeout = Annotated[float, Field(gt=0, le=60)]


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Console(_Config):
    type: Literal["console"]


class _Mailbox(_Config):
    type: Literal["mailbox"]
    folder: str = "mailbox"


class _Email(_Config):
    type: Literal["email"]
    host: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:_-]+$")]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    sender: Annotated[str, AfterValidator(_mail_address)]
    tls: Tls = "starttls"
    username: Reference | None = None
    password: Reference | None = None
    ca_file: str | None = None
    timeout_s: Timeout = 20


class _Slack(_Config):
    type: Literal["slack_webhook"]
    url: Reference
    ca_file: str | None = None
    timeout_s: Timeout = 10


class _Http(_Config):
    type: Literal["http"]
    url: Annotated[str, AfterValidator(_address)]
    secret: Reference | None = None
    bearer: Reference | None = None
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(default_factory=dict)
    fields: Annotated[dict[str, Any] | None, AfterValidator(_template)] = None
    ca_file: str | None = None
    timeout_s: Timeout = 10


_AnyConfig = Annotated[_Console | _Mailbox | _Email | _Slack | _Http, Field(discriminator="type")]
_ADAPTER: Final[TypeAdapter[_Console | _Mailbox | _Email | _Slack | _Http]] = TypeAdapter(_AnyConfig)


def _console(name: str, _: _Console, kit: Toolkit) -> Channel:
    return ConsoleChannel(name, clock=kit.clock, stream=kit.stream)


def _mailbox(name: str, config: _Mailbox, kit: Toolkit) -> Channel:
    return MailboxChannel(name, clock=kit.clock, folder=kit.folder / config.folder)


def _email(name: str, config: _Email, kit: Toolkit) -> Channel:
    if (config.username is None) != (config.password is None):
        raise Invalid(f"channels.{name}: username and password go together")
    if config.username is not None and config.tls == "none":
        raise Invalid(f"channels.{name}: credentials are not sent without encryption; set tls to starttls or tls")
    server = MailServer(**config.model_dump(exclude={"type"}))
    return EmailChannel(name, server, clock=kit.clock, environ=kit.environ, allow=kit.allow)


def _slack(name: str, config: _Slack, kit: Toolkit) -> Channel:
    poster = Poster(clock=kit.clock, allow=kit.allow, timeout_s=config.timeout_s, ca_file=config.ca_file)
    return SlackWebhookChannel(name, config.url, clock=kit.clock, environ=kit.environ, poster=poster)


def _http(name: str, config: _Http, kit: Toolkit) -> Channel:
    poster = Poster(clock=kit.clock, allow=kit.allow, timeout_s=config.timeout_s, ca_file=config.ca_file)
    receiver = Receiver(**config.model_dump(exclude={"type", "ca_file", "timeout_s"}))
    return HttpChannel(name, receiver, clock=kit.clock, environ=kit.environ, poster=poster)


_MAKERS: Final[dict[str, Callable[[str, Any, Toolkit], Channel]]] = {
    "console": _console,
    "mailbox": _mailbox,
    "email": _email,
    "slack_webhook": _slack,
    "http": _http,
}
TYPES: Final = tuple(_MAKERS)
"""The closed set of channel types."""


def build_channel(name: str, config: Mapping[str, Any], kit: Toolkit) -> Channel:
    """Build one channel; `Invalid` names the setting and the mend, never a value that may be a secret.

    A secret that cannot be read yet is no mistake here: the channel then refuses deliveries as `misconfigured`.
    """
    try:
        parsed = _ADAPTER.validate_python(dict(config))
    except ValidationError as error:
        raise Invalid("; ".join(_told(name, dict(entry)) for entry in error.errors(include_input=False))) from None
    return Guarded(_MAKERS[parsed.type](name, parsed, kit))


def build_channels(configs: Mapping[str, Mapping[str, Any]], kit: Toolkit) -> dict[str, Channel]:
    """Build all channels of a configuration by name; the first mistake is `Invalid`."""
    return {name: build_channel(name, config, kit) for name, config in configs.items()}


def _told(name: str, entry: dict[str, Any]) -> str:
    if entry["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return f"channels.{name}.type: must be one of {', '.join(TYPES)}"
    place = ".".join(str(part) for part in entry["loc"][1:])
    if entry["type"] == "extra_forbidden":
        return f"channels.{name}.{place}: this setting is not known"
    return f"channels.{name}.{place}: {entry['msg'].removeprefix('Value error, ')}"
