"""Reads iCalendar files (RFC 5545) that came from anywhere: bounded in size, number, repetition and time."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events  # type: ignore[import-untyped]  # it ships no types

from judgify.kit.errors import Invalid

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_EVENTS: Final = 5_000
MAX_FOUND: Final = 500
MAX_TEXT: Final = 500
SECONDS: Final = 20.0
"""So long a calendar may take to be read."""
_TOO_OFTEN: Final = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One occurrence of an event; `start` and `end` are aware. `source` names it whenever it is read again."""

    source: str
    summary: str
    attendees: tuple[str, ...]
    start: datetime
    end: datetime
    whole_days: bool


def read_calendar(data: bytes, *, first: datetime, until: datetime, zone: ZoneInfo) -> list[CalendarEvent]:
    """Give every occurrence that is not over at `first` and begins before `until`, by beginning.

    Times without a zone, and whole days, are `zone`'s. Cancelled events are left out. `Invalid` for what is no
    calendar, is too large, repeats within a day, or takes too long.
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
        for event in calendar.walk("VEVENT"):
            _calm(event)
        try:
            return _occurrences(calendar, first, until, zone)
        except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
            raise Invalid(f"the calendar cannot be read: {error}") from None


def _occurrences(calendar: icalendar.Calendar, first: datetime, until: datetime, zone: ZoneInfo) -> list[CalendarEvent]:
    found: list[CalendarEvent] = []
    for occurrence in recurring_ical_events.of(calendar, skip_bad_series=True).after(first):
        one = _event(occurrence, zone)
        if one.start >= until:
            break
        if str(occurrence.get("STATUS", "")).upper() != "CANCELLED" and one.end > one.start:
            found.append(one)
        if len(found) > MAX_FOUND:
            raise Invalid(f"more than {MAX_FOUND} events until {until:%Y-%m-%d}; choose fewer days")
    return found


def days_of(events: list[CalendarEvent], zone: ZoneInfo) -> dict[date, str]:
    """Give the days that the events cover, with their names: for public holidays."""
    found: dict[date, str] = {}
    for event in events:
        day, last = event.start.astimezone(zone).date(), (event.end - timedelta(seconds=1)).astimezone(zone).date()
        while day <= last:
            found.setdefault(day, event.summary)
            day += timedelta(days=1)
    return dict(sorted(found.items()))


def _calm(event: Any) -> None:
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if {str(word).upper() for word in rule.get("FREQ", [])} & _TOO_OFTEN:
            raise Invalid(f"the event {_text(event, 'SUMMARY')!r} repeats within a day; no override does")


def _event(occurrence: Any, zone: ZoneInfo) -> CalendarEvent:
    begin, end = occurrence.start, occurrence.end
    whole = not isinstance(begin, datetime)
    start = _aware(begin, zone)
    people = occurrence.get("ATTENDEE", [])
    listed = people if isinstance(people, list) else [people]
    return CalendarEvent(
        source=f"{_text(occurrence, 'UID')[:150]}|{start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        summary=_text(occurrence, "SUMMARY"),
        attendees=tuple(str(one).lower().removeprefix("mailto:")[:200] for one in listed[:50]),
        start=start,
        end=_aware(end, zone),
        whole_days=whole,
    )


def _aware(moment: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


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
