import json
from typing import Any

import pytest

from judgify.drill.model_server import MODES, NONSENSE, Script, judge
from judgify.kit.clock import SystemClock


def asked(data: Any, result: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": f"<record-1>\n{json.dumps(data)}\n</record-1>"}]}
    if result is not None:
        schema = {"properties": {"result": {"anyOf": [result, {"type": "null"}]}}}
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
    return body


@pytest.mark.parametrize(
    ("data", "schema", "result"),
    [
        ({"value": 49.9}, {"type": "string", "enum": ["low", "high"]}, "low"),
        ({"value": 50}, {"type": "string", "enum": ["low", "high"]}, "high"),
        ({"a": [{"b": 99}], "on": True}, {"type": "string", "enum": ["low", "high"]}, "high"),
        ({"value": 70}, {"type": "boolean"}, True),
        ({"value": 70}, {"type": ["number", "null"]}, 70.0),
        ({"value": 70}, None, "high"),
    ],
)
def test_a_good_answer_follows_from_the_data(data: Any, schema: dict[str, Any] | None, result: Any) -> None:
    answer = judge(asked(data, schema))
    assert (answer["verdict"], answer["result"]) == ("matched", result)


@pytest.mark.parametrize(
    "body", [asked({"text": "x"}), {"messages": []}, {"messages": [{"role": "user", "content": "{"}]}]
)
def test_without_a_number_it_cannot_tell(body: dict[str, Any]) -> None:
    assert judge(body)["verdict"] == "cannot_tell"


def test_modes_are_switched_and_mistakes_are_told() -> None:
    script = Script(SystemClock())
    for mode in MODES:
        assert script.switch({"mode": mode, "delay_s": 1}) is None
        assert (script.mode, script.delay_s) == (mode, 1.0)
    for wrong in ({"mode": "odd"}, {"kind": "odd"}, {"delay_s": "1"}, {"threshold": True}, {"more": 1}):
        assert script.switch(wrong)
    assert script.state()["mode"] == MODES[-1]


def test_nonsense_comes_in_turn_unless_a_kind_is_named() -> None:
    script = Script(SystemClock())
    assert [script.nonsense() for _ in NONSENSE] == list(NONSENSE)
    script.switch({"mode": "nonsense", "kind": "empty"})
    assert [script.nonsense() for _ in range(2)] == ["empty", "empty"]
