"""The smallest change that the walk over places finds is the smallest that trying every value finds."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judgify.decision import DecisionTable, counterfactual
from judgify.decision.clause import NoNames, same
from judgify.decision.feel.value import canonical


def table(rules: list[dict[str, Any]], inputs: list[dict[str, Any]], **more: Any) -> DecisionTable:
    return DecisionTable.from_mapping(
        {"name": "표", "hit_policy": "F", "inputs": inputs, "outputs": [{"name": "r"}], "rules": rules, **more}
    )


EQUIPMENT = table(
    [
        {"when": {"온도": ">= 90"}, "then": {"r": "stop"}},
        {"when": {"온도": "(80..90)", "진동": "> 4"}, "then": {"r": "watch"}},
        {"then": {"r": "ok"}},
    ],
    [{"name": "온도", "type": "number"}, {"name": "진동", "type": "number"}],
)


def test_the_smallest_change_is_named_and_said() -> None:
    found = counterfactual(EQUIPMENT, {"온도": 86, "진동": 4.5})
    assert [(one.input, one.instead, one.distance) for one in found.changes] == [
        ("온도", 90, 4),
        ("진동", 4, Decimal("0.5")),
    ]
    assert found.smallest is not None
    assert found.smallest.explain() == "'온도' 값이 86 대신 90이면 결과가 달라집니다: 맞은 규칙: rule-1 → r = \"stop\""
    assert found.smallest.explain("en") == (
        'with 90 instead of 86 as "온도" the outcome would be another: Matched: rule-1 → r = "stop"'
    )
    assert found.to_dict()["changes"][1]["where"] == "4"
    assert found.complete
    assert not found.unknown


ENDS = st.integers(-2, 4)
NUMBER = st.one_of(
    st.just("-"),
    ENDS.map(str),
    st.tuples(st.sampled_from(("<", "<=", ">", ">=")), ENDS).map(lambda pair: f"{pair[0]} {pair[1]}"),
    st.tuples(ENDS, ENDS).map(lambda pair: f"({min(pair)}..{max(pair) + 1})"),
    st.tuples(ENDS, ENDS).map(lambda pair: f"not({pair[0]}, {pair[1]})"),
)
WORD = st.sampled_from(("-", '"가"', '"b", "…"', 'not("가")'))
DAY = st.one_of(
    st.just("-"),
    st.integers(2, 6).map(lambda day: f'> @"2026-01-0{day}"'),
    st.integers(2, 6).map(lambda day: f'@"2026-01-0{day}"'),
)
FLAG = st.sampled_from(("-", "true", "false"))
INPUTS = [
    {"name": "n", "type": "number"},
    {"name": "w", "type": "string"},
    {"name": "d", "type": "date"},
    {"name": "f", "type": "boolean"},
]
GRID: dict[str, list[Any]] = {
    "n": [Decimal(one) / 4 for one in range(-16, 29)],
    "w": ["가", "b", "…", "else"],
    "d": [date(2026, 1, day) for day in range(1, 9)],
    "f": [True, False],
}


def says(found: DecisionTable, record: dict[str, Any]) -> Any:
    outcome = found.evaluate(record).to_dict(trace=False)
    return outcome["verdict"], outcome.get("output")


@settings(max_examples=150, deadline=None)
@given(
    cells=st.lists(st.tuples(NUMBER, WORD, DAY, FLAG), min_size=1, max_size=6),
    record=st.fixed_dictionaries({name: st.sampled_from(values) for name, values in GRID.items()}),
)
def test_no_value_that_is_tried_is_nearer(cells: list[tuple[str, ...]], record: dict[str, Any]) -> None:
    rules = [{"when": dict(zip("nwdf", row, strict=True)), "then": {"r": n % 3}} for n, row in enumerate(cells)]
    found = table(rules, INPUTS)
    changes = {one.input: one for one in counterfactual(found, record).changes}
    now = says(found, record)
    for name, values in GRID.items():
        others = [value for value in values if says(found, {**record, name: value}) != now]
        change = changes.get(name)
        if change is None:
            assert not others
            continue
        assert says(found, {**record, name: change.instead}) != now
        if change.distance is not None:
            days = name == "d"
            far = [abs((one - record[name]).days if days else one - record[name]) for one in others]
            assert all(change.distance <= one for one in far)
            assert (
                abs((change.instead - record[name]).days if days else change.instead - record[name]) >= change.distance
            )
            if days:
                assert abs((change.instead - record[name]).days) == change.distance


def test_beside_an_open_end_the_digits_given_decide() -> None:
    found = table(
        [{"when": {"n": "(80..80.05)"}, "then": {"r": 1}}, {"then": {"r": 2}}], [{"name": "n", "type": "number"}]
    )
    change = counterfactual(found, {"n": 79}).smallest
    assert change is not None
    assert (change.instead, change.distance, change.where) == (Decimal("80.01"), Decimal(1), "(80..80.05)")
    above = counterfactual(found, {"n": 81}).smallest
    assert above is not None
    assert above.instead == Decimal("80.04")
    inside = counterfactual(found, {"n": 80.02}).smallest
    assert inside is not None
    assert (inside.instead, inside.distance) == (80, Decimal("0.02"))


def test_what_is_not_constant_is_named_and_not_guessed() -> None:
    inputs: list[dict[str, Any]] = [
        {"name": "a", "type": "number"},
        {"name": "b", "type": "number"},
        {"name": "c", "type": "number"},
        {"name": "twice", "type": "number", "expression": "e * 2"},
        {"name": "g", "allowed": '1, "x"'},
        {"name": "idle"},
        {"name": "out"},
        {"name": "k", "type": "number"},
    ]
    when = {"a": "> b", "c": "> 3", "twice": "> 1", "g": "1", "k": "null"}
    found = table([{"when": when, "then": {"r": {"feel": "out"}}}, {"when": {"b": "1"}, "then": {"r": 1}}], inputs)
    record = {"a": 2, "b": 1, "c": 4, "e": 1, "g": 1, "idle": 0, "out": 5, "k": None}
    result = counterfactual(found, record)
    assert result.unknown == ("a", "b", "twice", "g", "out", "k")
    assert [(one.input, one.instead) for one in result.changes] == [("c", 3)]
    assert result.to_dict()["not_analysed"] == list(result.unknown)


def test_a_value_that_is_missing_has_no_distance_and_an_answer_is_a_change() -> None:
    found = counterfactual(EQUIPMENT, {"진동": 1})
    change = found.smallest
    assert change is not None
    assert (change.now, change.instead, change.distance) == (None, 80, None)
    assert change.to_dict()["distance"] is None
    assert change.explain("en").startswith('with 80 given as "온도" the outcome would be another: ')
    assert change.explain("ko").startswith("'온도' 값이 80(으)로 주어지면 결과가 달라집니다: ")


def test_only_what_is_allowed_is_proposed() -> None:
    only = {"name": "w", "type": "string", "allowed": ["가", "b"]}
    found = table([{"when": {"w": '"가"'}, "then": {"r": 1}}, {"then": {"r": 1}}], [only])
    assert counterfactual(found, {"w": "가"}).smallest is None
    strict = table([{"when": {"w": '"가"'}, "then": {"r": 1}}], [only])
    change = counterfactual(strict, {"w": "가"}).smallest
    assert change is not None
    assert (change.instead, change.after.verdict) == ("b", "not matched")


def test_a_long_search_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["judgify.decision.counterfactual"], "MAX_TRIED", 1)
    found = counterfactual(EQUIPMENT, {"온도": 10, "진동": 4.5})
    assert not found.complete


def test_constants_know_no_name_and_outputs_of_two_kinds_differ() -> None:
    assert not NoNames.declares("온도")
    assert not same(True, 1)
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - without a zone on purpose
    assert not same(canonical(naive), canonical(naive.replace(tzinfo=UTC)))
