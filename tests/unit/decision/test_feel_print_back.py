"""An expression that is written out again reads as the same tree: parse(print(parse(text))) = parse(text)."""

from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.decision.feel import FeelError, Mode, compile_expression, parse, parse_unary_tests, text_of

EXPRESSIONS = [
    "1",
    "-1",
    "0.10",
    "1e400",
    '"a\\n\\"b\\"\\\\"',
    "true",
    "null",
    '@"2025-01-20"',
    '@"-P1DT2H"',
    "a",
    "두 단어",
    "a.b.c",
    "(1 + 2).x",
    "-a",
    "-(-a)",
    "-(a + 1)",
    "a + b * c",
    "(a + b) * c",
    "a - (b - c)",
    "a - b - c",
    "a ** b ** c",
    "(a ** b) ** c",
    "-a ** 2",
    "(-a) ** 2",
    "a / b / c",
    "a = b",
    "a != null",
    "(a < b) = (c < d)",
    "a and b or c",
    "a and (b or c)",
    "(a or b) and c",
    "not(a)",
    "if a then b else c",
    "if a then b else if c then d else e",
    "(if a then b else c) + 1",
    "a in b",
    "a in (1, 2)",
    "a in [1..2]",
    "a in (> 1, < 5)",
    "a in (? > 1)",
    "a in != 1",
    "a between 1 and 2",
    "a between b + 1 and c and d",
    "(a between 1 and 2) or b",
    "[1..2]",
    "]1..2[",
    "(1..2)",
    "(a..b)",
    "(< 5)",
    "(>= a)",
    "(=5)",
    "(!= 5)",
    "a instance of number",
    "a instance of list<number>",
    "a instance of context<x: number, y: string>",
    "a instance of function<number> -> string",
    "a instance of days and time duration",
    "[]",
    "[1, a, [2]]",
    "{}",
    '{a: 1, "b c": 2, d: a + 1}',
    "a[1]",
    "a[-1]",
    "a[x > 1].y",
    "[1, 2][item > 1]",
    "for i in a return i",
    "for i in 1..3, j in a return i * j",
    "some i in a satisfies i > 1",
    "every i in a, j in b satisfies i = j",
    "(for i in a return i)[1]",
    "f(1)",
    "f(x: 1, y: 2)",
    "sum([1])",
    "substring(string: s, start position: 1)",
    "(function(x) x + 1)(2)",
    "function(x: number, y) x",
    "{f: function(x) x, r: f(1)}.r",
    "f(1)(2)",
    "a.b(1)",
    'date("2025-01-20").year',
    "(a = 1) instance of boolean",
    "(a in b) = c",
    "not(a) and b",
    "-(1)",
    "(1)[1]",
    "[function(x) x][1](2)",
    "if (if a then b else c) then 1 else 2",
]
CELLS = [
    "-",
    "1",
    "1, 2",
    "not(1, 2)",
    "> 1, [2..3), null",
    "? > 1 and ? < 5",
    '"a", "b"',
    "not(? > 1)",
    "!= 3",
    "a.b",
    "not(null)",
]


def shape(node: Any) -> Any:
    """Give a tree without the places of its parts."""
    if is_dataclass(node):
        return (type(node).__name__, *(shape(getattr(node, one.name)) for one in fields(node) if one.name != "at"))
    if isinstance(node, list | tuple):
        return tuple(shape(part) for part in node)
    return (type(node).__name__, node)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_reads_back(text: str) -> None:
    tree = parse(text, names=["두 단어"])
    written = text_of(tree)
    assert shape(parse(written, names=["두 단어"])) == shape(tree)
    assert text_of(parse(written, names=["두 단어"])) == written


@pytest.mark.parametrize("text", CELLS)
def test_a_cell_reads_back(text: str) -> None:
    tree = parse_unary_tests(text)
    written = text_of(tree)
    assert shape(parse_unary_tests(written)) == shape(tree)
    assert text_of(parse_unary_tests(written)) == written


LEAVES = st.sampled_from(["1", "2.5", "a", "b", '"x"', "true", "null", '@"P1D"', "[1..2]", "(< 3)"])
TEXTS = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from(["+", "-", "*", "/", "**", "and", "or", "=", "<"]), part).map(
            lambda found: f"({found[0]}) {found[1]} ({found[2]})"
        ),
        part.map(lambda one: f"-({one})"),
        st.tuples(part, part).map(lambda two: f"({two[0]})[{two[1]}]"),
        st.tuples(part, part, part).map(lambda three: f"if {three[0]} then {three[1]} else {three[2]}"),
        st.tuples(part, part).map(lambda two: f"for i in {two[0]} return {two[1]}"),
        st.tuples(part, part).map(lambda two: f"({two[0]}) in ({two[1]})"),
        st.tuples(part, part, part).map(lambda three: f"({three[0]}) between ({three[1]}) and ({three[2]})"),
        st.lists(part, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        part.map(lambda one: f"{{x: {one}}}.x"),
        part.map(lambda one: f"sum({one})"),
        part.map(lambda one: f"(function(p) {one})(1)"),
        part.map(lambda one: f"({one}) instance of number"),
    ),
    max_leaves=8,
)


@given(TEXTS)
def test_any_expression_reads_back(text: str) -> None:
    tree = parse(text, mode=Mode.STANDARD)
    written = text_of(tree)
    again = parse(written, mode=Mode.STANDARD)
    assert shape(again) == shape(tree), written
    scope = {"a": 2, "b": [1, 2]}
    ours, theirs = (compile_expression(one, mode=Mode.STANDARD).evaluate(scope) for one in (text, written))
    assert repr(ours) == repr(theirs)


@given(st.text("()[]{}.,:+-*/<>=!?@\"' \n0123abnot if then else for in return1", max_size=30))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    for mode in Mode:
        try:
            tree = parse(text, mode=mode)
        except FeelError as error:
            assert 1 <= error.position <= len(text) + 1  # noqa: PT017 - both ways out are right
        else:
            assert shape(parse(text_of(tree), mode=mode)) == shape(tree)
