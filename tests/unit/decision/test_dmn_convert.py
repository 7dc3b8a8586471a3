"""Tables to DMN and back: nothing is lost, and what cannot be said is an error."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.dmn_xml import decision, dmn, input_data, knowledge, literal, table

from judgify.decision import DecisionTable, InputColumn, Matched, NotMatched, TableError, plain
from judgify.decision.dmn import Decided, ModelError, read_model, read_table, write_table
from judgify.decision.dmn.form import OWN


def then(grade: str, value: Any, wait: str) -> dict[str, Any]:
    return {"등급": grade, "two  words": value, "wait": {"feel": f'@"{wait}"'}}


FULL: dict[str, Any] = {
    "name": "온도  판정 <&>",
    "hit_policy": "C",
    "inputs": [
        {"name": "온도", "label": "현재\n온도", "type": "number", "allowed": "[-50..200]"},
        {"name": "area", "expression": "장소.area  / 2", "type": "any"},
        {"name": "since", "type": "duration", "optional": True},
        {"name": "day", "type": "date", "expression": "day"},
        {"name": "at", "type": "date-time"},
        {"name": "ok", "type": "boolean"},
    ],
    "outputs": [
        {"name": "등급", "type": "string", "values": ["위험", "주의"], "label": "G"},
        {"name": "two  words", "type": "any"},
        {"name": "wait", "type": "duration"},
    ],
    "rules": [
        {
            "id": "규칙 1",
            "note": "tab\there\r\n<b>",
            "when": {"온도": "> 90"},
            "then": then("위험", [1, {"a": None}], "PT1H"),
        },
        {"id": "r-2", "when": {"온도": "not(> 90)", "ok": "true"}, "then": then("주의", {"feel": "온도 * 2"}, "P1Y")},
        {"when": {"at": '> @"2025-01-01T00:00:00"'}, "then": then("주의", 'a\u0001"\\', "PT0S")},
        {"id": "rule_7", "when": {"since": "null"}, "then": then("주의", {"feel": '[@"2025-01-01", 1]'}, "PT0S")},
        {"id": "r-2x", "then": then("주의", {"feel": "{}"}, "PT0S")},
    ],
    "default": then("주의", None, "PT5M"),
    "examples": [{"in": {"온도": 95, "장소": {"area": 4}}, "out": "not evaluable"}],
}


def test_a_table_with_everything_comes_back_as_it_was() -> None:
    original = DecisionTable.from_mapping(FULL)
    again = read_table(write_table(original))
    assert again == original
    assert again.to_mapping() == original.to_mapping()


CELLS = st.sampled_from(
    ["-", "> 0", "[1..5]", "not(3)", '"a", "b"', "null", "true", "< other name", "? > 2 and ? < 9", "1, 7"]
)
CONSTANTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.lists(st.integers(0, 3), max_size=2),
    st.sampled_from([{"feel": "x + 1"}, {"feel": '@"2025-01-20"'}, {"feel": "[x]"}, {"feel": '"a" + string(x)'}]),
)
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6).filter(str.strip)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-2, 10), st.sampled_from(["a", "b", "c"]))


@st.composite
def tables(draw: st.DrawFn) -> DecisionTable:
    policy = draw(st.sampled_from(["U", "A", "F", "R", "C", "C#"]))
    names = ["o"] if policy == "C#" else draw(st.sampled_from([["o"], ["o", "p q"]]))
    rules = []
    for index in range(draw(st.integers(1, 4))):
        rule: dict[str, Any] = {
            "when": {"x": draw(CELLS), "other name": draw(CELLS)},
            "then": {name: draw(CONSTANTS) for name in names},
        }
        if (note := draw(TEXTS)) is not None:
            rule["note"] = note
        if draw(st.booleans()):
            rule["id"] = f"{draw(st.sampled_from(['rule ', 'r', '규칙']))}{index}"
        rules.append(rule)
    mapping: dict[str, Any] = {
        "name": draw(TEXTS) or "t",
        "hit_policy": policy,
        "inputs": [
            {"name": "x", "optional": draw(st.booleans())},
            {"name": "other name", "type": draw(st.sampled_from(["any", "number"]))},
        ],
        "outputs": [{"name": name} for name in names],
        "rules": rules,
    }
    if draw(st.booleans()):
        mapping["default"] = dict.fromkeys(names, 0)
    try:
        return DecisionTable.from_mapping(mapping)
    except TableError:
        # A drawn cell does not fit the drawn type; such a table there is none.
        return DecisionTable.from_mapping({**mapping, "inputs": [{"name": "x"}, {"name": "other name"}]})


@settings(max_examples=150, deadline=None)
@given(tables(), st.lists(st.fixed_dictionaries({"x": VALUES, "other name": VALUES}), max_size=4))
def test_a_table_and_its_round_trip_answer_alike(original: DecisionTable, rows: list[dict[str, Any]]) -> None:
    data = write_table(original)
    again = read_table(data)
    assert again == original
    model = read_model(data)
    for row in rows:
        outcome = original.evaluate(row)
        assert again.evaluate(row) == outcome
        # The model that others would read says the same. It reads every input, also one that no cell looks at.
        decided = model.evaluate(model.decisions[0], row)
        if isinstance(outcome, Matched) and isinstance(decided, Decided):
            assert plain(decided.value) == plain(expected(outcome, original))
        if isinstance(outcome, NotMatched) and isinstance(decided, Decided):
            assert decided.value is None
        if all(fits(column, row[column.name]) for column in original.inputs):
            assert (decided.verdict == "not evaluable") == (outcome.verdict == "not evaluable")


def fits(column: InputColumn, value: Any) -> bool:
    return value is not None and (column.type == "any" or type(value) is int)


def expected(outcome: Matched, original: DecisionTable) -> Any:
    single = len(original.outputs) == 1
    if original.hit_policy in {"R", "C"} and not outcome.by_default:
        return [one[original.outputs[0].name] if single else dict(one) for one in outcome.outputs]
    return next(iter(outcome.output.values())) if single else dict(outcome.output)


def small(**changes: Any) -> dict[str, Any]:
    base = {"name": "t", "inputs": [{"name": "x"}], "outputs": [{"name": "o"}], "rules": [{"then": {"o": 1}}]}
    return base | changes


@pytest.mark.parametrize(
    ("mapping", "place"),
    [
        (small(inputs=[{"name": "null"}]), "inputs[0]"),
        (small(inputs=[{"name": "a  b"}]), "inputs[0]"),
        (small(inputs=[{"name": "1 +"}]), "inputs[0]"),
        (small(name="a\u0001"), "name"),
        (small(rules=[{"then": {"o": 1}, "note": "\u0002"}]), "rules[0].note"),
        (small(inputs=[{"name": "x", "label": "\u0002"}]), "inputs[0].label"),
        (small(inputs=[{"name": "x", "expression": "y.z"}], rules=[{"then": {"o": {"feel": "x"}}}]), "inputs[0]"),
    ],
)
def test_what_dmn_cannot_hold_is_an_error(mapping: dict[str, Any], place: str) -> None:
    with pytest.raises(ModelError, match="DMN cannot express this") as caught:
        write_table(DecisionTable.from_mapping(mapping))
    assert place in [problem.place for problem in caught.value.problems]


ITEMS = """<itemDefinition name="tRank"><typeRef>string</typeRef>
  <allowedValues><text>"high", "low"</text></allowedValues></itemDefinition>
<itemDefinition name="tTwice"><typeRef>tRank</typeRef><allowedValues><text>"low"</text></allowedValues></itemDefinition>
<itemDefinition name="tList" isCollection="true"><typeRef>string</typeRef></itemDefinition>"""


def one(expression: str, *more: str, requires: str = "i_x", knows: str = "", type_ref: str = "") -> bytes:
    return dmn(ITEMS, input_data("x", "tRank"), *more, decision("a", expression, requires, knows, type_ref=type_ref))


def test_a_table_of_others_is_read() -> None:
    body = (
        '<input label="how long"><inputExpression typeRef="number"><text>y.size</text></inputExpression></input>'
        "<input><inputExpression><text> x </text></inputExpression></input>"
        "<input><inputExpression><text>z +</text></inputExpression></input>"
    )
    rule = (
        '<annotation name="why"/><annotation/><rule><inputEntry><text>&gt; 1</text></inputEntry>'
        "<inputEntry><text/></inputEntry><inputEntry><text>-</text></inputEntry>"
        '<outputEntry><text>"low"</text></outputEntry>'
        "<annotationEntry><text>so</text></annotationEntry><annotationEntry><text>and</text></annotationEntry></rule>"
    )
    data = one(f"<decisionTable>{body}<output/>{rule}</decisionTable>", type_ref="tRank")
    with pytest.raises(TableError) as caught:
        read_table(data)
    assert [problem.path for problem in caught.value.problems] == ["inputs[2].expression"]
    read = read_table(data.replace(b"z +", b"z"))
    assert [(column.name, column.type, column.allowed) for column in read.inputs] == [
        ("how long", "number", None),
        ("x", "string", '"high", "low"'),
        ("input 3", "any", None),
    ]
    assert [(column.name, column.type, column.values) for column in read.outputs] == [("a", "string", ("high", "low"))]
    assert read.rules[0].note == "why: so; and"


def test_defaults_and_names_of_outputs_of_others_are_read() -> None:
    outputs = '<output name="o"><defaultOutputEntry><text>1</text></defaultOutputEntry></output><output/>'
    read = read_table(one(table("x", outputs, '"high" -> 2; 3')))
    assert read.default == {"o": 1, "output 2": None}
    assert read.to_mapping()["rules"] == [{"id": "r1", "when": {"x": '"high"'}, "then": {"o": 2, "output 2": 3}}]


OUTPUT = '<output name="o"><outputValues><text>{}</text></outputValues></output>'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (dmn(decision("a", literal("1"))), "name one decision with a decision table; the file has none"),
        (dmn(decision("a", table("1", "o")), decision("b", table("1", "o"))), 'the file has "a", "b"'),
        (one(table("x", "o"), requires="d_b"), "requires other decisions or functions"),
        (one(table("x", "o"), knowledge("f", "", "1"), knows="b_f"), "requires other decisions or functions"),
        (one(table("x", "o", policy="OUTPUT ORDER")), "hit policy OUTPUT ORDER"),
        (one(table("x.size", "o")), "the constraints of the type tRank of x"),
        (one(table("x", '<output typeRef="tTwice"/>')), "two constraints of the type tTwice"),
        (one(table("x", '<output typeRef="tList"/>')), "the type tList"),
        (one(table("x", '<output typeRef="time"/>')), "the type time"),
        (one(table("x", '<output typeRef="tNone"/>')), 'the type "tNone" is not defined'),
        (one(table("x", OUTPUT.format("&gt;"))), "the output values >"),
        (one(table("x", OUTPUT.format("1 / 0"))), "the output values 1 / 0"),
    ],
)
def test_what_our_tables_cannot_say_is_an_error(data: bytes, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_table(data, where="f.dmn")
    assert says in str(caught.value)


def test_one_table_of_several_is_chosen_by_name() -> None:
    data = dmn(decision("a", table("1", "o", "- -> 1")), decision("b", table("1", "o", "- -> 2")))
    assert read_table(data, "b").name == "b"
    with pytest.raises(ModelError, match='no decision table "c"; the file has "a", "b"'):
        read_table(data, "c")


DAMAGED = ["{", "[]", "[" * 2000, '{"inputs": {"0": {"name": []}}}', '{"inputs": 5, "rules": {"0": 5}}']


@pytest.mark.parametrize("extension", DAMAGED)
def test_a_damaged_extension_is_an_error_or_ignored(extension: str) -> None:
    holder = f'<extensionElements><table xmlns="{OWN}">{extension}</table></extensionElements>'
    foreign = '<extensionElements><table xmlns="urn:other">{</table></extensionElements>'
    data = one(table("x", "o", "- -> 1"))
    assert read_table(data.replace(b"<decisionTable", foreign.encode() + b"<decisionTable")).rules
    try:
        assert read_table(data.replace(b"<decisionTable", holder.encode() + b"<decisionTable")).rules
    except ModelError as error:
        assert "the extension of our own is damaged" in str(error)  # noqa: PT017 - an error or a table, nothing else


def test_an_output_that_cannot_be_read_is_an_error_of_the_table() -> None:
    with pytest.raises(TableError) as caught:
        read_table(one(table("x", "o", "- -> 1 +")))
    assert [problem.path for problem in caught.value.problems] == ["rules[0].then.o.feel"]
