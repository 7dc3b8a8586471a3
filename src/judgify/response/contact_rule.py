"""Through what one person is reached, in which order: contact rules, quiet hours, call lists. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from judgify.response.guide.base import SeverityName
from judgify.response.guide.schema import Guide
from judgify.response.oncall.window import Restriction

LOCAL: Final = frozenset({"console", "mailbox"})
"""Channels that stay on this machine: they wake nobody and are told at once, whatever a person's rule says."""
RESPECTING: Final = frozenset({"P2", "P3"})
"""Severities that heed a person's quiet hours; the others take no notice of them."""


@dataclass(frozen=True, slots=True)
class Told:
    """One person told through one channel, so many seconds after the row's time."""

    person: str
    channel: str
    after_s: float = 0.0


def in_quiet_hours(guide: Guide, person: str, severity: SeverityName, moment: datetime) -> bool:
    """Tell whether a person is not to be woken for this severity at that moment."""
    contact = guide.oncall.contact.get(person)
    if contact is None or not contact.quiet_hours or severity not in RESPECTING:
        return False
    zone = ZoneInfo(contact.zone or guide.calendar.zone)
    return Restriction(zone, tuple(window.window for window in contact.quiet_hours)).open_at(moment)


def steps(
    guide: Guide, person: str, severity: SeverityName, channels: tuple[str, ...], *, quiet: bool
) -> tuple[Told, ...]:
    """Give how a person is paged: by their rule for the severity, else through all of `channels` at once.

    A rule may name a channel that is limited to other roles. Steps through channels that are off, take no pages of
    this severity, or would wake somebody while it is `quiet` fall out; when none is left, all of `channels` are used.
    """
    contact = guide.oncall.contact.get(person)
    rule = () if contact is None else contact.rules.get(severity, ())
    found: list[Told] = []
    for step in rule:
        if step.channel is not None and _usable(guide, step.channel, severity, quiet=quiet):
            found.append(Told(person, step.channel, step.after_s))
        for other in step.persons:
            found += [
                Told(other, channel, step.after_s)
                for channel in _first_of(guide, other, severity, channels, quiet=quiet)
            ]
    if not any(told.person == person for told in found):
        return (*(Told(person, channel) for channel in channels), *found)
    local = [Told(person, name) for name in channels if guide.channels[name].kind in LOCAL]
    return tuple({(told.person, told.channel): told for told in reversed([*local, *found])}.values())[::-1]


def _first_of(
    guide: Guide, person: str, severity: SeverityName, channels: tuple[str, ...], *, quiet: bool
) -> tuple[str, ...]:
    """Give the channels with which a person's own rule begins: whoever is called for another is called at once."""
    contact = guide.oncall.contact.get(person)
    rule = [
        step
        for step in (() if contact is None else contact.rules.get(severity, ()))
        if step.channel is not None and _usable(guide, step.channel, severity, quiet=quiet)
    ]
    soonest = min((step.after_s for step in rule), default=0)
    return tuple(step.channel for step in rule if step.channel and step.after_s == soonest) or channels


def _usable(guide: Guide, name: str, severity: SeverityName, *, quiet: bool) -> bool:
    channel = guide.channels[name]
    return (
        channel.enabled and severity in channel.severities and "page" in channel.kinds and not (quiet and channel.wakes)
    )
