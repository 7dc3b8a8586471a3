from decimal import Decimal
from typing import Any

import msgspec
import pytest

from judgify.core.action.order import Order, check
from judgify.core.contracts.action import CompiledAction, compile_action
from judgify.core.contracts.document import ActionRule
from judgify.core.contracts.plan import Plan, compile_document, normal_name, read_document
from judgify.core.contracts.problem import DocumentError, Problem
from judgify.core.contracts.wire import ExecutionRecord


def table(name: str = "판정", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "hit_policy": "F",
        "inputs": [{"name": "온도", "type": "number"}],
        "outputs": [{"name": "결과", "type": "string"}],
        "rules": [
            {"id": "과열", "when": {"온도": ">= 90"}, "then": {"결과": "NG"}},
            {"id": "정상", "when": {"온도": "[0..90)"}, "then": {"결과": "OK"}},
        ],
        **changes,
    }


def document(**changes: Any) -> dict[str, Any]:
    return {
        "name": "온도 판정",
        "input_schema": {"type": "object", "properties": {"온도": {"type": "number"}}},
        "tables": [table()],
        "result": {"table": "판정", "output": "결과"},
        **changes,
    }


def plan(**changes: Any) -> Plan:
    return compile_document(read_document(document(**changes)))


def test_matched_not_matched_not_evaluable() -> None:
    good = plan().judge({"온도": Decimal("90.0")})
    assert (good.verdict, good.result, good.outputs, good.causes) == ("matched", "NG", {"판정": {"결과": "NG"}}, [])
    assert "과열" in good.explanation["ko"]
    assert "Matched" in good.explanation["en"]
    assert good.trace[0]["verdict"] == "matched"
    none = plan().judge({"온도": -1})
    assert (none.verdict, none.result, none.causes) == ("not_matched", None, [])
    doubt = plan().judge({"온도": "뜨거움"})
    assert (doubt.verdict, doubt.result) == ("not_evaluable", None)
    cell = next(cause for cause in doubt.causes if cause["table"])
    assert (cell["cell"], cell["input"], cell["value"], cell["rule"]) == (">= 90", "온도", "뜨거움", "과열")
    assert cell["reason"] != cell["reason_ko"]


def test_a_missing_input_names_itself() -> None:
    missing = plan().judge({})
    assert missing.verdict == "not_evaluable"
    assert [(cause["code"], cause["input"]) for cause in missing.causes] == [("missing", "온도")]


def test_input_against_the_schema_is_not_evaluable_even_where_no_rule_reads_it() -> None:
    schema = {"type": "object", "properties": {"온도": {"type": "number"}, "습도": {"type": "number"}}}
    judged = plan(input_schema=schema).judge({"온도": 95, "습도": "?"})
    assert judged.verdict == "not_evaluable"
    assert judged.outputs == {"판정": {"결과": "NG"}}
    assert "습도" in judged.explanation["ko"]


def test_a_later_table_reads_the_results_of_those_before_it() -> None:
    limits = {
        "name": "한계",
        "hit_policy": "U",
        "inputs": [{"name": "온도", "type": "number"}],
        "outputs": [{"name": "낮음", "type": "number"}, {"name": "높음", "type": "number"}],
        "rules": [{"when": {"온도": "< 1000"}, "then": {"낮음": 10, "높음": 20}}],
    }
    grade = {
        "name": "등급",
        "hit_policy": "F",
        "inputs": [{"name": "온도", "type": "number"}, {"name": "높음", "expression": "한계.높음", "type": "number"}],
        "outputs": [{"name": "값", "type": "string"}],
        "rules": [
            {"when": {"온도": "> 높음"}, "then": {"값": "위"}},
            {"when": {"온도": "<= 높음"}, "then": {"값": "아래"}},
        ],
    }
    last = {
        "name": "끝",
        "hit_policy": "F",
        "inputs": [{"name": "등급", "type": "string"}],
        "outputs": [{"name": "알림", "type": "boolean"}],
        "rules": [{"when": {"등급": '"위"'}, "then": {"알림": True}}],
    }
    made = plan(tables=[limits, grade, last], result={"table": "끝", "output": "알림"})
    high = made.judge({"온도": 25})
    assert (high.result, high.outputs["등급"]) == (True, {"값": "위"})
    assert made.judge({"온도": 15}).verdict == "not_matched"
    # The first table has no rule for it: the second cannot read its result, and the third is not asked.
    lost = made.judge({"온도": 2000})
    assert lost.verdict == "not_evaluable"
    assert {cause["table"] for cause in lost.causes} == {"등급"}
    assert [entry["table"] for entry in lost.trace] == ["한계", "등급"]


def test_the_result_may_come_from_an_earlier_table() -> None:
    made = plan(tables=[table(), table("둘째")])
    assert made.judge({"온도": 95}).result == "NG"


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"extra": 1}, "", "unknown field"),
        ({"tables": "x"}, "tables", "array"),
        ({"name": "a/b"}, "name", "not a name"),
        ({"name": ""}, "name", "not a name"),
        ({"name": "x" * 101}, "name", "not a name"),
        ({"name": "ᄒ" + "ᅡ"}, "name", "not a name"),
        ({"tables": []}, "tables", "0 tables"),
        ({"tables": [table(), table()]}, "tables[1].name", "taken"),
        ({"tables": [table("온도")], "result": {"table": "온도", "output": "결과"}}, "tables[0].name", "taken"),
        ({"tables": [table(inputs=[])]}, "tables[0].inputs", "at least one"),
        ({"tables": [{}]}, "tables[0]", "missing"),
        (
            {"tables": [table(examples=[{"in": {"온도": 1}, "out": {"결과": "NG"}}])]},
            "tables[0].examples[0]",
            "came out",
        ),
        ({"result": {"table": "없음", "output": "결과"}}, "result.table", "no table"),
        ({"result": {"table": "판정", "output": "없음"}}, "result.output", "no output"),
        ({"input_schema": {"type": "array"}}, "input_schema.type", "object"),
        (
            {"actions": [{"when": ">>", "type": "webhook", "target": "https://x.example/", "template": {}}]},
            "actions[0].when",
            "",
        ),
        (
            {"actions": [{"when": "-", "type": "notify", "target": "ops", "template": "x"}] * 51},
            "actions",
            "at most 50",
        ),
    ],
)
def test_every_mistake_names_its_path_and_its_mend(changes: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(DocumentError) as error:
        plan(**changes)
    problem = error.value.problems[0]
    assert problem.path == path
    assert words in problem.message
    assert error.value.fields["problems"][0]["path"] == path
    assert str(problem) in error.value.detail


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(DocumentError, match="and 1 more"):
        plan(name="/", result={"table": "?", "output": "?"})


def test_a_plan_keeps_its_actions_in_order() -> None:
    rule = {"when": '"NG"', "type": "notify", "target": "ops", "template": "x"}
    made = plan(actions=[rule, rule | {"when": '"OK"'}])
    assert [compiled.follows("OK") for compiled in made.actions] == [False, True]


def test_a_problem_without_mend_is_one_sentence() -> None:
    assert str(Problem("a.b", "is wrong")) == "a.b: is wrong"


def test_properties_that_are_no_object_are_the_schemas_problem_only() -> None:
    with pytest.raises(DocumentError) as error:
        plan(input_schema={"type": "object", "properties": []})
    assert [problem.path for problem in error.value.problems] == ["input_schema.properties"]


def test_names_are_one_in_every_unicode_form() -> None:
    assert normal_name("ᄒ" + "ᅡ") == "하"


def record(**changes: Any) -> ExecutionRecord:
    values: dict[str, Any] = {
        "id": "exe_1",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "workflow_id": "wfl_1",
        "workflow_name": "온도 판정",
        "workflow_version": 3,
        "method": "rule",
        "method_used": "rule",
        "verdict": "matched",
        "result": "NG",
        "confidence": 1.0,
        "basis": "rule",
        "degraded": False,
        "notes": [],
        "outputs": {},
        "causes": [],
        "explanation": {},
        "trace": [],
        "time_ms": 0.1,
        "life_safety": True,
        "subject": "kim",
        "input_data": msgspec.Raw(b"{}"),
    }
    return ExecutionRecord(**(values | changes))


def action(**changes: Any) -> CompiledAction:
    made = attempt(**changes)
    assert isinstance(made, CompiledAction), made
    return made


def attempt(**changes: Any) -> CompiledAction | Problem:
    values: dict[str, Any] = {"when": '"NG"', "type": "webhook", "target": "https://x.example/hook", "template": {}}
    return compile_action(ActionRule(**(values | changes)), "actions[0]")


@pytest.mark.parametrize(
    ("when", "result", "follows"),
    [
        ('"NG"', "NG", True),
        ('"NG"', "OK", False),
        (">= 3", 3, True),
        (">= 3", "text", False),
        (["NG", "WARN"], "WARN", True),
        (["NG", 'say "x"\n'], 'say "x"\n', True),
        ([True, 5, None], True, True),
        ([True, 5, None], None, True),
        ([True, 5, None], 5, True),
        ("-", "anything", True),
        ('"NG"', ["OK", "NG"], True),
        ('"NG"', [], False),
    ],
)
def test_an_action_follows_from_some_results(when: Any, result: Any, *, follows: bool) -> None:
    assert action(when=when).follows(result) is follows


def test_a_webhook_order_is_filled_in_and_keeps_types() -> None:
    template = {
        "text": "{{workflow}}: {{result}} ({{verdict}}) {{input.온도}} {{input.없음}}!",
        "value": "{{input.온도}}",
        "when": "{{ created_at }}",
        "list": ["{{execution_id}}", 5, None],
    }
    order = action(template=template, name="알림", headers={"X-A": "b"}).order(record(), 2, {"온도": 95})
    assert order.idempotency_key == "exe_1:2"
    assert order.params == {
        "url": "https://x.example/hook",
        "headers": {"X-A": "b"},
        "body": {
            "text": "온도 판정: NG (matched) 95 !",
            "value": 95,
            "when": "2026-01-01T00:00:00.000000Z",
            "list": ["exe_1", 5, None],
        },
    }
    assert order.context["life_safety"] is True
    assert (order.name, order.execution_id, order.workflow_id) == ("알림", "exe_1", "wfl_1")


def test_a_notification_has_a_subject_of_its_own_unless_one_is_given() -> None:
    plain = action(type="notify", target="ops", template="온도 {{input.온도}}").order(record(), 0, {"온도": 95})
    assert plain.params == {"subject": "[온도 판정] NG", "body": "온도 95", "channels": ["ops"]}
    given = action(type="notify", target="ops", template={"subject": "S", "body": "B"}).order(record(), 0, {})
    assert given.params == {"subject": "S", "body": "B", "channels": ["ops"]}
    number = action(type="notify", target="ops", template="{{input.온도}}").order(record(), 0, {"온도": 95})
    assert number.params["body"] == "95"


def test_slack_and_mail_are_ordered_as_the_action_service_takes_them() -> None:
    slack = action(type="slack", target="품질", template="온도 {{input.온도}}").order(record(), 0, {"온도": 95})
    assert slack.params == {"subject": "[온도 판정] NG", "text": "온도 95", "channel": "품질"}
    every = action(type="slack", target="*", template={"text": "{{result}}", "lang": "en"}).order(record(), 0, {})
    assert every.params == {"subject": "[온도 판정] NG", "text": "NG", "lang": "en"}
    mail = action(type="email", target="kim@example.com", template="{{result}}").order(record(), 0, {})
    assert mail.params == {"to": "kim@example.com", "subject": "[온도 판정] NG", "body": "NG"}
    for order in (slack, every, mail):
        assert check(Order.model_validate(msgspec.to_builtins(order))).type == order.type


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"when": " "}, "actions[0].when"),
        ({"when": []}, "actions[0].when"),
        ({"when": ">> 3"}, "actions[0].when"),
        ({"target": "ftp://x"}, "actions[0].target"),
        ({"type": "notify", "target": " "}, "actions[0].target"),
        ({"type": "email", "target": "kim"}, "actions[0].target"),
        ({"type": "slack", "target": ""}, "actions[0].target"),
        ({"template": "{{secret}}"}, "actions[0].template"),
        ({"template": {"a": ["x", {"b": "{{ result.__class__ }}"}]}}, "actions[0].template"),
    ],
)
def test_an_action_that_cannot_work_is_told(changes: dict[str, Any], path: str) -> None:
    made = attempt(**changes)
    assert isinstance(made, Problem)
    assert made.path == path
    assert made.mend


def test_a_template_nested_without_end_is_refused() -> None:
    template: Any = "x"
    for _ in range(15):
        template = {"a": template}
    made = attempt(template=template)
    assert isinstance(made, Problem)
    assert "nesting" in made.message


def test_an_input_that_could_not_be_read_is_never_matched() -> None:
    document = {
        "name": "모두",
        "input_schema": {"type": "object"},
        "tables": [
            {
                "name": "표",
                "hit_policy": "F",
                "inputs": [{"name": "x", "type": "any"}],
                "outputs": [{"name": "y", "type": "string"}],
                "rules": [{"when": {"x": "-"}, "then": {"y": "OK"}}],
            }
        ],
        "result": {"table": "표", "output": "y"},
    }
    plan = compile_document(read_document(document))
    assert plan.judge({}).result == "OK"
    judged = plan.judge({"_problem": "not JSON", "_line": "{"})
    assert (judged.verdict, judged.result) == ("not_evaluable", None)
    assert [(cause["code"], cause["input"]) for cause in judged.causes] == [("unreadable", "_problem")]
    assert "not JSON" in judged.explanation["ko"]
    assert "cannot be read" in judged.explanation["en"]
