"""What fuzzing found (`python -m bench.fuzz_decision`), each of it read or refused in the time that it is worth."""

import json
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from tests.support.dmn_xml import decision, literal, read

from judgify.decision import DecisionTable, NotEvaluable
from judgify.decision.dmn import Decided, NotDecided
from judgify.decision.feel import (
    EvaluationError,
    FeelError,
    LimitError,
    Mode,
    compile_expression,
    compile_unary_tests,
    parse,
    text_of,
)
from judgify.decision.feel.cursor import Vocabulary
from judgify.decision.feel.lexer import tokenize
from judgify.decision.limit import MAX_NESTING, MAX_TOKENS
from judgify.response.guide.unreadable import Unreadable
from judgify.response.guide.yaml_parser import parse as parse_yaml

SCOPE = {"a": [1], "b": 2}
DEEP = MAX_NESTING - 4


def nested(shape: str, times: int = DEEP) -> str:
    text = "1"
    for _ in range(times):
        text = shape.replace("…", text)
    return text


# Each of these took twice as long for every level: minutes for what fits on a line.
DOUBLED = {
    "a chain of in": "a" + " in b" * 60,
    "in a range of in": nested("1 in (…..2)"),
    "in a closed range of in": nested("1 in […..2]"),
    "the subject of in": nested("(…) in (1, 2)"),
    "the subject of between": nested("(…) between 1 and 2"),
    "a condition of in": nested("if (…) in (1) then 1 else 2"),
    "open ranges that end in brackets": "]1..a[-" * 30 + "1",
    "filters by filters": nested("a[… in (1)]"),
}


@pytest.mark.parametrize("text", DOUBLED.values(), ids=DOUBLED)
@pytest.mark.parametrize("build", [compile_expression, compile_unary_tests])
@pytest.mark.parametrize("mode", Mode)
def test_levels_do_not_double_the_time(text: str, build: Callable[..., object], mode: Mode) -> None:
    assert _seconds(text, build, mode) < 0.5


# Each of these took time that grew with the square of its length, or 20 µs for each of 10,000 words.
LONG = {
    "names that begin alike": "{a 0: 1, " + ", ".join(f"a {place + 1}: a {place}" for place in range(1_200)) + "}",
    "parameters that begin alike": "function(" + ", ".join(f"p {place}" for place in range(1_900)) + ") p 1",
    "comments that nobody closes": "a/*<= " * 3_000,
    "comments": "/**/" * 4_900 + "1",
    "sources that begin alike": "for " + ", ".join(f"p {place} in a" for place in range(1_100)) + " return 1",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_time_grows_with_the_length_and_no_further(text: str) -> None:
    assert _seconds(text, compile_expression, Mode.STANDARD) < 0.5


def _seconds(text: str, build: Callable[..., object], mode: Mode) -> float:
    began = time.thread_time()
    try:
        code = build(text, names=("a", "b"), mode=mode)
        code.evaluate(*((SCOPE,) if build is compile_expression else (5, SCOPE)))  # type: ignore[attr-defined]
    except (FeelError, EvaluationError):
        pass
    return time.thread_time() - began


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("text", [" + ".join(["many"] * 210), " and ".join(["many = many"] * 100)])
def test_a_long_list_that_is_named_often_is_taken_in_once_and_counted(text: str, mode: Mode) -> None:
    given = {"many": list(range(20_000))}
    code = compile_expression(text, mode=mode)
    began = time.thread_time()
    with suppress(EvaluationError):  # lists have no sum, and a hundred comparisons are too many steps
        code.evaluate(given)
    assert time.thread_time() - began < 0.5


def test_an_expression_of_too_many_words_is_refused_before_it_is_read() -> None:
    with pytest.raises(FeelError, match="more than 6000 words and signs") as refused:
        parse("[" + "a," * MAX_TOKENS + "a]")
    assert refused.value.position == MAX_TOKENS + 1


def test_what_nests_too_deeply_has_no_other_reading() -> None:
    with pytest.raises(FeelError, match="nested more than"):
        parse("]1..a[" + "(" * 60)


@pytest.mark.parametrize("text", ["1e99999999999999999999", "1e-99999999999999999999", "0.1E+9999999999999999999"])
def test_an_exponent_that_no_decimal_holds_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(FeelError, match="the exponent of the number is out of range") as refused:
        parse(f"1 + {text}")
    assert refused.value.position == 5


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1 in (2..3)", "1 in ((2..3))"),
        ("1 in ([1..2]..3)", "1 in (([1..2]..3))"),
        ("1 in (a + 1..3]", "1 in ((a + 1..3])"),
        ("1 in (2..3).start", "1 in ((2..3).start)"),
        ("[1..a[", "[1..a)"),
        ("[1..a[1]]", "[1..a[1]]"),
        ("]1..a[ = ]1..a[", "(1..a) = (1..a)"),
        ("]1..a[-]1..a[-1", "(1..a) - (1..a) - 1"),
    ],
)
def test_ranges_read_as_before(text: str, written: str) -> None:
    assert text_of(parse(text, mode=Mode.STANDARD)) == written


def test_a_filter_looks_at_each_member_once() -> None:
    for mode in Mode:
        assert compile_expression(
            "{f: function(x) [true, false, true][x], r: [1, 2, 3][f(item)]}.r", mode=mode
        ).evaluate({}) == [1, 3]
        assert compile_expression("{f: function(x) [false, true][x], r: [1, 2][f(item)]}.r", mode=mode).evaluate(
            {}
        ) == [2]
        assert compile_expression("{f: function(x) x, r: [][f(item)]}.r", mode=mode).evaluate({}) == []


@pytest.mark.parametrize("text", ["a instance of b.", "a instance of list<b.>"])
def test_a_type_that_ends_in_its_dot_is_refused(text: str) -> None:
    with pytest.raises(FeelError, match="a name is expected after the dot"):
        parse(text)


def test_names_are_forgotten_whole() -> None:
    words, tokens = Vocabulary(), tokenize("a 1 + a")
    for name in ("a", "a 1", "a 1"):
        words.add(name)
    assert words.longest(tokens, 0) == ("a 1", 2)
    words.drop("a 1")
    assert words.longest(tokens, 0) == ("a 1", 2)
    assert "a 1" in words
    words.drop("a 1")
    assert words.longest(tokens, 0) == ("a", 1)
    assert "a 1" not in words
    assert 1 not in words
    words.drop("a")
    assert words.longest(tokens, 0) is None


@pytest.mark.parametrize("mode", Mode)
def test_a_member_out_of_range_is_told_at_its_place(mode: Mode) -> None:
    faults: list[EvaluationError] = []
    code = compile_expression("count([m.k])", mode=mode)
    if mode is Mode.STRICT:
        with pytest.raises(EvaluationError) as refused:
            code.evaluate({"m": {"k": 10**2000}})
        faults.append(refused.value)
    else:
        assert compile_expression("m.k > 1", mode=mode).evaluate({"m": {"k": 10**2000}}, faults) is None
    assert faults[0].code == "out-of-range"


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("distinct values([(= [1]), (= [1]), (= [2])])", 2),
        ("distinct values([(!= {a: 1}), (= {a: 1})])", 2),
        ("union([(< [1])], [(< [1.0])])", 1),
        ("distinct values([[1..2], [1..2], (1..2]])", 2),
    ],
)
def test_a_test_about_a_list_is_a_value_like_others(text: str, left: int, mode: Mode) -> None:
    assert compile_expression(f"count({text})", mode=mode).evaluate({}) == left


@pytest.mark.parametrize("mode", Mode)
def test_making_functions_counts_as_the_work_that_it_is(mode: Mode) -> None:
    code = compile_expression("count(for i in 1..many return function(x) x)", mode=mode)
    assert code.evaluate({"many": 5_000}) == 5_000
    with pytest.raises(LimitError) as refused:
        code.evaluate({"many": 20_000})
    assert refused.value.code == "too-many-steps"


@pytest.mark.parametrize("mode", Mode)
def test_a_text_that_is_given_again_and_again_counts_with_its_length(mode: Mode) -> None:
    code = compile_expression("for i in 1..many return long", mode=mode)
    given = {"long": "ab " * 5_000}
    assert len(code.evaluate({**given, "many": 200})) == 200
    with pytest.raises(LimitError) as refused:
        code.evaluate({**given, "many": 5_000})
    assert refused.value.code == "too-large"


@pytest.mark.parametrize("mode", Mode)
def test_lists_of_lists_of_other_decisions_end_before_nobody_could_write_them_out(mode: Mode) -> None:
    parts = [decision("d0", literal("for i in 1..3000 return i"))]
    for place in range(1, 5):
        boxed = "".join(literal(f"d{place - 1}") for _ in range(20))
        parts.append(decision(f"d{place}", f"<list>{boxed}</list>", f"d_d{place - 1}"))
    model = read(*parts)
    assert isinstance(model.evaluate("d1", {}, mode=mode), Decided)
    outcome = model.evaluate("d4", {}, mode=mode)
    assert isinstance(outcome, NotDecided)
    assert outcome.faults[-1].code == "too-large"
    assert len(json.dumps(outcome.to_dict())) < 100_000


def test_what_a_table_gives_has_a_bound() -> None:
    keys = ["a0: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    keys += [f"a{place}: [{', '.join([f'a{place - 1}'] * 10)}]" for place in range(1, 9)]
    form = {"name": "t", "inputs": [{"name": "x"}], "outputs": [{"name": "o"}]}
    given = {"then": {"o": {"feel": f"{{{', '.join(keys)}}}.a8"}}}
    outcome = DecisionTable.from_mapping({**form, "rules": [given]}).evaluate({"x": 1})
    assert isinstance(outcome, NotEvaluable)
    assert outcome.causes[0].code == "too-large"


def test_yaml_with_half_a_character_is_refused() -> None:
    with pytest.raises(Unreadable) as refused:
        parse_yaml('name: "\\ud800"')
    assert "half of a character" in refused.value.message
