"""Calendars are read in a process of their own: what they hold comes back whole, what is wrong comes back as words."""

import json
import shutil
import sys
from datetime import UTC, datetime, timedelta

import pytest

from judgify.kit.clock import iso
from judgify.kit.errors import Invalid
from judgify.response import calendar_apart
from judgify.response.calendar_apart import main, read_apart
from judgify.response.guide.calendar_reader import MAX_BYTES

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
UNTIL = FIRST + timedelta(days=60)
TEAM = b"""BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r
BEGIN:VEVENT\r\nUID:a@x\r\nSUMMARY:\xed\x9c\xb4\xea\xb0\x80\r\nDTSTART:20260304T090000\r\nDTEND:20260304T180000\r
ATTENDEE:mailto:DEV@company.com\r\nEND:VEVENT\r
BEGIN:VEVENT\r\nUID:b@x\r\nSUMMARY:often\r\nDTSTART:20260304T000000Z\r\nDURATION:PT1M\r
RRULE:FREQ=MINUTELY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"""


async def test_what_a_calendar_holds_comes_back_with_what_cannot_be_read() -> None:
    found = await read_apart(TEAM, first=FIRST, until=UNTIL, zone="Asia/Seoul")
    (event,) = found.events
    assert (event.summary, event.attendees, event.whole_days) == ("휴가", ("dev@company.com",), False)
    assert (event.start, event.end - event.start) == (datetime(2026, 3, 4, tzinfo=UTC), timedelta(hours=9))
    assert [(one.summary, "repeats within a day" in one.reason) for one in found.unreadable] == [("often", True)]
    written = json.loads(main([iso(FIRST), iso(UNTIL), "Asia/Seoul"], TEAM))
    assert [one["source"] for one in written["events"]] == [event.source]


@pytest.mark.parametrize(
    ("data", "zone", "words"),
    [
        (b"no calendar", "Asia/Seoul", "not an iCalendar file"),
        (b"x" * (MAX_BYTES + 1), "Asia/Seoul", "larger than"),
        (TEAM, "Asia/Soul", "is not a time zone"),
        (TEAM, "../../etc/passwd", "is not a time zone"),
    ],
)
async def test_what_is_wrong_with_the_file_is_said(data: bytes, zone: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        await read_apart(data, first=FIRST, until=UNTIL, zone=zone)


async def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar_apart, "ALLOWED_S", 0.001)
    with pytest.raises(Invalid, match="takes longer than"):
        await read_apart(TEAM, first=FIRST, until=UNTIL, zone="Asia/Seoul")


async def test_a_process_that_dies_is_a_calendar_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(Invalid, match="cannot be read"):
        await read_apart(TEAM, first=FIRST, until=UNTIL, zone="Asia/Seoul")
