"""An index only ever leaves out what is certainly false: an indexed table answers as one that looks at every rule."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judgify.decision import DecisionTable, index
from judgify.decision.index import BitIndex, ListIndex, index_of

NUMBERS = st.one_of(st.integers(-3, 6), st.sampled_from((0.5, 2.5, -1.5)))
WORDS = st.sampled_from(("가", "b", "c", ""))
DAYS = st.integers(1, 5).map(lambda day: f"2026-01-{day:02}")


def span(value: Any, other: Any, ends: str) -> str:
    low, high = sorted((value, other))
    closed = "[]" if low == high else ends
    return f"{closed[0]}{low}..{high}{closed[1]}"


NUMBER_CELL = st.one_of(
    st.just("-"),
    NUMBERS.map(str),
    st.tuples(st.sampled_from(("<", "<=", ">", ">=")), NUMBERS).map(lambda pair: f"{pair[0]} {pair[1]}"),
    st.builds(span, NUMBERS, NUMBERS, st.sampled_from(("[]", "()", "[)", "(]"))),
    st.lists(NUMBERS, min_size=1, max_size=3).map(lambda found: f"not({', '.join(map(str, found))})"),
    st.tuples(NUMBERS, NUMBERS, NUMBERS).map(lambda found: f"{found[0]}, {span(found[1], found[2], '[)')}"),
    st.just("!= 2"),
    st.just("< other"),
    st.just("null"),
)
WORD_LIST = st.lists(WORDS, min_size=1, max_size=3).map(lambda found: ", ".join(f'"{word}"' for word in found))
WORD_CELL = st.one_of(st.just("-"), WORD_LIST, WORD_LIST.map(lambda found: f"not({found})"), st.just('> "b"'))
DAY_CELL = st.one_of(
    st.just("-"),
    DAYS.map(lambda day: f'@"{day}"'),
    DAYS.map(lambda day: f'>= @"{day}"'),
    st.tuples(DAYS, DAYS).map(lambda pair: f'[@"{min(pair)}"..@"{max(pair)}"]'),
)
MIXED_CELL = st.sampled_from(("-", '"가"', "1", "true", "false", "[0..2]", "not(true)"))
RULES = st.lists(st.tuples(NUMBER_CELL, WORD_CELL, DAY_CELL, MIXED_CELL), min_size=1, max_size=9)
RECORD = st.fixed_dictionaries(
    {
        "n": st.one_of(NUMBERS, st.none(), WORDS),
        "w": st.one_of(WORDS, st.none(), NUMBERS),
        "d": st.one_of(DAYS, st.none(), st.just("someday")),
        "x": st.one_of(NUMBERS, WORDS, st.booleans(), st.none()),
    },
    optional={"other": NUMBERS},
)


def table(cells: Sequence[tuple[str, ...]], policy: str = "F") -> DecisionTable:
    return DecisionTable.from_mapping(
        {
            "name": "표",
            "hit_policy": policy,
            "inputs": [
                {"name": "n", "type": "number"},
                {"name": "w", "type": "string"},
                {"name": "d", "type": "date"},
                {"name": "x"},
                {"name": "other", "type": "number", "optional": True},
            ],
            "outputs": [{"name": "r", "type": "number", "values": [0, 1, 2]}],
            "rules": [
                {"when": dict(zip("nwdx", row, strict=True)), "then": {"r": number % 3}}
                for number, row in enumerate(cells)
            ],
        }
    )


@settings(max_examples=250, deadline=None)
@given(
    cells=RULES,
    records=st.lists(RECORD, min_size=1, max_size=4),
    policy=st.sampled_from(("F", "U", "A", "P", "R", "C", "C+", "C#")),
    long=st.booleans(),
)
def test_an_indexed_table_answers_as_one_without(
    cells: Sequence[tuple[str, ...]], records: list[dict[str, Any]], policy: str, *, long: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if long:
            patch.setattr(index, "MOST_BITS", 0)
            patch.setattr(index, "MOST_PER_RULE", 12)
        indexed = table(cells, policy)
    plain = replace(indexed, index=None)
    for record in records:
        one, other = indexed.evaluate(record), plain.evaluate(record)
        assert one == other
        assert one.to_dict() == other.to_dict()


def test_a_long_table_is_narrowed_to_what_may_hold() -> None:
    cells = [(f"[{10 * n}..{10 * n + 10})", f'"{n % 7}"', "-", "-") for n in range(200)]
    found = table(cells)
    assert isinstance(found.index, BitIndex)
    outcome = found.evaluate({"n": 1005, "w": "2", "d": None, "x": None})
    assert outcome.verdict == "matched"
    assert [rule.id for rule in outcome.trace.rules][-1] == "rule-101"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "MOST_BITS", 0)
        patch.setattr(index, "MOST_PER_RULE", 150)  # the words alone would take 200 places for each of 28 rules
        listed = table(cells)
    assert isinstance(listed.index, ListIndex)
    assert listed.evaluate({"n": 1005, "w": "2", "d": None, "x": None}) == outcome
    assert [len(lists[1]) for _, _, lists in listed.index.columns][:1] == [1]


def test_where_nothing_can_be_told_by_constants_there_is_no_index() -> None:
    assert table([("-", "-", "-", "-")] * 6).index is None
    assert table([("< other", "-", "-", "-")] * 6).index is None
    assert index_of(table([("1", "-", "-", "-")] * 3).rules, 5) is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "MOST_BITS", 0)
        patch.setattr(index, "MOST_PER_RULE", 0)
        assert table([("1", "-", "-", "-")] * 6).index is None


def test_a_value_that_changes_afterwards_changes_no_trace() -> None:
    cells = [("1", '"b"', "-", "-"), ("2", "-", "-", "-"), ("3", "-", "-", "-"), ("-", '"c"', "-", "-")]
    record = {"n": 9, "w": "c", "d": date(2026, 1, 1), "x": 1}
    outcome = table(cells).evaluate(record)
    record.update({"n": 1, "w": "b"})
    assert [rule.result for rule in outcome.trace.rules] == ["false", "false", "false", "matched"]
    assert outcome.trace.values == {"n": 9, "w": "c"}


def test_a_trace_says_why_a_cell_could_not_be_told() -> None:
    outcome = table(
        [("1", '"b"', "-", "-"), ("2", "-", "-", "-"), ("3", "-", "-", "-"), ("-", '"c"', "-", "-")]
    ).evaluate({"n": "one", "w": "x"})
    cells = [cell for rule in outcome.trace.rules for cell in rule.cells]
    assert {cell.result for cell in cells} == {"not evaluable", "false"}
    assert {cell.cause.code for cell in cells if cell.cause is not None} == {"wrong-type"}


def test_a_trace_of_a_worked_out_output_names_what_it_read() -> None:
    given = {
        "name": "t",
        "hit_policy": "F",
        "inputs": [{"name": "n", "type": "number"}, {"name": "m", "type": "number"}],
        "outputs": [{"name": "r", "type": "number"}],
        "rules": [{"when": {"n": str(number)}, "then": {"r": {"feel": "m * 2"}}} for number in range(6)],
    }
    indexed = DecisionTable.from_mapping(given)
    one, other = (found.evaluate({"n": 3, "m": 2}) for found in (indexed, replace(indexed, index=None)))
    assert one.to_dict() == other.to_dict()
    assert one.trace.to_dict()["values"] == {"n": 3, "m": 2}
