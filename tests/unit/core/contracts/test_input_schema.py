from decimal import Decimal
from typing import Any

import pytest

from judgify.core.contracts.schema import InputSchema, schema_problems


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ([], "input_schema", "not an object"),
        ({"type": "array"}, "input_schema.type", "always an object"),
        ({}, "input_schema.type", "always an object"),
        ({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"}, "input_schema.$schema", "dialect"),
        (schema(a={"type": "nope"}), "input_schema.properties.a.type", "nope"),
        (schema(a={"$ref": "http://example.com/x"}), "input_schema.properties.a.$ref", "not in this schema"),
        (schema(a={"$ref": "#/$defs/gone"}), "input_schema.properties.a.$ref", "not in this schema"),
        (schema(a={"$ref": "#/type/deeper"}), "input_schema.properties.a.$ref", "not in this schema"),
        (schema(a={"$anchor": "x"}), "input_schema.properties.a.$anchor", "not supported"),
        (schema(a={"pattern": "(a+)+$"}), "input_schema.properties.a.pattern", "for ever"),
        (schema(a={"pattern": "a" * 201}), "input_schema.properties.a.pattern", "for ever"),
        (
            schema(a={"patternProperties": {"(x*)*": {"type": "string"}}}),
            "input_schema.properties.a.patternProperties",
            "for ever",
        ),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_with_path_and_mend(given: Any, path: str, words: str) -> None:
    problem = schema_problems(given)[0]
    assert problem.path == path
    assert words in problem.message
    assert problem.mend


def test_a_reference_that_leads_back_to_itself_is_refused() -> None:
    given = schema(a={"$ref": "#/$defs/node"}) | {"$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}}
    assert "leads back" in schema_problems(given)[0].message


def test_a_reference_is_followed_as_the_library_follows_it() -> None:
    definitions = {"a%25b": {"type": "string"}, "a%b": {"pattern": "^(a+)+$"}}
    given = schema(a={"$ref": "#/$defs/a%25b"}) | {"$defs": definitions}
    assert "for ever" in schema_problems(given)[0].message
    assert "not in this schema" in schema_problems(schema(a={"$ref": "#/type"}))[0].message


def test_references_that_multiply_are_refused() -> None:
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for level in range(1, 12):
        definitions[f"d{level}"] = {"anyOf": [{"$ref": f"#/$defs/d{level - 1}"}] * 4}
    problems = schema_problems(schema(a={"$ref": "#/$defs/d11"}) | {"$defs": definitions})
    assert len(problems) == 1
    assert "too large" in problems[0].message


def test_a_schema_nested_beyond_measure_is_refused() -> None:
    given: dict[str, Any] = {"type": "string"}
    for _ in range(60):
        given = {"type": "object", "properties": {"a": given}}
    assert "too large or too deep" in schema_problems(given)[0].message
    for _ in range(2_000):
        given = {"type": "object", "properties": {"a": given}}
    assert "too deep" in schema_problems(given)[0].message


@pytest.mark.parametrize(
    "given",
    [
        schema(a={"type": "number"}),
        schema(a={"$ref": "#/$defs/x~1y"}) | {"$defs": {"x/y": {"type": "number"}}},
        schema(a={"pattern": "^EQ-[0-9]+$"}, b={"patternProperties": {"^x": {"type": "string"}}}),
        schema(a={"enum": [{"$ref": "not a reference"}]}) | {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        schema(properties={"type": "number"}, pattern={"type": "string"}),
    ],
)
def test_a_sound_schema_is_taken(given: dict[str, Any]) -> None:
    assert schema_problems(given) == []


CASES: list[tuple[dict[str, Any], Any, bool]] = [
    ({"type": "number"}, 1, True),
    ({"type": "number"}, Decimal("0.1"), True),
    ({"type": "number"}, True, False),
    ({"type": "number"}, "1", False),
    ({"type": "integer"}, 1, True),
    ({"type": "integer"}, Decimal("1.0"), True),
    ({"type": "integer"}, 1.0, True),
    ({"type": "integer"}, Decimal("1.5"), False),
    ({"type": "integer"}, True, False),
    ({"type": ["number", "null"]}, None, True),
    ({"type": ["number", "null"]}, "x", False),
    ({"type": "string"}, "x", True),
    ({"type": "boolean"}, False, True),
    ({"type": "boolean"}, 0, False),
    ({"type": "null"}, None, True),
    ({"type": "array"}, [], True),
    ({"type": "object"}, {}, True),
    ({"minimum": 3}, 3, True),
    ({"minimum": 3}, Decimal("2.99"), False),
    ({"minimum": 3}, "text", True),
    ({"maximum": 3}, 4, False),
    ({"exclusiveMinimum": 3}, 3, False),
    ({"exclusiveMaximum": 3}, 3, False),
    ({"enum": ["a", "b"]}, "a", True),
    ({"enum": ["a", "b"]}, "c", False),
    ({"enum": [1, "b"]}, 1, True),
    ({"enum": [1, "b"]}, 2, False),
    ({"minLength": 2}, "가나", True),
    ({"minLength": 2}, "가", False),
    ({"minLength": 2}, 5, True),
    ({"maxLength": 1}, "가나", False),
    ({"maxLength": 1}, 5, True),
    ({"multipleOf": Decimal("0.1")}, Decimal("0.3"), True),
    ({"multipleOf": Decimal("0.1")}, Decimal("0.35"), False),
    ({"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}, {"x": 1}, True),
    ({"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}, {}, False),
    ({"properties": {"x": {"type": "number"}}}, 5, True),
    ({"properties": {"x": {"pattern": "^a"}}}, {"x": "b"}, False),
    ({"properties": {"x": {}}, "additionalProperties": False}, {"y": 1}, False),
    ({"properties": {"x": {}}, "additionalProperties": {"type": "number"}}, {"y": 1}, True),
    ({"title": "any", "properties": {"x": True}}, {"x": 1}, True),
]


@pytest.mark.parametrize(("rule", "value", "fits"), CASES)
def test_the_quick_check_and_the_library_agree(rule: dict[str, Any], value: Any, *, fits: bool) -> None:
    checked = InputSchema(schema(a=rule))
    assert (checked.causes({"a": value}) == []) is fits


def test_a_cause_names_path_value_and_reason_in_both_languages() -> None:
    checked = InputSchema(
        schema(
            온도={"type": "number"}, inner={"type": "object", "required": ["x"]}, n={"maximum": 5}, d={"type": "string"}
        )
        | {"required": ["온도"]}
    )
    missing = checked.causes({})[0]
    assert (missing["input"], missing["value"], missing["reason"]) == ("온도", None, "missing: 온도")
    by_input = {
        cause["input"]: cause
        for cause in checked.causes({"온도": "뜨거움", "inner": {}, "n": Decimal("6.5"), "d": Decimal("1.5")})
    }
    assert by_input["온도"]["value"] == "뜨거움"
    assert "number" in by_input["온도"]["reason_ko"]
    assert by_input["inner.x"]["reason_ko"] == "값이 없습니다: x"
    assert by_input["n"]["value"] == Decimal("6.5")
    assert "(maximum)" in by_input["n"]["reason_ko"]
    assert by_input["d"]["reason"] == "1.5 is not of type string"
    union = InputSchema(schema(a={"type": ["number", "null"]})).causes({"a": [1]})[0]
    assert (union["value"], union["reason"]) == ("[1]", "[1] is not of type number | null")


def test_causes_are_bounded() -> None:
    checked = InputSchema(schema(**{f"c{n}": {"type": "number"} for n in range(80)}))
    assert len(checked.causes({f"c{n}": "x" for n in range(80)})) == 50


def test_arithmetic_that_no_machine_does_is_a_cause_and_no_fault() -> None:
    checked = InputSchema(schema(a={"multipleOf": Decimal("0.1")}))
    assert "cannot be applied" in checked.causes({"a": Decimal("1e400")})[0]["reason"]


@pytest.mark.parametrize("name", ["default", "enum", "const", "examples", "$defs"])
def test_a_member_named_like_a_keyword_hides_nothing(name: str) -> None:
    bomb = schema(**{name: {"pattern": "^(a+)+$"}})
    assert schema_problems(bomb)[0].path == f"input_schema.properties.{name}.pattern"
    foreign = schema(**{name: {"$ref": "http://127.0.0.1:9/x"}})
    assert schema_problems(foreign)[0].path == f"input_schema.properties.{name}.$ref"
    assert "cannot be applied" in InputSchema(foreign).causes({name: 1})[0]["reason"]


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "^((a)+)+$",
        "^(a?){25}a{25}$",
        "a?" * 40,
        "^(aa|aaa)*$",
        "^(?:(?=a+)a)+$",
        "^(?>a*b)*$",
        "a*a*a*a*b",
        "^(a)?(?(1)b|c)$",
    ],
)
def test_a_pattern_that_could_take_for_ever_is_refused(pattern: str) -> None:
    assert "for ever" in schema_problems(schema(a={"pattern": pattern}))[0].message


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{2}-\d+$",
        "EQ|PM",
        r"^[^@]+@[^.]+\.[a-z]{2,10}$",
        "^가+나?$",
        r"^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$",
        "^(a|b)+$",
        r"^(?P<x>a)\b(?P=x)$",
    ],
)
def test_a_pattern_of_every_day_is_taken(pattern: str) -> None:
    assert schema_problems(schema(a={"pattern": pattern})) == []


def test_patterns_cost_a_bounded_time_whatever_the_input_is() -> None:
    checked = InputSchema(schema(a={"items": {"pattern": "^a*a*b$"}}, b={"patternProperties": {"^x*x*y$": {}}}))
    assert checked.causes({"a": ["aab"], "b": {"xy": 1}}) == []
    assert "does not match" in checked.causes({"a": ["a" * 200, 5]})[0]["reason"]
    assert "too long" in checked.causes({"a": ["a" * 6_000]})[0]["reason"]
    assert "too long" in checked.causes({"a": ["a" * 2_000] * 20})[0]["reason"]
    assert "too long" in checked.causes({"b": {"x" * 9_000: 1}})[0]["reason"]


def test_members_of_a_pattern_name_follow_their_schema() -> None:
    checked = InputSchema(schema(a={"patternProperties": {"^n": {"type": "number"}}}))
    assert checked.causes({"a": {"n1": 1, "m": "x"}}) == []
    assert checked.causes({"a": {"n1": "x"}})[0]["input"] == "a.n1"
    assert checked.causes({"a": 5}) == []


def test_equal_members_are_found_without_comparing_each_with_each() -> None:
    checked = InputSchema(schema(a={"uniqueItems": True}))
    assert checked.causes({"a": [{"n": n, "l": [n]} for n in range(5_000)]}) == []
    assert checked.causes({"a": [1, True, "1", None, [1], {"x": 1}, {"x": 2}]}) == []
    assert "equal" in checked.causes({"a": [{"x": 1, "y": [2]}, {"y": [Decimal("2.0")], "x": 1}]})[0]["reason"]
    assert checked.causes({"a": "aa"}) == []


def test_an_input_too_large_for_its_schema_is_not_evaluable_at_once() -> None:
    checked = InputSchema(schema(a={"items": {"allOf": [{"minimum": n} for n in range(500)]}}))
    for value in (
        [1] * 100_000,
        [[1] * 10] * 1_000,
        {str(n): 1 for n in range(100_000)},
        "x" * 4_000_000,
        [["x" * 999]] * 999,
    ):
        assert "too large" in checked.causes({"a": value, "b": 1})[0]["reason"]


def test_a_very_large_schema_is_refused_before_it_is_checked() -> None:
    assert "too large" in schema_problems(schema(a={"allOf": [{"type": "string"}] * 10_000}))[0].message
