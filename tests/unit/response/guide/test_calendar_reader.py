"""Calendars from anywhere: repetition, zones, whole days, and what hostile ones get."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from judgify.kit.errors import Invalid
from judgify.response.guide.calendar_reader import MAX_BYTES, MAX_EVENTS, days_of, read_calendar

SEOUL = ZoneInfo("Asia/Seoul")
FIRST = datetime(2026, 3, 2, tzinfo=SEOUL)
UNTIL = FIRST + timedelta(days=60)


def calendar(*events: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN"]
    for index, event in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:u{index}@x", "DTSTAMP:20260101T000000Z", *event.split("\n"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def read(*events: str) -> list[tuple[str, datetime, datetime]]:
    found = read_calendar(calendar(*events), first=FIRST, until=UNTIL, zone=SEOUL)
    return [(one.summary, one.start, one.end) for one in found]


def test_events_are_read_with_their_zones() -> None:
    found = read(
        "SUMMARY:a\nDTSTART;TZID=Europe/London:20260328T090000\nDTEND;TZID=Europe/London:20260329T090000",
        "SUMMARY:b\nDTSTART:20260303T000000Z\nDTEND:20260303T010000Z",
        "SUMMARY:c\nDTSTART:20260304T090000\nDTEND:20260304T180000",
        "SUMMARY:d\nDTSTART;VALUE=DATE:20260305\nDTEND;VALUE=DATE:20260307",
        "SUMMARY:past\nDTSTART:20260101T090000\nDTEND:20260101T180000",
        "SUMMARY:off\nSTATUS:CANCELLED\nDTSTART:20260304T090000\nDTEND:20260304T180000",
        "SUMMARY:later\nDTSTART:20270304T090000\nDTEND:20270304T180000",
    )
    assert [summary for summary, *_ in found] == ["b", "c", "d", "a"]
    assert found[3][2] - found[3][1] == timedelta(days=1)  # clocks: 09:00 to 09:00 on the wall
    assert found[3][2].astimezone(UTC) - found[3][1].astimezone(UTC) == timedelta(hours=23)
    assert found[2][1:] == (datetime(2026, 3, 5, tzinfo=SEOUL), datetime(2026, 3, 7, tzinfo=SEOUL))


def test_repetitions_keep_their_wall_time_and_their_exceptions() -> None:
    found = read(
        "SUMMARY:w\nDTSTART;TZID=America/New_York:20260302T090000\nDURATION:PT8H\n"
        "RRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;TZID=America/New_York:20260309T090000"
    )
    assert [start.astimezone(ZoneInfo("America/New_York")).strftime("%d %H") for _, start, _ in found] == [
        "02 09",
        "16 09",
    ]
    sources = {
        one.source
        for one in read_calendar(
            calendar("SUMMARY:x\nDTSTART:20260303T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3"),
            first=FIRST,
            until=UNTIL,
            zone=SEOUL,
        )
    }
    assert len(sources) == 3


def test_holidays_are_days() -> None:
    data = calendar(
        "SUMMARY:설날\nDTSTART;VALUE=DATE:20260305\nDTEND;VALUE=DATE:20260307",
        "SUMMARY:하루\nDTSTART;VALUE=DATE:20260310",
    )
    found = days_of(read_calendar(data, first=FIRST, until=UNTIL, zone=SEOUL), SEOUL)
    assert found == {date(2026, 3, 5): "설날", date(2026, 3, 6): "설날", date(2026, 3, 10): "하루"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello", "not an iCalendar file"),
        (b"", "not an iCalendar file"),
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", "not an iCalendar file"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"begin:vevent\n" * (MAX_EVENTS + 1), "more than"),
        (calendar("SUMMARY:s\nDTSTART:20260303T000000Z\nRRULE:FREQ=SECONDLY"), "repeats within a day"),
        (calendar("SUMMARY:s\nDTSTART:20260303T000000Z\nRRULE:FREQ=hourly;INTERVAL=1"), "repeats within a day"),
        (calendar(*("DTSTART:20260303T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY" for _ in range(20))), "more than 500"),
    ],
)
def test_what_is_no_calendar_or_too_much_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_calendar(data, first=FIRST, until=UNTIL, zone=SEOUL)


def test_a_series_that_cannot_be_is_left_out() -> None:
    assert read("SUMMARY:never\nDTSTART:20260303T000000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30") in (
        [],
        [("never", datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))],
    )


def test_series_end_gain_and_lose_days_and_move_some() -> None:
    data = calendar(
        "SUMMARY:until\nDTSTART;TZID=Europe/London:20260327T090000\nDURATION:PT1H\n"
        "RRULE:FREQ=DAILY;UNTIL=20260330T080000Z",
        "SUMMARY:days\nDTSTART;VALUE=DATE:20260303\nDTEND;VALUE=DATE:20260304\nRRULE:FREQ=WEEKLY;COUNT=2\n"
        "RDATE;VALUE=DATE:20260305\nEXDATE;VALUE=DATE:20260310",
        "SUMMARY:early\nDTSTART:20260210T000000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20260311T000000Z",
    ).replace(b"UID:u2@x", b"UID:series@x")
    changed = (
        "BEGIN:VEVENT\r\nUID:series@x\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260310T000000Z\r\n"
        "SUMMARY:moved\r\nDTSTART:20260312T000000Z\r\nDTEND:20260312T020000Z\r\nEND:VEVENT\r\nEND:VCALENDAR"
    )
    data = data.replace(b"END:VCALENDAR", changed.encode())
    found = read_calendar(data, first=FIRST, until=UNTIL, zone=SEOUL)
    told = [(one.summary, one.start.astimezone(UTC).strftime("%m-%dT%H"), one.whole_days) for one in found]
    assert told == [
        ("days", "03-02T15", True),
        ("early", "03-03T00", False),
        ("days", "03-04T15", True),
        ("moved", "03-12T00", False),
        ("until", "03-27T09", False),
        ("until", "03-28T09", False),
        ("until", "03-29T08", False),
        ("until", "03-30T08", False),
    ]


def test_a_rule_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        read("SUMMARY:x\nDTSTART:20260303T000000Z\nDURATION:PT1H\nRRULE:FREQ=SOMETIMES")
