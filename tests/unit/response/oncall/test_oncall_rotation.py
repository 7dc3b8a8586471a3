"""Hand-overs at the right wall time, once each, whatever the clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.response.oncall.local_time import instant, on_wall
from judgify.response.oncall.rotation import Rotation, Unit
from judgify.response.oncall.stand_in import standing_in
from judgify.response.oncall.window import Restriction, Window


def wall(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime.combine(date(year, month, day), time(hour, minute))


LONDON, NEW_YORK, SEOUL = (ZoneInfo(name) for name in ("Europe/London", "America/New_York", "Asia/Seoul"))
ZONES = st.sampled_from([LONDON, NEW_YORK, SEOUL, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Pacific/Apia")])
MOMENTS = st.datetimes(wall(2011, 6, 1), wall(2028, 1, 1), timezones=st.just(UTC))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        (LONDON, wall(2026, 3, 29, 1, 30), utc(2026, 3, 29, 1, 0)),  # never occurs: the change itself
        (LONDON, wall(2026, 3, 29, 1, 0), utc(2026, 3, 29, 1, 0)),
        (LONDON, wall(2026, 3, 29, 2, 0), utc(2026, 3, 29, 1, 0)),
        (LONDON, wall(2026, 10, 25, 1, 30), utc(2026, 10, 25, 0, 30)),  # occurs twice: the first
        (LONDON, wall(2026, 10, 25, 9, 0), utc(2026, 10, 25, 9, 0)),
        (NEW_YORK, wall(2026, 3, 8, 2, 15), utc(2026, 3, 8, 7, 0)),
        (NEW_YORK, wall(2026, 11, 1, 1, 15), utc(2026, 11, 1, 5, 15)),
        (SEOUL, wall(2026, 3, 29, 1, 30), utc(2026, 3, 28, 16, 30)),
        (ZoneInfo("Pacific/Apia"), wall(2011, 12, 30, 9, 0), utc(2011, 12, 30, 10, 0)),  # a day that never was
    ],
)
def test_a_wall_time_is_one_instant(zone: ZoneInfo, local: datetime, expected: datetime) -> None:
    assert instant(local, zone) == expected


@given(ZONES, MOMENTS, st.integers(0, 3600 * 30))
def test_later_wall_times_never_come_earlier(zone: ZoneInfo, moment: datetime, seconds: int) -> None:
    local = on_wall(moment, zone)
    assert instant(local, zone) <= instant(local + timedelta(seconds=seconds), zone)


def weekly(zone: ZoneInfo, hour: int = 9, every: int = 1, unit: Unit = "weeks") -> Rotation:
    return Rotation(zone, wall(2026, 1, 4, hour), every, unit)


@pytest.mark.parametrize(
    ("zone", "change", "length_h"),
    [
        (LONDON, utc(2026, 3, 29, 1), 167),
        (LONDON, utc(2026, 10, 25, 1), 169),
        (NEW_YORK, utc(2026, 3, 8, 7), 167),
        (NEW_YORK, utc(2026, 11, 1, 6), 169),
        (SEOUL, utc(2026, 3, 29, 1), 168),
    ],
)
def test_a_week_with_a_change_is_an_hour_off_and_hands_over_at_its_hour(
    zone: ZoneInfo, change: datetime, length_h: int
) -> None:
    rotation = weekly(zone)
    turn = rotation.turn(change)
    assert turn is not None
    begin, end = rotation.handover(turn), rotation.handover(turn + 1)
    assert (end - begin) == timedelta(hours=length_h)
    assert on_wall(begin, zone).time() == on_wall(end, zone).time() == time(9)


def test_a_hand_over_within_the_hole_happens_once_at_the_change() -> None:
    daily = Rotation(LONDON, wall(2026, 3, 27, 1, 30), 1, "days")
    found = list(daily.handovers(utc(2026, 3, 28), utc(2026, 3, 31)))
    assert found == [utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1), utc(2026, 3, 30, 0, 30)]
    hourly = Rotation(LONDON, wall(2026, 3, 29, 0), 1, "hours")
    # 01:00 and 02:00 are one instant: one hand-over, to the person of 02:00.
    assert list(hourly.handovers(utc(2026, 3, 29), utc(2026, 3, 29, 3))) == [utc(2026, 3, 29, 1), utc(2026, 3, 29, 2)]
    assert hourly.turn(utc(2026, 3, 29, 1)) == 2


def test_in_an_hour_that_occurs_twice_a_hand_over_is_not_taken_back() -> None:
    daily = Rotation(LONDON, wall(2026, 10, 24, 1, 30), 1, "days")
    moments = [utc(2026, 10, 25, 0, 29), utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 10), utc(2026, 10, 25, 1, 30)]
    assert [daily.turn(moment) for moment in moments] == [0, 1, 1, 1]


def test_nobody_has_a_turn_before_the_first() -> None:
    rotation = weekly(SEOUL)
    before = utc(2026, 1, 3, 23, 59, 59)
    assert rotation.turn(before) is None
    assert rotation.next_handover(before) == utc(2026, 1, 4, 0)
    assert rotation.turn(utc(2026, 1, 4, 0)) == 0
    assert rotation.next_handover(utc(2026, 1, 4, 0)) == utc(2026, 1, 11, 0)
    assert list(rotation.handovers(before, utc(2026, 1, 4, 0))) == []
    assert next(iter(rotation.handovers(before, utc(2026, 1, 5)))) == utc(2026, 1, 4, 0)


@given(ZONES, MOMENTS, st.sampled_from([("hours", 1), ("hours", 7), ("days", 1), ("days", 3), ("weeks", 2)]))
def test_every_instant_lies_in_exactly_its_turn(zone: ZoneInfo, moment: datetime, kind: tuple[Unit, int]) -> None:
    unit, every = kind
    rotation = Rotation(zone, wall(2011, 1, 3, 1, 30), every, unit)
    turn = rotation.turn(moment)
    assert turn is not None
    assert rotation.handover(turn) <= moment < rotation.handover(turn + 1)


@given(ZONES, MOMENTS)
def test_hand_overs_come_once_and_in_order(zone: ZoneInfo, moment: datetime) -> None:
    rotation = Rotation(zone, wall(2011, 1, 3, 2, 15), 12, "hours")
    found = list(rotation.handovers(moment, moment + timedelta(days=20)))
    assert all(one < other for one, other in pairwise(found))
    assert 39 <= len(found) <= 41 or zone.key == "Pacific/Apia"


NIGHT = Window(frozenset(range(5)), time(22), time(6))
OFFICE = Window(frozenset(range(5)), time(9), time(18))


def test_a_night_ends_on_the_next_day() -> None:
    nights = Restriction(SEOUL, (NIGHT,))
    friday = datetime(2026, 3, 6, 23, tzinfo=SEOUL)
    assert nights.open_at(friday)
    assert nights.open_at(friday + timedelta(hours=6, minutes=59))
    assert not nights.open_at(friday + timedelta(hours=7))
    assert not nights.open_at(friday + timedelta(days=1))
    assert nights.open_at(datetime(2026, 3, 2, 22, tzinfo=SEOUL))
    assert not nights.open_at(datetime(2026, 3, 2, 5, tzinfo=SEOUL))


def test_a_closed_day_does_not_open() -> None:
    office = Restriction(SEOUL, (OFFICE,), frozenset({date(2026, 3, 2)}))
    assert not office.open_at(datetime(2026, 3, 2, 12, tzinfo=SEOUL))
    assert office.open_at(datetime(2026, 3, 3, 9, tzinfo=SEOUL))
    assert not office.open_at(datetime(2026, 3, 3, 18, tzinfo=SEOUL))
    edges = sorted(office.edges(utc(2026, 3, 1), utc(2026, 3, 4)))
    assert edges == [utc(2026, 3, 3), utc(2026, 3, 3, 9)]


def test_a_stand_in_may_have_a_stand_in_and_two_may_swap() -> None:
    assert standing_in("a", {}) == "a"
    assert standing_in("a", {"a": "b", "b": "c"}) == "c"
    swap = {"a": "b", "b": "a"}
    assert (standing_in("a", swap), standing_in("b", swap)) == ("b", "a")
