"""Who is told when (guide 6.2, 1.1, 3.1): what the matrix's decision table says, as rows with absolute deadlines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from judgify.response.contact_rule import Told, in_quiet_hours, steps
from judgify.response.guide.base import SeverityName, Text
from judgify.response.guide.hours import is_business_time, next_business_time, next_maintenance
from judgify.response.guide.matrix import Step
from judgify.response.guide.people import MatrixRow, PageKind
from judgify.response.guide.schema import Guide
from judgify.response.roster import Roster

_WEIGHT: Final[dict[PageKind, int]] = {"page": 0, "report": 1, "notice": 2}


@dataclass(frozen=True, slots=True)
class DueRow:
    """One message owed to one person by one moment.

    `key` is the same whenever the same row is planned again for an incident. A person who holds several roles of a
    row gets one message, of the most urgent kind; `also_roles` names the others. `quiet`: outside business hours, or
    in the person's quiet hours, through channels that wake nobody. No channel at all is possible only where a guide
    limits channels to roles. `told`: the same by the person's contact rule, call lists with it.
    """

    key: str
    kind: PageKind
    role: str
    also_roles: tuple[str, ...]
    person: str
    channels: tuple[str, ...]
    due_at: datetime
    minute: int
    label: Text
    quiet: bool
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Hole:
    """A row of the matrix that should page somebody, and nobody is on call for any of its roles."""

    minute: int
    roles: tuple[str, ...]
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """Every message of an incident, and the rows of which nobody is on call."""

    rows: tuple[DueRow, ...]
    holes: tuple[Hole, ...] = ()


@dataclass(frozen=True, slots=True)
class Deadlines:
    """By when a person must have answered, and when it is to be solved: P2 in business hours, P3 in maintenance."""

    respond_by: datetime
    solve_from: datetime


def plan(guide: Guide, *, severity: SeverityName, service: str, opened_at: datetime) -> tuple[DueRow, ...]:
    """Plan every message of an incident by the guide alone; see `escalate`."""
    return escalate(guide, Roster(guide), severity=severity, service=service, opened_at=opened_at).rows


def escalate(
    guide: Guide,
    roster: Roster,
    *,
    severity: SeverityName,
    service: str,
    opened_at: datetime,
    now: datetime | None = None,
) -> Plan:
    """Plan every message of an incident, earliest first, in the guide's order within a row.

    Each row of the matrix comes at its minute after `opened_at`; the severity's reports come with the first. It goes
    to whoever is on call at that moment (or `now`, for a row whose time has been). P2 and P3 outside business hours
    use quiet channels; the row's time does not move, but for one: where nobody is on call for a row, the next row
    that has somebody comes at its time.
    """
    rows: list[DueRow] = []
    holes: list[Hole] = []
    climbing: datetime | None = None
    for index, step in enumerate(guide.matrix.steps(severity)):
        row = step.row
        at = opened_at.astimezone(UTC) + timedelta(minutes=row.from_minute)
        moment = at if now is None else max(at, now)
        told: dict[str, tuple[PageKind, list[str]]] = {}
        for kind, role in _entries(guide, step, severity, first=index == 0):
            for person in roster.persons(role, service, severity, moment):
                first, roles = told.setdefault(person, (kind, []))
                if role not in roles:
                    roles.append(role)
                told[person] = (min(first, kind, key=_WEIGHT.__getitem__), roles)
        paged = any(kind == "page" for kind, _ in told.values())
        if step.kind == "page" and step.roles and not paged:
            holes.append(Hole(row.from_minute, step.roles, at))
            climbing = at if climbing is None else climbing
        sooner, climbing = (climbing, None) if paged else (None, climbing)
        rows.extend(
            _row(guide, row, severity, whom, at=sooner if sooner and whom[1] == "page" else at, moment=moment)
            for whom in ((person, kind, roles) for person, (kind, roles) in told.items())
        )
    return Plan(tuple(rows), tuple(holes))


def _row(
    guide: Guide,
    row: MatrixRow,
    severity: SeverityName,
    whom: tuple[str, PageKind, list[str]],
    *,
    at: datetime,
    moment: datetime,
) -> DueRow:
    person, kind, roles = whom
    quiet = is_quiet(guide, severity, moment) or in_quiet_hours(guide, person, severity, moment)
    channels = _channels(guide, severity, kind, frozenset(roles), quiet=quiet)
    everyone = tuple(Told(person, channel) for channel in channels)
    return DueRow(
        key=f"{row.from_minute}:{kind}:{person}",
        kind=kind,
        role=roles[0],
        also_roles=tuple(roles[1:]),
        person=person,
        channels=channels,
        due_at=at,
        minute=row.from_minute,
        label=row.label,
        quiet=quiet,
        told=steps(guide, person, severity, channels, quiet=quiet) if kind == "page" else everyone,
    )


def _entries(guide: Guide, step: Step, severity: SeverityName, *, first: bool) -> Iterator[tuple[PageKind, str]]:
    for role in step.roles:
        yield step.kind, role
    if first:
        for role in guide.severities[severity].report_to:
            yield "report", role
    for role in step.notices:
        yield "notice", role


def deadlines(guide: Guide, *, severity: SeverityName, opened_at: datetime) -> Deadlines:
    """Give the response target of section 1.1 and the beginning of the time in which it is to be solved."""
    entry = guide.severities[severity]
    starts = {
        "now": lambda: opened_at,
        "business-hours": lambda: next_business_time(guide.calendar, opened_at),
        "maintenance-window": lambda: next_maintenance(guide.calendar, opened_at),
    }
    return Deadlines(opened_at + timedelta(minutes=entry.target_minutes), starts[entry.solve]())


def announcement_channels(guide: Guide, severity: SeverityName) -> tuple[str, ...]:
    """Give the channels that an announcement of this severity goes to (3.1 step 3)."""
    return tuple(
        name
        for name, channel in guide.channels.items()
        if channel.enabled and "announcement" in channel.kinds and severity in channel.severities
    )


def is_quiet(guide: Guide, severity: SeverityName, moment: datetime) -> bool:
    """Tell whether nobody is to be woken for this severity at that moment: P2 and P3 outside business hours."""
    return guide.severities[severity].quiet_outside_business_hours and not is_business_time(guide.calendar, moment)


def _channels(
    guide: Guide, severity: SeverityName, kind: PageKind, roles: frozenset[str], *, quiet: bool
) -> tuple[str, ...]:
    return tuple(
        name
        for name, channel in guide.channels.items()
        if channel.enabled
        and severity in channel.severities
        and kind in channel.kinds
        and (channel.roles is None or roles & set(channel.roles))
        and not (quiet and channel.wakes)
    )
