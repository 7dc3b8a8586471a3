"""Slack as the guide's channels ask for it: the apps, each once, and the ways in for presses of their buttons."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from judgify.notify import Toolkit
from judgify.notify.slack_calls import API, SlackCalls
from judgify.response.accounts import Accounts
from judgify.response.api.slack import SlackIntake
from judgify.response.engine import Engine
from judgify.response.guide.people import Channel, SlackBotChannel
from judgify.response.guide.schema import Guide
from judgify.response.pager.channels import TIMEOUT_S, reference
from judgify.response.slack_desk import App, SlackDesk
from judgify.response.slack_socket import listen


class Slack:
    """What the engine has of Slack; nothing at all, and nothing loaded, while no channel is a bot."""

    def __init__(self, guide: Guide, kit: Toolkit, home: Path, *, engine: Engine, accounts: Accounts) -> None:
        """Set up the apps of the channels that are switched on."""
        self._kit = kit
        self.desk = SlackDesk(engine, accounts, guide, kit.environ)
        self.apps = slack_apps(guide.channels, kit, home)
        signed = tuple(app for app in self.apps if app.signing_secret is not None)
        self.intake = SlackIntake(signed, self.desk, kit.clock, kit.environ) if signed else None

    def loops(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """Give what must run: Socket Mode, one loop for each app that uses it; else only the SDK's loading."""
        sockets = [
            partial(listen, app, self.desk, self._kit.clock, self._kit.environ)
            for app in self.apps
            if app.app_token is not None
        ]
        return list(sockets) if sockets or not self.apps else [_loaded]


async def _loaded() -> None:
    # Before the first page needs it: loading takes longer than a page may.
    await asyncio.to_thread(SlackCalls.load)
    await asyncio.Event().wait()


def slack_apps(channels: Mapping[str, Channel], kit: Toolkit, home: Path) -> tuple[App, ...]:
    """Give the apps of the channels that are switched on; two channels of one app are one."""
    found: dict[tuple[str | None, ...], App] = {}
    for channel in channels.values():
        if not isinstance(channel, SlackBotChannel) or not channel.enabled:
            continue
        calls = SlackCalls(clock=kit.clock, allow=kit.allow, timeout_s=TIMEOUT_S, base_url=channel.api_url or API)
        app = App(
            calls=calls,
            token=str(reference(channel.token, home)),
            signing_secret=reference(channel.signing_secret, home),
            app_token=reference(channel.app_token, home),
        )
        found.setdefault((channel.signing_secret, channel.app_token, channel.api_url), app)
    return tuple(found.values())
