"""Business hours, holidays and the maintenance window."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.guides import shipped

from judgify.response.guide.hours import is_business_time, next_business_time, next_maintenance

SEOUL = ZoneInfo("Asia/Seoul")
CALENDAR = shipped().calendar
YEAR_2026 = datetime(2026, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SEOUL)


@pytest.mark.parametrize(
    ("moment", "within"),
    [
        ("2026-11-23 08:59:59", False),
        ("2026-11-23 09:00:00", True),
        ("2026-11-23 17:59:59", True),
        ("2026-11-23 18:00:00", False),
        ("2026-11-22 12:00:00", False),
        ("2026-09-25 12:00:00", False),
        ("2026-10-05 12:00:00", False),
        ("2029-01-02 12:00:00", True),
    ],
    ids=["early", "start", "last", "end", "sunday", "chuseok", "substitute", "year-without-holidays"],
)
def test_business_time(*, moment: str, within: bool) -> None:
    assert is_business_time(CALENDAR, at(moment)) is within


def test_the_zone_of_the_moment_does_not_matter() -> None:
    assert is_business_time(CALENDAR, datetime(2026, 11, 23, 0, 0, tzinfo=UTC))
    assert not is_business_time(CALENDAR, datetime(2026, 11, 22, 23, 59, tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "following"),
    [
        ("2026-11-23 10:00:00", "2026-11-23 10:00:00"),
        ("2026-11-23 03:00:00", "2026-11-23 09:00:00"),
        ("2026-11-20 18:00:00", "2026-11-23 09:00:00"),
        ("2026-09-23 18:00:00", "2026-09-28 09:00:00"),
        ("2026-12-31 23:00:00", "2027-01-04 09:00:00"),
    ],
)
def test_next_business_time(moment: str, following: str) -> None:
    assert next_business_time(CALENDAR, at(moment)) == at(following)


@pytest.mark.parametrize(
    ("moment", "following"),
    [
        ("2026-11-22 01:59:59", "2026-11-22 02:00:00"),
        ("2026-11-22 02:00:00", "2026-11-29 02:00:00"),
        ("2026-03-01 00:00:00", "2026-03-01 02:00:00"),
    ],
    ids=["before", "begun", "on-a-holiday"],
)
def test_next_maintenance(moment: str, following: str) -> None:
    assert next_maintenance(CALENDAR, at(moment)) == at(following)


def test_a_zone_with_summer_time_keeps_its_local_hours() -> None:
    calendar = CALENDAR.model_copy(update={"zone": "America/New_York", "holidays": {}})
    friday = datetime(2026, 3, 6, 23, 0, tzinfo=UTC)
    assert next_business_time(calendar, friday) == datetime(2026, 3, 9, 13, 0, tzinfo=UTC)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=700 * 24 * 60).map(lambda minutes: YEAR_2026 + timedelta(minutes=minutes)))
def test_the_next_business_time_is_business_time_and_not_past(moment: datetime) -> None:
    found = next_business_time(CALENDAR, moment)
    assert found >= moment
    assert is_business_time(CALENDAR, found)
