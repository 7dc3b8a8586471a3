"""Unary tests: what passes a cell, in each mode, and what a whole evaluation may cost."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from judgify.decision.feel import EvaluationError, LimitError, Mode, compile_expression, compile_unary_tests
from judgify.decision.feel.temporal import read
from judgify.decision.feel.value import Function, Parameter, native

SCOPE: dict[str, Any] = {"n": None, "limit": 5, "names": ["a", "b"], "on": True, "deep": {"limit": 2}}
CELLS: list[tuple[Any, ...]] = [
    # The value tested, the cell, what strict evaluation says (or its reason), and the standard's mode where it differs.
    (3, "-", True),
    (3, "3", True),
    (3, "1, 2", False),
    (3, "1, 2, 3", True),
    (3, "not(3)", False),
    (3, "not(1, 2)", True),
    (3, "< 5", True),
    (3, "<= limit, > 100", True),
    (3, "deep.limit", False),
    (3, "[1..limit]", True),
    (3, "(3..5]", False),
    (3, "[1..3)", False),
    (3, "]3..5[", False),
    (3, "!= 3", False),
    (3, "> limit - 3", True),
    (3, "? > 2", True),
    (3, "? > 2 and ? < 4", True),
    (3, "? + 1", "not-boolean", False),
    (3, "> ? - 1", True),
    (3, "(limit > 4)", "cannot-compare", True),
    (3, "on", "cannot-compare", True),
    (True, "on", True),
    (True, "(limit > 4)", True),
    (False, "not(on)", True),
    (3, "names", False),
    ("a", "names", True),
    ("c", "names", False),
    (["a", "b"], "names", True),
    ("a", '"a", "b"', True),
    ("a", '["a".."c"]', True),
    ("a", "> 3", "cannot-compare", None),
    (3, '"a"', "cannot-compare", None),
    (3, '"a", 3', True),
    (3, '3, "a"', True),
    (3, 'not("a")', "cannot-compare", None),
    (None, "null", True),
    (None, "not(null)", False),
    (None, "3", "null", False),
    (None, "> 3", "null", None),
    (None, "[1..2]", "null", None),
    (3, "n", "null", False),
    (3, "> n", "null", None),
    (3, "[n..5]", "null", None),
    (3, "missing", "missing", False),
    (3, "3, missing", True),
    (3, "missing, 3", True),
    (date(2025, 1, 20), '[@"2025-01-01"..@"2025-01-31"]', True),
    (time(9), '< @"10:00:00"', True),
    (datetime(2025, 1, 20, tzinfo=UTC), '> @"2025-01-19"', "cannot-compare", True),
    (timedelta(hours=2), '@"PT120M"', True),
    (3, "count(names) + 1", True),
    (3, "some x in [1, 2, 3] satisfies x = ?", True),
    (3, "[(< 5), (> 10)]", True),
    (None, "[1..2], null", True),
    ({"x": 1}, "{x: 1}", True),
]


@pytest.mark.parametrize("case", CELLS, ids=[f"{case[1]} on {case[0]}" for case in CELLS])
def test_cells(case: tuple[Any, ...]) -> None:
    value, text, strict = case[:3]
    standard = case[3] if len(case) > 3 else strict
    tests = compile_unary_tests(text, mode=Mode.STRICT)
    if isinstance(strict, str):
        with pytest.raises(EvaluationError) as caught:
            tests.evaluate(value, SCOPE)
        assert caught.value.code == strict
    else:
        assert tests.evaluate(value, SCOPE) is strict
    faults: list[EvaluationError] = []
    lenient = compile_unary_tests(text, mode=Mode.STANDARD)
    assert lenient.evaluate(value, SCOPE, faults) is standard
    assert lenient.evaluate(value, SCOPE) is standard


def fault(text: str, scope: dict[str, Any] | None = None, mode: Mode = Mode.STRICT, **how: Any) -> EvaluationError:
    with pytest.raises(EvaluationError) as caught:
        compile_expression(text, mode=mode).evaluate(scope or {}, **how)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "for i in 1..100000, j in 1..100000 return i",
        "for i in 1..300000 return i",
        "{f: function(x) f(x), r: f(1)}.r",
        'for i in 1..30 return if i = 1 then "ab" else partial[-1] + partial[-1]',
        "for i in 1..60 return if i = 1 then [1] else concatenate(partial[-1], partial[-1])",
        "for i in 1..60 return if i = 1 then [1] else [partial[-1], partial[-1]]",
        "count(for i in 1..20000 return partial)",
        r'matches(text, "(a*)*(a*)*\\1b")',
    ],
)
def test_what_costs_too_much_is_ended_in_both_modes(text: str) -> None:
    for mode in Mode:
        error = fault(text, {"text": "a" * 40}, mode)
        assert isinstance(error, LimitError)
        assert error.code in {"too-many-steps", "too-large", "too-deep", "slow-pattern"}


def test_the_caller_may_allow_less() -> None:
    assert fault("sum(for i in 1..1000 return i)", steps=100).code == "too-many-steps"
    assert compile_expression("sum(for i in 1..1000 return i)").evaluate({}, steps=100_000) == 500_500
    tests = compile_unary_tests("some x in 1..1000 satisfies x > ?")
    assert tests.evaluate(10) is True
    with pytest.raises(LimitError):
        tests.evaluate(2_000, steps=10)


def test_the_present_moment_comes_from_the_caller() -> None:
    now = datetime(2025, 1, 20, 9, 30, tzinfo=UTC)
    assert compile_expression("now()").evaluate({}, now=now, faults=[]) == read("2025-01-20T09:30:00Z")
    assert compile_expression("sum(for i in [1] return today().year)").evaluate({}, now=now) == 2025
    assert compile_unary_tests("< now()").evaluate(datetime(2025, 1, 1, tzinfo=UTC), {}, [], now=now) is True


def test_a_fault_tells_its_place_and_its_name() -> None:
    error = fault("1 + (limit * word)", {"limit": 2, "word": "x"})
    assert (error.code, error.at, error.params["right"]) == ("no-arithmetic", 12, "string")
    error = fault("1 + deep.limit", {"deep": {"limit": None}})
    assert (error.code, error.name) == ("null", "deep.limit")
    faults: list[EvaluationError] = []
    assert compile_expression("[1 / 0, nowhere]", mode=Mode.STANDARD).evaluate({}, faults) == [None, None]
    assert [one.code for one in faults] == ["division-by-zero", "missing"]
    for text in ("a + 1", "[a]", "for i in [1] return a", "b.c", "for i in [1] return b"):
        assert fault(text, {"a": float("nan"), "b": {"c": float("inf")}}).code == "not-finite"
        assert fault(text, {"a": object(), "b": {"c": object()}}).code == "unknown-type"
    loose: list[EvaluationError] = []
    bad = compile_expression("for i in [1] return a", mode=Mode.STANDARD)
    assert bad.evaluate({"a": object()}, loose) == [None]
    assert "unknown-type" in {one.code for one in loose}


@pytest.mark.parametrize(
    ("text", "standard"),
    [
        ('@"2025-01-20" = @"2025-01-20T00:00:00Z"', True),
        ('@"2025-01-20T10:00:00Z" - @"2025-01-20"', read("PT10H")),
        ('@"P0D" = @"P0M"', True),
        ('@"P0D" != @"P0M"', False),
        ('@"P1D" = @"P1M"', None),
        ('[@"2025-01-20"] = [@"2025-01-20T00:00:00Z"]', True),
        ("0 ** 0", 1),
        ("0 ** -1", None),
        ("2.5 ** 2", Decimal("6.25")),
        ("(2 ** 64) * (2 ** 64)", 2**128),
    ],
)
def test_operators_as_the_standard_says(text: str, standard: Any) -> None:
    assert compile_expression(text, mode=Mode.STANDARD).evaluate({}) == standard


def test_names_and_functions_are_those_of_the_caller_first() -> None:
    mine = Function("sum", [Parameter("x")], lambda _: 42)
    assert compile_expression("sum([1])", names=["sum"]).evaluate({"sum": mine}) == 42
    assert compile_expression("sum").evaluate({"sum": 7}) == 7
    assert compile_expression("[sum][1]([1, 2])").evaluate({}) == 3
    assert compile_expression("f(g: 1)").names == ("f",)
    assert repr(compile_expression("1 + 1")) == "<Expression '1 + 1'>"
    assert repr(mine) == "<function sum(x)>"
    assert repr(Function(None, [], lambda _: 1)) == "<function ()>"
    assert fault("f(1)", {"f": None}).code == "no-function"


def test_values_go_out_as_python_has_them() -> None:
    value = compile_expression('{d: @"2025-01-20", l: [@"PT1H", @"12025-01-20"]}').evaluate({})
    assert native(value) == {"d": date(2025, 1, 20), "l": [timedelta(hours=1), read("12025-01-20")]}


def test_lists_from_outside_are_converted() -> None:
    assert compile_expression("x").evaluate({"x": ((1.5, None), {"y": 2.0})}) == [[Decimal("1.5"), None], {"y": 2}]
