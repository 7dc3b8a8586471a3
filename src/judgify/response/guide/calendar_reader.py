"""Reads iCalendar files (RFC 5545) that came from anywhere: bounded in size, number, repetition and time."""

import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import icalendar
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # it ships no types

from judgify.kit.errors import Invalid

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_EVENTS: Final = 5_000
MAX_FOUND: Final = 500
MAX_TEXT: Final = 500
SECONDS: Final = 20.0
"""So long a calendar may take to be read."""
_BROKEN: Final = (ValueError, KeyError, AttributeError, TypeError, OverflowError)
_TOO_OFTEN: Final = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})


class _Often(Invalid):
    """The event repeats within a day."""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One occurrence of an event; `start` and `end` are aware. `source` names it whenever it is read again."""

    source: str
    summary: str
    attendees: tuple[str, ...]
    start: datetime
    end: datetime
    whole_days: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event that cannot be read, as far as it can be named, and why."""

    summary: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a calendar holds: its occurrences by beginning, and the events that cannot be read."""

    events: tuple[CalendarEvent, ...]
    unreadable: tuple[Unreadable, ...]


def read_calendar(data: bytes, *, first: datetime, until: datetime, zone: ZoneInfo) -> list[CalendarEvent]:
    """Give every occurrence as `read_entries` does; `Invalid` for the first event that cannot be read, too."""
    found = read_entries(data, first=first, until=until, zone=zone)
    for one in found.unreadable:
        raise Invalid(one.reason)
    return list(found.events)


def read_entries(data: bytes, *, first: datetime, until: datetime, zone: ZoneInfo) -> Reading:
    """Give every occurrence that is not over at `first` and begins before `until`, by beginning.

    Times without a zone, and whole days, are `zone`'s. Cancelled events are left out; an event that cannot be read, or
    repeats within a day, is told beside the others. `Invalid` for what is no calendar, is too large, or takes too long.
    """
    if len(data) > MAX_BYTES:
        raise Invalid(f"the calendar is larger than {MAX_BYTES} bytes")
    if data.upper().count(b"BEGIN:VEVENT") > MAX_EVENTS:
        raise Invalid(f"the calendar has more than {MAX_EVENTS} events")
    with _bounded():
        try:
            calendar = icalendar.Calendar.from_ical(data)
        except (ValueError, IndexError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise Invalid(f"this is not an iCalendar file: {error}") from None
        if not isinstance(calendar, icalendar.Calendar):
            raise Invalid("this is not an iCalendar file")
        try:
            return _occurrences(calendar, first, until, zone)
        except _BROKEN as error:
            raise Invalid(f"the calendar cannot be read: {error}") from None


def _occurrences(calendar: icalendar.Calendar, first: datetime, until: datetime, zone: ZoneInfo) -> Reading:
    events: list[Any] = list(calendar.walk("VEVENT"))
    # An occurrence that was moved or changed is an event of its own, and takes the place of the one it was.
    moved = {(_text(event, "UID"), _instant(event["RECURRENCE-ID"].dt, zone)) for event in events if _changed(event)}
    found: list[CalendarEvent] = []
    unreadable: list[Unreadable] = []
    for event in events:
        title = _text(event, "SUMMARY")
        if event.errors:
            unreadable.append(Unreadable(title, f"the event {title!r} cannot be read: {event.errors[0]}"[:MAX_TEXT]))
            continue
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        try:
            for start, end in _times(event, first, until, zone):
                if not _changed(event) and (_text(event, "UID"), start.astimezone(UTC)) in moved:
                    continue
                if start < end and end > first and start < until:
                    found.append(_event(event, start, end))
        except _Often as error:
            unreadable.append(Unreadable(title, error.detail))
        except _BROKEN as error:
            unreadable.append(Unreadable(title, f"the event {title!r} cannot be read: {error}"[:MAX_TEXT]))
        if len(found) > MAX_FOUND:
            raise Invalid(f"more than {MAX_FOUND} events until {until:%Y-%m-%d}; choose fewer days")
    return Reading(tuple(sorted(found, key=lambda one: (one.start, one.source))), tuple(unreadable))


def _changed(event: Any) -> bool:
    return event.get("RECURRENCE-ID") is not None


def _times(event: Any, first: datetime, until: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Give every beginning and end of an event, those before `first` that are not over included."""
    begin, length = event.start, event.end - event.start
    # On the wall: an event that repeats at nine does so whatever the clocks do, as does its end.
    naive = _wall(begin)
    own = begin.tzinfo if isinstance(begin, datetime) and begin.tzinfo is not None else zone

    def aware(local: datetime) -> tuple[datetime, datetime]:
        start = local.replace(tzinfo=own)
        return start, (local + length).replace(tzinfo=own) if _of_days(begin) else start + length

    starts = {naive}
    rules = event.get("RRULE")
    for rule in _listed(rules):
        if {str(word).upper() for word in rule.get("FREQ", [])} & _TOO_OFTEN:
            raise _Often(f"the event {_text(event, 'SUMMARY')!r} repeats within a day; no override does")
        # dateutil compares naive moments with naive ones: an end given in UTC is taken to the event's own wall.
        plain: Any = icalendar.vRecur({key: value for key, value in rule.items() if key.upper() != "UNTIL"})
        last = next((_wall(_local(one, own)) for one in _listed(rule.get("UNTIL"))), None)
        series = rrulestr(plain.to_ical().decode(), dtstart=naive, cache=False)
        for local in series.xafter(_wall(first.astimezone(own)) - length - timedelta(days=1), inc=True):
            if (last is not None and local > last) or local.replace(tzinfo=own) >= until:
                break
            starts.add(local)
            if len(starts) > MAX_FOUND:
                raise Invalid(f"more than {MAX_FOUND} events until {until:%Y-%m-%d}; choose fewer days")
    starts |= {_wall(_local(one.dt, own)) for dates in _listed(event.get("RDATE")) for one in dates.dts}
    left_out = {_wall(_local(one.dt, own)) for dates in _listed(event.get("EXDATE")) for one in dates.dts}
    for local in sorted(starts - left_out):
        yield aware(local)


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return given if isinstance(given, list) else [given]


def _of_days(moment: date | datetime) -> bool:
    return not isinstance(moment, datetime)


def _wall(moment: date | datetime) -> datetime:
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=None)
    return datetime.combine(moment, time())


def _local(moment: date | datetime, own: tzinfo) -> date | datetime:
    return moment.astimezone(own) if isinstance(moment, datetime) and moment.tzinfo is not None else moment


def _instant(moment: date | datetime, zone: ZoneInfo) -> datetime:
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return _wall(moment).replace(tzinfo=zone).astimezone(UTC)


def days_of(events: list[CalendarEvent], zone: ZoneInfo) -> dict[date, str]:
    """Give the days that the events cover, with their names: for public holidays."""
    found: dict[date, str] = {}
    for event in events:
        day, last = event.start.astimezone(zone).date(), (event.end - timedelta(seconds=1)).astimezone(zone).date()
        while day <= last:
            found.setdefault(day, event.summary)
            day += timedelta(days=1)
    return dict(sorted(found.items()))


def holiday_line(day: date, name: str) -> str:
    """Write a day as an entry of calendar.yaml; of its name what YAML could take for its own is left out."""
    plain = " ".join("".join(letter for letter in name if letter.isprintable() and letter not in "\"'\\{}[]#").split())
    return f'{{date: {day}, name: "{plain or "holiday"}"}}'


def person_of(event: CalendarEvent, people: Mapping[str, Iterable[str]]) -> str | None:
    """Give whom an event names: a contact among the attendees, else the one whose key or name is the title.

    `people` has for each contact what they are known by; what holds an `@` within is an e-mail address.
    """
    for key, names in people.items():
        if any(name.lower() in event.attendees for name in names if "@" in name[1:]):
            return key
    wanted = event.summary.strip().lower()
    return next((key for key, names in people.items() if wanted in {key, *(name.lower() for name in names)}), None)


def _event(event: Any, start: datetime, end: datetime) -> CalendarEvent:
    listed = _listed(event.get("ATTENDEE"))
    return CalendarEvent(
        source=f"{_text(event, 'UID')[:150]}|{start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        summary=_text(event, "SUMMARY"),
        attendees=tuple(str(one).lower().removeprefix("mailto:")[:200] for one in listed[:50]),
        start=start,
        end=end,
        whole_days=_of_days(event.start),
    )


def _text(event: Any, name: str) -> str:
    return str(event.get(name, "")).strip()[:MAX_TEXT]


@contextmanager
def _bounded() -> Iterator[None]:
    """End the reading after `SECONDS`; outside the main thread nobody can be interrupted, so nothing is bounded."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(*_: object) -> None:
        raise Invalid(f"reading the calendar takes longer than {SECONDS:g} s; it repeats too much")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
