from datetime import UTC, datetime, timedelta

import pytest

from judgify.response.impact import Impact, Measured, Stretch, Targets, Verdict, compare, stretch_before

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DURING = Stretch(NOON, NOON + timedelta(minutes=10))


def measured(**values: float) -> Measured:
    return Measured(**values)


def impact(during: Measured, before: Measured) -> Impact:
    return compare(DURING, during, before, Targets())


@pytest.mark.guide("G20")
def test_the_window_before_has_the_same_length_and_ends_where_the_incident_begins() -> None:
    before = stretch_before(DURING)
    assert (before.start, before.end, before.length) == (NOON - timedelta(minutes=10), NOON, DURING.length)


def test_change_is_told_absolutely_and_in_percent() -> None:
    line = impact(measured(judgments=50), measured(judgments=200)).line("judgments")
    assert (line.change, line.change_percent, line.verdict) == (-150, -75.0, Verdict.NO_TARGET)


@pytest.mark.parametrize(("before", "during"), [(None, 5.0), (5.0, None), (None, None)])
def test_without_data_on_one_side_there_is_no_change(before: float | None, during: float | None) -> None:
    line = impact(Measured(dashboards=during), Measured(dashboards=before)).line("dashboards")
    assert (line.change, line.change_percent) == (None, None)


def test_a_percentage_of_nothing_is_no_percentage() -> None:
    line = impact(measured(active_users=7), measured(active_users=0)).line("active_users")
    assert (line.change, line.change_percent) == (7, None)


@pytest.mark.guide("G20")
@pytest.mark.parametrize(
    ("key", "field", "good", "bad"),
    [
        ("sla_availability_percentage", "availability_percentage", 99.9, 99.89),
        ("sla_p95_ms", "p95_ms", 499.0, 500.0),
        ("sla_error_percentage", "error_percentage", 0.09, 0.1),
    ],
)
def test_the_three_targets_of_the_guide(key: str, field: str, good: float, bad: float) -> None:
    assert impact(Measured(**{field: good}), Measured()).line(key).verdict is Verdict.MET
    assert impact(Measured(**{field: bad}), Measured()).line(key).verdict is Verdict.MISSED
    assert impact(Measured(), Measured()).line(key).verdict is Verdict.NO_DATA


@pytest.mark.guide("G09", "G20")
def test_nothing_measured_is_said_and_not_counted_as_zero() -> None:
    empty = impact(Measured(), Measured(judgments=5))
    assert empty.has_data is False
    document = empty.document()
    assert document["has_data"] is False
    assert {line["during"] for line in document["lines"]} == {None}
    assert document["during"] == {"start": "2026-03-02T12:00:00.000000Z", "end": "2026-03-02T12:10:00.000000Z"}
    assert document["lines"][-1]["verdict"] == "no-data"
    with pytest.raises(KeyError):
        empty.line("weather")
