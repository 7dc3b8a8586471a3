"""Laws of temporal values that hold for any of them."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from judgify.decision.feel.temporal import (
    Date,
    DateTime,
    DayTimeDuration,
    MonthDuration,
    Temporal,
    Time,
    Zone,
    add,
    from_python,
    identical,
    negate,
    order,
    read_date,
    read_date_time,
    read_duration,
    read_time,
    subtract,
    text,
    to_python,
)
from judgify.decision.feel.temporal_calendar import civil, days_of

DAYS = st.integers(days_of(-999_999_999, 1, 1), days_of(999_999_999, 12, 31))
DATES = st.one_of(st.dates().map(from_python), DAYS.map(Date.from_days))
NAMES = st.sampled_from(("Asia/Seoul", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Etc/UTC"))
ZONES: st.SearchStrategy[Zone | None] = st.one_of(st.none(), st.integers(-50_400, 50_400), NAMES)
TIMES = st.builds(Time.from_nanoseconds, st.integers(0, 86_400 * 10**9 - 1), ZONES)
MOMENTS = st.builds(DateTime, DATES, TIMES)
SPANS = st.integers(-(10**24), 10**24).map(DayTimeDuration)
MONTHS = st.integers(-(10**10), 10**10).map(MonthDuration)
NEAR = st.builds(DateTime, st.dates(date(1000, 1, 1), date(8000, 1, 1)).map(from_python), TIMES)
SHORT = st.integers(-(10**20), 10**20).map(DayTimeDuration)


@given(DATES)
def test_a_date_reads_back(value: Date) -> None:
    assert read_date(text(value)) == value
    assert Date.from_days(value.days) == value


@given(TIMES)
def test_a_time_reads_back(value: Time) -> None:
    assert identical(read_time(text(value)), value)


@given(MOMENTS)
def test_a_moment_reads_back(value: DateTime) -> None:
    assert identical(read_date_time(text(value)), value)


@given(st.one_of(SPANS, MONTHS))
def test_a_duration_reads_back(value: Temporal) -> None:
    assert read_duration(text(value)) == value


@given(NEAR, ZONES.filter(lambda zone: zone is not None))
def test_an_instant_is_the_same_in_every_zone(value: DateTime, zone: Zone) -> None:
    there = DateTime.from_instant(value.instant, zone)
    assert there.instant == value.instant
    assert read_date_time(text(there)) == there


@given(NEAR, SHORT)
def test_what_was_added_is_what_lies_between(value: DateTime, span: DayTimeDuration) -> None:
    later = add(value, span)
    assert subtract(later, value) == span
    assert add(later, negate(span)) == value
    assert order(later, value) == (span.nanoseconds > 0) - (span.nanoseconds < 0)


@given(DATES, st.integers(-400, 400))
def test_days_of_a_date_add_up(value: Date, days: int) -> None:
    if -999_999_990 < value.year < 999_999_990:
        later = add(value, DayTimeDuration(days * 86_400 * 10**9))
        assert subtract(later, value) == DayTimeDuration(days * 86_400 * 10**9)


@given(TIMES, SHORT)
def test_times_go_round_the_clock(value: Time, span: DayTimeDuration) -> None:
    assert identical(add(add(value, span), negate(span)), value)


@given(DAYS)
def test_days_and_dates_are_one_to_one(days: int) -> None:
    assert days_of(*civil(days)) == days


@given(st.datetimes(min_value=datetime(1002, 1, 1), max_value=datetime(8998, 1, 1)), NAMES, st.booleans())  # noqa: DTZ001
def test_zones_are_those_of_python(local: datetime, zone: str, fold: bool) -> None:  # noqa: FBT001 - drawn
    moment = local.replace(tzinfo=ZoneInfo(zone), fold=int(fold))
    ours: Any = from_python(moment)
    assert ours.offset == (moment.utcoffset() or timedelta(0)).total_seconds()
    assert to_python(ours) == moment
