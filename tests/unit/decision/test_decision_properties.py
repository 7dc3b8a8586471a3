"""What holds for every table and every value."""

import json
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from judgify.decision import DecisionTable, Matched, NotEvaluable, NotMatched, TableError
from judgify.decision.feel.error import MISSING
from judgify.decision.feel.parser import parse_expression
from judgify.decision.feel.shown import literal

NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
WORDS = """- not ( ) [ ] .. , < >= != = 1 .5 1e3 "a" x 온도 전력(kW) null true @ @"PT1M" date( "2025-01-20" + * / .
if then else in and"""
CELL_TEXT = st.text(max_size=30) | st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)


def one_cell(cell: Any) -> DecisionTable:
    return DecisionTable.from_mapping(
        {
            "name": "t",
            "inputs": [{"name": "x"}, {"name": "온도"}, {"name": "전력(kW)"}],
            "outputs": [{"name": "o"}],
            "rules": [{"when": {"x": cell}, "then": {"o": 1}}],
        }
    )


@settings(max_examples=400, deadline=None)
@given(CELL_TEXT, JSON, JSON)
def test_any_text_is_a_cell_or_a_table_error_and_any_value_gets_an_outcome(cell: str, value: Any, other: Any) -> None:
    try:
        table = one_cell(cell)
    except TableError as error:
        assert error.problems[0].path.startswith("rules[0].when.x")  # noqa: PT017 - what it says is the property
        return
    outcome = table.evaluate({"x": value, "온도": other, "전력(kW)": other})
    assert isinstance(outcome, Matched | NotMatched | NotEvaluable)
    json.dumps(outcome.to_dict(), allow_nan=False)
    again = DecisionTable.from_mapping(table.to_mapping())
    assert again == table
    assert again.evaluate({"x": value, "온도": other, "전력(kW)": other}) == outcome


@settings(deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS, st.booleans(), st.booleans())
def test_ranges_agree_with_arithmetic(low: Any, high: Any, value: Any, left: bool, right: bool) -> None:  # noqa: FBT001 - drawn
    low, high = sorted((low, high))
    if low == high:
        high += 1
    cell = f"{'[' if left else '('}{low}..{high}{']' if right else ')'}"
    within = (low <= value if left else low < value) and (value <= high if right else value < high)
    assert isinstance(one_cell(cell).evaluate({"x": value}), Matched) is within
    assert isinstance(one_cell(f"not({cell})").evaluate({"x": value}), Matched) is not within


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_decimal_that_it_prints_as(value: float) -> None:
    assert isinstance(one_cell(repr(value)).evaluate({"x": value}), Matched)


@settings(deadline=None)
@given(st.integers(-(10**60), 10**60), st.integers(-(10**60), 10**60))
def test_whole_numbers_stay_exact(left: int, right: int) -> None:
    for symbol, expected in (("+", left + right), ("-", left - right), ("*", left * right)):
        assert isinstance(one_cell(f"온도 {symbol} ({right})").evaluate({"x": expected, "온도": left}), Matched)


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(1, 10**12))
def test_division_is_right_to_34_digits(left: int, right: int) -> None:
    table = DecisionTable.from_mapping(
        {
            "name": "t",
            "inputs": [{"name": "a"}, {"name": "b"}],
            "outputs": [{"name": "o"}],
            "rules": [{"then": {"o": {"feel": "a / b"}}}],
        }
    )
    outcome = table.evaluate({"a": left, "b": right})
    assert isinstance(outcome, Matched)
    exact = Fraction(left, right)
    assert abs(Fraction(outcome.output["o"]) - exact) <= abs(exact) * Fraction(1, 10**33)


@settings(deadline=None)
@given(
    st.one_of(
        NUMBERS.map(lambda number: number if isinstance(number, int) else Decimal(number)),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
        st.dates(),
        st.datetimes(),
        st.timedeltas(),
        st.booleans(),
        st.none(),
    )
)
def test_a_literal_reads_back_to_its_value(value: Any) -> None:
    expected = unicodedata.normalize("NFC", value) if isinstance(value, str) else value
    column = {"name": "o", "type": "any"}
    table = DecisionTable.from_mapping(
        {
            "name": "t",
            "inputs": [{"name": "x"}],
            "outputs": [column],
            "rules": [{"then": {"o": {"feel": literal(value)}}}],
        }
    )
    outcome = table.evaluate({})
    assert isinstance(outcome, Matched)
    assert outcome.output["o"] == expected
    assert parse_expression(literal(True)) == parse_expression("true")


CELLS = st.sampled_from(["-", "1", "2", "not(1)"])
VALUES = st.sampled_from([1, 2, 3, None, "wrong", MISSING])
RULES = st.lists(
    st.tuples(st.lists(CELLS, min_size=3, max_size=3), st.sampled_from([10, 20, 30])), min_size=1, max_size=5
)
WORTH = {30: 0, 20: 1, 10: 2}


def cell_holds(cell: str, value: Any) -> bool | None:
    if cell == "-":
        return True
    if not isinstance(value, int):
        return None
    return value != 1 if cell == "not(1)" else value == int(cell)


def rule_holds(cells: list[str], values: list[Any]) -> bool | None:
    told = [cell_holds(cell, value) for cell, value in zip(cells, values, strict=True)]
    if False in told:
        return False
    return None if None in told else True


def possible(hit_policy: str, holds: list[bool], outputs: list[int]) -> Any:
    """Work a table out by the book, for rules that are all true or false."""
    hits = [output for output, held in zip(outputs, holds, strict=True) if held]
    if not hits:
        return "not matched"
    if hit_policy == "F":
        return hits[0]
    if hit_policy == "P":
        return min(hits, key=WORTH.__getitem__)
    if (hit_policy == "U" and len(hits) > 1) or (hit_policy == "A" and len(set(hits)) > 1):
        return "not evaluable"
    combined = {"C+": sum(hits), "C<": min(hits), "C>": max(hits), "C#": len(hits), "R": hits, "C": hits}
    return combined.get(hit_policy, hits[0])


def completions(holds: list[bool | None]) -> list[list[bool]]:
    done: list[list[bool]] = [[]]
    for held in holds:
        done = [[*so_far, choice] for so_far in done for choice in ([held] if held is not None else [True, False])]
    return done


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(["U", "A", "P", "F", "R", "C", "C+", "C<", "C>", "C#"]),
    RULES,
    st.lists(VALUES, min_size=3, max_size=3),
)
def test_an_answer_is_given_only_when_every_way_of_settling_the_doubts_gives_it(
    hit_policy: str, rules: list[tuple[list[str], int]], values: list[Any]
) -> None:
    table = DecisionTable.from_mapping(
        {
            "name": "t",
            "hit_policy": hit_policy,
            "inputs": [{"name": name, "type": "number"} for name in "abc"],
            "outputs": [{"name": "o", "type": "number", "values": [30, 20, 10]}],
            "rules": [{"when": cells, "then": {"o": output}} for cells, output in rules],
        }
    )
    outcome = table.evaluate({name: value for name, value in zip("abc", values, strict=True) if value is not MISSING})
    holds = [rule_holds(cells, values) for cells, _ in rules]
    outputs = [output for _, output in rules]
    answers = [possible(hit_policy, settled, outputs) for settled in completions(holds)]
    if isinstance(outcome, Matched):
        assert all(answer == outcome.output["o"] for answer in answers)
    elif isinstance(outcome, NotMatched):
        assert answers == ["not matched"]
    else:
        assert None in holds or answers == ["not evaluable"]
        assert outcome.causes
    if None not in holds:
        assert (answers[0] == "not evaluable") is isinstance(outcome, NotEvaluable)


@settings(deadline=None)
@given(RULES, st.lists(VALUES, min_size=3, max_size=3), st.permutations([0, 1, 2]))
def test_the_order_of_columns_changes_nothing(
    rules: list[tuple[list[str], int]], values: list[Any], order: list[int]
) -> None:
    def verdict(places: list[int]) -> tuple[str, Any]:
        table = DecisionTable.from_mapping(
            {
                "name": "t",
                "inputs": [{"name": f"i{place}", "type": "number"} for place in places],
                "outputs": [{"name": "o"}],
                "rules": [{"when": [cells[place] for place in places], "then": {"o": out}} for cells, out in rules],
            }
        )
        outcome = table.evaluate({f"i{place}": values[place] for place in places if values[place] is not MISSING})
        return outcome.verdict, getattr(outcome, "rules", None)

    assert verdict(order) == verdict([0, 1, 2])
