"""Who is on call as an iCalendar document (RFC 5545), the same bytes for the same answer."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from judgify.response.guide.base import Lang
from judgify.response.guide.schema import Guide
from judgify.response.oncall.schedule import Schedule

BEFORE: Final = timedelta(days=7)
AHEAD: Final = timedelta(days=90)


def document(guide: Guide, schedule: Schedule, now: datetime, lang: Lang = "ko", ahead: timedelta = AHEAD) -> bytes:
    """Give the turns of a schedule from a week ago on; a stretch with nobody is an event, too, and says so.

    Made for whole days (UTC), so that a subscriber's question is answered with the same bytes all day long.
    """
    from icalendar import Calendar, Event  # noqa: PLC0415 - a tenth of a second that the engine's start need not wait

    first = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - BEFORE
    label = guide.oncall.schedules[schedule.name].label.of(lang)
    calendar = Calendar()
    calendar.add("prodid", "-//Judgify//on call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", label)
    calendar.add("refresh-interval;value=duration", "PT15M")
    for span in schedule.spans(first, first + BEFORE + ahead):
        person = span.on_call.person
        event = Event()
        event.add("uid", f"{_short(f'{schedule.name}|{span.start.isoformat()}')}@judgify")
        event.add("dtstamp", first)
        event.add("dtstart", span.start.astimezone(UTC))
        event.add("dtend", span.end.astimezone(UTC))
        nobody = "당직 없음" if lang == "ko" else "nobody on call"
        event.add("summary", f"{nobody if person is None else _name(guide, person, lang)} - {label}")
        event.add("transp", "TRANSPARENT")
        event.add("categories", ["gap" if person is None else "stand-in" if span.on_call.overridden else "on-call"])
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def tag(body: bytes) -> str:
    """Give the ETag of a document."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _name(guide: Guide, person: str, lang: Lang) -> str:
    known = guide.contacts.persons.get(person)
    if known is None:
        return person
    return known.shown if lang == "ko" or known.shown != known.title.ko else known.title.en


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
