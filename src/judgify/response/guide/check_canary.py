"""Checks of the canaries of channels: each kind of channel has its own way to name a sink."""

from typing import Final, Literal, get_args

from judgify.response.guide.base import unfilled
from judgify.response.guide.people import Canary, Channel
from judgify.response.guide.report import Report

Way = Literal["to", "room", "secret"]
WAYS: Final[dict[str, Way | None]] = {
    "console": None,
    "mailbox": None,
    "email": "to",
    "sms": "to",
    "slack_bot": "room",
    "slack": "secret",
    "teams": "secret",
    "discord": "secret",
    "http": "secret",
    "pagerduty": "secret",
}
"""By which setting of `canary` the sink of each kind of channel is named; None: it stays on this machine."""


def check_canary(report: Report, path: str, channel: Channel) -> None:
    """Check one channel that is switched on: its canary names a sink in its own way; a real one should have one."""
    file, way, canary = "channels.yaml", WAYS[channel.kind], channel.canary
    if canary is None:
        if way is not None:
            message = "carries no canary: that it fails shows at the first page only"
            report.warn(file, f"{path}.canary", message, f"give a sink: canary: {{{way}: …}}")
        return
    if way is None:
        report.error(file, f"{path}.canary", f"a {channel.kind} channel carries no canary", "remove it")
        return
    for name in get_args(Way):
        given = getattr(canary, name)
        if name == way and given is None:
            report.error(file, f"{path}.canary.{name}", "is missing", f"name the sink of this {channel.kind} channel")
        elif name != way and given is not None:
            report.error(file, f"{path}.canary.{name}", f"is not of a {channel.kind} channel", f"give {way} instead")
    _own(report, path, channel, canary, way)


def _own(report: Report, path: str, channel: Channel, canary: Canary, way: Way) -> None:
    """A sink that is where the pages go wakes people with tests."""
    sink = getattr(canary, way)
    if way == "to" and sink is not None and unfilled(sink):
        report.todo("channels.yaml", f"{path}.canary.to", f'"{sink}" is a placeholder', "fill it in")
    own = {getattr(channel, name, None) for name in ("to", "room", "webhook", "url", "routing_key")} - {None}
    if sink is not None and sink in own:
        message = f"{sink} is where this channel's pages go"
        report.error(
            "channels.yaml", f"{path}.canary.{way}", message, "name a sink of its own, read by nobody at night"
        )
