"""Checks of the on-call schedules, and of whether everybody whom the matrix pages can be reached at all."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from judgify.response.guide.base import SEVERITIES, SeverityName, unfilled
from judgify.response.guide.oncall_file import DAYS, ContactStep, ScheduleEntry, guide_schedules, schedule_of
from judgify.response.guide.people import Channel, EmailChannel, Person, SmsChannel
from judgify.response.guide.report import Report
from judgify.response.guide.schema import Guide
from judgify.response.oncall.local_time import on_wall
from judgify.response.oncall.schedule import Schedule, overlapping

FILE: Final = "oncall.yaml"
AHEAD: Final = timedelta(days=92)
"""How far ahead schedules are looked through for gaps."""
_LOCAL: Final = frozenset({"console", "mailbox"})


def check_oncall(guide: Guide, report: Report, today: date | None) -> None:
    """Check schedules, what they fill, and how persons are reached. Gaps are looked for only where `today` is given."""
    file = guide.oncall
    good = [_schedule(guide, report, name, entry) for name, entry in file.schedules.items()]
    known = [
        report.known(FILE, f"roles.{role}[{index}]", "schedule", name, file.schedules)
        for role, names in file.roles.items()
        if report.known(FILE, f"roles.{role}", "role", role, guide.contacts.roles)
        for index, name in enumerate(names)
    ]
    known += [
        report.known(FILE, f"services.{service}[{index}]", "schedule", name, file.schedules)
        for service, names in file.services.items()
        if report.known(FILE, f"services.{service}", "service", service, guide.services)
        for index, name in enumerate(names)
    ]
    _contact(guide, report)
    if all(good) and all(known):
        if today is not None:
            _gaps(guide, report, today)
        _reach(guide, report)


def _schedule(guide: Guide, report: Report, name: str, entry: ScheduleEntry) -> bool:
    path = f"schedules.{name}"
    if name in guide.contacts.persons:
        message = f'"{name}" is also a person of contacts.yaml, so a stand-in for it could mean either'
        report.error(FILE, path, message, "give the schedule another name")
    if not _zone(report, f"{path}.zone", entry.zone):
        return False
    names = [layer.name for layer in entry.layers]
    for index, layer in enumerate(entry.layers):
        here = f"{path}.layers[{index}]"
        if layer.name in names[:index]:
            report.error(FILE, f"{here}.name", f'"{layer.name}" is there twice', "give each layer its own name")
        for at, person in enumerate(layer.persons):
            report.known(FILE, f"{here}.persons[{at}]", "person", person, guide.contacts.persons)
        if layer.on is not None and layer.on != DAYS[layer.start.weekday()]:
            weekday = DAYS[layer.start.weekday()]
            mend = f"write {_next(layer.start, DAYS.index(layer.on))}, or on: {weekday}"
            report.error(FILE, f"{here}.start", f"{layer.start} is a {weekday}, not a {layer.on}", mend)
        if layer.until is not None and layer.until <= layer.start:
            report.error(FILE, f"{here}.until", f"{layer.until} is not after {layer.start}", "write a later day")
    return _overrides(guide, report, path, entry)


def _next(day: date, weekday: int) -> date:
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def _zone(report: Report, path: str, name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        report.error(FILE, path, f'"{name}" is not a time zone', "write one like Asia/Seoul")
        return False
    return True


def _overrides(guide: Guide, report: Report, path: str, entry: ScheduleEntry) -> bool:
    for index, one in enumerate(entry.overrides):
        here = f"{path}.overrides[{index}]"
        report.known(FILE, f"{here}.person", "person", one.person, guide.contacts.persons)
        if one.end <= one.start:
            report.error(FILE, f"{here}.end", "is not after the start", "write a later moment")
    if any(one.end <= one.start for one in entry.overrides):
        return False
    zone = ZoneInfo(entry.zone)
    for earlier, later in overlapping(schedule_of("", entry, guide.calendar).overrides):
        first, second = (f"overrides[{int(each.id.removeprefix('guide-')) - 1}]" for each in (earlier, later))
        until = on_wall(min(earlier.end, later.end), zone).isoformat(timespec="minutes")
        since = on_wall(later.start, zone).isoformat(timespec="minutes")
        message = f"{second} ({later.person}) begins while {first} ({earlier.person}) is in force, until {until}"
        report.error(FILE, f"{path}.{second}", message, f"end {first} at {since}, or begin {second} at {until}")
    return True


def _contact(guide: Guide, report: Report) -> None:
    for person, contact in guide.oncall.contact.items():
        path = f"contact.{person}"
        report.known(FILE, path, "person", person, guide.contacts.persons)
        if contact.zone is not None:
            _zone(report, f"{path}.zone", contact.zone)
        for severity, steps in contact.rules.items():
            for index, step in enumerate(steps):
                _step(guide, report, f"{path}.rules.{severity}[{index}]", person, step)
            if all(step.after_s > 0 for step in steps):
                soonest = min(step.after_s for step in steps)
                message = f"nothing is sent in the first {soonest:g} s"
                report.warn(FILE, f"{path}.rules.{severity}", message, "let the first step have no after_s")


def _step(guide: Guide, report: Report, path: str, person: str, step: ContactStep) -> None:
    for index, name in enumerate(step.persons):
        report.known(FILE, f"{path}.persons[{index}]", "person", name, guide.contacts.persons)
        if name == person:
            report.error(FILE, f"{path}.persons[{index}]", f"{person} would stand in for themselves", "name another")
    if step.channel is None or not report.known(FILE, f"{path}.channel", "channel", step.channel, guide.channels):
        return
    channel = guide.channels[step.channel]
    if "page" not in channel.kinds:
        report.error(FILE, f"{path}.channel", f"{step.channel} takes no pages", "add page to its kinds, or use another")
    elif not channel.enabled:
        report.todo(FILE, f"{path}.channel", f"{step.channel} is not switched on", "switch it on in channels.yaml")


def _gaps(guide: Guide, report: Report, today: date) -> None:
    schedules = guide_schedules(guide.oncall, guide.calendar)
    first = datetime.combine(today, time(), UTC)
    needed = {role: severities for role in guide.contacts.roles if (severities := _severities(guide, role))}
    for role, severities in needed.items():
        if role in guide.oncall.roles:
            _gap(report, f"roles.{role}", [schedules[name] for name in guide.oncall.roles[role]], severities, first)
        if guide.contacts.roles[role].per_service:
            for service, names in guide.oncall.services.items():
                _gap(report, f"services.{service}", [schedules[name] for name in names], severities, first)


def _severities(guide: Guide, role: str) -> list[SeverityName]:
    return [name for name in SEVERITIES if any(role in row.cell(name).roles for row in guide.escalation.rows)]


def _gap(
    report: Report,
    path: str,
    chosen: list[Schedule],
    severities: list[SeverityName],
    first: datetime,
) -> None:
    """Tell of the first stretch in which none of the schedules has anybody, for the severities that have it."""
    found: dict[tuple[datetime, datetime], list[SeverityName]] = {}
    for severity in severities:
        edges = {first, *(span.start for one in chosen for span in one.gaps(first, first + AHEAD, severity))}
        empty = [at for at in sorted(edges) if all(one.on_call(at, severity).person is None for one in chosen)]
        if empty:
            ends = [gap.end for one in chosen for gap in one.gaps(empty[0], first + AHEAD, severity)[:1]]
            found.setdefault((empty[0], min(ends)), []).append(severity)
    for (start, end), affected in found.items():
        zone = chosen[0].layers[0].rotation.zone
        since, until = (on_wall(moment, zone).isoformat(" ", "minutes") for moment in (start, end))
        message = f"nobody is on call for {', '.join(affected)} from {since} to {until} ({zone.key})"
        report.error(FILE, path, message, "let a layer of the schedule cover it, or name a second schedule")


def _reach(guide: Guide, report: Report) -> None:
    """Everybody whom the matrix may page must have a way on which a page reaches them, where there is one at all."""
    for severity in SEVERITIES:
        outward = {
            name: channel
            for name, channel in guide.channels.items()
            if channel.enabled and channel.kind not in _LOCAL and severity in channel.severities
            if "page" in channel.kinds
        }
        told: set[str] = set()
        for row in guide.escalation.rows if outward else ():
            for role in row.cell(severity).roles:
                for person in sorted(set(_persons(guide, role)) - told):
                    told.add(person)
                    if not any(_reaches(guide, severity, role, person, name) for name in outward):
                        message = (
                            f"{severity} pages {person} as {role}, and no channel that is switched on reaches them"
                        )
                        mend = f"fill in the phone or email of {person}, or switch on a channel that takes {role}"
                        report.error("contacts.yaml", f"persons.{person}", message, mend)


def _persons(guide: Guide, role: str) -> Iterator[str]:
    """Give everybody who may be paged under a role at some time, as far as the names are known."""
    file, entry = guide.oncall, guide.contacts.roles.get(role)
    if entry is None:
        return
    names = [*file.roles.get(role, ())]
    if entry.per_service:
        yield from (one.owner for name, one in guide.services.items() if name not in file.services)
        names += [name for schedules in file.services.values() for name in schedules]
    if role not in file.roles:
        yield from entry.persons
    for name in names:
        schedule = file.schedules[name]
        yield from (person for layer in schedule.layers for person in layer.persons)
        yield from (one.person for one in schedule.overrides)


def _reaches(guide: Guide, severity: SeverityName, role: str, person: str, name: str) -> bool:
    known, channel = guide.contacts.persons.get(person), guide.channels[name]
    if known is None:
        return True  # told as a mistake of its own
    contact = guide.oncall.contact.get(person)
    steps = () if contact is None else contact.rules.get(severity, ())
    named = any(step.channel == name for step in steps)
    return (named or channel.roles is None or role in channel.roles) and has_address(channel, known)


def has_address(channel: Channel, person: Person) -> bool:
    """Tell whether a person has what a channel needs to reach them; a room or a fixed address needs nothing of them."""
    if isinstance(channel, SmsChannel):
        return not unfilled(person.phone)
    if isinstance(channel, EmailChannel) and channel.to is None:
        return not unfilled(person.email)
    return True
