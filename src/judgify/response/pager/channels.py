"""From the guide's channels to channels that deliver; secrets stay references, resolved at the moment of use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from judgify.notify import Channel, Toolkit, build_channel
from judgify.response.guide.people import Channel as GuideChannel
from judgify.response.guide.people import (
    ConsoleChannel,
    DiscordChannel,
    EmailChannel,
    HttpChannel,
    MailboxChannel,
    PagerDutyChannel,
    SlackBotChannel,
    SlackChannel,
    SmsChannel,
    TeamsChannel,
)

TIMEOUT_S: Final = 8
"""Seconds for one try: the engine itself waits a little longer, so that the channel's own word is heard."""


def reference(secret: str | None, home: Path) -> str | None:
    """Turn the guide's `secret:NAME` into the file that holds it; `env:NAME` stays."""
    if secret is None or not secret.startswith("secret:"):
        return secret
    return f"file:{home / 'secrets' / secret.removeprefix('secret:')}"


def config_of(channel: GuideChannel, home: Path) -> dict[str, Any] | None:
    """Give the settings of `notify` for a channel of the guide, or None when nothing can deliver through it yet."""
    match channel:
        case ConsoleChannel():
            return {"type": "console"}
        case MailboxChannel():
            return {"type": "mailbox", "folder": "mailbox"}
        case SlackChannel():
            return {"type": "slack_webhook", "url": reference(channel.webhook, home)}
        case HttpChannel():
            config: dict[str, Any] = {"type": "http", "url": reference(channel.url, home)}
            return config | ({"bearer": reference(channel.token, home)} if channel.token is not None else {})
        case EmailChannel():
            return _email(channel, home)
        case _:
            return _vendor(channel, home)


def _vendor(channel: GuideChannel, home: Path) -> dict[str, Any] | None:
    match channel:
        case SlackBotChannel():
            config: dict[str, Any] = {
                "type": "slack_bot",
                "room": channel.room,
                "token": reference(channel.token, home),
            }
            return config | ({"api_url": channel.api_url} if channel.api_url is not None else {})
        case TeamsChannel() | DiscordChannel():
            return {"type": channel.kind, "url": reference(channel.webhook, home), "timeout_s": TIMEOUT_S}
        case PagerDutyChannel():
            key = reference(channel.routing_key, home)
            config = {"type": "pagerduty", "routing_key": key, "source": channel.source}
            return config | ({"url": channel.url} if channel.url is not None else {})
        case SmsChannel():
            return _sms(channel, home)
        case _:
            return None


def _sms(channel: SmsChannel, home: Path) -> dict[str, Any]:
    return {
        "type": "sms",
        "url": reference(channel.url, home),
        "bearer": reference(channel.token, home),
        "sender": channel.sender or "",
        "encoding": channel.encoding,
        "fields": channel.fields,
        "headers": channel.headers,
        "secret_headers": {name: reference(one, home) for name, one in channel.secret_headers.items()},
        "secret_fields": {name: reference(one, home) for name, one in channel.secret_fields.items()},
        "ok_field": channel.ok_field,
        "ok_values": channel.ok_values,
        "receipt_field": channel.receipt_field,
        "timeout_s": TIMEOUT_S,
    }


def _email(channel: EmailChannel, home: Path) -> dict[str, Any] | None:
    if channel.smtp_host is None or channel.sender is None:
        return None
    config: dict[str, Any] = {
        "type": "email",
        "host": channel.smtp_host,
        "port": channel.smtp_port,
        "tls": channel.security,
        "sender": channel.sender,
        "timeout_s": 8,
    }
    if channel.username is not None and channel.password is not None:
        config["username"] = reference(channel.username, home)
        config["password"] = reference(channel.password, home)
    return config


def open_channels(channels: Mapping[str, GuideChannel], kit: Toolkit, home: Path) -> dict[str, Channel]:
    """Build every enabled channel of the guide that can deliver, by name.

    Raises:
        Invalid: a setting of an enabled channel cannot be used; names the channel and the setting, never a secret.
    """
    built: dict[str, Channel] = {}
    for name, channel in channels.items():
        config = config_of(channel, home) if channel.enabled else None
        if config is not None:
            built[name] = build_channel(name, config, kit)
    return built
