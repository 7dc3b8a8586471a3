"""The language itself: what an expression gives in each mode.

Each row: the expression, what strict evaluation gives, and what the standard's mode gives where that is not the same.
A value stands as FEEL writes it; `!code` is an evaluation that ends with that reason (null in the standard's mode), and
`?text` is what the compiler says of an expression that it refuses.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from judgify.decision.feel import EvaluationError, FeelError, Mode, compile_expression
from judgify.decision.feel.function.conversion import literal
from judgify.decision.feel.type import named
from judgify.decision.feel.value import Function, deep

NUMBER = named("number")
SCOPE: Mapping[str, Any] = {
    "a": 3,
    "b": {"c": {"d": 1}},
    "n": None,
    "s": "abc",
    "flag": True,
    "numbers": [1, 2, 3],
    "rows": [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}],
    "when": date(2025, 1, 20),
    "span": timedelta(hours=5),
    "두 단어": 7,
    "len": Function("len", [("x", None)], lambda _: 1),  # type: ignore[list-item] # a pair does as well
    "double": Function("double", [("x", NUMBER)], lambda v: None if v[0] is None else v[0] * 2, NUMBER),  # type: ignore[list-item]
    "half": Function("half", [("x", NUMBER)], lambda _: "no", NUMBER, strict=False),  # type: ignore[list-item]
}

CASES: list[tuple[str, ...]] = [
    # Names and members.
    ("a + 1", "4"),
    ("b.c", "{d: 1}"),
    ("b.c.d", "1"),
    ("b.x", "!missing"),
    ("b.x.y", "!missing"),
    ("n.c", "!no-member"),
    ("a.c", "!no-member"),
    ("rows.x", "[1, 2]"),
    ("rows.y", '["a", "b"]'),
    ("when.year", "2025"),
    ("when.zone", "!no-property"),
    ("span.hours", "5"),
    ("[1..5].start", "1"),
    ("[1..5].size", "!no-property"),
    ("missing", "!missing"),
    ("missing + 1", "!missing"),
    ("두 단어", "7"),
    ("{a: 1}.a", "1"),
    ("{a: 1}.b", "!missing"),
    # Arithmetic.
    ("-a", "-3"),
    ('-"x"', "?a string has no minus"),
    ("-n", "!null"),
    ('-@"P1D"', '@"-P1D"'),
    ("a + n", "!null"),
    ("n - a", "!null"),
    ("a * b", "!no-arithmetic"),
    ('"x" + "y"', '"xy"'),
    ('"x" - "y"', "?string - string means nothing"),
    ("s + 1", "!no-arithmetic"),
    ("s * s", "!no-arithmetic"),
    ("a / 0", "!division-by-zero"),
    ("a / 4", "0.75"),
    ("a ** 2", "9"),
    ("a ** -1", "0.3333333333333333333333333333333333"),
    ("a ** 0.5", "1.732050807568877293527446341505872"),
    ("9223372036854775807 + 1", "9223372036854775808"),
    ("9999999999999999999999999999999999 * 1.1", "11000000000000000000000000000000000"),
    ("1e6144 * 10", "!out-of-range"),
    ("2 ** 20000", "3980276840337966592354307206191202E+5987"),
    ('when + @"P1D"', '@"2025-01-21"'),
    ("when - when", '@"PT0S"'),
    ('when + @"PT12H"', "!part-of-day", '@"2025-01-20"'),
    ("when + 1", "!no-arithmetic"),
    ('@"P1D" * 2', '@"P2D"'),
    ('2 * @"P1M"', '@"P2M"'),
    ('@"P1D" / @"PT1H"', "24"),
    ("flag + 1", "!no-arithmetic"),
    # Comparison.
    ("a = 3", "true"),
    ("a = 3.0", "true"),
    ("a != 4", "true"),
    ("a < 4", "true"),
    ('a >= "x"', "!cannot-compare"),
    ('s < "z"', "true"),
    ("s = 1", "!cannot-compare"),
    ("s = null", "false"),
    ("null = null", "true"),
    ("n = null", "true"),
    ("n != null", "false"),
    ("n < 1", "!null"),
    ("n = 1", "!null", "false"),
    ("flag = true", "true"),
    ("flag = 1", "!cannot-compare"),
    ("flag < false", "?a boolean has no <"),
    ("[1, 2] = [1, 2.0]", "true"),
    ("[1] = 1", "?a list is compared with a number"),
    ("[] = null", "false"),
    ("{x: 1} = {x: 1.0}", "true"),
    ("{x: 1} = {y: 1}", "false"),
    ("[1] < [2]", "?a list has no <"),
    ('when = @"2025-01-20"', "true"),
    ('when < @"2025-01-21T00:00:00Z"', "!cannot-compare", "true"),
    ('@"09:00:00" < @"09:00:00Z"', "!mixed-zones", "false"),
    ('@"09:00:00" = @"09:00:00Z"', "!mixed-zones"),
    ('@"09:00:00.1" = @"09:00:00.2"', "false", "true"),
    ("[1..2] = [1..2]", "true"),
    ("(< 5) = (< 5)", "true"),
    ("(=5) = [5..5]", "false"),
    ("len = len", "true"),
    # Logic.
    ("true and false", "false"),
    ("true and n", "!not-boolean"),
    ("false and n", "false"),
    ("true or n", "true"),
    ("false or n", "!not-boolean"),
    ("a and true", "!not-boolean"),
    ("a or true", "true"),
    ("n and n", "!not-boolean"),
    ("flag and a > 2", "true"),
    ("a > 2 or missing > 1", "true"),
    ("a < 2 and missing > 1", "false"),
    ("a > 2 and missing > 1", "!missing"),
    ("not(flag)", "false"),
    ("not(n)", "null"),
    ("not(a)", "!bad-argument"),
    ("if flag then 1 else 2", "1"),
    ("if n then 1 else 2", "!not-boolean", "2"),
    ("if a then 1 else 2", "!not-boolean"),
    ('if false then 1 else "x"', '"x"'),
    # Membership.
    ("a in [1..5]", "true"),
    ("a in (3..5)", "false"),
    ("a in (1, 2, 3)", "true"),
    ("a in [1, 2, 3]", "true"),
    ("a in numbers", "true"),
    ("a in (< 5)", "true"),
    ("a in != 3", "false"),
    ("a in ([1..2], > 2)", "true"),
    ("n in [1..5]", "!null"),
    ("n in (null, 1)", "true"),
    ('a in "x"', "!cannot-compare"),
    ('a in ["x", 3]', "true"),
    ("a in [1..n]", "!null"),
    ('a in ["a".."b"]', "!cannot-compare"),
    ('s in ["a".."z"]', "true"),
    ("a between 1 and 5", "true"),
    ("a between n and 5", "!null"),
    ("s between 1 and 5", "!cannot-compare"),
    ("a in (? > 2)", "true"),
    ("a in (? + 1)", "!not-boolean", "false"),
    ("[1, 2] in [[1, 2], [3]]", "true"),
    ("1 in numbers", "true"),
    ("numbers in numbers", "true"),
    ('when in [@"2025-01-01"..@"2025-12-31"]', "true"),
    # Ranges.
    ("[1..5]", "[1..5]"),
    ("(1..5]", "(1..5]"),
    ("]1..5[", "(1..5)"),
    ("[5..1]", "!bad-range"),
    ("[1..n]", "!cannot-compare"),
    ('[1.."a"]', "?a number is compared with a string"),
    ("(>= 5)", "(>= 5)"),
    ("(< n)", "!null"),
    # Types.
    ("a instance of number", "true"),
    ("a instance of string", "false"),
    ("s instance of string", "true"),
    ("n instance of number", "false"),
    ("n instance of Any", "false"),
    ("n instance of Null", "true"),
    ("[1, 2] instance of list<number>", "true"),
    ("{x: 1} instance of context<x: number>", "true"),
    ("[1..2] instance of range<number>", "true"),
    ("when instance of date", "true"),
    ("span instance of days and time duration", "true"),
    ('@"P1Y" instance of years and months duration', "true"),
    ("(function(x) x) instance of function<Any> -> Any", "true"),
    ("a instance of tNone", "?there is no type tNone"),
    # Lists.
    ('[1, a, "x"]', '[1, 3, "x"]'),
    ("[]", "[]"),
    ("numbers[1]", "1"),
    ("numbers[-1]", "3"),
    ("numbers[0]", "!no-item"),
    ("numbers[4]", "!no-item"),
    ("numbers[1.5]", "!no-item"),
    ("numbers[item > 1]", "[2, 3]"),
    ("numbers[item = n]", "!null", "[]"),
    ("numbers[a - 2]", "1"),
    ("numbers[s]", "!not-boolean", "[]"),
    ("numbers[true]", "[1, 2, 3]"),
    ("a[1]", "3"),
    ("a[2]", "!no-item"),
    ("a[item = 3]", "[3]"),
    ("n[1]", "!null"),
    ("rows[x > 1]", '[{x: 2, y: "b"}]'),
    ("rows[x > 1].y", '["b"]'),
    ("rows[x = 1][1].y", '"a"'),
    ('rows[y = "b"]', '[{x: 2, y: "b"}]'),
    ("[{item: 1}, {item: 2}][item > 1]", "[{item: 2}]"),
    ("[][item > 1]", "[]"),
    ("[][missing]", "[]"),
    ("numbers[missing > 1]", "!missing", "[]"),
    # Contexts.
    ("{x: 1, y: x + 1}", "{x: 1, y: 2}"),
    ("{x: 1, x: 2}", '?"x" is given twice'),
    ("{f: function(k) if k <= 1 then 1 else k * f(k - 1), r: f(5)}.r", "120"),
    ("{x: missing}", "!missing", "{x: null}"),
    # Loops.
    ("for i in numbers return i * 2", "[2, 4, 6]"),
    ("for i in 1..3 return i", "[1, 2, 3]"),
    ("for i in 3..1 return i", "[3, 2, 1]"),
    ("for i in a..5 return i", "[3, 4, 5]"),
    ("for i in [1..3] return i", "[1, 2, 3]"),
    ("for i in (1..3) return i", "[2]"),
    ("for i in 1..3, j in 1..2 return i * j", "[1, 2, 2, 4, 3, 6]"),
    ("for i in 1..4 return if i = 1 then 1 else partial[-1] * i", "[1, 2, 6, 24]"),
    ("for i in n return i", "!null"),
    ("for i in a return i", "[3]"),
    ("for i in (> 1) return i", "!no-steps"),
    ("for i in 1.5..3 return i", "!no-steps"),
    ('for i in "a".."c" return i', "!no-steps"),
    ('for i in 1.."c" return i', "!no-steps"),
    ('for i in @"2025-01-01"..@"2025-01-03" return i.day', "[1, 2, 3]"),
    ('for i in @"2025-01-03"..@"2025-01-01" return i.day', "[3, 2, 1]"),
    ("for i in numbers return i + n", "!null", "[null, null, null]"),
    ("some i in numbers satisfies i > 2", "true"),
    ("some i in numbers satisfies i > 9", "false"),
    ("every i in numbers satisfies i > 0", "true"),
    ("every i in numbers satisfies i > 1", "false"),
    ("some i in [] satisfies true", "false"),
    ("every i in [] satisfies false", "true"),
    ("some i in [n, 3] satisfies i > 2", "true"),
    ("some i in [n, 1] satisfies i > 2", "!null"),
    ("every i in [n, 1] satisfies i > 2", "false"),
    ("every i in numbers satisfies i", "!not-boolean"),
    ("some i in n satisfies true", "!null"),
    ("every i in [1, 2], j in [3, 4] satisfies i < j", "true"),
    # Calls.
    ("sum(numbers)", "6"),
    ("sum(list: numbers)", "6"),
    ("sum()", "?sum does not take these arguments"),
    ("abs(a, a)", "?abs does not take these arguments"),
    ("abs(m: a)", "?abs does not take these arguments"),
    ("count(n)", "!bad-argument"),
    ("upper case(s)", '"ABC"'),
    ("length(s)", "!missing"),
    ("substring(s, 1, 1)", '"a"'),
    ("substring(string: s, start position: 1)", '"abc"'),
    ("double(4)", "8"),
    ("double(x: 4)", "8"),
    ("double(y: 4)", "!arguments"),
    ("double()", "!arguments"),
    ("double(n)", "null"),
    ("half(4)", "null"),
    ('half("x")', "!wrong-type"),
    ("a(1)", "!no-function"),
    ("s(1)", "!no-function"),
    ("n(1)", "!no-function"),
    ("(function(x) x + 1)(2)", "3"),
    ('(function(x: number) x + 1)("x")', "!wrong-type"),
    ('(function(x: number, y: string) y)(1, "z")', '"z"'),
    ('(function(x) external {java: {class: "a", method signature: "b"}})(1)', "?an external function is not called"),
    ("sort(numbers, function(x, y) x > y)", "[3, 2, 1]"),
    ("sort(numbers, double)", "!arguments"),
    ("list replace(numbers, function(i, k) i = 1, 9)", "[9, 2, 3]"),
    ("now()", "!no-moment"),
    ("today().year", "!no-moment"),
    ("{f: sum, r: f(numbers)}.r", "6"),
    ("{f: sum, r: f(list: numbers)}.r", "6"),
    ("[sum, sum] = [sum, sum]", "true"),
    ("string(sum)", '"function"'),
    ('matches(s, "(")', "!bad-pattern"),
    ('replace(s, "a", "b")', '"bbc"'),
    ("is(a, 3)", "true"),
    ("(function(x: tNone) x)(1)", "?there is no type tNone", "1"),
]


def told(text: str, scope: Mapping[str, Any], mode: Mode, *, trusted: bool = False) -> str:
    try:
        expression = compile_expression(text, names=["두 단어"], mode=mode, trusted=trusted)
    except FeelError as error:
        return "?" + error.message
    faults: list[EvaluationError] = []
    try:
        value = expression.evaluate(scope, faults if mode is Mode.STANDARD else None)
    except EvaluationError as error:
        assert mode is Mode.STRICT
        return "!" + error.code
    assert mode is Mode.STANDARD or not faults
    return literal(value)


def standard(case: tuple[str, ...]) -> str:
    if len(case) > 2:
        return case[2]
    return "null" if case[1][0] in "!?" else case[1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_strict(case: tuple[str, ...]) -> None:
    assert told(case[0], SCOPE, Mode.STRICT) == case[1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_as_the_standard_says(case: tuple[str, ...]) -> None:
    assert told(case[0], SCOPE, Mode.STANDARD) == standard(case)


def test_values_that_are_canonical_already_give_the_same() -> None:
    scope = {name: deep(value) for name, value in SCOPE.items()}
    for case in CASES:
        assert told(case[0], scope, Mode.STRICT, trusted=True) == case[1]
        assert told(case[0], scope, Mode.STANDARD, trusted=True) == standard(case)
