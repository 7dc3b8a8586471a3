from datetime import UTC, datetime, timedelta

import pytest
from tests.support.tale import START, Tale, opened, signal

from judgify.response import timeline as t
from judgify.response.slo import (
    Outage,
    Repair,
    availability_percentage,
    downtime,
    error_budget_consumption,
    mttr_minutes,
    outages_on_record,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_overlapping_outages_count_once_and_only_within_the_stretch() -> None:
    outages = [Outage(at(-5), at(2)), Outage(at(1), at(3)), Outage(at(1.5), at(2.5)), Outage(at(50), None)]
    assert downtime(outages, at(0), at(60)) == timedelta(minutes=13)


def test_planned_outages_and_those_elsewhere_do_not_count() -> None:
    outages = [Outage(at(1), at(2), planned=True), Outage(at(-9), at(-8)), Outage(at(70), None)]
    assert downtime(outages, at(0), at(60)) == timedelta()


def test_availability_over_what_was_observed() -> None:
    outages = [Outage(at(30), at(36))]
    assert availability_percentage(outages, at(0), at(60), at(-100)) == pytest.approx(90.0)
    assert availability_percentage(outages, at(0), at(60), at(30)) == pytest.approx(80.0)


def test_availability_of_an_unobserved_stretch_is_no_number() -> None:
    assert availability_percentage([], at(0), at(60), None) is None
    assert availability_percentage([], at(0), at(60), at(60)) is None


@pytest.mark.parametrize(
    ("availability", "target", "used"),
    [(100.0, 99.9, 0.0), (99.95, 99.9, 50.0), (99.8, 99.9, 200.0), (None, 99.9, None), (100.0, 100.0, 0.0)],
)
def test_error_budget(availability: float | None, target: float, used: float | None) -> None:
    found = error_budget_consumption(availability, target)
    assert found == (None if used is None else pytest.approx(used))


def test_without_a_budget_any_loss_is_infinite() -> None:
    assert error_budget_consumption(99.0, 100.0) == float("inf")


def test_mean_time_to_repair_leaves_out_what_lasts() -> None:
    assert mttr_minutes([Repair(at(0), at(10)), Repair(at(0), at(20)), Repair(at(0))]) == 15.0
    assert mttr_minutes([Repair(at(0))]) is None


def test_what_is_on_record_counts_until_the_engine_looks_itself() -> None:
    down = signal("gateway")
    over = Tale().add(0, opened(down)).add(60, restored(60))
    lasting = Tale().add(0, opened(down))
    elsewhere = Tale().add(0, opened())
    merged = Tale().add(0, opened(down)).add(5, t.IncidentMerged(into="INC-2026-0001", reason="x"))
    looked = START + timedelta(seconds=30)
    told = [over.incident, lasting.incident, elsewhere.incident, merged.incident]
    seen = down.observed_at
    assert outages_on_record(told, "gateway", looked) == [Outage(seen, looked), Outage(seen, looked)]
    assert outages_on_record(told, "gateway", None) == [Outage(seen, START + timedelta(seconds=60)), Outage(seen)]
    assert outages_on_record(told, "gateway", seen) == []


def restored(seconds: float) -> t.RecoveryObserved:
    return t.RecoveryObserved(restored_at=START + timedelta(seconds=seconds), held_s=60, services=("gateway",))
