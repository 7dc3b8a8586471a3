"""Channels from configuration: a closed set of types, unknown settings refused, secrets as references only."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from pydantic import ValidationError

from judgify.kit.clock import Clock
from judgify.kit.errors import Invalid
from judgify.notify import config as c
from judgify.notify.channel import Channel, Guarded
from judgify.notify.channels.chat_webhook import ChatWebhookChannel
from judgify.notify.channels.console import ConsoleChannel
from judgify.notify.channels.email import EmailChannel, MailServer
from judgify.notify.channels.http import HttpChannel, Receiver
from judgify.notify.channels.mailbox import MailboxChannel
from judgify.notify.channels.pagerduty import PagerDutyChannel, Service
from judgify.notify.channels.slack_bot import SlackBotChannel
from judgify.notify.channels.slack_webhook import SlackWebhookChannel
from judgify.notify.channels.sms import Gateway, SmsChannel
from judgify.notify.slack_calls import SlackCalls
from judgify.notify.threads import FileThreads
from judgify.notify.wire import Poster


@dataclass(frozen=True, slots=True)
class Toolkit:
    """What channels need from the process: clock, the folder for mailboxes and threads, and where secrets are."""

    clock: Clock
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow: tuple[str, ...] = ()
    stream: TextIO | None = None


def _console(name: str, _: c.Console, kit: Toolkit) -> Channel:
    return ConsoleChannel(name, clock=kit.clock, stream=kit.stream)


def _mailbox(name: str, config: c.Mailbox, kit: Toolkit) -> Channel:
    return MailboxChannel(name, clock=kit.clock, folder=kit.folder / config.folder, days=config.days)


def _email(name: str, config: c.Email, kit: Toolkit) -> Channel:
    if (config.username is None) != (config.password is None):
        raise Invalid(f"channels.{name}: username and password go together")
    if config.username is not None and config.tls == "none":
        raise Invalid(f"channels.{name}: credentials are not sent without encryption; set tls to starttls or tls")
    server = MailServer(**config.model_dump(exclude={"type"}))
    return EmailChannel(name, server, clock=kit.clock, environ=kit.environ, allow=kit.allow)


def _slack(name: str, config: c.SlackWebhook, kit: Toolkit) -> Channel:
    return SlackWebhookChannel(
        name, config.url, clock=kit.clock, environ=kit.environ, poster=_poster(config.timeout_s, config.ca_file, kit)
    )


def _slack_bot(name: str, config: c.SlackBot, kit: Toolkit) -> Channel:
    calls = SlackCalls(
        clock=kit.clock,
        allow=kit.allow,
        timeout_s=config.timeout_s,
        ca_file=config.ca_file,
        base_url=config.api_url,
    )
    return SlackBotChannel(
        name,
        room=config.room,
        token=config.token,
        clock=kit.clock,
        environ=kit.environ,
        calls=calls,
        threads=FileThreads(kit.folder / "threads" / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.json"),
    )


def _chat(name: str, config: c.ChatWebhook, kit: Toolkit) -> Channel:
    poster = _poster(config.timeout_s, config.ca_file, kit)
    return ChatWebhookChannel(name, config.type, config.url, clock=kit.clock, environ=kit.environ, poster=poster)


def _pagerduty(name: str, config: c.PagerDuty, kit: Toolkit) -> Channel:
    service = Service(config.routing_key, config.source, config.url)
    poster = _poster(config.timeout_s, config.ca_file, kit)
    return PagerDutyChannel(name, service, clock=kit.clock, environ=kit.environ, poster=poster)


def _sms(name: str, config: c.Sms, kit: Toolkit) -> Channel:
    if (config.ok_field is None) != (not config.ok_values):
        raise Invalid(f"channels.{name}: ok_field and ok_values go together")
    gateway = Gateway(**config.model_dump(exclude={"type", "ca_file", "timeout_s"}))
    poster = _poster(config.timeout_s, config.ca_file, kit)
    return SmsChannel(name, gateway, clock=kit.clock, environ=kit.environ, poster=poster)


def _http(name: str, config: c.Http, kit: Toolkit) -> Channel:
    poster = _poster(config.timeout_s, config.ca_file, kit)
    receiver = Receiver(**config.model_dump(exclude={"type", "ca_file", "timeout_s"}))
    return HttpChannel(name, receiver, clock=kit.clock, environ=kit.environ, poster=poster)


def _poster(timeout_s: float, ca_file: str | None, kit: Toolkit) -> Poster:
    return Poster(clock=kit.clock, allow=kit.allow, timeout_s=timeout_s, ca_file=ca_file)


_MAKERS: Final[dict[str, Callable[[str, Any, Toolkit], Channel]]] = {
    "console": _console,
    "mailbox": _mailbox,
    "email": _email,
    "slack_webhook": _slack,
    "slack_bot": _slack_bot,
    "teams": _chat,
    "discord": _chat,
    "pagerduty": _pagerduty,
    "sms": _sms,
    "http": _http,
}
TYPES: Final = tuple(_MAKERS)
"""The closed set of channel types."""
FOLLOWING: Final = frozenset({"slack_bot", "pagerduty"})
"""The types that can change what they told before (`Message.turn`)."""


def build_channel(name: str, config: Mapping[str, Any], kit: Toolkit) -> Channel:
    """Build one channel; `Invalid` names the setting and the mend, never a value that may be a secret.

    A secret that cannot be read yet is no mistake here: the channel then refuses deliveries as `misconfigured`.
    """
    try:
        parsed = c.ADAPTER.validate_python(dict(config))
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
