"""The packaged workflows: whole, named once, and every rule shown by an example."""

import pytest

from judgify.core.contracts.plan import Plan
from judgify.core.workflow.example import packaged
from judgify.decision import Matched, analyse

PLANS = {plan.document.name: plan for _, plan in packaged()}


def test_the_examples_are_the_four_that_the_documentation_names() -> None:
    assert set(PLANS) == {"equipment-sensors", "production-line", "quality-inspection", "host-telemetry"}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_rule_is_shown_by_an_example(plan: Plan) -> None:
    for table in plan.tables:
        outcomes = [table.evaluate(example.inputs) for example in table.examples]
        shown = {rule for outcome in outcomes if isinstance(outcome, Matched) for rule in outcome.rules}
        assert shown == {rule.id for rule in table.rules}, table.name


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_example_is_labelled_for_people(plan: Plan) -> None:
    assert plan.document.label
    assert plan.document.description


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_no_table_leaves_anything_open_or_says_it_twice(plan: Plan) -> None:
    for table in plan.tables:
        found = analyse(table)
        assert (found.findings, found.complete) == ((), True), table.name


def test_a_line_without_limits_is_not_evaluable_and_is_named() -> None:
    judged = PLANS["production-line"].judge({"라인번호": "LINE-99", "온도": 20, "진동": 1})
    assert judged.verdict == "not_evaluable"
    assert {(cause["input"], cause["value"]) for cause in judged.causes} == {("라인번호", "LINE-99")}
