"""Checks of contacts, escalation, channels and calendar."""

import re
from datetime import date
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from judgify.response.guide.base import SEVERITIES, SeverityName, unfilled
from judgify.response.guide.check_canary import check_canary
from judgify.response.guide.people import EmailChannel, Hours, PageKind, SlackBotChannel, SmsChannel
from judgify.response.guide.report import Report
from judgify.response.guide.schema import Guide

_EXAMPLE_DOMAIN: Final = "company.com"
_MEMBER: Final = re.compile(r"[UW][A-Z0-9]{6,20}")
_TOLD: Final[tuple[PageKind, ...]] = ("page", "report", "notice")


def check_people(guide: Guide, report: Report, today: date | None) -> None:
    """Check who is told, when and through what."""
    _contacts(guide, report)
    _escalation(guide, report)
    _channels(guide, report)
    _coverage(guide, report)
    _calendar(guide, report, today)


def _contacts(guide: Guide, report: Report) -> None:
    file, contacts = "contacts.yaml", guide.contacts
    for name, role in contacts.roles.items():
        path = f"roles.{name}.persons"
        if not role.persons:
            report.error(file, path, f'nobody fills the role "{name}"', "name at least one person")
        for index, person in enumerate(role.persons):
            report.known(file, f"{path}[{index}]", "person", person, contacts.persons)
    if unfilled(contacts.hotline):
        report.todo(file, "hotline", f'"{contacts.hotline}" is a placeholder', "fill in the 24/7 hotline")
    for name, entry in contacts.persons.items():
        for field in ("name", "phone", "email", "slack"):
            value = getattr(entry, field)
            if unfilled(value) or value.endswith(f"@{_EXAMPLE_DOMAIN}"):
                mend = f"fill in the {field} of {entry.title.en}"
                report.todo(file, f"persons.{name}.{field}", f'"{value}" is a placeholder', mend)


def _escalation(guide: Guide, report: Report) -> None:
    file, rows, roles = "escalation.yaml", guide.escalation.rows, guide.contacts.roles
    if rows[0].from_minute != 0:
        report.error(file, "rows[0].from_minute", "the first row does not begin at 0", "write 0")
    for index, (earlier, later) in enumerate(pairwise(rows), start=1):
        if later.from_minute <= earlier.from_minute:
            message = f"{later.from_minute} is not after {earlier.from_minute}"
            report.error(file, f"rows[{index}].from_minute", message, "put the rows in the order of time")
    for index, row in enumerate(rows):
        for severity in SEVERITIES:
            path = f"rows[{index}].{severity}"
            cell = row.cell(severity)
            if index == 0 and not cell.roles:
                report.error(file, path, "the first row brings in nobody", "name who is paged first")
            for role in cell.roles:
                report.known(file, path, "role", role, roles)
            for role in row.also.get(severity, ()):
                report.known(file, f"rows[{index}].also.{severity}", "role", role, roles)


def _channels(guide: Guide, report: Report) -> None:
    file = "channels.yaml"
    for name, channel in guide.channels.items():
        path = f"channels.{name}"
        for index, role in enumerate(channel.roles or ()):
            report.known(file, f"{path}.roles[{index}]", "role", role, guide.contacts.roles)
        if not channel.enabled:
            continue
        if isinstance(channel, SmsChannel) and (channel.ok_field is None) != (not channel.ok_values):
            report.error(file, f"{path}.ok_field", "ok_field and ok_values go together", "give both, or neither")
        if isinstance(channel, SlackBotChannel):
            _slack_bot(guide, report, path, channel)
        check_canary(report, path, channel)
        if isinstance(channel, EmailChannel):
            for field in ("smtp_host", "sender"):
                value = getattr(channel, field)
                if value is None:
                    report.error(file, f"{path}.{field}", "is missing on a channel that is switched on", "fill it in")
                elif value.endswith(_EXAMPLE_DOMAIN):
                    report.todo(file, f"{path}.{field}", f'"{value}" is the guide\'s example', "fill in your own")


def _slack_bot(guide: Guide, report: Report, path: str, channel: SlackBotChannel) -> None:
    file = "channels.yaml"
    if channel.signing_secret is None and channel.app_token is None:
        message = "its buttons lead nowhere"
        report.warn(file, path, message, "give signing_secret, or app_token for Socket Mode")
    for name, person in guide.contacts.persons.items():
        if not _MEMBER.fullmatch(person.slack):
            message = f'"{person.slack}" is no member id, so nobody can press a button as {person.title.en}'
            report.warn("contacts.yaml", f"persons.{name}.slack", message, "write the member id, such as U0123ABCD")


def _coverage(guide: Guide, report: Report) -> None:
    for severity in SEVERITIES:
        quiet = severity in guide.severities and guide.severities[severity].quiet_outside_business_hours
        for kind in _TOLD:
            if not _reach(guide, severity, kind):
                message = f"no channel that is switched on takes a {kind} of {severity}"
                report.error("channels.yaml", "channels", message, "switch one on, or widen severities and kinds")
            elif quiet and not _reach(guide, severity, kind, wakes=False):
                message = f"every channel for a {kind} of {severity} wakes people outside business hours"
                report.error("channels.yaml", "channels", message, "switch on one with wakes: false")
    for severity in ("P0", "P1"):
        if not _reach(guide, severity, "page", wakes=True):
            message = f"no channel that is switched on wakes anybody for {severity}"
            report.todo("channels.yaml", "channels", message, "configure Slack, mail or HTTP and switch it on")
    if not any(channel.enabled and "announcement" in channel.kinds for channel in guide.channels.values()):
        message = "no channel that is switched on takes announcements"
        report.error("channels.yaml", "channels", message, "add announcement to the kinds of one")


def _reach(
    guide: Guide, severity: SeverityName, kind: Literal["page", "report", "notice"], *, wakes: bool | None = None
) -> bool:
    return any(
        channel.enabled
        and severity in channel.severities
        and kind in channel.kinds
        and channel.roles is None
        and (wakes is None or channel.wakes == wakes)
        for channel in guide.channels.values()
    )


def _calendar(guide: Guide, report: Report, today: date | None) -> None:
    file, calendar = "calendar.yaml", guide.calendar
    try:
        ZoneInfo(calendar.zone)
    except (ZoneInfoNotFoundError, ValueError):
        report.error(file, "zone", f'"{calendar.zone}" is not a time zone', "write one like Asia/Seoul")
    for field in ("business_hours", "maintenance_window"):
        hours: Hours = getattr(calendar, field)
        if hours.start >= hours.end:
            report.error(file, field, "start is not before end", "give both times of one day")
    for year, holidays in calendar.holidays.items():
        for index, holiday in enumerate(holidays):
            if str(holiday.date.year) != year:
                path = f'holidays["{year}"][{index}].date'
                report.error(file, path, f"{holiday.date} is not in {year}", "move it to its own year")
    if today is not None and str(today.year) not in calendar.holidays:
        report.warn(file, "holidays", f"the holidays of {today.year} are missing", f"add the year {today.year}")
