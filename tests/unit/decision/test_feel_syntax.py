"""What the parser refuses, what it reads leniently in the standard's mode, and that printing and reading agree."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from judgify.decision.feel import FeelError, Mode, Node, compile_expression, parse, parse_unary_tests, text_of
from judgify.decision.feel.ast import (
    Arithmetic,
    Between,
    Bound,
    Call,
    Choice,
    Comparison,
    Entries,
    Filter,
    For,
    InstanceOf,
    Interval,
    Items,
    Lambda,
    Literal,
    Logic,
    Member,
    Membership,
    Name,
    Negate,
    Quantified,
    Source,
    TypeNode,
)
from judgify.decision.feel.ast import Test as OneTest
from judgify.decision.feel.ast import Tests as Cell
from judgify.decision.feel.cursor import Vocabulary
from judgify.decision.feel.temporal import Date, MonthDuration

NAMES = ("전력(kW)", "line number", "a", "b", "it's", "x+y", 'odd "', "5th", "not", "with(bracket")


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("", 1, "a value is expected here, not the end"),
        ("1 +", 4, "a value is expected here, not the end"),
        ("(1", 3, ") is expected here, not the end"),
        ("(> 1", 5, ") is expected here, not the end"),
        ("[1, 2", 6, "the list is not closed before the end"),
        ("[1..2", 6, "the range is not closed before the end"),
        ("]1, 2]", 3, ".. is expected here, not ,"),
        ("{a: 1", 6, ", is expected here, not the end"),
        ("{a 1}", 5, ": is expected here, not }"),
        ("{a: 1, a: 2}", 8, '"a" is given twice'),
        ("{1: 2}", 2, "a name is expected here, not 1"),
        ("a.1", 2, ".1 is not expected here"),
        ("a..b", 2, ".. is not expected here"),
        ("a. (", 4, "a name is expected after the dot, not ("),
        ("for i [1] return i", 7, "in is expected here, not ["),
        ("for i in [1] i", 14, "return is expected here, not i"),
        ("some i in [1]", 14, "satisfies is expected here, not the end"),
        ("if 1 then 2", 12, "else is expected here, not the end"),
        ("a between 1 or 2", 13, "and is expected here, not or"),
        ("a instance number", 12, "of is expected here, not number"),
        ("a instance of 5", 15, "a type is expected here, not 5"),
        ("a instance of list<number", 26, ", is expected here, not the end"),
        ("a instance of list<number, string>", 35, "list takes one type"),
        ("a instance of context<number>", 30, ": is expected here, not the end"),
        ("function(1) 2", 10, "a name is expected here, not 1"),
        ("function(a b", 13, ", is expected here, not the end"),
        ("function(x) external {a: 1}", 1, "an external function is not called"),
        ("max(1, b: 2)", 9, ") is expected here, not :"),
        ("max(1", 6, ") is expected here, not the end"),
        ("and", 1, "a value is expected here, not and"),
        ("not a", 1, "a value is expected here, not not"),
        ("1 == 2", 4, "== is no comparison"),
        ("1 => 2", 4, "=> is no comparison"),
        ("1 2", 3, "2 is not expected here"),
        ("1 # 2", 3, "the character '#' means nothing here"),
        ("1 < # 2", 5, "the character '#' means nothing here"),
        ('"\\d"', 2, "\\d is no escape of a text"),
        ('"\\uD83D"', 2, "\\uD83D is no character"),
        ('date("2025-02-30")', 1, '"2025-02-30" is not read by date'),
        ("sum()", 1, "sum does not take these arguments"),
        ("sum(x: 1)", 1, "sum does not take these arguments"),
        ("sum(list: [1], list: [2])", 1, "sum does not take these arguments"),
        ("-true", 1, "a boolean has no minus"),
        ("[1..true]", 1, "a number is compared with a boolean"),
        ("[null..1]", 1, "a null is compared with a number"),
        ('1 in ("a", 2)', 7, "a number is compared with a string"),
        ('1 between "a" and 2', 3, "a number is compared with a string"),
        ("1" + " + 1" * 300, 325, "a tree of more than 220 levels"),
        ("[" * 50, 42, "nested more than 40 levels deep"),
        ("x" * 20_001, 20_001, "longer than 20000 characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, at: int, message: str) -> None:
    with pytest.raises(FeelError) as caught:
        compile_expression(text, names=("a", "b"))
    assert caught.value.message == message
    assert caught.value.position == at


def test_a_misspelt_function_is_told_where_the_names_are_known() -> None:
    with pytest.raises(FeelError, match="the cell is empty"):
        parse_unary_tests(" ")
    with pytest.raises(FeelError, match=r"not\(…\) has to be the whole cell"):
        parse_unary_tests("1, not(2)")
    with pytest.raises(FeelError, match=r"not\(…\) has to be the whole cell"):
        parse_unary_tests("not(1), 2")
    with pytest.raises(FeelError, match="2 is not expected here"):
        parse_unary_tests("not(1) 2")
    with pytest.raises(FeelError, match="a comparison cannot stand here: >"):
        parse_unary_tests("> 5 > 6")
    with pytest.raises(FeelError, match="a value is expected here, not >"):
        parse_unary_tests("not(> 1, ?) or ?")


def test_the_standards_mode_reads_what_yields_null() -> None:
    assert parse('@"nonsense"', mode=Mode.STANDARD) == Literal(None)
    assert parse('"\\d\\u0041"', mode=Mode.STANDARD) == Literal("\\dA")
    with pytest.raises(FeelError):
        parse('"\\uD83D"', mode=Mode.STANDARD)
    assert isinstance(parse('date("nonsense")', mode=Mode.STANDARD), Call)
    assert parse_unary_tests("a > 5", mode=Mode.STANDARD, names=["a"]).items[0].at == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("전력(kW) / 2", Arithmetic("/", Name("전력(kW)"), Literal(2))),
        ("line   number+1", Arithmetic("+", Name("line number"), Literal(1))),
        ("it's - 1", Arithmetic("-", Name("it's"), Literal(1))),
        ("x+y", Name("x+y")),
        ("x + y", Arithmetic("+", Name("x"), Name("y"))),
        ('date("2025-01-20")', Literal(Date(2025, 1, 20))),
        ('duration("P1Y")', Literal(MonthDuration(12))),
        ("date and time(a)", Call(Name("date and time"), (Name("a"),))),
        ("f(x: 1, start date: 2)", Call(Name("f"), (Literal(1), Literal(2)), ("x", "start date"))),
        ("a.time offset", Member(Name("a"), "time offset")),
        ("]1..2[", Interval(Literal(1), Literal(2), low_closed=False, high_closed=False)),
        ("[1..a[1]]", Interval(Literal(1), Filter(Name("a"), Literal(1)), low_closed=True, high_closed=True)),
        ("1 in [1..2[", Membership(Literal(1), Cell((Interval(Literal(1), Literal(2), True, False),), False))),
        ("some(a)", Call(Name("some"), (Name("a"),))),
        ("a instance of context<x: list<number>, y: Any>", None),
        ("a instance of function<number, date and time> -> string", None),
        ("a instance of years and months duration", InstanceOf(Name("a"), TypeNode("years and months duration"))),
        ("-1.5", Negate(Literal(Decimal("1.5")))),
        ("\ufeff1\u200b+ 1 // end", Arithmetic("+", Literal(1), Literal(1))),
        ("a.b", Member(Name("a"), "b")),
    ],
)
def test_trees(text: str, expected: Node | None) -> None:
    tree = parse(text, names=NAMES)
    assert expected is None or tree == expected
    assert parse(text_of(tree), names=NAMES) == tree


@pytest.mark.parametrize("text", ["a-b", "a - b", "a- b", "{a-b: 1}.a  -  b"])
def test_by_the_standard_a_name_is_its_words_and_signs_whatever_space_is_between(text: str) -> None:
    """DMN 1.5, 10.3.1.4: to subtract b from a where there is an a-b, one writes (a)-(b)."""
    scope = {"a-b": 1, "a": 7, "b": 3}
    assert compile_expression(text, names=scope, mode=Mode.STANDARD).evaluate(scope) == 1
    assert compile_expression("(a)-(b)", names=scope, mode=Mode.STANDARD).evaluate(scope) == 4
    assert compile_expression("a - b", names=scope).evaluate(scope) == 4


def test_a_name_may_be_forgotten() -> None:
    words = Vocabulary(["a b", "not", 'odd "'])
    assert "a b" in words
    words.drop("a b")
    words.drop("not")
    assert "a b" not in words
    assert "not" not in words
    assert 'odd "' not in words
    assert 5 not in words


@pytest.mark.parametrize(
    "text",
    [
        "-",
        "1, [2..3], > 4",
        "not(1, 2)",
        "(a > 5)",
        "(a in (1, 2))",
        "(true or a)",
        "(a between 1 and 2)",
        "(not(a))",
        "? > 5 and not(? = 7)",
        "!= 5",
        "(> 5)",
        "= [1..2], [1..2]",
        '{x: 1, "y z": 2, "and": 3, a-b: 4}',
        "function(x: list<number>, y) x + y",
        'function(x) external {java: "x"}',
        "if a then 1 else 2",
        "every x in 1..5, y in a satisfies x > y",
        "for x in a return -x ** 2",
        '"\\"\\n\\\\"',
        "a[1](2).c",
        "(-5).x",
        "2.0 ** 1e3",
        '(@"P1D" in (a, [b..a)))',
    ],
)
def test_cells_print_as_what_they_were_read_from(text: str) -> None:
    tests = parse_unary_tests(text, names=NAMES)
    assert parse_unary_tests(text_of(tests), names=NAMES) == tests


WORDS = st.sampled_from(["a", "b", "line number", "x1", "온도"])
PLAIN = st.one_of(
    st.integers(-1000, 1000).map(Literal),
    st.decimals(0, 10**6, places=3).map(Literal),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6).map(lambda text: Literal(_normal(text))),
    st.sampled_from([None, True, False, Date(2025, 1, 20), MonthDuration(-5)]).map(Literal),
    WORDS.map(Name),
)


def _normal(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", text)


def _negated(node: Any) -> Node:
    return Literal(-node.value) if isinstance(node, Literal) and type(node.value) is int else Negate(node)


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    two = st.tuples(inner, inner)
    items = st.lists(inner, max_size=3).map(tuple)
    types = st.sampled_from(
        [
            TypeNode("number"),
            TypeNode("date and time"),
            TypeNode("list", (TypeNode("Any"),)),
            TypeNode("context", (TypeNode("string"),), ("k",)),
            TypeNode("function", (), (), TypeNode("number")),
        ]
    )
    intervals = st.tuples(inner, inner, st.booleans(), st.booleans()).map(lambda parts: Interval(*parts))
    signs = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])
    tests = st.lists(
        st.one_of(
            intervals,
            st.tuples(st.just("="), inner.filter(lambda node: not isinstance(node, Interval))).map(
                lambda pair: OneTest(*pair)
            ),
            st.tuples(signs.filter(lambda sign: sign != "="), inner).map(lambda pair: OneTest(*pair)),
        ),
        min_size=1,
        max_size=2,
    ).map(lambda found: Cell(tuple(found), negated=False))
    sources = st.lists(
        st.tuples(WORDS, inner, st.none() | inner).map(lambda parts: Source(*parts)), min_size=1, max_size=2
    ).map(tuple)
    return st.one_of(
        inner.map(_negated),
        st.tuples(st.sampled_from(["+", "-", "*", "/", "**"]), two).map(lambda pair: Arithmetic(pair[0], *pair[1])),
        st.tuples(signs, two).map(lambda pair: Comparison(pair[0], *pair[1])),
        st.tuples(st.sampled_from(["and", "or"]), two).map(lambda pair: Logic(pair[0], *pair[1])),
        st.tuples(inner, inner, inner).map(lambda three: Choice(*three)),
        st.tuples(inner, inner, inner).map(lambda three: Between(*three)),
        st.tuples(inner, tests).map(lambda pair: Membership(*pair)),
        st.tuples(inner, types).map(lambda pair: InstanceOf(*pair)),
        items.map(Items),
        st.lists(inner, max_size=2).map(lambda nodes: Entries(tuple(zip(["k", "a b"], nodes, strict=False)))),
        intervals,
        st.tuples(signs, inner).map(lambda pair: Bound(*pair)),
        st.tuples(inner, st.sampled_from(["k", "line number"])).map(lambda pair: Member(*pair)),
        two.map(lambda pair: Filter(*pair)),
        st.tuples(inner, items).map(lambda pair: Call(*pair)),
        inner.map(lambda node: Call(Name("f"), (node,), ("new item",))),
        st.tuples(sources, inner).map(lambda pair: For(*pair)),
        st.tuples(st.sampled_from(["some", "every"]), sources, inner).map(lambda three: Quantified(*three)),
        st.tuples(types, inner).map(lambda pair: Lambda((("p", pair[0]), ("q", None)), pair[1])),
    )


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.recursive(PLAIN, _grown, max_leaves=12))
def test_reading_what_was_printed_gives_the_same_tree(tree: Any) -> None:
    text = text_of(tree)
    assert parse(text, names=NAMES) == tree


PIECES = st.sampled_from([*'ab12.,()[]{}<>=!+-*/"@:? ', " and ", " in ", "for ", " return ", "not(", "if ", " then "])


def _read_or_refused(read: Any, text: str, mode: Mode) -> None:
    try:
        tree = read(text, names=NAMES, mode=mode)
    except FeelError as error:
        refused = error.position
    else:
        refused = 1
        assert read(text_of(tree), names=NAMES, mode=mode) == tree
    assert 1 <= refused <= len(text) + 1


@settings(deadline=None, max_examples=500)
@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from([parse, parse_unary_tests]), st.sampled_from(Mode))
def test_any_text_is_read_or_refused(text: str, read: Any, mode: Mode) -> None:
    _read_or_refused(read, text, mode)
