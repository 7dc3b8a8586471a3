"""What each form of the language means, strictly and in the standard's mode."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.support.feel_scope import NAMES, SCOPE, work

from judgify.decision.feel import (
    EvaluationError,
    FeelError,
    Mode,
    compile_expression,
    compile_unary_tests,
)
from judgify.decision.feel.temporal import Date, DayTimeDuration, MonthDuration, Time
from judgify.decision.feel.value import Function

ERROR: Any = object()
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
