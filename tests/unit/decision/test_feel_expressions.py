"""What each form of the language means, strictly and in the standard's mode."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

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
from judgify.decision.feel.temporal import Date, DateTime, DayTimeDuration, MonthDuration, Time
from judgify.decision.feel.type import ListType, SimpleType
from judgify.decision.feel.value import Function, Parameter, native

ERROR: Any = object()
SCOPE: dict[str, Any] = {
    "a": 3,
    "b": 4.5,
    "big": 10**30,
    "text": "온도",
    "yes": True,
    "none": None,
    "bad": float("nan"),
    "list": [1, 2, 3],
    "orders": [{"id": 1, "sum": 10.5}, {"id": 2, "sum": 20}, {"id": 3, "sum": 30}],
    "deep": {"er": {"x": 5, "list": [{"y": 1}, {"y": 2}]}},
    "sensor 1": {"상한(℃)": 90, "items": [1.5]},
    "day": date(2025, 1, 20),
    "clock": time(9, 30),
    "moment": datetime(2025, 1, 20, 9, tzinfo=UTC),
    "span": timedelta(hours=2),
    "months": MonthDuration(14),
    "double": Function("double", [Parameter("number", SimpleType("number"))], lambda values: values[0] * 2),
    "untyped": Function(None, [Parameter("x")], lambda values: values[0]),
    "mean": "hides the function",
}
NAMES = [*SCOPE, "상한(℃)", "hyphen-ated"]


FALSE_OR_LISTS = {
    "[1 / 0 > a and none > 1]",
    "[big ** 30 * big ** 15]",
    "list.x",
    "list[item.x > 1]",
    'list["x"]',
    "a in none",
    "a in (? + 1)",
}
"""What the standard answers although something in it has no meaning."""


def work(text: str, mode: Mode = Mode.STRICT, **more: Any) -> Any:
    return compile_expression(text, names=NAMES, mode=mode, **more).evaluate(SCOPE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 ** 2", 19),
        ("2 ** 3 ** 2", 64),
        ("-2 ** 2", 4),
        ("2 ** -1", Decimal("0.5")),
        ("2 ** 0.5 * 2 ** 0.5", Decimal(2)),
        ("0 ** 0", 1),
        ("10 - 2 - 3", 5),
        ("7 / 2 / 2", Decimal("1.75")),
        ("6 / 2", 3),
        ("big * big", 10**60),
        ("1e400 + 1", Decimal("1e400")),
        ('"a" + "b"', "ab"),
        ('"\\uD83D\\uDC0E\\U01F40E\\t\\\'"', "🐎🐎\t'"),
        ("a > 2 and b < 5", True),
        ("1 between 0 and 2 and true", True),
        ("a between 4 and 5", False),
        ("b between 4.5 and a + 2", True),
        ("if a > 2 then 1 else if a > 1 then 2 else 3", 1),
        ("if a > 5 then 1 else if a > 1 then 2 else 3", 2),
        ("if yes then none else 5", None),
        ("[1, [2], null]", [1, [2], None]),
        ("[]", []),
        ("{}", {}),
        ('{a: 1, "b c": a + 1, d e: b c * 2}', {"a": 1, "b c": 2, "d e": 4}),
        ("{if: 1, in: 2}.in", 2),
        ("list[1]", 1),
        ("list[-1]", 3),
        ("list[a]", 3),
        ("list[item > 1]", [2, 3]),
        ("list[count(list) - 1]", 2),
        ("5[1]", 5),
        ("5[item > 6]", []),
        ("[][item > 6]", []),
        ("[][item.x > 6]", []),
        ("[][none.x > 6]", []),
        ("orders[sum > 15].id", [2, 3]),
        ("orders[item.sum > 15][id = 3].id", [3]),
        ("orders[sum > a * 5][1].id", 2),
        ("[{item: 5}, {item: 6}][item > 5]", [{"item": 6}]),
        ("orders[id in (1, 3)].sum", [Decimal("10.5"), 30]),
        ("deep.er.x", 5),
        ("deep.er.list.y", [1, 2]),
        ("deep.er", {"x": 5, "list": [{"y": 1}, {"y": 2}]}),
        ("sensor 1.상한(℃) + 1", 91),
        ("sensor 1.items[1]", Decimal("1.5")),
        ("sensor   1.items", [Decimal("1.5")]),
        ("{a-b: 1, c: a-b + 1}.c", 2),
        ("{x: 1}.x - 1", 0),
        ("for i in 1..3 return i * i", [1, 4, 9]),
        ("for i in 3..1 return i", [3, 2, 1]),
        ("for i in [1, 2], j in [i, 10] return i * j", [1, 10, 4, 20]),
        ("for i in 5 return i", [5]),
        ("for i in [1..3) return i", [1, 2]),
        ("for i in 1..4 return if i = 1 then 1 else partial[-1] * i", [1, 2, 6, 24]),
        ("for i in 1..3 return count(partial)", [0, 1, 2]),
        ('for day in @"2025-01-30"..@"2025-02-01" return day.day', [30, 31, 1]),
        ('for d in @"2025-02-01"..@"2025-01-31" return d.month', [2, 1]),
        ("for f in (for i in 1..2 return function(x) x + i) return f(10)", [11, 12]),
        ("some x in list satisfies x > 2", True),
        ("some x in list satisfies x > 5", False),
        ("every x in list, y in list satisfies x + y > 1", True),
        ("every x in list satisfies x > 1", False),
        ("every x in [] satisfies 1 / 0 > x", True),
        ("some x in [0, 1] satisfies 1 / x = 1", True),
        ("a in (1, 3)", True),
        ("a in [1..3)", False),
        ("a in ]2..5[", True),
        ("a in (2..5)", True),
        ("a in > 2", True),
        ("a in (< 2, >= 3)", True),
        ("a in list", True),
        ("a in ([5..6], list)", True),
        ("a in [[1..2], [3..4]]", True),
        ("[1, 2] in [[1, 2], [3]]", True),
        ("list in list", True),
        ("a in (? * 2 > 5)", True),
        ("none in (null, 1)", True),
        ("(1..5].start included", False),
        ("[1..5].end", 5),
        ("(> 5).start", 5),
        ("(<= 5).end included", True),
        ("(!= 5) = (!= 5)", True),
        ("[1..3] = (=3)", False),
        ("[1..3] = [1..3]", True),
        ("list = [1, 2, 3]", True),
        ("[1] = [1, 2]", False),
        ("{x: [1]} = {x: [1.0]}", True),
        ('{x: 1} = {x: "1"}', False),
        ("[null] = [null]", True),
        ("{x: 1} != {y: 1}", True),
        ("double = double", True),
        ("a instance of number", True),
        ("list instance of list<number>", True),
        ("orders instance of list<context<id: number, sum: number>>", True),
        ("[1..3] instance of range<number>", True),
        ("double instance of function<number> -> Any", True),
        ("5 instance of list", False),
        ("day instance of date and moment instance of date and time", True),
        ("span instance of days and time duration", True),
        ("days instance of days", ERROR),
        ("(function(x: number, y) x + y)(1, 2)", 3),
        ("(function(x, y) x - y)(y: 1, x: 2)", 1),
        ("{f: function(n) if n < 2 then 1 else n * f(n - 1), r: f(5)}.r", 120),
        ("double(4)", 8),
        ("double(number: 4)", 8),
        ("untyped([1])", [1]),
        ("sum(list: list)", 6),
        ("max(1, 2, a)", 3),
        ("day of week(day)", "Monday"),
        ("sort(list, function(x, y) x > y)", [3, 2, 1]),
        ("mean", "hides the function"),
        ("mean([1, 3])", 2),
        ("{max: function(x) x + 1, r: max(1)}.r", 2),
        ("and([true, yes])", True),
        ("yes and or([false])", False),
        ("not(a > 5)", True),
        ('@"2025-01-20" = day', True),
        ('day + @"P1D" > day', True),
        ('@"P1D" + day', Date(2025, 1, 21)),
        ('day - @"2025-01-01"', DayTimeDuration(19 * 86_400 * 10**9)),
        ("clock + span", Time(11, 30, 0)),
        ("span * 2 / 4", DayTimeDuration(3600 * 10**9)),
        ('months / @"P7M"', 2),
        ("moment.hour + moment.minute", 9),
        ("-months", MonthDuration(-14)),
        ("-b", Decimal("-4.5")),
        ("--a", 3),
        ("- (a)", -3),
        ("{x: 1 /* one */, // two\n y: 2}.y", 2),
        ("null = none", True),
        ("a != null", True),
        ("none = null and null = null", True),
        ('date("2025-01-20") = day', True),
        ("date(2025, 1, 20) = day", True),
        ("for date in [1] return date + 1", [2]),
        ('("x")', "x"),
        ('text = "온도" and text > "가"', True),
        ('"온도" = text', True),
        ("a = b or yes", True),
        ("a * 0.5 >= b / 3", True),
        ("b * 2 = 9 and b > 4 and b < big", True),
        ("big > 1", True),
        ("a = 3", True),
        ("b + big > big", True),
    ],
)
def test_expressions_strictly(text: str, expected: Any) -> None:
    if expected is ERROR:
        with pytest.raises((FeelError, EvaluationError)):
            work(text)
        return
    assert work(text) == expected
    assert work(text, Mode.STANDARD) == expected
    assert compile_expression(text, names=NAMES, trusted=True).mode.strict


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("a + none", "null", 3),
        ("none + a", "null", 6),
        ("none > 1", "null", 6),
        ("-none", "null", 1),
        ("-text", "no-arithmetic", 1),
        ("a + text", "no-arithmetic", 3),
        ("a < text", "cannot-compare", 3),
        ("yes < yes", "cannot-compare", 5),
        ("a / 0", "division-by-zero", 3),
        ("0 ** -a", "division-by-zero", 3),
        ("big ** big", "out-of-range", 5),
        ("1e6000 * 1e6000 + b", "out-of-range", 8),
        ("bad > 1", "not-finite", 1),
        ("bad + 1", "not-finite", 1),
        ("bad", "not-finite", 1),
        ("nowhere", "missing", 1),
        ("nowhere.x", "missing", 1),
        ("deep.x.y", "missing", 6),
        ("a.b", "no-member", 3),
        ("none.b", "no-member", 6),
        ("day.hour", "no-property", 5),
        ("[1..2].x", "no-property", 8),
        ("list.x", "no-member", 6),
        ("yes and a", "not-boolean", 9),
        ("if a then 1 else 2", "not-boolean", 4),
        ("if list[1] then 1 else 2", "not-boolean", 8),
        ("list[9]", "no-item", 5),
        ("list[0]", "no-item", 5),
        ("list[1.5]", "no-item", 5),
        ("list[item.x > 1]", "no-member", 11),
        ('list["x"]', "not-boolean", 5),
        ("none[1]", "null", 5),
        ("none[item > 1]", "null", 5),
        ("for i in none return i", "null", 1),
        ("for i in 1.5..3 return i", "no-steps", 1),
        ('for i in 1.."x" return i', "no-steps", 1),
        ("for i in (> 5) return i", "no-steps", 1),
        ("[1 / 0 > a and none > 1]", "division-by-zero", 4),
        ("[big ** 30 * big ** 15]", "out-of-range", 12),
        ("for i in 1e6000..1e5999 return i", "out-of-range", 1),
        ("for i in day..span return i", "no-steps", 1),
        ("some x in list satisfies x", "not-boolean", 1),
        ("some x in [0] satisfies 1 / x > 0", "division-by-zero", 27),
        ("[5..1]", "bad-range", 1),
        ("[none..1]", "cannot-compare", 1),
        ("(> none)", "null", 1),
        ("a in text", "cannot-compare", 6),
        ("a in (text, list[item > text])", "cannot-compare", 7),
        ("a in (? + 1)", "not-boolean", 7),
        ("a in (> none)", "null", 7),
        ("a in none", "null", 6),
        ("none in [1..2]", "null", 9),
        ("none in list", ERROR, 0),
        ("none in ([[1..2]])", "null", 10),
        ("a in [[text..text]]", "cannot-compare", 6),
        ("a between text and 5", "cannot-compare", 3),
        ("text(1)", "no-function", 1),
        ("list[1](1)", "no-function", 8),
        ("double()", "arguments", 1),
        ("double(x: 1)", "arguments", 1),
        ("double(text)", "wrong-type", 1),
        ("sum(text)", "not-numbers", 1),
        ("sum([text])", "not-numbers", 1),
        ("now()", "no-moment", 1),
        ("nowhere(1)", "missing", 1),
    ],
)
def test_what_has_no_meaning_says_why_and_where(text: str, code: Any, at: int) -> None:
    if code is ERROR:
        assert work(text) is False
        return
    with pytest.raises(EvaluationError) as caught:
        work(text)
    assert (caught.value.code, caught.value.at) == (code, at)
    faults: list[EvaluationError] = []
    lenient = compile_expression(text, names=NAMES, mode=Mode.STANDARD)
    value = lenient.evaluate(SCOPE, faults)
    assert lenient.evaluate(SCOPE) == value
    assert value is None or text in FALSE_OR_LISTS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null = 1", False),
        ("null != 1", True),
        ("null = null", True),
        ('1 = "a"', None),
        ("none > 1", None),
        ("[1] = 1", None),
        ("true and null", None),
        ("false and null", False),
        ("null or true", True),
        ("null or false", None),
        ("1 and 2 and false", False),
        ('if "x" then 1 else 2', None),
        ("if null then 1 else 2", 2),
        ("if 1 then 1 else 2", None),
        ("list[9]", None),
        ('list["x"]', []),
        ("list[item.x > 1]", []),
        ("list.x", [None, None, None]),
        ("none.x", None),
        ("nowhere + 1", None),
        ('@"nonsense"', None),
        ('date("nonsense")', None),
        ("{a: 1, a: 2}", None),
        ("{f: function(x) external {a: 1}, r: f(1)}.r", None),
        ("some x in [1, null] satisfies x > 2", None),
        ("every x in [1, null] satisfies x > 2", False),
        ('@"2025-01-20" = @"2025-01-20T00:00:00Z"', True),
        ('@"2025-01-20" < @"2025-01-20T00:00:01Z"', True),
        ('[@"2025-01-20"] = [@"2025-01-20T00:00:00Z"]', True),
        ('@"2025-01-21T00:00:00Z" - @"2025-01-20"', DayTimeDuration(86_400 * 10**9)),
        ('@"P0D" = @"P0M"', True),
        ('@"P0D" = @"P1M"', None),
        ('@"P0D" != @"P0M"', False),
        ("a in [1..null]", None),
        ("a in (null, 3)", True),
        ("a in (null, 4)", False),
        ('a in ("x", 4)', None),
        ("none between 1 and 2", None),
        ("a between none and 2", False),
        ("5 instance of nothing", None),
        ("(function(x: nothing) x)(1)", 1),
        ('(function(x: number) x)("a")', None),
        ("sum(1, text)", None),
        ("sum(number: 1)", None),
        ('contains(text, "\\d")', False),
        ("bad", None),
        ("deep.er.x + none", None),
        ("not(none)", None),
        ("count", ERROR),
    ],
)
def test_the_standards_null(text: str, expected: Any) -> None:
    if expected is ERROR:
        assert isinstance(work(text, Mode.STANDARD), Function)
        return
    value = work(text, Mode.STANDARD)
    assert value == expected
    assert type(value) is type(expected)


def test_faults_that_became_null_are_kept() -> None:
    faults: list[EvaluationError] = []
    expression = compile_expression("none + 1 > 2 or text / 2 = 1", names=NAMES, mode=Mode.STANDARD)
    assert expression.evaluate(SCOPE, faults) is None
    assert [(fault.code, fault.at) for fault in faults] == [
        ("no-arithmetic", 6),
        ("cannot-compare", 10),
        ("no-arithmetic", 22),
        ("cannot-compare", 26),
    ][: len(faults)]
    looped = compile_expression("for i in 1..500 return i + text", names=NAMES, mode=Mode.STANDARD)
    faults.clear()
    looped.evaluate(SCOPE, faults)
    assert len(faults) == 100


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("-", 5, True),
        ("5", 5, True),
        ("> a", 5, True),
        ("< a, > 4", 5, True),
        ("not(5, 6)", 5, False),
        ("not(none)", 5, True),
        ("[1..a]", 2, True),
        ("? > 4 and ? < 6", 5, True),
        ("not(? > 4)", 5, False),
        ("not(? > 4) or ? = 5", 5, True),
        ('contains(?, "도")', "온도", True),
        ("list", 2, True),
        ("null", None, True),
        ("not(null)", None, False),
        ("some x in list satisfies x = ?", 2, True),
        ('@"2025-01-20"', date(2025, 1, 20), True),
        ("> sum(list)", 7, True),
        ("(a > 2)", True, True),
        ("function(x) x", 5, ERROR),
    ],
)
def test_unary_tests(text: str, value: Any, expected: Any) -> None:
    for mode in Mode:
        tests = compile_unary_tests(text, names=NAMES, mode=mode)
        if expected is ERROR or (text == "not(none)" and mode is Mode.STRICT):
            if mode is Mode.STRICT:
                with pytest.raises(EvaluationError):
                    tests.evaluate(value, SCOPE)
            else:
                assert tests.evaluate(value, SCOPE) is None
            continue
        assert tests.evaluate(value, SCOPE) is expected
        faults: list[EvaluationError] = []
        assert tests.evaluate(value, SCOPE, faults) is expected
        assert not faults


def test_unary_tests_of_the_standard() -> None:
    def told(text: str, value: Any) -> bool | None:
        return compile_unary_tests(text, names=NAMES, mode=Mode.STANDARD).evaluate(value, SCOPE)

    assert told("a > 2", 17) is True
    assert told("yes", True) is True
    assert told("a > 5", True) is False
    assert told("> 5", "x") is None
    assert told("not(> 5)", "x") is None
    assert told('> 5, "x"', "x") is True
    assert told("?", [1]) is True
    assert told("= ? + 0", 4) is True
    assert told("[none..5]", 4) is None
    assert told("null", 4) is False


def test_names_of_an_expression() -> None:
    expression = compile_expression("a + deep.er.x + count(list) + (for i in list return i)[1]", names=NAMES)
    assert expression.names == ("a", "deep", "list")
    assert repr(expression).startswith("<Expression 'a + deep")
    assert compile_unary_tests("> a").names == ("a",)
    assert compile_expression("나이 + 1").evaluate({"나이": 2}) == 3
    assert compile_expression("나이 + 1").evaluate({"\u1102\u1161\u110b\u1175": 2}) == 3


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
