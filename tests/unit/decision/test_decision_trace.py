"""What an outcome tells: the trace, the causes, the sentences, JSON, examples and the way back to a mapping."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from judgify.decision import (
    REASONS,
    Cause,
    DecisionTable,
    Matched,
    MonthDuration,
    NotEvaluable,
    NotMatched,
    explain,
    plain,
)
from judgify.decision.feel.shown import literal
from judgify.decision.limit import MAX_NESTING, MAX_SHOWN, MAX_SHOWN_ITEMS

SENSOR = {
    "name": "설비",
    "hit_policy": "U",
    "inputs": [
        {"name": "온도", "type": "number", "label": "온도(℃)"},
        {"name": "판정", "expression": "judged.판정", "type": "string", "allowed": '"OK", "NG"', "optional": True},
        {"name": "일시", "type": "date-time"},
    ],
    "outputs": [
        {"name": "result", "label": "결과", "type": "string", "values": ["stop", "go"]},
        {"name": "due"},
    ],
    "rules": [
        {
            "id": "hot",
            "note": "과열",
            "when": {"온도": "> 90", "판정": '"NG"'},
            "then": {"result": "stop", "due": None},
        },
        {"when": {"온도": "<= 90"}, "then": {"result": "go", "due": {"feel": '일시 + @"P1D"'}}},
    ],
    "default": {"result": "go", "due": {"feel": '@"2025-01-20"'}},
    "examples": [
        {"in": {"온도": 91, "judged": {"판정": "NG"}}, "out": {"result": "stop", "due": None}},
        {"in": {"온도": "91"}, "out": "not evaluable"},
    ],
}
TABLE = DecisionTable.from_mapping(SENSOR)


def test_a_trace_names_rules_cells_and_values() -> None:
    outcome = TABLE.evaluate({"온도": 91.5, "judged": {"판정": "NG"}, "unknown": 1})
    assert json.loads(json.dumps(outcome.to_dict())) == {
        "verdict": "matched",
        "by_default": False,
        "rules": ["hot"],
        "output": {"result": "stop", "due": None},
        "outputs": [{"result": "stop", "due": None}],
        "trace": {
            "table": "설비",
            "hit_policy": "U",
            "by_default": False,
            "values": {"온도": 91.5, "판정": "NG"},
            "rules": [
                {
                    "id": "hot",
                    "index": 0,
                    "note": "과열",
                    "result": "matched",
                    "cells": [
                        {"column": "온도", "cell": "> 90", "result": "true", "reason": None},
                        {"column": "판정", "cell": '"NG"', "result": "true", "reason": None},
                    ],
                },
                {
                    "id": "rule-2",
                    "index": 1,
                    "note": None,
                    "result": "false",
                    "cells": [{"column": "온도", "cell": "<= 90", "result": "false", "reason": None}],
                },
            ],
        },
    }


def test_a_cause_names_cell_input_value_and_reason() -> None:
    outcome = TABLE.evaluate({"온도": 91, "judged": {"판정": "??"}})
    assert isinstance(outcome, NotEvaluable)
    assert outcome.causes[0].to_dict() == {
        "code": "not-allowed",
        "params": {"allowed": '"OK", "NG"'},
        "reason": 'the value is not one of those allowed: "OK", "NG"',
        "rule": "hot",
        "rule_index": 0,
        "column": "판정",
        "cell": '"NG"',
        "input": "판정",
        "value": "??",
        "given": True,
    }
    shown = outcome.to_dict()
    assert shown["verdict"] == "not evaluable"
    assert shown["trace"]["values"] == {"온도": 91}
    assert shown["trace"]["rules"][0]["result"] == "not evaluable"
    assert shown["trace"]["rules"][0]["cells"][1]["reason"] == outcome.causes[0].reason
    assert TABLE.evaluate({"온도": 91}).to_dict()["causes"][0]["given"] is True


def test_the_trace_stays_when_the_callers_object_changes() -> None:
    given = {"온도": 80, "일시": "2025-01-20 09:00:00"}
    outcome = TABLE.evaluate(given)
    given["온도"] = 99
    assert outcome.trace.values == {"온도": 80, "일시": datetime(2025, 1, 20, 9)}  # noqa: DTZ001 - given without zone
    assert outcome.to_dict()["output"] == {"result": "go", "due": "2025-01-21T09:00:00"}


def test_the_trace_may_be_left_out() -> None:
    assert list(TABLE.evaluate({}).to_dict(trace=False)) == ["verdict", "causes"]
    assert list(TABLE.evaluate({"온도": 80}).to_dict(trace=False)) == ["verdict", "causes"]


def test_not_matched_and_by_default_are_told_apart() -> None:
    bare = DecisionTable.from_mapping({**SENSOR, "rules": SENSOR["rules"][:1]})  # type: ignore[index] # a list it is
    assert bare.evaluate({"온도": 1}).to_dict()["trace"]["by_default"] is True
    assert explain(bare.evaluate({"온도": 1})) == [
        '맞는 규칙이 없어 표에 선언된 기본값을 적용합니다: result = "go", due = "2025-01-20"'
    ]
    without = {key: value for key, value in SENSOR.items() if key not in {"default", "rules"}}
    never = DecisionTable.from_mapping({**without, "rules": SENSOR["rules"][:1]}).evaluate({"온도": 1})  # type: ignore[index] # as above
    assert isinstance(never, NotMatched)
    assert never.to_dict()["verdict"] == "not matched"
    assert explain(never) == ["맞는 규칙이 없습니다."]
    assert explain(never, "en") == ["No rule matched."]


def test_sentences_in_both_languages() -> None:
    matched = TABLE.evaluate({"온도": 95, "judged": {"판정": "NG"}})
    assert explain(matched) == ['맞은 규칙: hot → result = "stop", due = null']
    assert explain(matched, "en") == ['Matched: hot → result = "stop", due = null']
    wrong = TABLE.evaluate({"온도": "95"})
    assert explain(wrong)[0] == (
        "판단할 수 없음 — 규칙 'hot', '온도' 칸 > 90: 숫자 값이 필요하지만 문자열 값이 주어졌습니다 (값: \"95\")"
    )
    assert explain(wrong, "en")[0] == (
        'Not evaluable — rule "hot", cell > 90 of 온도: the value is a string, and a number is needed (value: "95")'
    )
    due = TABLE.evaluate({"온도": 80})
    assert explain(due, "en") == [
        'Not evaluable — rule "rule-2", cell 일시 + @"P1D" of due, input 일시: no value was given'
    ]
    assert explain(due) == [
        """판단할 수 없음 — 규칙 'rule-2', 'due' 칸 일시 + @"P1D", 입력 '일시': 값이 주어지지 않았습니다"""
    ]


def test_causes_between_rules_and_of_combined_outputs() -> None:
    trace = TABLE.evaluate({}).trace
    between = NotEvaluable((Cause("unique-violated", {"rules": "a, b"}),), trace)
    assert explain(between) == ["판단할 수 없음: 하나만 맞아야 하는데 여러 규칙이 맞았습니다: a, b"]
    assert explain(between, "en") == ["Not evaluable: several rules match where only one may: a, b"]
    combined = NotEvaluable((Cause("out-of-range", column="o"),), trace)
    assert explain(combined) == ["판단할 수 없음 — 출력 'o': 값이 허용 범위를 벗어났습니다"]
    assert explain(combined, "en") == ["Not evaluable — output o: the value is out of range"]


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_has_a_sentence_in_both_languages(code: str) -> None:
    params = dict.fromkeys(re.findall(r"\{(\w+)\}", "".join(REASONS[code].values())), "number")
    cause = Cause(code, params)
    assert "{" not in cause.reason + cause.explain("ko")
    assert any("가" <= letter <= "힣" for letter in cause.explain())


def test_examples_are_checked() -> None:
    assert TABLE.check_examples() == []
    wrong = DecisionTable.from_mapping(
        {
            **SENSOR,
            "examples": [
                {"in": {"온도": 91, "judged": {"판정": "NG"}}, "out": {"result": "go", "due": None}},
                {"in": {"온도": 91, "judged": {"판정": "NG"}}, "out": "not matched"},
                {"in": {}, "out": "not matched"},
                {"in": {}, "out": {"result": "go", "due": None}},
            ],
        }
    )
    failures = wrong.check_examples()
    assert [failure.path for failure in failures] == [f"examples[{index}]" for index in range(4)]
    assert str(failures[0]) == (
        'examples[0]: expected {"result": "go", "due": null}, came out {"result": "stop", "due": null}'
    )
    assert str(failures[2]) == "examples[2]: expected not matched, came out not evaluable"
    assert json.loads(json.dumps(failures[0].to_dict()))["outcome"]["verdict"] == "matched"


def collected(hit_policy: str, example: Any) -> DecisionTable:
    return DecisionTable.from_mapping(
        {
            "name": "t",
            "hit_policy": hit_policy,
            "inputs": [{"name": "a"}],
            "outputs": [{"name": "o", "type": "number", "values": [1, 2]}],
            "rules": [{"then": {"o": 1}}, {"then": {"o": 2}}],
            "examples": [{"in": {}, "out": {"o": example}}],
        }
    )


def test_examples_of_collecting_tables() -> None:
    assert collected("C", [1, 2.0]).check_examples() == []
    assert len(collected("R", [2, 1]).check_examples()) == 1
    assert collected("C+", 3).check_examples() == []
    assert collected("C#", 2).check_examples() == []
    table = collected("C", [2, 1])
    assert DecisionTable.from_mapping(table.to_mapping()).to_mapping() == table.to_mapping()


def test_a_table_goes_to_a_mapping_and_back() -> None:
    mapping = TABLE.to_mapping()
    assert json.loads(json.dumps(mapping)) == mapping
    again = DecisionTable.from_mapping(mapping)
    assert again.to_mapping() == mapping
    assert again == TABLE
    assert mapping["rules"][1] == {
        "when": {"온도": "<= 90"},
        "then": {"result": "go", "due": {"feel": '일시 + @"P1D"'}},
    }
    assert mapping["default"]["due"] == {"feel": '@"2025-01-20"'}
    assert mapping["inputs"][1]["optional"] is True


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1 << 5000, "<whole number of 5001 bits>"),
        (0.5, 0.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (Decimal("0.1"), 0.1),
        (Decimal("1E+999"), "1E+999"),
        (Decimal("sNaN"), "sNaN"),
        (Decimal("0.1000000000000000000000000001"), "0.1000000000000000000000000001"),
        ("가", "가"),
        (date(2025, 1, 20), "2025-01-20"),
        (timedelta(0), "PT0S"),
        (timedelta(days=1), "P1D"),
        (timedelta(days=-1, hours=2, minutes=3, seconds=4, microseconds=500_000), "-PT21H56M55.5S"),
        (timedelta(days=1, hours=2, seconds=5), "P1DT2H5S"),
        (MonthDuration(14), "P1Y2M"),
        (MonthDuration(-24), "-P2Y"),
        (MonthDuration(0), "P0M"),
        ((1, Decimal("0.5")), [1, 0.5]),
        ({1: [None]}, {"1": [None]}),
        (b"x", "<bytes>"),
    ],
)
def test_values_as_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected


def test_long_and_deep_values_are_cut_in_traces() -> None:
    assert plain("x" * 1000) == "x" * 1000
    assert plain("x" * 1000, shorten=True) == "x" * MAX_SHOWN + "…"
    assert len(plain(list(range(1000)), shorten=True)) == MAX_SHOWN_ITEMS
    assert len(plain({str(key): key for key in range(1000)}, shorten=True)) == MAX_SHOWN_ITEMS
    nested: Any = 1
    for _ in range(500):
        nested = {"a": nested}
    shown = plain(nested)
    for _ in range(MAX_NESTING):
        assert isinstance(shown, Mapping)
        shown = shown["a"]
    assert shown == "…"


def test_literals() -> None:
    assert [literal(value) for value in (None, True, False, 'a"\\\n', Decimal("1.50"), timedelta(1))] == [
        "null",
        "true",
        "false",
        '"a\\"\\\\\\n"',
        "1.50",
        '@"P1D"',
    ]


def test_numbers_that_json_cannot_hold_go_through_feel() -> None:
    mapping = {
        "name": "t",
        "inputs": [{"name": "a", "type": "number"}],
        "outputs": [{"name": "o", "type": "number", "values": [{"feel": "0.1000000000000000000000000001"}, 1]}],
        "rules": [{"then": {"o": {"feel": "0.1000000000000000000000000001"}}}],
    }
    table = DecisionTable.from_mapping(mapping)
    assert table.to_mapping()["rules"][0]["then"] == mapping["rules"][0]["then"]  # type: ignore[index] # a list it is
    outcome = table.evaluate({})
    assert isinstance(outcome, Matched)
    assert outcome.output["o"] == Decimal("0.1000000000000000000000000001")
