"""Many objects at once are judged exactly as one after the other, whatever the table and whatever they hold."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judgify.decision import DecisionTable, NotEvaluable, explain, index
from judgify.kit.errors import Invalid

CELLS = (
    st.sampled_from(("-", "1", "[0..2]", "> 1, null", "not(2)", "< other", "0.5", "? * 2 = 2")),
    st.sampled_from(("-", '"가"', '"b", "c"', 'not("b")', 'starts with(?, "b")')),
    st.sampled_from(("-", "true", "1", '"1"', "[0..1)", "null")),
)
THEN = st.sampled_from((0, 1, {"feel": "n + other"}, {"feel": "1 + 1"}))
RULES = st.lists(st.tuples(st.tuples(*CELLS), THEN), min_size=1, max_size=7)
NUMBERS = st.sampled_from((0, 1, 2, 3, 0.5, Decimal(1), Decimal("1.0"), True, None, "1", 10**30, float("nan")))
WORDS = st.sampled_from(("가", "\u1100\u1161", "b", "bc", "", None, 1))
ANYTHING: st.SearchStrategy[Any] = st.sampled_from((True, False, 1, 1.0, 0, "1", None)) | st.builds(
    list, st.just((1, 2))
)
OBJECTS = st.lists(
    st.fixed_dictionaries({}, optional={"n": NUMBERS, "w": WORDS, "x": ANYTHING, "other": NUMBERS, "gone": WORDS}),
    max_size=12,
)
POLICIES = st.sampled_from(("U", "A", "P", "F", "R", "C", "C+", "C<", "C#"))


def table(policy: str, rules: Sequence[Any], **more: Any) -> DecisionTable:
    return DecisionTable.from_mapping(
        {
            "name": "표",
            "hit_policy": policy,
            "inputs": [
                {"name": "n", "type": "number", "allowed": "< 1000"},
                {"name": "w", "type": "string"},
                {"name": "x"},
                {"name": "other", "expression": "other + 0", "type": "number", "optional": True},
            ],
            "outputs": [{"name": "r", "type": "number", "values": [0, 1, 2, 3]}],
            "rules": [{"when": dict(zip("nwx", cells, strict=True)), "then": {"r": then}} for cells, then in rules],
            **more,
        }
    )


@settings(max_examples=80, deadline=None)
@given(POLICIES, RULES, OBJECTS, st.booleans(), st.booleans())
def test_a_batch_is_judged_as_its_objects_are(
    policy: str,
    rules: Sequence[Any],
    objects: list[dict[str, Any]],
    default: bool,  # noqa: FBT001 - drawn
    lists: bool,  # noqa: FBT001 - drawn
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "MOST_BITS", 0 if lists else 10**6)
        judged = table(policy, rules, **({"default": {"r": 3}} if default else {}))
    before = repr(objects)
    found = judged.evaluate_many(iter(objects))
    assert [one.to_dict() for one in found] == [judged.evaluate(one).to_dict() for one in objects]
    assert [explain(one) for one in found] == [explain(judged.evaluate(one)) for one in objects]
    assert repr(objects) == before


@settings(max_examples=30, deadline=None)
@given(RULES, st.lists(st.tuples(NUMBERS, WORDS, ANYTHING, NUMBERS), max_size=8), st.sets(st.sampled_from("nwx")))
def test_columns_are_judged_as_the_objects_that_they_are_made_of(
    rules: Sequence[Any], values: list[tuple[Any, ...]], kept: set[str]
) -> None:
    names: list[str] = [name for name in ("n", "w", "x", "other") if name in kept or name == "other"]
    objects: list[dict[str, Any]] = [
        {name: one[("n", "w", "x", "other").index(name)] for name in names} for one in values
    ]
    judged = table("F", rules)
    columns = {name: tuple(one[name] for one in objects) for name in names}
    assert judged.evaluate_many(columns) == [judged.evaluate(one) for one in objects]


def test_a_value_that_cannot_be_judged_is_told_with_cell_value_and_reason() -> None:
    judged = table("F", [(("[0..2]", "-", "-"), 1), (("> 2", "-", "-"), 2)])
    columns: dict[str, list[Any]] = {"n": [1, "1", None, 5], "w": ["b"] * 4}
    outcomes = judged.evaluate_many(columns)
    assert [one.verdict for one in outcomes] == ["matched", "not evaluable", "not evaluable", "matched"]
    assert isinstance(outcomes[1], NotEvaluable)
    cause = outcomes[1].causes[0]
    assert (cause.column, cause.cell, cause.value, cause.code) == ("n", "[0..2]", "1", "wrong-type")


def test_outcomes_of_equal_objects_are_each_ones_own() -> None:
    judged = table("F", [(("-", "-", "-"), 1)] * 5)
    one, other = judged.evaluate_many([{"n": 1, "w": "b", "x": 1}] * 2)
    assert one == other
    assert isinstance(one.to_dict()["output"], dict)
    assert getattr(one, "output") is not getattr(other, "output")  # noqa: B009 - only one kind of outcome has it


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([{"n": 1}, [2]], "object 1: a table judges an object of named values, not a list"),
        ({"n": [1, 2], "w": ["b"]}, "different numbers of values: n 2, w 1"),
        ({"n": "12"}, "column n: a list of values is needed, not a str"),
        ({"n": 5}, "column n: a list of values is needed, not a int"),
    ],
)
def test_what_is_no_batch_is_refused_whole(wrong: Any, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        table("F", [(("-", "-", "-"), 1)]).evaluate_many(wrong)


def test_nothing_is_judged_of_nothing() -> None:
    judged = table("F", [(("-", "-", "-"), 1)])
    empty: list[Mapping[str, Any]] = []
    assert judged.evaluate_many(empty) == judged.evaluate_many({}) == judged.evaluate_many({"n": []}) == []


@pytest.mark.parametrize("bits", [0, 10**6])
def test_a_long_table_is_looked_up_once_for_equal_objects(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MOST_BITS", bits)
    judged = table("U", [((str(number), '"b"' if number % 2 else "-", "-"), number % 4) for number in range(20)])
    objects = [{"n": number % 23, "w": word} for number in range(60) for word in ("b", "c", None)]
    found = judged.evaluate_many(objects)
    assert found == [judged.evaluate(one) for one in objects]
    assert {one.verdict for one in found} == {"matched", "not matched", "not evaluable"}
