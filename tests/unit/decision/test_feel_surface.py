"""The public surface of the language, its limits, and cells of tables that hold the whole of it."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.support.feel_scope import NAMES, work

from judgify.decision import DecisionTable, Matched, NotEvaluable, plain
from judgify.decision.feel import (
    EvaluationError,
    FeelError,
    LimitError,
    Mode,
    compile_expression,
    compile_unary_tests,
)
from judgify.decision.feel.range import Range
from judgify.decision.feel.shown import literal
from judgify.decision.feel.temporal import Date, DateTime, DayTimeDuration, Time
from judgify.decision.feel.type import ListType, SimpleType
from judgify.decision.feel.value import Function, Parameter, native

ERROR: Any = object()


def test_names_of_an_expression() -> None:
    expression = compile_expression("a + deep.er.x + count(list) + (for i in list return i)[1]", names=NAMES)
    assert expression.names == ("a", "deep", "list")
    assert repr(expression).startswith("<Expression 'a + deep")
    assert compile_unary_tests("> a").names == ("a",)
    assert compile_expression("나이 + 1").evaluate({"나이": 2}) == 3
    assert compile_expression("나이 + 1").evaluate({"\u1102\u1161\u110b\u1175": 2}) == 3


LONG = '{s: string join(for i in 1..10000 return "가나다라마바사아자차"), r: for i in 1..20000 return CALL}.r'
NUMBERS = "{l: for i in 1..1000 return i, r: for i in 1..500 return CALL}.r"


@pytest.mark.parametrize(
    "text",
    [
        "for i in 1..2000 return 1.37 ** 0.77",
        "for i in 1..2000 return exp(i / 7)",
        "{f: log, r: for i in 1..2000 return f(i / 7)}.r",
        "for i in 1..2000 return modulo(1.5e-6000 * i, 7e6000)",
        'for i in 1..20000 return @"2020-01-01T10:00:00@Europe/Paris" + @"P1D"',
        'for i in 1..20000 return @"2020-01-01T10:00:00@Europe/Paris" < @"2021-01-01T10:00:00@Asia/Seoul"',
        'for i in 1..20000 return range("[1..5]")',
        'for i in 1..5000 return matches("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "(a+)+b")',
        "{b: 3 ** 1200, r: for i in 1..30000 return b * b}.r",
        LONG.replace("CALL", 'contains(s, "나가")'),
        LONG.replace("CALL", "substring(s, i)"),
        LONG.replace("CALL", 's + "x" < s + "y"'),
        NUMBERS.replace("CALL", "-1 in l"),
        "{c: for i in 1..300 return {a: i}, r: for i in 1..1000 return c.a}.r",
    ],
)
def test_what_costs_much_counts_for_much(text: str) -> None:
    """Each would take some tenths of a second or seconds, were every turn of a loop to count the same."""
    for mode in Mode:
        with pytest.raises(LimitError, match="too-many-steps"):
            compile_expression(text, mode=mode).evaluate({})


def test_a_name_nobody_declared_may_have_several_words() -> None:
    assert compile_expression("monthly income + 1").evaluate({"monthly income": 2}) == 3
    assert compile_expression("person.monthly income 2 + 1").evaluate({"person": {"monthly income 2": 2}}) == 3
    assert compile_expression("date of birth").evaluate({"date of birth": 5}) == 5
    assert compile_expression("count").evaluate({"count": 5}) == 5


def test_built_in_functions_are_values() -> None:
    scope = {"f": compile_expression("sum").evaluate({})}
    assert isinstance(scope["f"], Function)
    assert compile_expression("f").evaluate(scope) is scope["f"]
    assert compile_expression("f(list: [1, 2])", names=["f"]).evaluate(scope) == 3
    assert compile_expression("f(1, 2)", names=["f"]).evaluate(scope) == 3
    assert compile_expression("sum = sum and sum != max").evaluate({}) is True
    assert repr(scope["f"]) == "<function sum(n, n)>"


def test_the_moment_comes_from_outside() -> None:
    now = datetime(2025, 1, 20, 9, tzinfo=UTC)
    assert compile_expression("now().hour").evaluate({}, now=now) == 9
    assert compile_expression("today()").evaluate({}, [], now=now) == Date(2025, 1, 20)
    assert compile_unary_tests("< now()").evaluate(datetime(2025, 1, 19, tzinfo=UTC), now=now) is True
    assert compile_expression("f()", names=["f"]).evaluate({"f": compile_expression("now").evaluate({})}, now=now)


def test_types_of_a_model() -> None:
    types = {"tNumbers": ListType(SimpleType("number")), "shop.tPrice": SimpleType("number")}
    assert compile_expression("[1] instance of tNumbers", types=types).evaluate({}) is True
    assert compile_expression("1 instance of shop.tPrice", types=types).evaluate({}) is True
    function = compile_expression("function(x: shop.tPrice) x", types=types).evaluate({})
    assert function(5) == 5
    assert compile_expression("f instance of function<number> -> number").evaluate({"f": function}) is False
    for text in ("1 instance of nothing", "function(x: nothing) x", "1 instance of list<nothing>"):
        with pytest.raises(FeelError, match="there is no type"):
            compile_expression(text)


def test_functions_check_what_they_give() -> None:
    one = [Parameter("x")]
    strict = Function("f", one, lambda values: "text", SimpleType("number"))
    with pytest.raises(EvaluationError) as caught:
        strict(1)
    assert caught.value.code == "wrong-type"
    assert Function("f", one, lambda values: "text", SimpleType("number"), strict=False)(1) is None
    assert Function("f", one, lambda values: 5, SimpleType("number"))(1) == 5


def test_values_go_out_in_pythons_own_types() -> None:
    values = {"d": Date(2025, 1, 20), "l": [DayTimeDuration(10**9)], "n": Decimal("1.5")}
    assert native(values) == {"d": date(2025, 1, 20), "l": [timedelta(seconds=1)], "n": Decimal("1.5")}
    assert native(Date(12025, 1, 20)) == Date(12025, 1, 20)
    assert native(DateTime(Date(2025, 1, 20), Time(9, 0, 0, 0, 0))) == datetime(2025, 1, 20, 9, tzinfo=UTC)
    assert native(Range(1, 2, low_closed=True, high_closed=True)).low == 1


@pytest.mark.parametrize(
    "text",
    [
        "for i in 1..1000000000 return i",
        "for i in 1..1000, j in 1..1000 return 1",
        "some i in 1..1e9 satisfies i < 0",
        "{f: function(x) f(x), r: f(1)}.r",
        '{a: for i in 1..40 return if i = 1 then "ab" else partial[-1] + partial[-1]}',
        "for i in 1..200001 return 1",
        "every x in for i in 1..1000000 return i satisfies x > 0",
        "false or some i in 1..1e9 satisfies i < 0",
        "[][(for i in 1..1e9 return i)[1]]",
        "{a: [1]"
        + "".join(
            f", {key}: [{old}, {old}]" for old, key in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)
        )
        + "}",
        "{a: [1]"
        + "".join(
            f", {key}: [{old}, {old}]" for old, key in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)
        )
        + ", z: u = u}",
    ],
)
def test_hostile_expressions_end_soon_in_both_modes(text: str) -> None:
    for mode in Mode:
        with pytest.raises(LimitError) as caught:
            compile_expression(text, mode=mode).evaluate({})
        assert caught.value.code in {"too-many-steps", "too-large", "too-deep"}


def test_a_caller_may_allow_more_steps() -> None:
    expression = compile_expression("count(for i in 1..190000 return i)")
    with pytest.raises(LimitError):
        expression.evaluate({})
    assert expression.evaluate({}, steps=1_000_000) == 190_000
    tests = compile_unary_tests("some i in 1..190000 satisfies i = ?")
    with pytest.raises(LimitError):
        tests.evaluate(180_000)
    assert tests.evaluate(180_000, steps=1_000_000) is True


def test_the_callers_own_values_are_held_to_limits() -> None:
    nested: Any = 1
    for _ in range(100):
        nested = [nested]
    with pytest.raises(EvaluationError) as caught:
        compile_expression("for i in x return i").evaluate({"x": nested})
    assert (caught.value.code, caught.value.name) == ("out-of-range", "x")
    faults: list[EvaluationError] = []
    assert compile_expression("for i in x return i", mode=Mode.STANDARD).evaluate({"x": nested}, faults) is None
    assert [fault.code for fault in faults] == ["out-of-range", "missing", "null"]
    shared: Any = [1] * 1000
    for _ in range(10):
        shared = [shared] * 100
    for mode in Mode:
        with pytest.raises(LimitError):
            compile_expression("for i in x return i", mode=mode).evaluate({"x": shared})


def test_nesting_beyond_pythons_own_stack_ends() -> None:
    text = "{f: function(n) " + "[" * 30 + "f(n)" + "]" * 30 + ", r: f(1)}.r"
    with pytest.raises(LimitError) as caught:
        compile_expression(text).evaluate({})
    assert caught.value.code == "too-deep"


def test_a_list_ends_where_the_steps_would_not() -> None:
    with pytest.raises(LimitError) as caught:
        compile_expression("for i in 1..200001 return i").evaluate({}, steps=10_000_000)
    assert caught.value.code == "too-large"
    with pytest.raises(LimitError):
        compile_expression("some x in [1] satisfies some y in 1..1e9 satisfies y < x").evaluate({})


def test_odd_ends_of_the_language() -> None:
    assert work("0.0 ** 0") == 1
    assert work("none.x = null", Mode.STANDARD) is True
    nan = {"m": {"k": float("nan")}, "count": float("nan")}
    with pytest.raises(EvaluationError) as caught:
        compile_expression("m.k > 1").evaluate(nan)
    assert (caught.value.code, caught.value.at) == ("not-finite", 3)
    assert compile_expression("m.k > 1", mode=Mode.STANDARD).evaluate(nan) is None
    assert compile_expression("count", mode=Mode.STANDARD).evaluate(nan) is None
    assert compile_unary_tests("> ? - 1").evaluate(5) is True
    with pytest.raises(FeelError, match=r"there is no type shop\.tPrice"):
        compile_expression("1 instance of shop.tPrice")


def test_ranges_are_shown_as_they_are_written() -> None:
    assert plain(compile_expression("(< 5)").evaluate({})) == "(< 5)"
    assert plain(compile_expression("(>= 5)").evaluate({})) == "(>= 5)"
    assert plain([compile_expression('["a".."b")').evaluate({})]) == ['["a".."b")']
    assert literal(compile_expression("(1..2]").evaluate({})) == "(1..2]"
    assert plain(compile_expression("now").evaluate({})) == "<Function>"
    assert plain(time(9, 30)) == "09:30:00"


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [
        ("(count(목록[금액 > 5]) = 2)", True, True),
        ("? in (for i in 목록 return i.금액)", 20, True),
        ("sum(목록.금액)", 36, True),
        ("[1, 36]", 36, True),
        ("(목록[없음 > 5] = [])", True, "missing"),
        ("max(목록.금액) + now().hour", 5, "no-moment"),
        ('contains(?, "N")', "NG", True),
        ('"a", 5', 5, True),
    ],
)
def test_cells_of_tables_hold_the_whole_language(cell: str, value: Any, expected: Any) -> None:
    table = DecisionTable.from_mapping(
        {
            "name": "t",
            "inputs": [{"name": "x"}, {"name": "목록"}],
            "outputs": [{"name": "o"}],
            "rules": [{"when": {"x": cell}, "then": {"o": {"feel": "count(for i in 목록 return i)"}}}],
            "default": {"o": {"feel": "sum(1, 2)"}},
        }
    )
    outcome = table.evaluate(
        {"x": value, "목록": [{"금액": 10}, {"금액": 6.0}, {"금액": 20}, {}][: 4 if value == 0 else 3]}
    )
    if isinstance(expected, str):
        assert isinstance(outcome, NotEvaluable)
        assert outcome.causes[0].code == expected
    else:
        assert isinstance(outcome, Matched)
        assert outcome.output == {"o": 3}


def test_outputs_with_and_without_a_zone_differ() -> None:
    table = DecisionTable.from_mapping(
        {
            "name": "t",
            "hit_policy": "A",
            "inputs": [{"name": "x"}],
            "outputs": [{"name": "o"}],
            "rules": [
                {"then": {"o": {"feel": '@"2025-01-20T00:00:00"'}}},
                {"then": {"o": {"feel": '@"2025-01-20T00:00:00Z"'}}},
            ],
        }
    )
    outcome = table.evaluate({"x": 1})
    assert isinstance(outcome, NotEvaluable)
    assert outcome.causes[0].code == "any-differs"
