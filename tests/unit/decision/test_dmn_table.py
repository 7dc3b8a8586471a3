"""Decision tables of models: every hit policy, in the standard's mode and in strict mode."""

from typing import Any

import pytest
from tests.support.dmn_xml import decision, input_data, literal, read, table

from judgify.decision.dmn import Mode, Model

RANKED = '<output name="o"><outputValues><text>"high", "low"</text></outputValues></output>'
RULES = ('x > 0 -> "low"', 'x > 10 -> "high"', 'x > 20 -> "low"')


def element(kind: str, text: str) -> str:
    return f"<{kind}><text>{text}</text></{kind}>"


def model(expression: str, *more: str, type_ref: str = "") -> Model:
    return read(*more, input_data("x"), decision("a", expression, "i_x", type_ref=type_ref))


def rules(policy: str, outputs: str = "o", *texts: str, attributes: str = "") -> str:
    made = [text.replace("x >", ">").replace("x <", "<").replace("x =", "=") for text in texts or RULES]
    return table("x", outputs, *made, policy=policy, attributes=attributes)


BETWEEN = ("x > 0 -> 1", "x > 10 -> 12")
FOLDED = ("x > 0 -> 1", "x > 10 -> 3", "x > 20 -> 2")


@pytest.mark.parametrize(
    ("expression", "x", "value"),
    [
        (rules("UNIQUE"), 5, "low"),
        (rules("UNIQUE"), -5, None),
        (rules("ANY", "o", 'x > 0 -> "a"', 'x > 1 -> "a"'), 5, "a"),
        (rules("FIRST"), 25, "low"),
        (rules("FIRST"), -1, None),
        (rules("PRIORITY", RANKED), 25, "high"),
        (rules("PRIORITY", RANKED), 5, "low"),
        (rules("RULE ORDER"), 25, ["low", "high", "low"]),
        (rules("OUTPUT ORDER", RANKED), 25, ["high", "low", "low"]),
        (rules("COLLECT"), 15, ["low", "high"]),
        (rules("COLLECT"), -1, None),
        (rules("COLLECT", "o", *FOLDED, attributes=' aggregation="SUM"'), 25, 6),
        (rules("COLLECT", "o", *FOLDED, attributes=' aggregation="MIN"'), 25, 1),
        (rules("COLLECT", "o", *FOLDED, attributes=' aggregation="MAX"'), 25, 3),
        (rules("COLLECT", "o", *FOLDED, attributes=' aggregation="COUNT"'), 15, 2),
        (rules("UNIQUE", "o", 'x > 0 -> "a"', attributes=' aggregation="SUM"'), 5, "a"),
        (rules("UNIQUE", "o;p", "x > 0 -> x; x + 1"), 5, {"o": 5, "p": 6}),
        (rules("COLLECT", "o;p", "x > 0 -> 1; 2", "x > 1 -> 3; 4"), 5, [{"o": 1, "p": 2}, {"o": 3, "p": 4}]),
        (
            rules("PRIORITY", RANKED + '<output name="p"/>', 'x > 0 -> "low"; 1', 'x > 1 -> "high"; 2'),
            5,
            {"o": "high", "p": 2},
        ),
        (
            rules(
                "PRIORITY", "<output name='o'><outputValues><text>[10..20], 1</text></outputValues></output>", *BETWEEN
            ),
            25,
            12,
        ),
        (rules("UNIQUE", f"<output name='o'>{element('defaultOutputEntry', '9')}</output>"), -1, 9),
        (
            rules(
                "UNIQUE",
                f"<output name='o'>{element('defaultOutputEntry', '9')}</output><output name='p'/>",
                "x > 0 -> 1; 2",
            ),
            -1,
            {"o": 9, "p": None},
        ),
        (table("x", "o", "-> 1".replace("->", "- ->")), 5, 1),
        (table("", "o", "-> 7"), 5, 7),
        (f"<decisionTable><output/><rule>{element('outputEntry', '1')}</rule></decisionTable>", 5, 1),
    ],
)
def test_what_matches_speaks_as_the_hit_policy_says(expression: str, x: int, value: Any) -> None:
    for mode in Mode:
        outcome = model(expression).evaluate("a", {"x": x}, mode=mode)
        assert (outcome.verdict, outcome.value) == ("decided", value)


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        (rules("UNIQUE"), "unique-violated"),
        (rules("ANY"), "any-differs"),
    ],
)
def test_a_violated_hit_policy_is_null_or_not_evaluable_and_says_which_rules(expression: str, code: str) -> None:
    outcome = model(expression).evaluate("a", {"x": 15}, mode=Mode.STANDARD)
    assert outcome.value is None
    assert [fault.code for fault in outcome.faults] == [code]
    assert "r1, r2" in outcome.faults[0].reason
    strict = model(expression).evaluate("a", {"x": 15})
    assert strict.verdict == "not evaluable"
    assert [fault.code for fault in strict.faults] == [code]


def test_the_trace_names_the_rules_that_matched() -> None:
    found = model(rules("COLLECT"))
    (step,) = found.evaluate("a", {"x": 15}).steps
    assert (step.name, step.verdict, step.rules) == ("a", "decided", ("r1", "r2"))
    (step,) = found.evaluate("a", {"x": -1}).steps
    assert (step.verdict, step.rules, step.value) == ("not matched", (), None)
    assert step.to_dict()["verdict"] == "not matched"


ALLOWED = (
    "<input label='the x'><inputExpression typeRef='number'><text>x</text></inputExpression>"
    "<inputValues><text>[0..10]</text></inputValues></input>"
)


@pytest.mark.parametrize("value", [11, None])
def test_a_value_that_is_not_allowed_is_a_fault(value: int | None) -> None:
    found = model(table(ALLOWED, "o", "- -> 1", "> 5 -> 2", policy="COLLECT"))
    outcome = found.evaluate("a", {"x": value}, mode=Mode.STANDARD)
    assert outcome.value is None
    assert "not-allowed" in [fault.code for fault in outcome.faults]
    strict = found.evaluate("a", {"x": value})
    assert strict.verdict == "not evaluable"


def test_each_item_of_a_list_may_be_allowed() -> None:
    inputs = ALLOWED.replace(" typeRef='number'", "")
    found = model(table(inputs, "o", "list contains(?, 3) -> 1"))
    for mode in Mode:
        assert found.evaluate("a", {"x": [1, 3]}, mode=mode).value == 1
    assert found.evaluate("a", {"x": [1, 30]}, mode=Mode.STANDARD).value is None
    whole = model(table(inputs.replace("[0..10]", "count(?) = 2"), "o", "list contains(?, 3) -> 1"))
    assert whole.evaluate("a", {"x": [1, 3]}).value == 1


def test_in_strict_mode_an_input_that_no_cell_looks_at_is_not_read() -> None:
    found = model(table("1 / 0; x", "o", "-; > 1 -> 1", "> 0; > 5 -> 2", policy="COLLECT"))
    assert found.evaluate("a", {"x": 2}).value == [1]
    outcome = found.evaluate("a", {"x": 7})
    assert outcome.verdict == "not evaluable"
    assert outcome.faults[0].code == "division-by-zero"
    assert outcome.faults[0].place.part == "input 1 / 0"
    assert found.evaluate("a", {"x": 7}, mode=Mode.STANDARD).value == [1]


def test_a_cell_that_cannot_be_told_silences_the_table_unless_another_is_false() -> None:
    doubtful = 'x + "a" > 0'
    for policy in ("UNIQUE", "ANY", "COLLECT", "RULE ORDER"):
        found = model(table("x; x", "o", f"> 0; {doubtful} -> 1", "> 10; - -> 2", policy=policy))
        assert found.evaluate("a", {"x": -1}).verdict == "decided"
        outcome = found.evaluate("a", {"x": 15})
        assert outcome.verdict == "not evaluable"
        assert outcome.faults[0].place.part == "rule 1"


def test_the_first_rule_stands_whatever_comes_after_it() -> None:
    found = model(table("x", "o", "> 10 -> 1", '? + "a" > 0 -> 2', "> 0 -> 3", policy="FIRST"))
    assert found.evaluate("a", {"x": 15}).value == 1
    assert found.evaluate("a", {"x": 5}).verdict == "not evaluable"
    assert found.evaluate("a", {"x": 5}, mode=Mode.STANDARD).value == 3


@pytest.mark.parametrize(
    ("doubtful", "value"), [('"low"', "high"), ('"high"', "high"), ('"other"', "high"), ("1 / 0", None)]
)
def test_with_priority_only_a_doubt_that_could_outrank_matters(doubtful: str, value: str | None) -> None:
    texts = ('> 0 -> "low"', '> 10 -> "high"', f'? + "a" > 0 -> {doubtful}')
    found = model(
        table(
            "x",
            RANKED.replace(
                '<outputValues><text>"high", "low"</text></outputValues>',
                element("outputValues", '"high", "low", "other"'),
            ),
            *texts,
            policy="PRIORITY",
        )
    )
    assert found.evaluate("a", {"x": 15}).value == value
    outcome = found.evaluate("a", {"x": 5})
    assert outcome.value == (None if doubtful in {'"high"', "1 / 0"} else "low")
    assert found.evaluate("a", {"x": -1}).verdict == "not evaluable"


def test_an_output_that_is_not_declared_is_not_evaluable_in_strict_mode() -> None:
    found = model(rules("FIRST", RANKED, 'x > 0 -> "odd"'))
    assert found.evaluate("a", {"x": 5}, mode=Mode.STANDARD).value == "odd"
    outcome = found.evaluate("a", {"x": 5})
    assert outcome.faults[0].code == "output-not-allowed"


ITEM = (
    '<itemDefinition name=\'tRank\'><typeRef>string</typeRef><allowedValues><text>"high", "low"</text></allowedValues>'
    "</itemDefinition>"
    "<itemDefinition name='tRanks' isCollection='true'><typeRef>tRank</typeRef></itemDefinition>"
    "<itemDefinition name='tBoth'><itemComponent name='o'><typeRef>tRank</typeRef></itemComponent></itemDefinition>"
    "<itemDefinition name='tAll' isCollection='true'><typeRef>tBoth</typeRef></itemDefinition>"
)


@pytest.mark.parametrize(
    ("expression", "type_ref", "value"),
    [
        (rules("OUTPUT ORDER"), "tRanks", ["high", "low", "low"]),
        (rules("PRIORITY"), "tRank", "high"),
        (rules("PRIORITY", attributes=' typeRef="tRank"'), "", "high"),
        (rules("PRIORITY", '<output name="o" typeRef="tRank"/>'), "", "high"),
        (
            rules("OUTPUT ORDER", "o;p", 'x > 0 -> "low"; 1', 'x > 1 -> "high"; 2'),
            "tAll",
            [{"o": "high", "p": 2}, {"o": "low", "p": 1}],
        ),
        (rules("PRIORITY"), "", "low"),
    ],
)
def test_priorities_come_from_the_type_where_the_output_has_none(expression: str, type_ref: str, value: Any) -> None:
    assert model(expression, ITEM, type_ref=type_ref).evaluate("a", {"x": 25}).value == value


def test_an_output_of_another_type_is_null_or_not_evaluable() -> None:
    found = model(rules("UNIQUE", '<output name="o" typeRef="number"/>', 'x > 0 -> "odd"'))
    outcome = found.evaluate("a", {"x": 5}, mode=Mode.STANDARD)
    assert (outcome.value, outcome.faults[0].code) == (None, "wrong-type")
    assert found.evaluate("a", {"x": 5}).verdict == "not evaluable"


def test_cells_that_cannot_be_read_do_not_match_and_are_told() -> None:
    found = model(table("x", "o", "> -> 1", "> 0 -> 2", policy="FIRST"))
    assert [problem.place for problem in found.problems] == ['decision "a": rule 1']
    assert found.evaluate("a", {"x": 5}, mode=Mode.STANDARD).value == 2
    outcome = found.evaluate("a", {"x": 5})
    assert outcome.faults[0].code == "bad-expression"


def test_an_output_beside_the_declared_values_comes_last_in_the_standards_mode() -> None:
    declared = "<output name='o'><outputValues><text>[10..20], 1</text></outputValues></output>"
    found = model(rules("OUTPUT ORDER", declared, 'x > 0 -> "odd"', "x > 1 -> 1", "x > 2 -> 15"))
    assert found.evaluate("a", {"x": 5}, mode=Mode.STANDARD).value == [15, 1, "odd"]


def test_a_limit_in_allowed_values_is_no_answer() -> None:
    endless = "count(for i in 1..100000, j in 1..100000 return i) > count(?)"
    inputs = ALLOWED.replace("[0..10]", endless.replace(">", "&gt;")).replace(" typeRef='number'", "")
    for mode in Mode:
        outcome = model(table(inputs, "o", "? != null -> 1")).evaluate("a", {"x": [1]}, mode=mode)
        assert outcome.verdict == "not evaluable"


def test_a_limit_ends_a_table_in_both_modes() -> None:
    endless = "? > 0 and count(for i in 1..100000, j in 1..100000 return i) > 0"
    found = model(table("x", "o", f"{endless} -> 1", policy="FIRST"))
    for mode in Mode:
        outcome = found.evaluate("a", {"x": 5}, mode=mode)
        assert outcome.verdict == "not evaluable"
        assert outcome.faults[-1].code in {"too-large", "too-many-steps"}


def test_a_table_inside_a_context_is_worked_out_too() -> None:
    inner = rules("FIRST")
    entries = f"<contextEntry><variable name='t'/>{inner}</contextEntry><contextEntry>{literal('t')}</contextEntry>"
    found = model(f"<context>{entries}</context>")
    outcome = found.evaluate("a", {"x": 5})
    assert outcome.value == "low"
    assert outcome.steps[0].rules == ()
