"""Severity, folding, root naming and recovery order over the shipped guide."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.guides import shipped

from judgify.decision import DecisionTable
from judgify.response.guide.catalogue import FailureClass
from judgify.response.severity import (
    Join,
    Open,
    OpenIncident,
    Reroot,
    attach,
    canonical_service,
    classify,
    order_of_recovery,
    root_of,
)

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
GUIDE = shipped()


def incident(
    root: str,
    *,
    name: str = "i1",
    failure_class: FailureClass = "service",
    drill: str | None = None,
    age_s: float = 10,
    signals: tuple[str, ...] = ("service_down",),
) -> OpenIncident:
    return OpenIncident(name, root, failure_class, drill, NOW - timedelta(seconds=age_s), frozenset(signals))


def place(
    service: str,
    *incidents: OpenIncident,
    signal: str = "service_down",
    failure_class: FailureClass = "service",
    drill: str | None = None,
) -> Join | Reroot | Open:
    return attach(
        GUIDE,
        service=service,
        signal=signal,
        failure_class=failure_class,
        drill=drill,
        open_incidents=incidents,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("value", "severity", "rule"),
    [
        (2.99, "P3", "api-response-time-low"),
        (3, "P2", "api-slower-than-3s"),
        (10, "P2", "api-slower-than-3s"),
        (10.001, "P1", "api-slower-than-10s"),
        ("12.5", "P1", "api-slower-than-10s"),
        (Decimal("10.0001"), "P1", "api-slower-than-10s"),
        (None, "P2", "api-slow-unmeasured"),
    ],
)
def test_response_times(value: float | str | Decimal | None, severity: str, rule: str) -> None:
    found = classify(GUIDE, service="workflow", signal="p95_seconds", value=value)
    assert (found.severity, found.rule, found.evaluable) == (severity, rule, True)


def test_a_value_that_is_no_number_is_said_not_to_be_evaluable() -> None:
    found = classify(GUIDE, service="gateway", signal="p95_seconds", value="slow")
    assert (found.severity, found.rule, found.evaluable, found.known) == ("P2", "not-evaluable", False, True)
    assert "value" in found.reason.en
    assert "확인 필요" in found.reason.ko
    worse = classify(GUIDE, service="gateway", signal="p95_seconds", value="slow", labels={"severity": "Critical "})
    assert worse.severity == "P1"


def test_a_table_without_an_answer_says_so() -> None:
    gap = GUIDE.signals.table()
    gap["rules"] = [rule for rule in gap["rules"] if rule["id"] != "ui-error"]
    guide = replace(GUIDE, table=DecisionTable.from_mapping(gap))
    found = classify(guide, service="dashboard", signal="ui_error")
    assert (found.severity, found.rule, found.evaluable) == ("P2", "no-rule", False)


def test_unknown_signals_reach_a_person() -> None:
    found = classify(GUIDE, service="judgment", signal="strange")
    assert (found.severity, found.rule, found.known, found.not_in_guide) == ("P2", "unknown", False, True)
    worse = classify(GUIDE, service="judgment", signal="strange", labels={"severity": "CRITICAL"})
    assert (worse.severity, worse.rule) == ("P1", "unknown-critical")


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.none() | st.floats() | st.text(max_size=8), st.text(max_size=9))
def test_whatever_a_signal_holds_it_is_classified(
    service: str, signal: str, value: float | str | None, severity: str
) -> None:
    found = classify(GUIDE, service=service, signal=signal, value=value, labels={"severity": severity})
    assert found.severity in GUIDE.severities
    assert found.reason.ko
    assert found.reason.en


def test_life_safety_comes_from_the_catalogue() -> None:
    services = {**GUIDE.services, "judgment": GUIDE.services["judgment"].model_copy(update={"life_safety": True})}
    guide = replace(GUIDE, services=services)
    assert classify(guide, service="judgment", signal="service_down").life_at_risk
    assert not classify(GUIDE, service="judgment", signal="service_down").life_at_risk
    assert not classify(guide, service="billing", signal="service_down").service_known


@pytest.mark.parametrize(
    ("service", "labels", "name"),
    [
        ("judgment", {}, "judgment"),
        ("postgres", {}, "database"),
        ("api-gateway-service", {}, "gateway"),
        ("", {"job": "workflow-service"}, "workflow"),
        ("", {"service": "redis", "job": "workflow-service"}, "redis"),
        ("billing", {"job": "workflow-service"}, "workflow"),
        ("billing", {}, "billing"),
        ("", {}, "unknown"),
    ],
)
def test_a_service_by_any_of_its_names(service: str, labels: dict[str, str], name: str) -> None:
    assert canonical_service(GUIDE, service, labels) == name


def test_the_first_signal_opens() -> None:
    assert place("judgment") == Open("judgment")


def test_a_second_signal_of_the_same_fault_joins_whatever_its_source() -> None:
    assert place("judgment", incident("judgment"), signal="error_rate") == Join("i1")


def test_of_two_incidents_on_a_service_the_older_is_joined() -> None:
    older = incident("judgment", name="old", age_s=500)
    assert place("judgment", incident("judgment"), older) == Join("old")


def test_what_depends_on_a_failing_service_joins() -> None:
    assert place("judgment", incident("database")) == Join("i1")
    assert place("dashboard", incident("database")) == Join("i1")


def test_of_two_causes_the_one_behind_is_joined() -> None:
    both = incident("judgment", name="near"), incident("database", name="behind", age_s=1)
    assert place("dashboard", *both) == Join("behind")


def test_a_gateway_that_only_shows_the_failure_of_another_joins_but_a_dead_one_does_not() -> None:
    failing = incident("judgment", age_s=1)
    assert place("gateway", failing, signal="error_rate") == Join("i1")
    assert place("gateway", failing, signal="service_down") == Open("gateway")
    assert place("gateway", failing, signal="never-heard-of") == Open("gateway")


def test_a_cause_seen_late_becomes_the_root_while_the_incident_is_young() -> None:
    assert place("database", incident("judgment", age_s=60)) == Reroot("i1", "database")
    assert place("database", incident("judgment", age_s=61)) == Open("database")


def test_a_dead_gateway_does_not_take_the_blame_on() -> None:
    assert place("judgment", incident("gateway")) == Open("judgment")
    shown = incident("gateway", signals=("error_rate", "health_failed"))
    assert place("judgment", shown) == Reroot("i1", "judgment")
    assert place("judgment", incident("gateway", signals=())) == Open("judgment")


def test_drills_and_other_classes_of_failure_stay_apart() -> None:
    assert place("judgment", incident("judgment", drill="d1")) == Open("judgment")
    assert place("judgment", incident("judgment"), drill="d1") == Open("judgment")
    assert place("judgment", incident("judgment", drill="d1"), drill="d1") == Join("i1")
    assert place("gateway", incident("gateway"), failure_class="security") == Open("gateway")
    assert place("judgment", incident("database", failure_class="data")) == Join("i1")
    assert place("judgment", incident("judgment"), failure_class="unknown", signal="strange") == Join("i1")


def test_a_service_that_the_catalogue_lacks_has_an_incident_of_its_own() -> None:
    assert place("billing", incident("database")) == Open("billing")
    assert place("billing", incident("billing")) == Join("i1")


def test_the_root_is_what_the_others_depend_on() -> None:
    assert root_of(GUIDE, ["dashboard", "judgment", "database", "gateway"]) == "database"
    assert root_of(GUIDE, ["redis", "database"]) == "database"
    assert root_of(GUIDE, ["logging", "billing"]) == "logging"


def test_recovery_waits_for_dependencies_and_else_follows_section_1_2() -> None:
    assert order_of_recovery(GUIDE, GUIDE.services) == (
        "gateway",
        "database",
        "judgment",
        "redis",
        "workflow",
        "dashboard",
        "action",
        "logging",
        "notification",
    )
    assert order_of_recovery(GUIDE, ["notification", "billing", "judgment", "gateway"]) == (
        "gateway",
        "judgment",
        "notification",
        "billing",
    )


@settings(deadline=None)
@given(st.sets(st.sampled_from(sorted(GUIDE.services))))
def test_nothing_is_recovered_before_what_it_needs(services: set[str]) -> None:
    ordered = order_of_recovery(GUIDE, services)
    assert set(ordered) == services
    for place_, name in enumerate(ordered):
        assert not GUIDE.needs(name) & set(ordered[place_ + 1 :])
