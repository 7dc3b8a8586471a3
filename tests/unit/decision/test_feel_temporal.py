"""Dates, times, moments and durations: reading, printing, comparing, computing, beyond what `datetime` holds."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from judgify.decision.feel import temporal
from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.temporal import (
    Date,
    DateTime,
    DayTimeDuration,
    MonthDuration,
    Time,
    add,
    divide,
    from_python,
    identical,
    member,
    multiply,
    negate,
    order,
    same,
    subtract,
    text,
    to_python,
)
from judgify.decision.feel.temporal_calendar import civil, days_in_month, days_of, is_leap, week_of_year, weekday
from judgify.decision.feel.temporal_zone import usual_offset


def v(source: str) -> Any:
    value = temporal.read(source)
    assert value is not None, source
    return value


def refused(run: Callable[[], object]) -> str:
    with pytest.raises(EvaluationError) as caught:
        run()
    return caught.value.code


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("2025-01-20", "2025-01-20"),
        ("-0044-03-15", "-0044-03-15"),
        ("0000-02-29", "0000-02-29"),
        ("999999999-12-31", "999999999-12-31"),
        ("2025-01-20Z", "2025-01-20"),
        ("2025-01-20+09:00", "2025-01-20"),
        ("09:30:00", "09:30:00"),
        ("09:30:00.500", "09:30:00.5"),
        ("09:30:00.123456789000", "09:30:00.123456789"),
        ("09:30:00z", "09:30:00Z"),
        ("09:30:00-00:00", "09:30:00Z"),
        ("09:30:00+09:00", "09:30:00+09:00"),
        ("09:30:00-02:45:55", "09:30:00-02:45:55"),
        ("09:30:00@Asia/Seoul", "09:30:00@Asia/Seoul"),
        ("24:00:00", "00:00:00"),
        ("2025-01-20T09:30:00", "2025-01-20T09:30:00"),
        ("2025-12-31T24:00:00Z", "2026-01-01T00:00:00Z"),
        ("2025-01-20T09:30:00@Asia/Seoul", "2025-01-20T09:30:00@Asia/Seoul"),
        ("P1DT25H", "P2DT1H"),
        ("-PT90S", "-PT1M30S"),
        ("PT0.S", "PT0S"),
        ("PT0.25S", "PT0.25S"),
        ("P3D", "P3D"),
        ("P0Y", "P0M"),
        ("P14M", "P1Y2M"),
        ("-P12M", "-P1Y"),
    ],
)
def test_a_text_reads_and_is_written_in_one_form(source: str, written: str) -> None:
    assert text(v(source)) == written
    assert identical(v(written), v(source))


@pytest.mark.parametrize(
    "source",
    [
        "2025-02-29", "2025-13-01", "2025-01-00", "25-01-20", "02025-01-20", "1000000000-01-01", "2025-01-20T",
        "2025-1-2", "9:30:00", "09:30", "24:00:01", "25:00:00", "09:60:00", "09:30:60", "09:30:00+14:01",
        "09:30:00+09:60", "09:30:00T", "09:30:00@No/Where", "09:30:00@Europe", "09:30:00@../etc/passwd",
        "09:30:00+09:00@Asia/Seoul", "09:30:00@" + "A" * 65, "2025-02-29T09:30:00", "999999999-12-31T24:00:00", "P",
        "PT", "P1DT", "P1Y2M3D", "1D", "P1S", "PT1M2H", "P-1D", "P999999999999999D", "P999999999999999Y",
        "2025-01-20@Asia/Seoul", "P1D" + " " * 200, "1" * 300, "",
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused(source: str) -> None:
    assert temporal.read(source) is None
    readers = (temporal.read_date, temporal.read_time, temporal.read_date_time, temporal.read_duration)
    assert [reader(source) for reader in readers] == [None] * 4


def test_a_date_alone_is_a_moment_at_its_midnight() -> None:
    assert temporal.read_date_time("2025-01-20") == v("2025-01-20T00:00:00")
    assert temporal.read_date_time("2025-01-20Z") == v("2025-01-20T00:00:00Z")


def test_tables_read_moments_with_a_space_and_without_seconds() -> None:
    assert temporal.read_date_time("2025-01-20 09:30", lenient=True) == v("2025-01-20T09:30:00")
    assert temporal.read_date_time("2025-01-20T09:30:01.5Z", lenient=True) == v("2025-01-20T09:30:01.5Z")
    assert temporal.read_date_time("2025-01-20", lenient=True) is None
    assert temporal.read_date_time("2025-01-20 09:30") is None


def test_values_that_do_not_exist_cannot_be_made() -> None:
    assert refused(lambda: Date(2025, 2, 29)) == "out-of-range"
    assert refused(lambda: Date(10**9, 1, 1)) == "out-of-range"
    assert refused(lambda: Time(24, 0, 0)) == "out-of-range"
    assert refused(lambda: Time(0, 0, 0, 10**9)) == "out-of-range"
    assert refused(lambda: Time(0, 0, 0, 0, 14 * 3600 + 1)) == "out-of-range"
    assert refused(lambda: Time(0, 0, 0, 0, "No/Where")) == "unknown-zone"
    assert refused(lambda: usual_offset("No/Where")) == "unknown-zone"
    assert refused(lambda: DayTimeDuration(10**40)) == "out-of-range"
    assert refused(lambda: MonthDuration(10**13)) == "out-of-range"


def test_the_calendar_agrees_with_datetime() -> None:
    for day in (date(1, 1, 1), date(1600, 2, 29), date(1900, 3, 1), date(2024, 12, 30), date(2027, 1, 3), date.max):
        days = day.toordinal() - date(1970, 1, 1).toordinal()
        assert days_of(day.year, day.month, day.day) == days
        assert civil(days) == (day.year, day.month, day.day)
        assert weekday(days) == day.isoweekday()
        assert week_of_year(days) == day.isocalendar().week
    assert [is_leap(year) for year in (0, 1900, 2000, 2023, 2024)] == [True, False, True, False, True]
    assert days_in_month(2023, 2) == 28


def test_equal_moments_are_the_same_instant_whatever_the_zone_is_called() -> None:
    assert v("2025-07-01T09:00:00@Asia/Seoul") == v("2025-07-01T00:00:00Z")
    assert hash(v("2025-07-01T09:00:00@Asia/Seoul")) == hash(v("2025-07-01T00:00:00Z"))
    assert v("2025-07-01T09:00:00") != v("2025-07-01T09:00:00Z")
    assert v("09:00:00+09:00") == v("00:00:00Z")
    assert hash(v("09:00:00+09:00")) == hash(v("00:00:00Z"))
    assert v("09:00:00") != v("09:00:00Z")
    assert v("09:00:00") != "09:00:00"
    assert v("2025-07-01T09:00:00") != "2025-07-01"
    assert len({v("PT24H"), v("P1D"), v("P12M"), v("P1Y")}) == 2


def test_identity_looks_at_the_zone_as_well() -> None:
    assert identical(v("09:00:00Z"), v("09:00:00+00:00"))
    assert not identical(v("09:00:00+09:00"), v("00:00:00Z"))
    assert not identical(v("09:00:00Z"), v("09:00:00@Etc/UTC"))
    assert not identical(v("2025-01-01T09:00:00@Asia/Seoul"), v("2025-01-01T09:00:00+09:00"))
    assert identical(v("P1D"), v("PT24H"))
    assert not identical(v("P0D"), v("P0Y"))


def test_order() -> None:
    assert order(v("2025-01-20"), v("2025-01-21")) < 0
    assert order(v("PT25H"), v("P1D")) > 0
    assert order(v("2025-07-01T09:00:00@Asia/Seoul"), v("2025-07-01T00:00:00Z")) == 0
    assert refused(lambda: order(v("P1D"), v("P1M"))) == "cannot-compare"
    assert refused(lambda: order(v("2025-07-01T09:00:00"), v("2025-07-01T09:00:00Z"))) == "mixed-zones"


def test_outside_strict_mode_a_missing_zone_is_borrowed() -> None:
    local, there = v("2025-07-01T09:00:00"), v("2025-07-01T09:00:00+09:00")
    assert order(local, there, strict=False) == 0
    assert order(there, v("2025-07-01T10:00:00"), strict=False) < 0
    assert order(v("09:00:00"), v("09:00:00@Asia/Seoul"), strict=False) == 0
    assert order(v("09:00:00Z"), v("08:00:00"), strict=False) > 0


def test_equality_outside_strict_mode_is_of_whole_seconds() -> None:
    assert not same(v("09:00:00.1"), v("09:00:00.2"))
    assert same(v("09:00:00.1"), v("09:00:00.2"), strict=False)
    assert same(v("2025-01-20"), v("2025-01-20"), strict=False)
    assert refused(lambda: same(v("09:00:00"), v("09:00:00Z"), strict=False)) == "mixed-zones"
    assert refused(lambda: same(v("P1D"), v("P1M"))) == "cannot-compare"


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        ("2025-01-31", "P1M", "2025-02-28"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2024-12-15", "P2M", "2025-02-15"),
        ("2025-01-20", "P1D", "2025-01-21"),
        ("P1D", "2025-01-20", "2025-01-21"),
        ("2025-01-31T09:00:00@Asia/Seoul", "P1M", "2025-02-28T09:00:00@Asia/Seoul"),
        ("2025-01-20T23:30:00", "PT1H", "2025-01-21T00:30:00"),
        ("23:30:00+09:00", "PT1H", "00:30:00+09:00"),
        ("00:30:00", "-PT1H", "23:30:00"),
        ("P1D", "PT1H", "P1DT1H"),
        ("P1Y", "P1M", "P1Y1M"),
        # A clock that goes forward, and one that goes back: an hour is an hour.
        ("2025-03-30T01:30:00@Europe/Paris", "PT1H", "2025-03-30T03:30:00@Europe/Paris"),
        ("2025-10-26T02:30:00@Europe/Paris", "PT2H", "2025-10-26T03:30:00@Europe/Paris"),
        # Years that the database of zones does not reach have the rules of those 400 years nearer.
        ("12025-07-01T00:00:00@Europe/Paris", "PT1H", "12025-07-01T01:00:00@Europe/Paris"),
        ("-2025-07-01T00:00:00@Europe/Paris", "PT1H", "-2025-07-01T01:00:00@Europe/Paris"),
    ],
)
def test_addition(left: str, right: str, result: str) -> None:
    assert text(add(v(left), v(right))) == result


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    first = v("2025-10-26T02:30:00@Europe/Paris")
    second = add(first, v("PT1H"))
    assert isinstance(second, DateTime)
    assert (second.date, second.time, second.fold) == (first.date, first.time, 1)
    assert second != first
    assert text(second) == "2025-10-26T02:30:00+01:00"
    assert v(text(second)) == second
    assert text(subtract(second, first)) == "PT1H"


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        ("2025-01-21", "2025-01-20", "P1D"),
        ("2025-01-20", "P1M", "2024-12-20"),
        ("2025-01-20", "P1D", "2025-01-19"),
        ("2025-01-20T09:00:00", "2025-01-19T08:00:00", "P1DT1H"),
        ("2025-01-20T09:00:00+09:00", "2025-01-20T00:00:00Z", "PT0S"),
        ("2025-01-20T09:00:00Z", "2025-01-20", "PT9H"),
        ("2025-01-20", "2025-01-20T09:00:00Z", "-PT9H"),
        ("10:00:00", "09:30:00", "PT30M"),
        ("10:00:00", "PT1H", "09:00:00"),
        ("P1D", "PT1H", "PT23H"),
        ("P1Y", "P1M", "P11M"),
    ],
)
def test_subtraction(left: str, right: str, result: str) -> None:
    assert text(subtract(v(left), v(right))) == result


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (lambda: add(v("2025-01-20"), v("2025-01-20")), "no-arithmetic"),
        (lambda: add(v("09:00:00"), v("P1M")), "no-arithmetic"),
        (lambda: add(v("P1D"), v("P1M")), "no-arithmetic"),
        (lambda: add(v("P1D"), 1), "no-arithmetic"),
        (lambda: add(v("2025-01-20"), v("PT1H")), "part-of-day"),
        (lambda: add(v("999999999-12-31"), v("P1D")), "out-of-range"),
        (lambda: add(v("999999999-12-31T00:00:00"), v("P1M")), "out-of-range"),
        (lambda: subtract(v("P1D"), v("P1M")), "no-arithmetic"),
        (lambda: subtract(v("P1D"), v("2025-01-20")), "no-arithmetic"),
        (lambda: subtract(v("09:00:00"), v("P1M")), "no-arithmetic"),
        (lambda: subtract(v("2025-01-20"), v("PT1H")), "part-of-day"),
        (lambda: subtract(v("09:00:00"), v("2025-01-20")), "no-arithmetic"),
        (lambda: subtract(1, v("P1D")), "no-arithmetic"),
        (lambda: subtract(v("2025-01-20T09:00:00"), v("2025-01-20")), "mixed-zones"),
        (lambda: multiply(v("P1D"), v("P1D")), "no-arithmetic"),
        (lambda: multiply(v("P1D"), True), "no-arithmetic"),
        (lambda: multiply(v("2025-01-20"), 2), "no-arithmetic"),
        (lambda: multiply(v("P1D"), Decimal("1E+40")), "out-of-range"),
        (lambda: divide(v("P1D"), 0), "division-by-zero"),
        (lambda: divide(v("P1D"), v("PT0S")), "division-by-zero"),
        (lambda: divide(v("P1D"), v("P1M")), "no-arithmetic"),
        (lambda: divide(1, v("P1D")), "no-arithmetic"),
        (lambda: negate(v("2025-01-20")), "no-arithmetic"),
    ],
)
def test_what_means_nothing_is_refused(run: Callable[[], object], code: str) -> None:
    assert refused(run) == code


def test_outside_strict_mode_part_of_a_day_leaves_a_date_where_it_is() -> None:
    assert text(add(v("2025-01-20"), v("PT36H"), strict=False)) == "2025-01-21"
    assert text(subtract(v("2025-01-20"), v("PT1H"), strict=False)) == "2025-01-19"


def test_durations_times_and_by_numbers() -> None:
    assert text(multiply(v("PT1H"), Decimal("1.5"))) == "PT1H30M"
    assert multiply(3, v("P1Y")) == v("P3Y")
    assert divide(v("P1D"), 48) == v("PT30M")
    assert divide(v("P1Y"), 5) == v("P2M")
    assert divide(v("P1D"), v("PT1H")) == 24
    assert divide(v("P1Y"), v("P5M")) == Decimal("2.4")
    assert text(negate(v("P1D"))) == "-P1D"
    assert text(negate(v("P1M"))) == "-P1M"


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [
        ("2025-01-20", "year", 2025),
        ("2025-01-20", "month", 1),
        ("2025-01-20", "day", 20),
        ("2025-01-20", "weekday", 1),
        ("2025-01-20T09:30:15", "weekday", 1),
        ("2025-01-20T09:30:15", "hour", 9),
        ("09:30:15", "minute", 30),
        ("09:30:15", "second", 15),
        ("09:30:15.25", "second", Decimal("15.25")),
        ("09:30:15", "timezone", None),
        ("09:30:15", "time offset", None),
        ("09:30:15@Asia/Seoul", "timezone", "Asia/Seoul"),
        ("09:30:15@Asia/Seoul", "time offset", None),
        ("09:30:15-01:30", "time offset", DayTimeDuration(-5_400 * 10**9)),
        ("2025-07-20T09:30:15@Asia/Seoul", "time offset", DayTimeDuration(9 * 3_600 * 10**9)),
        ("2025-07-20T09:30:15", "time offset", None),
        ("P1DT2H3M4.5S", "days", 1),
        ("P1DT2H3M4.5S", "hours", 2),
        ("-P1DT2H3M4.5S", "minutes", -3),
        ("-P1DT2H3M4.5S", "seconds", Decimal("-4.5")),
        ("P14M", "years", 1),
        ("-P14M", "months", -2),
    ],
)
def test_properties(source: str, name: str, value: object) -> None:
    assert member(v(source), name) == value


@pytest.mark.parametrize(
    ("source", "name"), [("2025-01-20", "hour"), ("P1D", "years"), ("P1Y", "days"), ("09:30:15", "x")]
)
def test_a_property_of_another_kind_is_refused(source: str, name: str) -> None:
    assert refused(lambda: member(v(source), name)) == "no-property"


@pytest.mark.parametrize(
    "value",
    [
        date(2025, 1, 20),
        datetime(2025, 1, 20, 9, 30, 15, 250, tzinfo=UTC),
        datetime(2025, 1, 20, 9, 30),  # noqa: DTZ001 - a moment without a zone is meant
        datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Paris"), fold=1),
        time(9, 30, tzinfo=timezone(timedelta(hours=9))),
        time(9, 30, tzinfo=ZoneInfo("Asia/Seoul")),
        time(9, 30, 15, 5),
        timedelta(days=-3, seconds=7, microseconds=9),
    ],
)
def test_values_of_python_come_back(value: Any) -> None:
    back = to_python(from_python(value))
    assert back == value
    assert type(back) is type(value)
    assert getattr(back, "tzinfo", None) == getattr(value, "tzinfo", None)


class _Nowhere(tzinfo):
    def utcoffset(self, when: datetime | None) -> timedelta | None:
        return None if when is None else timedelta(0)

    def dst(self, when: datetime | None) -> timedelta | None:
        return None

    def tzname(self, when: datetime | None) -> str | None:
        return None


def test_what_python_or_feel_cannot_hold_is_refused() -> None:
    assert to_python(v("P14M")) == 14
    assert refused(lambda: to_python(v("10000-01-01"))) == "out-of-range"
    assert refused(lambda: to_python(v("-0001-01-01T00:00:00"))) == "out-of-range"
    assert refused(lambda: to_python(v("09:30:00.000000001"))) == "out-of-range"
    assert refused(lambda: to_python(v("P99999999999D"))) == "out-of-range"
    assert refused(lambda: from_python(time(9, tzinfo=_Nowhere()))) == "unknown-zone"
    uneven = timezone(timedelta(microseconds=1))
    assert refused(lambda: from_python(datetime(2025, 1, 1, tzinfo=uneven))) == "out-of-range"
