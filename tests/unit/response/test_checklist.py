"""The first-15-minutes checklist and its clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.guides import shipped

from judgify.response.checklist import Fact, StepState, state
from judgify.response.guide.base import SEVERITIES, SeverityName
from judgify.response.guide.procedure import ChecklistFact, ChecklistFile

OPENED = datetime(2026, 11, 22, 14, 59, 50, tzinfo=UTC)
LIST = shipped().checklist
ALL: tuple[ChecklistFact, ...] = (
    "receipt_confirmed",
    "responder_named",
    "scope_attached",
    "impact_attached",
    "events_attached",
    "announced",
    "management_reported",
    "emergency_action_done",
)


def fact(kind: ChecklistFact, seconds: float, by: str = "engine") -> Fact:
    return Fact(kind, OPENED + timedelta(seconds=seconds), by, by == "engine")


def steps(
    *facts: Fact, now: float, severity: SeverityName = "P0", checklist: ChecklistFile = LIST
) -> dict[str, StepState]:
    moment = OPENED + timedelta(seconds=now)
    found = state(checklist, severity=severity, opened_at=OPENED, facts=facts, now=moment)
    return {step.id: step for step in found}


@pytest.mark.guide("G11")
def test_at_the_beginning_the_first_clock_runs_and_the_others_wait() -> None:
    found = steps(now=20)
    assert [step.status for step in found.values()] == ["running", "waiting", "waiting", "waiting"]
    assert found["receive"].remaining_s == 40
    assert found["scope"].remaining_s == 180
    assert found["scope"].started_at == OPENED + timedelta(seconds=60)
    assert [step.deadline - OPENED for step in found.values()] == [timedelta(minutes=n) for n in (1, 4, 6, 16)]


def test_a_machine_that_does_it_all_at_once_is_done() -> None:
    found = steps(*(fact(kind, 1) for kind in ALL), now=2)
    assert {step.status for step in found.values()} == {"done"}
    assert all(step.done_at == OPENED + timedelta(seconds=1) and step.remaining_s == 0 for step in found.values())
    ticked = found["receive"].items[0].done
    assert ticked is not None
    assert (ticked.by, ticked.by_machine) == ("engine", True)


def test_a_step_done_early_starts_the_next_clock_then() -> None:
    found = steps(fact("receipt_confirmed", 5), fact("responder_named", 12, by="minsu"), now=100)
    assert found["receive"].done_at == OPENED + timedelta(seconds=12)
    assert found["scope"].started_at == OPENED + timedelta(seconds=12)
    assert (found["scope"].status, found["scope"].remaining_s) == ("running", 92)
    named = found["receive"].items[1].done
    assert named is not None
    assert not named.by_machine


@pytest.mark.guide("G11")
def test_a_step_out_of_time_is_late_and_the_next_clock_runs() -> None:
    found = steps(fact("receipt_confirmed", 5), now=61)
    assert (found["receive"].status, found["scope"].status) == ("late", "running")
    assert found["receive"].remaining_s == 0


def test_done_after_its_clock_is_done_late() -> None:
    found = steps(fact("receipt_confirmed", 5), fact("responder_named", 90), now=95)
    assert found["receive"].status == "done-late"
    assert found["scope"].started_at == OPENED + timedelta(seconds=60)


def test_the_last_moment_is_still_in_time() -> None:
    assert steps(now=60)["receive"].status == "running"
    assert steps(fact("receipt_confirmed", 60), fact("responder_named", 60), now=60)["receive"].status == "done"


def test_the_first_fact_ticks_the_box() -> None:
    found = steps(fact("receipt_confirmed", 30, by="late"), fact("receipt_confirmed", 3, by="first"), now=40)
    ticked = found["receive"].items[0].done
    assert ticked is not None
    assert ticked.by == "first"


def test_optional_boxes_do_not_hold_a_step_up() -> None:
    found = steps(*(fact(kind, 1) for kind in ALL), now=2)
    optional = [item for item in found["announce"].items if item.optional]
    assert [item.done for item in optional] == [None]
    assert found["announce"].status == "done"


def test_a_step_of_optional_boxes_only_is_done_with_all_of_them() -> None:
    announce = LIST.steps[2]
    only = announce.model_copy(update={"items": tuple(item for item in announce.items if item.optional)})
    checklist = LIST.model_copy(update={"steps": (only,)})
    assert steps(now=1, checklist=checklist)["announce"].status == "running"
    assert steps(fact("customers_informed", 1), now=2, checklist=checklist)["announce"].status == "done"


@pytest.mark.guide("G11")
@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ("P0", ["receive", "scope", "announce", "emergency"]),
        ("P1", ["receive", "scope", "announce", "emergency"]),
        ("P2", ["receive", "scope", "announce"]),
        ("P3", ["receive", "scope"]),
    ],
)
def test_each_severity_has_its_steps(severity: SeverityName, expected: list[str]) -> None:
    assert list(steps(now=0, severity=severity)) == expected


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(ALL), st.floats(min_value=0, max_value=2000))),
    st.floats(min_value=0, max_value=2000),
    st.sampled_from(SEVERITIES),
)
def test_clocks_never_run_backwards(
    done: list[tuple[ChecklistFact, float]], now: float, severity: SeverityName
) -> None:
    found = list(steps(*(fact(kind, at) for kind, at in done if at <= now), now=now, severity=severity).values())
    starts = [step.started_at for step in found]
    assert starts == sorted(starts)
    for step in found:
        assert step.started_at < step.deadline
        assert 0 <= step.remaining_s <= (step.deadline - step.started_at).total_seconds()
        assert (step.done_at is not None) == step.status.startswith("done")
