"""The guide's channels in the form that `judgify.notify` builds senders from."""

from typing import Any

from judgify.kit.errors import Invalid
from judgify.response.guide.people import (
    Channel,
    ConsoleChannel,
    EmailChannel,
    HttpChannel,
    MailboxChannel,
    SlackChannel,
)


def channel_config(channel: Channel, secrets_folder: str) -> dict[str, Any]:
    """Give the settings of one channel; `secret:NAME` becomes `file:<secrets_folder>/NAME`.

    Secrets stay references. `Invalid` for a kind that cannot be sent through yet, and for mail without a server:
    the guide's check refuses to switch such a channel on.
    """

    def reference(given: str | None) -> str | None:
        if given is None or not given.startswith("secret:"):
            return given
        return f"file:{secrets_folder}/{given.removeprefix('secret:')}"

    config: dict[str, Any]
    match channel:
        case ConsoleChannel():
            config = {"type": "console"}
        case MailboxChannel():
            config = {"type": "mailbox", "folder": "mailbox"}
        case SlackChannel():
            config = {"type": "slack_webhook", "url": reference(channel.webhook)}
        case HttpChannel():
            config = {"type": "http", "url": reference(channel.url), "bearer": reference(channel.token)}
        case EmailChannel() if channel.smtp_host is not None and channel.sender is not None:
            config = {
                "type": "email",
                "host": channel.smtp_host,
                "port": channel.smtp_port,
                "sender": channel.sender,
                "tls": channel.security,
                "username": reference(channel.username),
                "password": reference(channel.password),
            }
        case _:
            raise Invalid(f"a channel of kind {channel.kind} cannot be sent through as it is configured")
    return {name: value for name, value in config.items() if value is not None}
