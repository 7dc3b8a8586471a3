"""Every built-in function: what it gives, and what it refuses."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.decision.feel import temporal
from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.function import BUILTINS
from judgify.decision.feel.function.comparison import equal
from judgify.decision.feel.range import Range

D = Decimal


def call(name: str, *arguments: Any) -> Any:
    return BUILTINS[name].run(*arguments)


def t(source: str) -> Any:
    value = temporal.read(source)
    assert value is not None, source
    return value


def r(source: str) -> Range:
    interval = call("range", source)
    assert isinstance(interval, Range)
    return interval


def bigger(left: Any, right: Any) -> Any:
    return left > right


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("date", ("2025-01-20",), t("2025-01-20")),
        ("date", (t("2025-01-20T09:00:00Z"),), t("2025-01-20")),
        ("date", (t("2025-01-20"),), t("2025-01-20")),
        ("date", (2025, D("1.0"), 20), t("2025-01-20")),
        ("date and time", ("2025-01-20T09:00:00",), t("2025-01-20T09:00:00")),
        ("date and time", (t("2025-01-20"), t("09:00:00Z")), t("2025-01-20T09:00:00Z")),
        ("date and time", (t("2025-01-20T10:00:00"), t("09:00:00")), t("2025-01-20T09:00:00")),
        ("time", ("09:00:00",), t("09:00:00")),
        ("time", (t("09:00:00"),), t("09:00:00")),
        ("time", (t("2025-01-20T09:00:00Z"),), t("09:00:00Z")),
        ("time", (t("2025-01-20"),), t("00:00:00Z")),
        ("time", (9, 30, D("1.25")), t("09:30:01.25")),
        ("time", (9, 30, 1, None), t("09:30:01")),
        ("time", (9, 30, 1, t("PT9H")), t("09:30:01+09:00")),
        ("number", ("1 000,5", " ", ","), D("1000.5")),
        ("number", ("1,000.5", ",", "."), D("1000.5")),
        ("number", ("1,000", ",", None), 1000),
        ("number", ("-12", None, None), -12),
        ("string", (D("1.10"),), "1.1"),
        ("string", (None,), None),
        ("string", ("a",), "a"),
        ("string", (True,), "true"),
        ("string", (t("2025-01-20"),), "2025-01-20"),
        ("string", ([1, "a", None, t("P1D"), [False]],), '[1, "a", null, @"P1D", [false]]'),
        ("string", ({"a b": 1, "나": 'x"y', "1z": {}},), '{a b: 1, 나: "x\\"y", "1z": {}}'),
        ("string", (Range(1, 2, True, False),), "[1..2)"),
        ("string", (Range("a", "b", False, True),), '("a".."b"]'),
        ("string", (Range(None, 5, False, False, "<"),), "(< 5)"),
        ("string", (Range(5, None, True, False, ">="),), "(>= 5)"),
        ("string", ([len],), "[function]"),
        ("duration", ("P1D",), t("P1D")),
        ("years and months duration", (t("2011-12-22"), t("2013-08-24")), t("P1Y8M")),
        ("years and months duration", (t("2013-08-24"), t("2011-12-22")), t("-P1Y8M")),
        ("years and months duration", (t("2013-08-21"), t("2011-12-22")), t("-P1Y7M")),
        ("years and months duration", (t("2011-12-25"), t("2013-08-24")), t("P1Y7M")),
        ("years and months duration", (t("2013-01-01T10:00:00"), t("2013-01-02T09:00:00")), t("P0M")),
        ("years and months duration", (t("2013-01-01"), t("2014-01-02T09:00:00")), t("P1Y")),
        ("not", (True,), False),
        ("not", (None,), None),
        ("is", (1, D("1.0")), True),
        ("is", (True, 1), False),
        ("is", (t("2025-01-20"), t("09:00:00")), False),
        ("is", (t("09:00:00Z"), t("09:00:00+00:00")), True),
        ("is", (t("09:00:00Z"), t("18:00:00+09:00")), False),
        ("is", ([1, {"a": None}], [1, {"a": None}]), True),
        ("is", (len, len), True),
        ("substring", ("foobar", 3), "obar"),
        ("substring", ("foobar", 3, D("3.8")), "oba"),
        ("substring", ("foobar", -2, 1), "a"),
        ("substring", ("🐎ab", 2, None), "ab"),
        ("string length", ("🐎ab",), 3),
        ("upper case", ("aBc4ß",), "ABC4SS"),
        ("lower case", ("aBc4",), "abc4"),
        ("substring before", ("foobar", "bar"), "foo"),
        ("substring before", ("foobar", "xyz"), ""),
        ("substring after", ("foobar", "ob"), "ar"),
        ("substring after", ("foobar", "xyz"), ""),
        ("substring after", ("foobar", ""), "foobar"),
        ("contains", ("foobar", "of"), False),
        ("starts with", ("foobar", "fo"), True),
        ("ends with", ("foobar", "r"), True),
        ("matches", ("foobar", "^fo*b"), True),
        ("matches", ("foobar", "^fo*b", None), True),
        ("string join", (["a", None, "c"], "X"), "aXc"),
        ("string join", ([], "X"), ""),
        ("string join", (["a", "b"],), "ab"),
        ("string join", ("a", None), "a"),
        ("list contains", ([1, None], None), True),
        ("list contains", ([1, "1"], True), False),
        ("count", ([1, [2, 3]],), 2),
        ("count", (5,), 1),
        ("min", ([3, 1, 2],), 1),
        ("min", ("b", "a"), "a"),
        ("max", (t("P1D"), t("P2D"), t("PT1H")), t("P2D")),
        ("max", ([],), None),
        ("max", (7,), 7),
        ("sum", ([1, D("0.5")],), D("1.5")),
        ("sum", (1, 2, 3), 6),
        ("sum", tuple(range(20)), 190),
        ("sum", ([],), None),
        ("product", (2, 3, 4), 24),
        ("product", ([],), None),
        ("mean", (1, 2), D("1.5")),
        ("mean", ([],), None),
        ("median", (8, 2, 5, 3, 4), 4),
        ("median", ([6, 1, 2, 3],), D("2.5")),
        ("median", ([],), None),
        ("stddev", (2, 4, 7, 5), D("2.081665999466132735282297706979931")),
        ("stddev", ([10**30 + 1, 10**30 + 1],), 0),
        ("stddev", ([47],), None),
        ("mode", ([6, 1, 9, 6, 1],), [1, 6]),
        ("mode", ([],), []),
        ("all", ([False, None, True],), False),
        ("all", ([True, None],), None),
        ("all", ([],), True),
        ("and", (True, True), True),
        ("any", ([False, None, True],), True),
        ("any", (False, None), None),
        ("any", (True,), True),
        ("or", ([],), False),
        ("sublist", ([4, 5, 6], 1, 2), [4, 5]),
        ("sublist", ([4, 5, 6], -2), [5, 6]),
        ("append", ([1], 2, 3), [1, 2, 3]),
        ("append", ([1], [2]), [1, [2]]),
        ("concatenate", ([1, 2], [3]), [1, 2, 3]),
        ("concatenate", ([],), []),
        ("insert before", ([1, 3], 1, 2), [2, 1, 3]),
        ("insert before", ([1, 3], -1, None), [1, None, 3]),
        ("remove", ([1, 2, 3], 2), [1, 3]),
        ("remove", ([1, 2, 3], -1), [1, 2]),
        ("list replace", ([2, 4, 7, 8], 3, 6), [2, 4, 6, 8]),
        ("list replace", ([2, 4, 7, 8], lambda item, new: item < new, 5), [5, 5, 7, 8]),
        ("reverse", ([1, 2, 3],), [3, 2, 1]),
        ("index of", ([1, 2, 3, 2], 2), [2, 4]),
        ("union", ([1, 2], [2, 3]), [1, 2, 3]),
        ("distinct values", ([1, 2, D("1.0"), True, "1"],), [1, 2, True, "1"]),
        ("flatten", ([[1, 2], [[3]], 4],), [1, 2, 3, 4]),
        ("sort", ([3, 1, 2],), [1, 2, 3]),
        ("sort", ([3, 1, 2], bigger), [3, 2, 1]),
        ("sort", ([(1, "b"), (1, "a"), (0, "c")], lambda x, y: x[0] < y[0]), [(0, "c"), (1, "b"), (1, "a")]),
        ("decimal", (D("2.5"), 0), 2),
        ("floor", (D("1.5"),), 1),
        ("floor", (D("-1.56"), 1), D("-1.6")),
        ("ceiling", (D("1.5"),), 2),
        ("round up", (D("1.121"), 2), D("1.13")),
        ("round down", (D("-1.126"), 2), D("-1.12")),
        ("round half up", (D("5.5"), 0), 6),
        ("round half down", (D("5.5"), 0), 5),
        ("abs", (-3,), 3),
        ("abs", (D("-3.5"),), D("3.5")),
        ("abs", (t("-P1D"),), t("P1D")),
        ("abs", (t("-P1M"),), t("P1M")),
        ("modulo", (-12, 5), 3),
        ("sqrt", (16,), 4),
        ("log", (1,), 0),
        ("exp", (0,), 1),
        ("odd", (D("5.0"),), True),
        ("even", (-2,), True),
        ("day of year", (t("2019-09-17"),), 260),
        ("day of week", (t("2019-09-17T10:00:00"),), "Tuesday"),
        ("month of year", (t("2019-09-17"),), "September"),
        ("week of year", (t("2005-01-01"),), 53),
        ("week of year", (t("2003-12-29"),), 1),
        ("get value", ({"a": 1}, "a"), 1),
        ("get value", ({"a": 1}, "b"), None),
        ("get entries", ({"a": 1},), [{"key": "a", "value": 1}]),
        ("context", ([{"key": "a", "value": None, "more": 1}],), {"a": None}),
        ("context", ({"key": "a", "value": 1},), {"a": 1}),
        ("context put", ({"x": 1, "y": 0, "z": 0}, "y", 2), {"x": 1, "y": 2, "z": 0}),
        ("context put", ({"x": 1, "y": {"a": 0}}, ["y", "a"], 2), {"x": 1, "y": {"a": 2}}),
        ("context put", ({"x": 1}, ["y"], 2), {"x": 1, "y": 2}),
        ("context merge", ([{"x": 1, "y": 0}, {"y": 2}],), {"x": 1, "y": 2}),
        ("context merge", ({"x": 1},), {"x": 1}),
    ],
)
def test_results(name: str, arguments: tuple[Any, ...], result: Any) -> None:
    got = call(name, *arguments)
    assert got == result
    assert type(got) is type(result)


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("date", ("2025-02-30",), "unreadable"),
        ("date", (2025, 2, 30), "out-of-range"),
        ("date", (2025, D("1.5"), 1), "not-whole"),
        ("date", (2025, 1), "arguments"),
        ("date", (7,), "bad-argument"),
        ("date and time", (t("2025-01-20"),), "bad-argument"),
        ("time", (9, 30, 60), "out-of-range"),
        ("time", (9, 30, -1), "out-of-range"),
        ("time", (9, 30, 0, t("PT15H")), "out-of-range"),
        ("time", (9, 30, 0, t("PT0.5S")), "out-of-range"),
        ("time", (9, None, 0), "bad-argument"),
        ("number", ("1", ";", "."), "bad-separator"),
        ("number", ("1", ",", " "), "bad-separator"),
        ("number", ("1", ",", ","), "bad-separator"),
        ("number", ("a", ",", "."), "unreadable"),
        ("number", ("1.5", " ", ","), "unreadable"),
        ("number", ("1",), "arguments"),
        ("duration", ("1 day",), "unreadable"),
        ("not", ("true",), "bad-argument"),
        ("substring", ("foobar", 0), "bad-position"),
        ("substring", ("foobar", 7), "bad-position"),
        ("substring", ("foobar", D("1.5")), "bad-position"),
        ("substring", ("foobar", 5, 3), "bad-length"),
        ("substring", ("foobar", 5, 0), "bad-length"),
        ("string join", (["a", 1], "X"), "not-strings"),
        ("string join", (None, "X"), "bad-argument"),
        ("min", ([1, "a"],), "cannot-compare"),
        ("min", ([[1]],), "cannot-compare"),
        ("min", ([None],), "cannot-compare"),
        ("max", (t("09:00:00"), t("09:00:00Z")), "mixed-zones"),
        ("sum", ([1, "a"],), "not-numbers"),
        ("sum", (1, None), "bad-argument"),
        ("mean", ([True],), "not-numbers"),
        ("all", ([0],), "not-booleans"),
        ("any", (None,), "bad-argument"),
        ("any", (), "arguments"),
        ("sublist", ([1], 2), "bad-position"),
        ("insert before", ([], 1, 1), "bad-position"),
        ("remove", ([1], 0), "bad-position"),
        ("list replace", ([1], lambda item, new: None, 1), "not-boolean"),
        ("list replace", ([1], "1", 1), "bad-argument"),
        ("sort", ([1, "a"],), "cannot-compare"),
        ("sort", ([1, 2], lambda x, y: None), "not-boolean"),
        ("decimal", (1, D("1.5")), "not-whole"),
        ("decimal", (1, 6_177), "out-of-range"),
        ("odd", (D("2.5"),), "not-whole"),
        ("abs", (t("2025-01-20"),), "bad-argument"),
        ("modulo", (1, 0), "division-by-zero"),
        ("now", (), "no-moment"),
        ("today", (), "no-moment"),
        ("now", (1,), "arguments"),
        ("before", (1, "a"), "cannot-compare"),
        ("context", ([{"key": "a"}],), "bad-entry"),
        ("context", ([{"value": 1}],), "bad-entry"),
        ("context", ([1],), "bad-entry"),
        ("context", ([{"key": "a", "value": 1}, {"key": "a", "value": 1}],), "duplicate-key"),
        ("context put", ({}, [], 1), "bad-keys"),
        ("context put", ({}, [None, "a"], 1), "bad-keys"),
        ("context put", ({"a": 1}, ["a", "b"], 1), "no-context"),
        ("context merge", ([{}, 1],), "no-contexts"),
        ("range", ("",), "unreadable"),
        ("range", ("[..]",), "unreadable"),
        ("range", ("[1..)x",), "unreadable"),
        ("range", ("[..2]",), "unreadable"),
        ("range", ("[1..]",), "unreadable"),
        ("range", ('[@"x"..@"y"]',), "unreadable"),
        ("range", ("[1e9999..2]",), "unreadable"),
        ("range", ('[1..date("x")]',), "unreadable"),
        ("range", ("[3..1]",), "bad-range"),
        ("range", ('[1.."a"]',), "cannot-compare"),
        ("range", ("[" + "1" * 3_000 + "..2]",), "unreadable"),
    ],
)
def test_refusals(name: str, arguments: tuple[Any, ...], code: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        call(name, *arguments)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("source", "interval"),
    [
        ("[18..21)", Range(18, 21, True, False)),
        (" ] 1.5 .. 2e1 [ ", Range(D("1.5"), 20, False, False)),
        ("[-1..-.5]", Range(-1, D("-0.5"), True, True)),
        ("[2..)", Range(2, None, True, False, ">=")),
        ("(2..)", Range(2, None, False, False, ">")),
        ("(..2)", Range(None, 2, False, False, "<")),
        ("(..2]", Range(None, 2, False, True, "<=")),
        ('["a".."c"]', Range("a", "c", True, True)),
        ('["\\u0061\\n".."\\U01F40E\\x"]', Range("a\n", "🐎\\x", True, True)),
        ('["\\uD83D\\uDC0E".."\\uFFFF\\UFFFFFF"]', None),
        ('[@"P1D"..duration("P2D")]', Range(t("P1D"), t("P2D"), True, True)),
        ('[date("2025-01-01")..@"2025-02-01"]', Range(t("2025-01-01"), t("2025-02-01"), True, True)),
        ('[time( "09:00:00" )..@"10:00:00"]', Range(t("09:00:00"), t("10:00:00"), True, True)),
    ],
)
def test_ranges_are_read(source: str, interval: Range | None) -> None:
    if interval is None:
        with pytest.raises(EvaluationError):
            call("range", source)
        return
    assert r(source) == interval


def test_now_and_today_are_what_the_caller_says() -> None:
    moment = t("2025-01-20T09:00:00@Asia/Seoul")
    assert BUILTINS["now"].run(moment=moment) is moment
    assert BUILTINS["today"].run(moment=moment) == t("2025-01-20")
    assert BUILTINS["now"].moment
    assert BUILTINS["today"].run_named((), (), moment) == t("2025-01-20")
    assert not BUILTINS["date"].moment
    assert BUILTINS["now"].overloads == ((),)
    assert BUILTINS["floor"].overloads == (("n",), ("n", "scale"))


def named(name: str, **arguments: Any) -> Any:
    names = [key.replace("_", " ") for key in arguments]
    return BUILTINS[name].run_named(names, list(arguments.values()))


def test_calls_by_name() -> None:
    assert named("substring", string="foobar", start_position=3) == "obar"
    assert named("substring", length=3, start_position=3, string="foobar") == "oba"
    assert named("context put", context={"y": {"a": 0}}, keys=["y", "a"], value=2) == {"y": {"a": 2}}
    assert named("context put", context={}, key="a", value=2) == {"a": 2}
    assert named("list replace", list=[1, 2], position=1, newItem=3) == [3, 2]
    assert named("append", list=[1], item=2) == [1, 2]
    assert named("min", list=[2, 1]) == 1
    assert named("is", value1=None) is True
    assert named("count", list=7) == 1
    assert named("date", **{"from": [t("2025-01-20T09:00:00")]}) == t("2025-01-20")
    assert named("string", **{"from": 1}) == "1"
    assert named("time", hour=9, minute=30, second=0, offset=t("PT1H")) == t("09:30:00+01:00")
    assert named("years and months duration", **{"from": t("2013-01-01"), "to": t("2014-01-01T09:00:00")}) == t("P1Y")


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("substring", {"text": "foobar", "start position": 3}, "no-parameter"),
        ("substring", {"string": "foobar"}, "bad-argument"),
        ("context put", {"context": {}, "key": ["a"], "value": 1}, None),
        ("context put", {"context": {}, "key": ["a", "b"], "value": 1}, "bad-argument"),
        ("now", {"from": 1}, "no-parameter"),
        ("decimal", {"n": None, "scale": 1}, "bad-argument"),
    ],
)
def test_calls_by_name_that_are_refused(name: str, arguments: dict[str, Any], code: str | None) -> None:
    def run() -> Any:
        return BUILTINS[name].run_named(list(arguments), list(arguments.values()), None)

    if code is None:
        assert run() == {"a": 1}
        return
    with pytest.raises(EvaluationError) as caught:
        run()
    assert caught.value.code == code


def test_a_single_item_passes_for_its_list_and_back() -> None:
    assert call("contains", ["foobar"], "of") is False
    assert call("reverse", "a") == ["a"]
    with pytest.raises(EvaluationError) as caught:
        call("contains", ["foo", "bar"], "of")
    assert caught.value.params == {"function": "contains", "argument": "string", "found": "list"}
    with pytest.raises(EvaluationError) as caught:
        call("upper case", len)
    assert caught.value.params["found"] == "function"


def test_what_is_made_never_changes_what_was_given() -> None:
    items, context = [1, 2], {"a": {"b": 1}}
    for name in ("concatenate", "reverse", "flatten", "union", "distinct values", "sort"):
        made = call(name, items)
        made.append(3)
        assert items == [1, 2], name
    call("context put", context, ["a", "b"], 2)["c"] = 1
    call("context merge", [context])["c"] = 1
    assert context == {"a": {"b": 1}}


@pytest.mark.parametrize(
    "run",
    [
        lambda: call("concatenate", *[[0] * 150_000] * 2),
        lambda: call("flatten", [[0] * 100_000] * 3),
        lambda: call("string", "x" * 10 and ["x" * 600_000, "y" * 600_000]),
        lambda: call("upper case", "ß" * 600_000),
    ],
)
def test_results_beyond_the_limits_are_ended(run: Callable[[], Any]) -> None:
    with pytest.raises(LimitError) as caught:
        run()
    assert caught.value.code == "too-large"


def test_a_value_nested_without_end_is_not_written() -> None:
    value: list[Any] = []
    for _ in range(100):
        value = [value]
    with pytest.raises(LimitError) as caught:
        call("string", value)
    assert caught.value.code == "too-deep"


def test_a_value_nested_without_end_is_not_compared() -> None:
    value: list[Any] = []
    for _ in range(3_000):
        value = [value]
    with pytest.raises(LimitError) as caught:
        call("list contains", value, value)
    assert caught.value.code == "too-deep"
    assert call("flatten", value) == []


WORDS = st.sampled_from(["", "a", "b"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), WORDS, st.decimals("-2", "2", places=1))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_leaves=5,
)


@given(st.lists(VALUES, max_size=6), VALUES)
def test_laws_of_lists(items: list[Any], item: Any) -> None:
    distinct = call("distinct values", items)
    assert all(call("list contains", distinct, one) for one in items)
    assert len(distinct) == sum(not any(equal(one, other) for other in items[:at]) for at, one in enumerate(items))
    assert call("list contains", call("append", items, item), item)
    assert call("index of", items, item) == [at for at, one in enumerate(items, 1) if equal(one, item)]
    assert call("reverse", call("reverse", items)) == items
    assert call("union", items, items) == distinct
    flat = call("flatten", items)
    assert not any(isinstance(one, list) for one in flat)
    assert call("flatten", flat) == flat


@given(st.lists(st.integers(-50, 50), min_size=1))
def test_laws_of_numbers_in_lists(numbers: list[int]) -> None:
    assert call("sort", numbers) == sorted(numbers)
    assert call("sort", numbers, bigger) == sorted(numbers, reverse=True)
    assert call("min", numbers) <= call("median", numbers) <= call("max", numbers)
    assert call("sum", numbers) == sum(numbers)
    assert abs(call("mean", numbers) * len(numbers) - sum(numbers)) < D("1e-25")
    assert set(call("mode", numbers)) <= set(numbers)


@given(st.text(max_size=20), st.text(max_size=4))
def test_laws_of_strings(text: str, match: str) -> None:
    if call("contains", text, match):
        parts = call("substring before", text, match), call("substring after", text, match)
        assert match.join(parts) == text
    if text:
        at = len(text) // 2 + 1
        assert call("substring", text, 1, at) + (call("substring", text, at + 1) if at < len(text) else "") == text
