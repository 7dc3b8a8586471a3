import json
from typing import Any

import pytest

from judgify.core.contracts.advice import MAX_CRITERIA, MAX_REASON, AnswerForm, Opinion, advice_warnings
from judgify.core.contracts.plan import Plan, compile_document, read_document
from judgify.core.contracts.problem import DocumentError

pytestmark = pytest.mark.guide("S02")


def plan(llm: Any = None, output: dict[str, Any] | None = None, thens: Any = ("NG", "OK"), **changes: Any) -> Plan:
    table = {
        "name": "표",
        "hit_policy": changes.pop("hit_policy", "F"),
        "inputs": [{"name": "x", "type": "number"}],
        "outputs": [{"name": "y", **(output or {"type": "string"})}],
        "rules": [{"when": {"x": f"> {place}"}, "then": {"y": then}} for place, then in enumerate(thens)],
        **changes.pop("table", {}),
    }
    document = {
        "name": "물음",
        "input_schema": {"type": "object"},
        "tables": [table],
        "result": {"table": "표", "output": "y"},
        "llm": llm or {"criteria": "높으면 NG"},
        **changes,
    }
    return compile_document(read_document({name: value for name, value in document.items() if value is not None}))


def form(**given: Any) -> AnswerForm:
    found = plan(**given).form
    assert found is not None
    return found


def result_schema(**given: Any) -> Any:
    return form(**given).sent["properties"]["result"]["anyOf"][0]


def answer(**changes: Any) -> str:
    return json.dumps({"verdict": "matched", "result": "NG", "confidence": 0.7, "reason": "높음"} | changes)


def test_a_result_is_asked_for_as_the_rules_write_it() -> None:
    assert result_schema() == {"type": "string", "enum": ["NG", "OK"]}
    assert result_schema(thens=("NG", "NG", "OK")) == {"type": "string", "enum": ["NG", "OK"]}
    assert result_schema(output={"type": "string", "values": ["A", "NG", "OK"]})["enum"] == ["A", "NG", "OK"]
    assert result_schema(table={"default": {"y": "기타"}})["enum"] == ["NG", "OK", "기타"]
    assert form().strict


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"output": {"type": "number"}, "thens": (1, 2)}, {"type": "number"}),
        ({"output": {"type": "boolean"}, "thens": (True, False)}, {"type": "boolean"}),
        ({"output": {"type": "any"}, "thens": (1, 2)}, {"type": "number"}),
        ({"output": {"type": "any"}, "thens": (1, "a")}, {"type": "string"}),
        ({"output": {"type": "any"}, "thens": ({"feel": "x"}, "a")}, {"type": "string"}),
        ({"output": {"type": "number"}, "thens": (1, 2), "hit_policy": "C+"}, {"type": "number"}),
        ({"hit_policy": "C"}, {"type": "array", "items": {"type": "string", "enum": ["NG", "OK"]}}),
    ],
)
def test_a_result_of_another_kind(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert result_schema(**given) == expected


def test_an_author_can_ask_for_another_form() -> None:
    wanted = {"type": "object", "properties": {"등급": {"type": "integer", "minimum": 1}}, "required": ["등급"]}
    own = form(llm={"criteria": "등급", "output_schema": wanted})
    assert not own.strict
    assert isinstance(own.read(answer(result={"등급": 2})), Opinion)
    assert own.read(answer(result={"등급": 0})) == "schema"


def test_a_right_answer_is_an_opinion() -> None:
    assert form().read(answer()) == Opinion("matched", "NG", 0.7, "높음")
    assert form().read(answer(verdict="not_matched", result="NG")) == Opinion("not_matched", None, 0.7, "높음")
    long = form().read(answer(reason="가" * 5000))
    assert isinstance(long, Opinion)
    assert len(long.reason) == MAX_REASON


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("I think NG.", "not_json"),
        ("```json\n{}\n```", "not_json"),
        ("1e999999999999999999999", "not_json"),
        (b"\xff\xfe", "not_json"),
        ("[" * 100_000, "not_json"),
        ("[1]", "schema"),
        ("{}", "schema"),
        (answer(verdict="maybe"), "schema"),
        (answer(result="ng"), "schema"),
        (answer(result=None), "schema"),
        (answer(confidence=1.5), "schema"),
        (answer(confidence="high"), "schema"),
        (answer(more=1), "schema"),
    ],
)
def test_anything_else_is_none(text: str | bytes, wrong: str) -> None:
    assert form().read(text) == wrong


@pytest.mark.parametrize(
    ("llm", "path"),
    [
        ({"criteria": "  "}, "llm.criteria"),
        ({"criteria": "x" * (MAX_CRITERIA + 1)}, "llm.criteria"),
        ({"criteria": "x", "model": ""}, "llm.model"),
        ({"criteria": "x", "model": "a\nb"}, "llm.model"),
        ({"criteria": "x", "output_schema": {"type": "strng"}}, "llm.output_schema.type"),
        ({"criteria": "x", "output_schema": {"type": "string", "pattern": "(a+)+$"}}, "llm.output_schema.pattern"),
        ({"criteria": "x", "output_schema": {"$ref": "https://example.com/x"}}, "llm.output_schema.$ref"),
    ],
)
def test_mistakes_in_the_settings_for_a_model_are_told_with_their_path(llm: dict[str, Any], path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        plan(llm=llm)
    assert [problem.path for problem in caught.value.problems] == [path]
    assert caught.value.problems[0].mend


def test_a_workflow_that_wants_more_of_a_model_than_there_is_is_taken_with_a_warning() -> None:
    def warned(made: Plan, *, enabled: bool = True, model: str | None = "m") -> list[str]:
        return [problem.message for problem in advice_warnings(made.document, enabled=enabled, model=model)]

    without = compile_document(read_document(without_llm("rule_first")))
    assert without.form is None
    assert warned(without) == []
    assert "no llm.criteria" in warned(compile_document(read_document(without_llm("consensus"))))[0]
    assert warned(plan()) == []
    assert warned(plan(strategy="llm_first")) == []
    assert "ENABLE_LLM_ENGINE is false" in warned(plan(strategy="parallel"), enabled=False)[0]
    assert "none is connected" in warned(plan(strategy="consensus"), model=None)[0]


def without_llm(strategy: str) -> dict[str, Any]:
    return {
        "name": "물음",
        "input_schema": {"type": "object"},
        "tables": [
            {
                "name": "t",
                "hit_policy": "F",
                "inputs": [{"name": "x"}],
                "outputs": [{"name": "y"}],
                "rules": [{"when": {"x": "-"}, "then": {"y": 1}}],
            }
        ],
        "result": {"table": "t", "output": "y"},
        "strategy": strategy,
    }
