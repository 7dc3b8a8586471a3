"""Cells read by a pattern are the cells that the parser reads; and what a table says of them is the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judgify.decision import DecisionTable, Matched, NotEvaluable, TableError
from judgify.decision.feel.error import FeelError
from judgify.decision.feel.parser import parse_tests
from judgify.decision.plain_cell import plain_tests

NUMBERS = st.sampled_from(("0", "-0", "5", "-12", "1.50", "-0.5", "007", ".5", "1.", "1e3", "9" * 31, "- 5"))
CELLS = st.one_of(
    NUMBERS,
    st.tuples(st.sampled_from(("<", "<=", ">= ", "> ", "=", "!=", "<<")), NUMBERS).map("".join),
    st.tuples(
        st.sampled_from("[(]"), NUMBERS, st.sampled_from(("..", " .. ", ".")), NUMBERS, st.sampled_from("])[")
    ).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(lambda text: f'"{text}"'),
    st.sampled_from(('"가"', '"a" ', '"a","b"', '"\\n"', '"""', '"a', "x", "-", "true", 'not("a")', "5..6")),
)


@settings(max_examples=200, deadline=None)
@given(CELLS)
def test_a_plain_cell_is_read_as_the_parser_reads_it(text: str) -> None:
    found = plain_tests(text)
    try:
        expected = parse_tests(text)
    except FeelError:
        assert found is None
        return
    assert found is None or repr(found) == repr(expected)


@pytest.mark.parametrize("text", ['"OK"', '"가 나"', "5", "-1.50", "< 5", ">=-3", "[1..5]", "(-1.5 .. 20)", "]1..2["])
def test_most_cells_are_plain(text: str) -> None:
    assert repr(plain_tests(text)) == repr(parse_tests(text))


def table(kind: str, *cells: str) -> DecisionTable:
    rules = [{"when": {"a": cell}, "then": {"r": number}} for number, cell in enumerate(cells)]
    inputs = [{"name": "a", "type": kind}, {"name": "b"}]
    return DecisionTable.from_mapping(
        {"name": "t", "hit_policy": "F", "inputs": inputs, "outputs": [{"name": "r"}], "rules": rules}
    )


def test_a_plain_cell_says_what_is_wrong_with_a_value_and_with_itself() -> None:
    judged = table("any", '"x"', "[1..5]")
    assert isinstance(judged.evaluate({"a": 3}), NotEvaluable)
    assert isinstance(judged.evaluate({"a": "x"}), Matched)
    for _ in range(2):
        outcome = judged.evaluate({"a": None})
        assert isinstance(outcome, NotEvaluable)
        assert outcome.causes[0].cell == '"x"'
    with pytest.raises(TableError, match="a number is compared with a string"):
        table("number", '"x"')
    with pytest.raises(TableError, match="a string is compared with a number"):
        table("string", "[1..5]")
