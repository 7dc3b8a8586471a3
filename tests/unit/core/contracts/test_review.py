"""What is said of a workflow's tables before they judge."""

from collections.abc import Sequence
from typing import Any

import pytest

from judgify.core.contracts import review as reviewed
from judgify.core.contracts.plan import compile_document, read_document
from judgify.core.contracts.review import review


def looked_at(cells: Sequence[str], schema: Any, policy: str = "U", column: Any = None, **more: Any) -> dict[str, Any]:
    document = {
        "name": "표",
        "input_schema": {"type": "object", **({"properties": {"값": schema}} if schema is not None else {})},
        "tables": [
            {
                "name": "판정",
                "hit_policy": policy,
                "inputs": [{"name": "값", "type": "number", **(column or {})}],
                "outputs": [{"name": "결과", "type": "number"}],
                "rules": [{"id": f"r{n}", "when": {"값": cell}, "then": {"결과": n}} for n, cell in enumerate(cells)],
            }
        ],
        "result": {"table": "판정", "output": "결과"},
        **more,
    }
    return review(compile_document(read_document(document)))


def gaps(*given: Any, **more: Any) -> list[str]:
    (table,) = looked_at(*given, **more)["tables"]
    return [found["where"]["값"] for found in table["findings"] if found["kind"] == "gap"]


@pytest.mark.parametrize(
    ("schema", "left"),
    [
        ({"type": "number"}, ["< 10, > 50"]),
        ({"type": "number", "minimum": 0}, ["[0..10), > 50"]),
        ({"type": "number", "minimum": 10}, ["> 50"]),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": 5, "maximum": 50}, ["(5..10)"]),
        ({"type": "number", "exclusiveMaximum": 50.5, "minimum": 10}, ["(50..50.5)"]),
        ({"type": "number", "maximum": 50}, ["< 10"]),
        ({"type": "number", "exclusiveMaximum": 51}, ["< 10, (50..51)"]),
        ({"type": "integer", "minimum": 10, "exclusiveMaximum": 51}, []),
        ({"type": "integer", "minimum": 9, "maximum": 50}, ["[9..10)"]),
        ({"type": "integer", "exclusiveMinimum": 9, "maximum": 51}, ["(9..10), (50..51]"]),
        ({"type": "integer", "exclusiveMinimum": 9, "maximum": 50}, []),
        ({"type": "integer"}, ["< 10, > 50"]),
        ({"enum": [1, 2]}, ["< 10, > 50"]),
        ({"type": "number", "enum": [1, 2]}, ["< 10, > 50"]),
        (True, ["< 10, > 50"]),
        (None, ["< 10, > 50"]),
    ],
)
def test_gaps_are_those_that_the_schema_lets_through(schema: Any, left: list[str]) -> None:
    assert gaps(("[10..50]",), schema) == left


def test_listed_values_narrow_a_text_and_a_rule_outside_them_is_no_mistake() -> None:
    text = {"type": "string"}
    assert gaps(('"가"',), {"enum": ["가", "나"]}, column=text) == ['"나"']
    assert gaps(('"가"', '"나"'), {"enum": ["가", "나"]}, column=text) == []
    assert gaps(('"가"', '"다"'), {"enum": ["가", "나"]}, column=text) == ['not("가", "다")']


def test_whole_numbers_have_nothing_between_them() -> None:
    assert gaps(("<= 1", ">= 2"), {"type": "integer"}) == []
    assert gaps(("<= 1", ">= 2"), {"type": "number"}) == ["(1..2)"]
    assert gaps(("<= 1", "> 2"), {"type": "integer"}) == ["(1..2]"]
    assert gaps(("<= 1", ">= 2"), {"type": "integer"}, column={"expression": "값 / 2"}) == ["(1..2)"]


def test_a_rule_that_cannot_hold_and_a_conflict_are_told_with_their_places_and_refuse_nothing() -> None:
    (table,) = looked_at(("< 0", ">= 0"), {"type": "number", "minimum": 0})["tables"]
    assert [(one["kind"], one["path"]) for one in table["findings"]] == [("impossible", "tables[0].rules[0]")]
    (table,) = looked_at(("< 9", ">= 0"), {"type": "number"})["tables"]
    assert [(one["kind"], one["path"]) for one in table["findings"]] == [
        ("conflict", "tables[0].rules[1]"),
        ("hit-policy", "tables[0]"),
    ]


@pytest.mark.parametrize(
    ("more", "reaches"),
    [
        ({}, "nothing"),
        ({"llm": {"criteria": "보고 판단"}}, "gaps"),
        ({"llm": {"criteria": "보고 판단"}, "strategy": "parallel"}, "every input"),
    ],
)
def test_it_says_what_reaches_a_model(more: dict[str, Any], reaches: str) -> None:
    assert looked_at(("-",), None, **more)["to_model"] == reaches


def test_a_large_table_is_not_looked_at_while_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewed, "MAX_RULES", 1)
    (table,) = looked_at(("< 0", "> 0"), None)["tables"]
    assert (table["complete"], table["findings"]) == (False, [])
