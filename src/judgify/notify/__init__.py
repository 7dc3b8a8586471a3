"""Messages to people and programs: what is said, through which channel, and what became of it."""

from judgify.notify.channel import Channel, Check
from judgify.notify.message import Act, Kind, Lang, Link, Message, Recipient, Severity, Turn
from judgify.notify.outcome import (
    Doubt,
    Outcome,
    Reason,
    Refused,
    Sent,
    Unknown,
    outcome_detail,
    outcome_label,
)
from judgify.notify.registry import FOLLOWING, TYPES, Toolkit, build_channel, build_channels

__all__ = [
    "FOLLOWING",
    "TYPES",
    "Act",
    "Channel",
    "Check",
    "Doubt",
    "Kind",
    "Lang",
    "Link",
    "Message",
    "Outcome",
    "Reason",
    "Recipient",
    "Refused",
    "Sent",
    "Severity",
    "Toolkit",
    "Turn",
    "Unknown",
    "build_channel",
    "build_channels",
    "outcome_detail",
    "outcome_label",
]
