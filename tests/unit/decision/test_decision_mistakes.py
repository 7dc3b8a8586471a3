"""Every mistake in a table names place, path, character and mend."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from judgify.decision import DecisionTable, TableError
from judgify.decision.limit import MAX_CELL, MAX_NAME, MAX_PROBLEMS, MAX_TEXT

Change = Callable[[dict[str, Any]], None]


def sound() -> dict[str, Any]:
    return {
        "name": "설비",
        "hit_policy": "F",
        "inputs": [
            {"name": "온도", "type": "number"},
            {"name": "판정", "type": "string", "allowed": '"OK", "NG"'},
            {"name": "일시", "type": "date-time"},
        ],
        "outputs": [
            {"name": "result", "type": "string", "values": ["stop", "go"]},
            {"name": "score", "type": "number"},
        ],
        "rules": [
            {"id": "hot", "when": {"온도": "> 90"}, "then": {"result": "stop", "score": 1}},
            {"when": {}, "then": {"result": "go", "score": {"feel": "온도 / 100"}}},
        ],
    }


def problems(mapping: Any) -> list[str]:
    with pytest.raises(TableError) as caught:
        DecisionTable.from_mapping(mapping, "guide/설비.yaml")
    assert str(caught.value).startswith(f"guide/설비.yaml: {caught.value.problems[0]}")
    assert caught.value.problem()["problems"][0]["path"] == caught.value.problems[0].path
    return [str(problem) for problem in caught.value.problems]


def test_the_sound_table_is_sound() -> None:
    assert DecisionTable.from_mapping(sound()).name == "설비"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "character 1: the cell is empty (write - for any value)"),
        (None, 'character 1: the cell is empty (write "-" for any value, "null" for none)'),
        ([1], "character 1: a cell is a text or a plain constant, not a list"),
        (float("nan"), "the number is not finite (NaN or infinity)"),
        ("hot", 'character 1: hot is not an input of this table (a text is written "hot"; inputs: 온도, 판정, 일시)'),
        ('"hot"', "character 1: a number is compared with a string"),
        ("> true", "character 1: a number is compared with a boolean"),
        (True, "character 1: a number is compared with a boolean"),
        ("> 판정", "character 1: a number is compared with a string"),
        ("≥ 5", "character 1: the character '≥' means nothing here (write >=)"),
        ("'5'", 'character 1: the character "\'" means nothing here (texts stand in double quotes: "…")'),
        ("–", "character 1: the character '–' means nothing here (write the plain sign -)"),
        ("5 # note", "character 3: the character '#' means nothing here"),
        ("== 5", "character 2: == is no comparison (write = once)"),
        ("=> 5", "character 2: => is no comparison (write >=)"),
        ("<> 5", "character 2: <> is no comparison (write !=)"),
        ("> > 5", "character 3: >> is no comparison"),
        (
            "온도 > 5",
            "character 4: a comparison cannot stand here: > (a cell tests its own input: begin with the sign)",
        ),
        ("5 5", "character 3: 5 is not expected here"),
        ("5 hot", 'character 3: hot is not expected here (texts stand in double quotes: "…")'),
        ("5,", "character 3: a value is expected here, not the end"),
        ("[1, 2", "character 6: the list is not closed before the end ([a, b]; a range is [a..b])"),
        ("]1, 2]", "character 3: .. is expected here, not , (a range is ]a..b[; several values are a, b)"),
        ("[1..2", "character 6: the range is not closed before the end ([a..b])"),
        ("[9..1]", "character 1: no value lies in the range (the smaller end comes first)"),
        ("[1..1)", "character 1: no value lies in the range (the smaller end comes first)"),
        ('[1.."2"]', "character 1: a number is compared with a string"),
        ("[null..2]", "character 1: a number is compared with a null"),
        ("(1", "character 3: ) is expected here, not the end"),
        ("> [1..2]", "character 1: a number is compared with a range"),
        ("5 + )", "character 5: a value is expected here, not )"),
        ("not 5", "character 5: ( is expected here, not 5"),
        ("not(5", "character 6: ) is expected here, not the end"),
        ("5, not(6)", "character 4: not(…) has to be the whole cell (put the whole list inside not(…))"),
        ("< null", "character 1: null has no order: < null (write null or not(null))"),
        ('"open', 'character 1: the text is not closed (end it with ")'),
        ('"open\\"', 'character 1: the text is not closed (end it with ")'),
        ('"a\\q"', "character 3: \\q is no escape of a text (write a backslash as \\\\)"),
        ('"\\uD800"', "character 2: \\uD800 is no character"),
        ('"\\UFFFFFF"', "character 2: \\UFFFFFF is no character"),
        ("1e99999", "character 1: the exponent of the number is out of range"),
        ("1" * 401, "character 1: a number of more than 400 digits is not read"),
        ("1" * (MAX_CELL + 1), f"character {MAX_CELL + 1}: longer than {MAX_CELL} characters"),
        ("(" * 100 + "1" + ")" * 100, "character 42: nested more than 40 levels deep"),
        ("-" * 100 + "1", "character 42: nested more than 40 levels deep"),
        ("1" + "+1" * 300, "character 402: more than 200 operators (split it over several rules or inputs)"),
        ("온도" + ".a" * 300, "character 403: more than 200 operators (split it over several rules or inputs)"),
        ("온도.5", "character 3: .5 is not expected here"),
        ("온도. 5", "character 5: a name is expected after the dot, not 5"),
        ("sume([5])", "character 1: there is no function sume (did you mean sum?)"),
        ("없음(5)", "character 1: there is no function 없음"),
        ("@5", "character 2: @ takes a text in double quotes"),
        ('date("2025-13-01")', 'character 1: "2025-13-01" is not read by date (write it like date("2025-01-20"))'),
        (
            '@"10 Uhr"',
            (
                'character 1: "10 Uhr" is not read by @ '
                '(write it like @"2025-01-20", @"2025-01-20T09:00:00", @"09:00:00" or @"PT5M")'
            ),
        ),
        ('-"a"', "character 1: a string has no minus"),
        ('1 + "a"', "character 3: number + string means nothing"),
        ("(5 and 6)", "character 2: true or false is expected here, not a number"),
        ("(if 5 then 6 else 7)", "character 5: true or false is expected here, not a number"),
        ("(if true 5)", "character 10: then is expected here, not 5"),
        ("(if true then 5)", "character 16: else is expected here, not )"),
        ('(1 = "a")', "character 4: a number is compared with a string"),
        ("(true < false)", "character 7: a boolean has no <"),
        ("5 in 5", "character 3: in is not expected here (a cell tests its own input: begin with the sign)"),
        (
            "5 between 4 and 5",
            "character 3: between is not expected here (a cell tests its own input: begin with the sign)",
        ),
        ("true or 온도 = 5", "character 6: or is not expected here (a cell tests its own input: begin with the sign)"),
    ],
)
def test_a_bad_cell_is_told(cell: Any, message: str) -> None:
    mapping = sound()
    mapping["rules"][1]["when"] = {"온도": cell}
    told = problems(mapping)
    assert len(told) == 1
    assert told[0] == f"rules[1].when.온도: {message}"


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("판정", 5, 'character 1: a string is compared with a number (texts stand in double quotes: "…")'),
        ("판정", '"NGG"', 'character 1: "NGG" is not an allowed value of 판정 (did you mean "NG"?)'),
        ("판정", 'not("NG", "no")', 'character 11: "no" is not an allowed value of 판정 (known: OK, NG)'),
        ("일시", '> "2025-01-20"', 'character 1: a date-time is compared with a string (write @"…")'),
        (
            "일시",
            '[@"2025-01-20T00:00:00"..@"2025-01-21T00:00:00Z"]',
            "character 1: one end of the range has a time zone, the other has none",
        ),
    ],
)
def test_a_cell_that_does_not_fit_its_column_is_told(column: str, cell: Any, message: str) -> None:
    mapping = sound()
    mapping["rules"][0]["when"] = {column: cell}
    assert problems(mapping) == [f"rules[0].when.{column}: {message}"]


def test_allowed_constants_do_not_forbid_other_tests() -> None:
    mapping = sound()
    mapping["rules"][0]["when"] = {"판정": 'null, > "A", ["A".."B"], "OK"'}
    mapping["rules"][1]["when"] = {"판정": '= "O" + "K"'}
    assert DecisionTable.from_mapping(mapping).rules[0].cells


def put(*path: Any) -> Callable[[Any], Change]:
    def to(value: Any) -> Change:
        def change(mapping: dict[str, Any]) -> None:
            place: Any = mapping
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value

        return change

    return to


def drop(*path: Any) -> Change:
    def change(mapping: dict[str, Any]) -> None:
        place: Any = mapping
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (drop("name"), '"name" is missing'),
        (put("name")(""), "name: a text is needed here, not ''"),
        (put("name")("x" * (MAX_NAME + 1)), f"name: longer than {MAX_NAME} characters"),
        (put("ruls")([]), 'ruls: "ruls" is not known here (did you mean "rules"?)'),
        (put(5)([]), "the key 5 is not a text (write it in quotes)"),
        (put("hit_policy")("first"), "hit_policy: 'first' is no hit policy (did you mean \"F\"?)"),
        (put("hit_policy")(5), "hit_policy: 5 is no hit policy (known: U, A, P, F, R, C, C+, C<, C>, C#)"),
        (put("hit_policy")("Z"), "hit_policy: 'Z' is no hit policy (known: U, A, P, F, R, C, C+, C<, C>, C#)"),
        (put("hit_policy")("C+"), "outputs: hit policy C+ combines exactly one output, not 2"),
        (put("inputs")([]), "inputs: a table needs at least one input"),
        (put("inputs")({}), "inputs: a list is needed here, not a dict"),
        (put("inputs")([{"name": "a"}] * 101), "inputs: 101 entries; at most 100 are read"),
        (put("inputs", 0)(5), "inputs[0]: a mapping is needed here, not 5"),
        (put("inputs", 0, "name")("판정"), 'inputs[1].name: "판정" is named twice'),
        (put("inputs", 0, "type")("nubmer"), "inputs[0].type: 'nubmer' is no type (did you mean \"number\"?)"),
        (
            put("inputs", 0, "type")(5),
            "inputs[0].type: 5 is no type (known: number, string, boolean, date, date-time, duration, any)",
        ),
        (put("inputs", 0, "tpye")("number"), 'inputs[0].tpye: "tpye" is not known here (did you mean "type"?)'),
        (
            put("inputs", 0, "expression")("a +"),
            "inputs[0].expression: character 4: a value is expected here, not the end",
        ),
        (put("inputs", 0, "expression")('-"a"'), "inputs[0].expression: character 1: a string has no minus"),
        (put("inputs", 0, "optional")("yes"), "inputs[0].optional: true or false is needed here"),
        (put("inputs", 0, "allowed")({}), "inputs[0].allowed: unary tests or a list of constants are needed here"),
        (put("inputs", 0, "allowed")("-"), "inputs[0].allowed: character 1: - allows everything (leave allowed out)"),
        (
            put("inputs", 0, "allowed")("> x"),
            'inputs[0].allowed: character 3: only constants may stand here, and x is none (a text is written "x")',
        ),
        (put("outputs")([]), "outputs: a table needs at least one output"),
        (put("outputs")("x"), "outputs: a list is needed here, not 'x'"),
        (
            put("outputs", 0, "values")(["stop", 5]),
            "outputs[0].values[1]: the value is a number, and a string is needed",
        ),
        (put("outputs", 0, "values")(["go", "go"]), "outputs[0].values[1]: 'go' is listed twice"),
        (put("rules")([]), "rules: a table needs at least one rule"),
        (put("rules")(None), "rules: a list is needed here, not nothing"),
        (put("rules", 0)("x" * 100), "rules[0]: a mapping is needed here, not a str"),
        (put("rules", 1, "id")("hot"), 'rules[1].id: "hot" is the id of an earlier rule'),
        (put("rules", 1, "id")(5), "rules[1].id: a text is needed here, not 5"),
        (put("rules", 0, "id")("rule-2"), 'rules[1].id: "rule-2" is the id of an earlier rule'),
        (put("rules", 0, "when")(["> 1"]), 'rules[0].when: 1 cells for 3 inputs (write "-" for any value)'),
        (put("rules", 0, "when", "온")("1"), 'rules[0].when.온: "온" is not known here (did you mean "온도"?)'),
        (drop("rules", 0, "then"), 'rules[0]: "then" is missing'),
        (drop("rules", 0, "then", "score"), 'rules[0].then: "score" is missing'),
        (put("rules", 0, "then")("stop"), "rules[0].then: a mapping is needed here, not 'stop'"),
        (
            put("rules", 0, "then", "score")("high"),
            "rules[0].then.score: the value is a string, and a number is needed",
        ),
        (put("rules", 0, "then", "score")(None), "rules[0].then.score: the value is null"),
        (put("rules", 0, "then", "score")(1 << 20_000), "rules[0].then.score: the value is out of range"),
        (
            put("rules", 0, "then", "result")("sotp"),
            'rules[0].then.result: the output is not one of its declared values: stop, go (did you mean "stop"?)',
        ),
        (
            put("rules", 0, "then", "result")("x" * (MAX_TEXT + 1)),
            f"rules[0].then.result: longer than {MAX_TEXT} characters",
        ),
        (
            put("rules", 0, "then", "score")({"feel": 5}),
            "rules[0].then.score.feel: character 1: an expression is a text (write it in quotes)",
        ),
        (
            put("rules", 0, "then", "score")({"feel": "온 + 1"}),
            (
                "rules[0].then.score.feel: character 1: 온 is not an input of this table "
                '(a text is written "온"; inputs: 온도, 판정, 일시)'
            ),
        ),
        (
            put("rules", 0, "then", "score")({"feel": "판정"}),
            "rules[0].then.score.feel: character 1: the expression yields a string, and the output is a number",
        ),
        (
            put("rules", 0, "then", "score")({"feel": '"a"'}),
            "rules[0].then.score.feel: the value is a string, and a number is needed",
        ),
        (put("default")(None), "default: a mapping is needed here, not nothing"),
        (put("default")({"result": "go"}), 'default: "score" is missing'),
        (
            put("default")({"result": "go", "score": {"feel": "온도"}}),
            'default.score: character 1: only constants may stand here, and 온도 is none (a text is written "온도")',
        ),
        (
            put("default")({"result": "go", "score": {"feel": 5}}),
            "default.score: character 1: an expression is a text, not 5",
        ),
        (put("examples")("x"), "examples: a list is needed here, not 'x'"),
        (put("examples")([{"in": {}}]), 'examples[0]: "out" is missing'),
        (put("examples")([{"in": 5, "out": "not matched"}]), "examples[0].in: a mapping is needed here, not 5"),
        (
            put("examples")([{"in": {"온돈": 5}, "out": "not matched"}]),
            'examples[0].in.온돈: "온돈" is not known here (did you mean "온도"?)',
        ),
        (
            put("examples")([{"in": {}, "out": "no"}]),
            'examples[0].out: \'no\' is no verdict (write the outputs, "not matched" or "not evaluable")',
        ),
        (put("examples")([{"in": {}, "out": {"result": "go"}}]), 'examples[0].out: "score" is missing'),
    ],
)
def test_a_bad_table_is_told(change: Change, told: str) -> None:
    mapping = sound()
    change(mapping)
    assert problems(mapping)[0] == told


def test_with_expressions_the_examples_may_hold_anything() -> None:
    mapping = sound() | {"examples": [{"in": {"any": 5}, "out": "not evaluable"}]}
    mapping["inputs"][0]["expression"] = "any.thing"
    assert DecisionTable.from_mapping(mapping).check_examples() == []


def test_a_table_that_is_no_mapping_is_told() -> None:
    assert problems([])[0] == "a mapping is needed here, not a list"


def test_priorities_and_aggregations_need_fitting_outputs() -> None:
    mapping = sound() | {"hit_policy": "P", "outputs": [{"name": "o"}], "rules": [{"then": {"o": 1}}]}
    assert problems(mapping) == [
        "outputs: hit policy P needs an output with values, from the highest priority to the lowest"
    ]
    mapping |= {"hit_policy": "C+", "outputs": [{"name": "o", "type": "string"}], "rules": [{"then": {"o": "a"}}]}
    assert problems(mapping) == ["outputs[0].type: hit policy C+ cannot combine outputs of type string"]


def test_all_mistakes_are_told_at_once_up_to_a_bound() -> None:
    mapping = sound()
    mapping["rules"] = [{"when": {"온도": "NG"}, "then": {}} for _ in range(500)]
    assert len(problems(mapping)) == MAX_PROBLEMS
    mapping["rules"] = mapping["rules"][:2]
    assert [problem.split(": ")[0] for problem in problems(mapping)] == [
        "rules[0].when.온도",
        "rules[0].then",
        "rules[0].then",
        "rules[1].then",
        "rules[1].then",
    ]


def test_nested_constants_have_a_bound() -> None:
    mapping = sound() | {"outputs": [{"name": "o"}]}
    nested: Any = 1
    for _ in range(5_00):
        nested = [nested]
    mapping["rules"] = [{"then": {"o": nested}}]
    assert problems(mapping) == ["rules[0].then.o: the value is out of range"]


def test_lists_of_constants_are_allowed_values_too() -> None:
    mapping = sound()
    mapping["inputs"] = [{"name": "온도", "allowed": [1, 2.5, "x", None, True, date(2025, 1, 20), Decimal("1E+30")]}]
    mapping["rules"] = [{"then": {"result": "go", "score": 1}}]
    table = DecisionTable.from_mapping(mapping)
    assert table.inputs[0].allowed == '1, 2.5, "x", null, true, @"2025-01-20", 1E+30'
    mapping["inputs"][0]["allowed"] = [float("nan")]
    assert problems(mapping)[0] == "inputs[0].allowed: the number is not finite (NaN or infinity)"


def test_the_length_of_a_message_has_a_bound() -> None:
    mapping = sound() | {"outputs": [{"name": "o", "values": ["v" * 70 + str(place) for place in range(1000)]}]}
    mapping["rules"] = [{"then": {"o": "v" * 80}} for _ in range(1000)]
    told = problems(mapping)
    assert len(told) == MAX_PROBLEMS
    assert max(map(len, told)) < 600
    mapping["outputs"] = [{"name": "o", "values": ["v" * 5000]}]
    assert len(problems(mapping)[0]) < 600
    mapping["rules"] = [{"then": {"o": "v", "x" * 5000: 1}}]
    assert len(problems(mapping)[0]) < 600
    mapping |= {"outputs": [{"name": "o"}], "rules": [{"note": "n" * (MAX_TEXT + 1), "then": {"o": 1}}]}
    assert problems(mapping) == [f"rules[0].note: longer than {MAX_TEXT} characters"]
