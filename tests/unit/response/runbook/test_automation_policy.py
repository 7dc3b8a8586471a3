"""Recovery by itself, sentence by sentence of the product's semantics."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from judgify.response.guide.loader import default_guide_dir, load_guide
from judgify.response.guide.procedure import AutomationFile
from judgify.response.runbook.policy import Decision, Done, Request, Situation, decide, halted

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES: AutomationFile = load_guide(default_guide_dir()).automation
START = Request("start", "judgment", "guarded", 1)
RESTART = Request("restart", "judgment", "guarded", 1)
ROLLBACK = Request("rollback", "judgment", "guarded", 1)
SCALE = Request("scale", "judgment", "guarded", 1)
RESTORE = Request("restore_backup", "postgres", "dangerous", 2)
DOWN = Situation(now=NOW, incident_id="INC-2026-0001", severity="P1", confirmed=True, running=False, live=False)
HUNG = replace(DOWN, running=True)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def says(request: Request, situation: Situation) -> tuple[str, str, int]:
    decision = decide(request, situation, RULES)
    assert decision.reason.ko
    assert decision.reason.en
    return decision.answer, decision.rule, decision.approvals


def done(operation: str, minutes: float, incident: str = "INC-2026-0001", **more: Any) -> Done:
    return Done("judgment", operation, ago(minutes), incident, **more)


@pytest.mark.parametrize("severity", ["P0", "P1", "P2", "P3"])
def test_a_unit_that_is_not_running_is_started_at_any_severity(severity: Any) -> None:
    assert says(START, replace(DOWN, severity=severity)) == ("run", "by-itself", 0)


def test_a_start_happens_once_in_ten_minutes_whatever_the_incident() -> None:
    recent = replace(DOWN, history=(done("start", 9.9, "INC-2026-0000"),))
    assert says(START, recent) == ("ask", "times-spent", 1)
    assert says(START, replace(DOWN, history=(done("start", 10.1, "INC-2026-0000"),)))[0] == "run"


def test_what_a_person_did_does_not_count_against_the_engine() -> None:
    assert says(START, replace(DOWN, history=(done("start", 1, by_itself=False),)))[0] == "run"


def test_a_unit_that_may_be_running_is_not_started() -> None:
    assert says(START, replace(DOWN, running=True))[:2] == ("refuse", "unit-alive")
    assert says(START, replace(DOWN, running=None))[:2] == ("wait", "unit-unknown")
    assert says(SCALE, replace(DOWN, running=None))[:2] == ("ask", "needs-approval")


@pytest.mark.parametrize(("severity", "answer"), [("P0", "run"), ("P1", "run"), ("P2", "ask"), ("P3", "ask")])
def test_a_hung_unit_is_restarted_by_itself_at_p0_and_p1_only(severity: Any, answer: str) -> None:
    assert says(RESTART, replace(HUNG, severity=severity))[0] == answer


def test_a_restart_happens_once_in_an_incident() -> None:
    assert says(RESTART, replace(HUNG, history=(done("restart", 50),)))[:2] == ("ask", "times-spent")
    assert says(RESTART, replace(HUNG, history=(done("restart", 50, "INC-2026-0000"),)))[0] == "run"


def test_a_unit_that_passes_live_is_not_restarted_because_a_dependency_fails() -> None:
    assert says(RESTART, replace(HUNG, live=True)) == ("ask", "unit-alive", 1)


def test_a_rollback_needs_a_recent_release_and_a_healthy_one_before() -> None:
    good = replace(HUNG, release_changed_at=ago(59), earlier_release_healthy=True)
    assert says(ROLLBACK, good) == ("run", "by-itself", 0)
    assert says(ROLLBACK, replace(good, release_changed_at=ago(61)))[:2] == ("ask", "no-earlier-release")
    assert says(ROLLBACK, replace(good, release_changed_at=None))[:2] == ("ask", "no-earlier-release")
    assert says(ROLLBACK, replace(good, earlier_release_healthy=False))[:2] == ("refuse", "no-earlier-release")
    assert says(ROLLBACK, replace(good, history=(done("rollback", 30),)))[:2] == ("ask", "times-spent")


def test_all_else_takes_one_approval_and_dangerous_two() -> None:
    assert says(SCALE, DOWN) == ("ask", "needs-approval", 1)
    assert says(RESTORE, DOWN) == ("ask", "needs-two-approvals", 2)
    assert says(replace(START, risk="dangerous"), DOWN) == ("ask", "needs-two-approvals", 2)


def test_never_more_than_three_operations_in_an_incident() -> None:
    spent = tuple(Done("gateway", "restart", ago(minute), "INC-2026-0001") for minute in (1, 20, 30))
    assert says(START, replace(DOWN, history=spent)) == ("ask", "operations-spent", 1)
    assert says(START, replace(DOWN, history=spent[:2]))[0] == "run"
    assert says(START, replace(DOWN, history=spent, incident_id=None))[0] == "run"


def test_one_unit_at_a_time_holds_for_people_too() -> None:
    busy = replace(DOWN, busy_unit="gateway")
    for request in (START, replace(START, by_person=True), replace(START, approved=True)):
        assert says(request, busy)[:2] == ("wait", "one-unit-at-a-time")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"held": "maintenance"}, "held"),
        ({"probes_suspect": "own listener"}, "probes-suspect"),
        ({"confirmed": False}, "not-confirmed"),
        ({"dependencies_down": ("database",)}, "waits-for-dependency"),
        ({"before_it": ("gateway",)}, "waits-for-priority"),
    ],
)
def test_what_makes_automation_wait_but_not_people(change: dict[str, Any], rule: str) -> None:
    situation = replace(DOWN, **change)
    assert says(START, situation)[:2] == ("wait", rule)
    assert says(replace(START, by_person=True), situation)[:2] == ("run", "asked-by-person")
    assert says(replace(SCALE, approved=True), situation)[:2] == ("run", "approved")


def test_one_person_alone_does_nothing_dangerous() -> None:
    assert says(replace(RESTORE, by_person=True), DOWN) == ("ask", "needs-two-approvals", 2)
    assert says(replace(RESTORE, approved=True), DOWN)[0] == "run"


DATABASE = replace(DOWN, is_database=True, severity="P0")
START_DATABASE = Request("start", "postgres", "guarded", 1)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"exits": (ago(9), ago(0.1))}, "database-exits"),
        ({"disk_full": True}, "disk-full"),
        ({"corruption": True}, "corruption"),
    ],
)
def test_a_database_in_danger_stops_automation_but_not_people(change: dict[str, Any], rule: str) -> None:
    situation = replace(DATABASE, **change)
    assert says(START_DATABASE, situation)[:2] == ("stop", rule)
    found = halted(situation, RULES)
    assert isinstance(found, Decision)
    assert found.rule == rule
    assert says(replace(START_DATABASE, by_person=True), situation)[0] == "run"
    assert says(replace(START_DATABASE, approved=True), situation)[0] == "run"
    assert halted(replace(situation, is_database=False), RULES) is None


def test_the_embedded_database_is_started_once() -> None:
    assert says(START_DATABASE, replace(DATABASE, exits=(ago(0.1),)))[0] == "run"
    assert says(START_DATABASE, replace(DATABASE, exits=(ago(11), ago(0.1))))[0] == "run"


def test_own_confirmation_is_not_asked_for_where_the_guide_does_not() -> None:
    rules = RULES.model_copy(update={"own_probe_must_confirm": False})
    assert decide(START, replace(DOWN, confirmed=False), rules).answer == "run"
