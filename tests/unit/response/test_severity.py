"""Severity over the shipped guide."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.guides import shipped

from judgify.decision import DecisionTable
from judgify.response.severity import canonical_service, classify

GUIDE = shipped()


@pytest.mark.guide("G02")
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


@pytest.mark.guide("G02")
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


@pytest.mark.guide("G31")
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
