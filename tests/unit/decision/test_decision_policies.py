"""Which rules speak, and when a rule that is not evaluable silences the table."""

from datetime import timedelta
from typing import Any

import pytest

from judgify.decision import DecisionTable, Matched, NotEvaluable, NotMatched, Outcome
from judgify.kit.errors import Invalid


def table(hit_policy: str, rules: list[tuple[dict[str, Any], Any]], **more: Any) -> DecisionTable:
    output: dict[str, Any] = {"name": "o", "type": more.pop("type", "any")}
    if "values" in more:
        output["values"] = more.pop("values")
    return DecisionTable.from_mapping(
        {
            "name": "t",
            "hit_policy": hit_policy,
            "inputs": [{"name": "a", "type": "number"}, {"name": "b", "type": "number"}],
            "outputs": [output],
            "rules": [{"when": when, "then": {"o": then}} for when, then in rules],
            **more,
        }
    )


def codes(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, NotEvaluable)
    return [cause.code for cause in outcome.causes]


def output(outcome: Outcome) -> Any:
    assert isinstance(outcome, Matched)
    return outcome.output["o"]


A1: dict[str, Any] = {"a": "1"}
B1: dict[str, Any] = {"b": "1"}
ANY: dict[str, Any] = {}


def test_first_needs_only_the_rules_up_to_the_hit() -> None:
    first = table("F", [(A1, "x"), (B1, "y"), (ANY, "z")])
    assert output(first.evaluate({"a": 1})) == "x"
    assert codes(first.evaluate({"a": 2})) == ["missing"]
    assert output(first.evaluate({"a": 2, "b": 2})) == "z"
    assert codes(first.evaluate({"b": 1})) == ["missing"]
    assert [rule.result for rule in first.evaluate({"a": 1}).trace.rules] == ["matched"]


@pytest.mark.parametrize("hit_policy", ["U", "A", "R", "C", "C#", "C<", "C>"])
def test_policies_over_all_rules_need_every_rule(hit_policy: str) -> None:
    every = table(hit_policy, [(A1, "x"), (B1, "y")], type="string")
    assert codes(every.evaluate({"a": 1})) == ["missing"]
    assert isinstance(every.evaluate({"a": 2, "b": 2}), NotMatched)


def test_a_false_cell_decides_a_rule_beside_one_that_cannot_be_told() -> None:
    both = table("U", [({"a": "1", "b": "1"}, "x"), ({"a": "2"}, "y")])
    assert output(both.evaluate({"a": 2})) == "y"
    flipped = table("U", [({"b": "1", "a": "1"}, "x"), ({"a": "2"}, "y")])
    assert output(flipped.evaluate({"a": 2})) == "y"
    assert output(flipped.evaluate({"a": 2, "b": "wrong"})) == "y"
    assert codes(both.evaluate({"b": 2, "a": None})) == ["null"]
    assert codes(both.evaluate({})) == ["missing", "missing", "missing"]


def test_unique_with_two_hits_is_not_evaluable() -> None:
    unique = table("U", [(A1, "x"), (B1, "x")])
    outcome = unique.evaluate({"a": 1, "b": 1})
    assert codes(outcome) == ["unique-violated"]
    assert isinstance(outcome, NotEvaluable)
    assert outcome.causes[0].params == {"rules": "rule-1, rule-2"}
    assert output(unique.evaluate({"a": 1, "b": 2})) == "x"


def test_any_lets_rules_agree() -> None:
    agreeing = table("A", [(A1, 1), (B1, {"feel": "a"}), ({"a": "3"}, 3)])
    outcome = agreeing.evaluate({"a": 1, "b": 1})
    assert isinstance(outcome, Matched)
    assert outcome.rules == ("rule-1", "rule-2")
    assert output(agreeing.evaluate({"a": 2, "b": 1})) == 2
    assert codes(table("A", [(A1, 1), (B1, True)]).evaluate({"a": 1, "b": 1})) == ["any-differs"]


def test_rule_order_and_collect_give_lists() -> None:
    for hit_policy in ("R", "C"):
        outcome = table(hit_policy, [(A1, "x"), (B1, "y"), ({"a": "9"}, "z")]).evaluate({"a": 1, "b": 1})
        assert isinstance(outcome, Matched)
        assert outcome.output == {"o": ["x", "y"]}
        assert outcome.outputs == ({"o": "x"}, {"o": "y"})
        assert outcome.rules == ("rule-1", "rule-2")


@pytest.mark.parametrize(("hit_policy", "expected"), [("C+", 6), ("C<", 1), ("C>", 3), ("C#", 3)])
def test_collect_combines(hit_policy: str, expected: int) -> None:
    combined = table(hit_policy, [(A1, 2), (A1, 3), (ANY, 1), (B1, 9)], type="number")
    outcome = combined.evaluate({"a": 1, "b": 2})
    assert output(outcome) == expected
    assert isinstance(outcome, Matched)
    assert len(outcome.outputs) == 3


def test_combining_what_does_not_combine_is_not_evaluable() -> None:
    mixed = table("C+", [(ANY, {"feel": '@"PT1M"'}), (ANY, {"feel": '@"P1M"'})], type="duration")
    outcome = mixed.evaluate({})
    assert codes(outcome) == ["no-arithmetic"]
    assert isinstance(outcome, NotEvaluable)
    assert outcome.causes[0].column == "o"
    summed = table("C+", [(ANY, {"feel": '@"PT1M"'}), (ANY, {"feel": '@"PT2M"'})], type="duration")
    assert output(summed.evaluate({})) == timedelta(minutes=3)


RANKS = ["high", "mid", "low"]


def test_priority_takes_the_highest_output() -> None:
    ranked = table("P", [(A1, "low"), (B1, "high"), (ANY, "mid")], values=RANKS)
    assert output(ranked.evaluate({"a": 1, "b": 1})) == "high"
    assert output(ranked.evaluate({"a": 1, "b": 2})) == "mid"
    outcome = table("P", [(A1, "low"), (ANY, "low")], values=RANKS).evaluate({"a": 1})
    assert isinstance(outcome, Matched)
    assert outcome.rules == ("rule-1",)


def test_priority_stands_only_when_nothing_in_doubt_could_outrank_it() -> None:
    assert codes(table("P", [(B1, "high"), (ANY, "mid")], values=RANKS).evaluate({"a": 1})) == ["missing"]
    assert output(table("P", [(B1, "low"), (ANY, "mid")], values=RANKS).evaluate({"a": 1})) == "mid"
    assert output(table("P", [(B1, "mid"), (ANY, "mid")], values=RANKS).evaluate({"a": 1})) == "mid"
    assert codes(table("P", [(B1, "mid")], values=RANKS).evaluate({})) == ["missing"]
    assert isinstance(table("P", [(A1, "mid")], values=RANKS).evaluate({"a": 2}), NotMatched)


def test_priority_in_doubt_by_an_output_that_cannot_be_worked_out() -> None:
    doubtful = table("P", [(B1, {"feel": "a / b"}), (ANY, 1)], values=[3, 2, 1])
    assert codes(doubtful.evaluate({"a": 1, "b": None})) == ["null"]
    certain = table("P", [(A1, {"feel": "a / b"}), (ANY, 1)], values=[3, 2, 1])
    assert codes(certain.evaluate({"a": 1, "b": 0})) == ["division-by-zero"]


def test_priority_breaks_a_tie_by_rule_order() -> None:
    mapping = {
        "name": "t",
        "hit_policy": "P",
        "inputs": [{"name": "a"}],
        "outputs": [{"name": "o", "values": RANKS}, {"name": "p"}],
        "rules": [{"when": ["1"], "then": {"o": "mid", "p": 1}}, {"then": {"o": "mid", "p": 2}}],
    }
    tied = DecisionTable.from_mapping(mapping)
    assert tied.evaluate({"a": 1}).to_dict()["output"] == {"o": "mid", "p": 1}
    assert tied.evaluate({"a": 2}).to_dict()["output"] == {"o": "mid", "p": 2}
    assert codes(tied.evaluate({})) == ["missing"]


def test_an_output_that_cannot_be_worked_out_is_told() -> None:
    worked = table("U", [(A1, {"feel": "a / b"})], type="number", values=[1, 0.5])
    assert output(worked.evaluate({"a": 1, "b": 2})) * 2 == 1
    outcome = worked.evaluate({"a": 1, "b": 3})
    assert codes(outcome) == ["output-not-allowed"]
    outcome = worked.evaluate({"a": 1, "b": None})
    assert isinstance(outcome, NotEvaluable)
    cause = outcome.causes[0]
    assert (cause.code, cause.rule, cause.column, cause.cell, cause.input) == ("null", "rule-1", "o", "a / b", "b")
    assert codes(worked.evaluate({"a": 1, "b": "2"})) == ["wrong-type"]
    assert codes(worked.evaluate({"a": 1})) == ["missing"]
    collected = table("C", [(A1, {"feel": "a / b"}), (ANY, 1)])
    assert codes(collected.evaluate({"a": 1, "b": 0})) == ["division-by-zero"]


def test_a_default_speaks_only_when_declared_and_all_is_false() -> None:
    defaulted = table("F", [(A1, ["x"])], default={"o": ["none"]})
    outcome = defaulted.evaluate({"a": 2})
    assert isinstance(outcome, Matched)
    assert outcome.by_default
    assert outcome.rules == ()
    assert outcome.output == {"o": ["none"]}
    assert outcome.trace.by_default
    outcome.output["o"].append("spoilt by the caller")
    assert output(defaulted.evaluate({"a": 2})) == ["none"]
    output(defaulted.evaluate({"a": 1})).append("spoilt by the caller")
    assert output(defaulted.evaluate({"a": 1})) == ["x"]
    assert codes(defaulted.evaluate({})) == ["missing"]
    assert output(table("C#", [(A1, "x")], default={"o": 0}).evaluate({"a": 2})) == 0


def test_only_an_object_is_judged() -> None:
    with pytest.raises(Invalid, match="an object of named values, not a list"):
        table("U", [(A1, 1)]).evaluate([1])  # type: ignore[arg-type]


def test_lists_and_mappings_may_be_declared_values() -> None:
    ranked = table("P", [(A1, [1, 2]), (B1, {"x": 1}), (ANY, 1)], values=[{"x": 1.0}, [1, 2], True, 1])
    assert output(ranked.evaluate({"a": 1, "b": 1})) == {"x": 1}
    assert output(ranked.evaluate({"a": 1, "b": 2})) == [1, 2]
    assert output(ranked.evaluate({"a": 2, "b": 2})) == 1
