"""What each form of cell says about each kind of value."""

import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from judgify.decision import DecisionTable, Matched, MonthDuration, NotEvaluable, NotMatched, Outcome

YES: Any = True
NO: Any = False


def judge(cell: Any, value: Any, declared: str = "any", **others: Any) -> Outcome:
    """Judge one cell of a column x, beside other columns of the same names as the keyword arguments."""
    table = DecisionTable.from_mapping(
        {
            "name": "one cell",
            "inputs": [{"name": "x", "type": declared}, *({"name": name} for name in others)],
            "outputs": [{"name": "hit"}],
            "rules": [{"when": {"x": cell}, "then": {"hit": True}}],
        }
    )
    return table.evaluate({"x": value, **others})


def said(outcome: Outcome) -> bool | str:
    if isinstance(outcome, NotEvaluable):
        return outcome.causes[0].code
    return isinstance(outcome, Matched)


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [
        ("-", None, YES),
        (" - ", "anything", YES),
        ("5", 5, YES),
        ("5", 5.0, YES),
        ("5.0", 5, YES),
        ("-5", -5, YES),
        ("- 5", -5, YES),
        ("--5", 5, YES),
        ("-(2 + 3)", -5, YES),
        ("-2.5", -2.5, YES),
        (".5", 0.5, YES),
        ("1e3", 1000, YES),
        ("1.5E-3", 0.0015, YES),
        ("0.1 + 0.2", 0.3, YES),
        ("0.3", 0.1 + 0.2, NO),
        ("1 / 3 * 3", Decimal("0.9999999999999999999999999999999999"), YES),
        ("2 * 3 - 4 / 2", 4, YES),
        ("(1 + 2) * 3", 9, YES),
        ("100000000000000000000000000000000000000001", 10**41 + 1, YES),
        ("100000000000000000000000000000000000000001 + 1", 10**41 + 2, YES),
        ("< 5", 4.999, YES),
        ("< 5", 5, NO),
        ("<= 5", 5, YES),
        ("> 5", 5, NO),
        (">= 5", 5, YES),
        ("= 5", 5, YES),
        ("!= 5", 5, NO),
        ("!= 5", 6, YES),
        ("[80..90]", 80, YES),
        ("[80..90]", 90, YES),
        ("(80..90)", 80, NO),
        ("]80..90[", 90, NO),
        ("]80..90[", 85.5, YES),
        ("(80..90]", 90, YES),
        ("[80..90)", 79, NO),
        ("[-5..-1]", -3, YES),
        ("[(1+1)..2*2]", 4, YES),
        ("1, [5..7], > 100", 6, YES),
        ("1, [5..7], > 100", 101, YES),
        ("1, [5..7], > 100", 8, NO),
        ('"A","B"', "B", YES),
        ('"A", "B"', "C", NO),
        ('not("A","B")', "C", YES),
        ('not("A","B")', "A", NO),
        ("not([1..3], > 10)", 5, YES),
        ("not([1..3], > 10)", 11, NO),
        ('> "가"', "나", YES),
        ('"a" + "b"', "ab", YES),
        ('"줄\\n\\t\\r\\"\\\\\\u0041\\U01F600"', '줄\n\t\r"\\A😀', YES),
        ('"불량"', "불량", YES),  # typed on another system: decomposed Hangul
        ("true", True, YES),
        ("false", True, NO),
        ("!= true", False, YES),
        ("null", None, YES),
        ("null", 5, NO),
        ("not(null)", 5, YES),
        ("not(null)", None, NO),
        ("!= null", None, NO),
        ("= null", None, YES),
        ("null, < 5", None, YES),
        ("> 5, null", None, YES),
        ('date("2025-01-20")', date(2025, 1, 20), YES),
        ('>= @"2025-01-20"', date(2025, 1, 19), NO),
        ('@"2025-01-20T09:00:00"', datetime(2025, 1, 20, 9), YES),  # noqa: DTZ001 - naive times are allowed in tables
        ('> date and time("2025-01-20T09:00:00+09:00")', datetime(2025, 1, 20, 0, 0, 1, tzinfo=UTC), YES),
        ('@"2025-01-20T00:00:00Z"', datetime(2025, 1, 20, tzinfo=UTC), YES),
        ('@"2025-01-20T00:00:00.5Z"', datetime(2025, 1, 20, microsecond=500_000, tzinfo=UTC), YES),
        ('> duration("PT5M")', timedelta(seconds=301), YES),
        ('[@"P1Y"..@"P2Y"]', MonthDuration(18), YES),
        ('date("2025-01-31") + @"P1M"', date(2025, 2, 28), YES),
        ('@"2025-01-31" - duration("P2D")', date(2025, 1, 29), YES),
        ('@"2025-01-31" - @"P1Y1M"', date(2023, 12, 31), YES),
        ('@"2025-01-31" - @"2025-01-01"', timedelta(days=30), YES),
        ('@"2025-01-31T01:00:00" - @"2025-01-31T00:00:00"', timedelta(hours=1), YES),
        ('@"2025-01-31T01:00:00" + @"PT30M"', datetime(2025, 1, 31, 1, 30), YES),  # noqa: DTZ001 - as above
        ('@"PT1H" + @"PT1M" - @"PT30M"', timedelta(minutes=31), YES),
        ('@"P1Y" + @"P1M" - @"P2M"', MonthDuration(11), YES),
        ('-@"PT1M"', timedelta(minutes=-1), YES),
        ('-@"P1M"', MonthDuration(-1), YES),
        (5, 5, YES),
        (5.5, 5.5, YES),
        (Decimal("5.5"), 5.5, YES),
        (True, True, YES),
        (date(2025, 1, 20), date(2025, 1, 20), YES),
        (timedelta(minutes=5), timedelta(minutes=5), YES),
    ],
)
def test_cell_says(cell: Any, value: Any, expected: Any) -> None:
    assert said(judge(cell, value)) is expected


@pytest.mark.parametrize(
    ("cell", "value", "code"),
    [
        ("< 5", None, "null"),
        ("[1..5]", None, "null"),
        ('not("A")', None, "null"),
        ("y", None, "null"),
        ("< 5", "4", "cannot-compare"),
        ("5", True, "cannot-compare"),
        ("true", 1, "cannot-compare"),
        ('"1"', 1, "cannot-compare"),
        ("1, 2", "1", "cannot-compare"),
        ("5", [5], "cannot-compare"),
        ("5", {"a": 5}, "cannot-compare"),
        ('= @"P30D"', MonthDuration(1), "cannot-compare"),
        ('@"2025-01-20"', datetime(2025, 1, 20, tzinfo=UTC), "cannot-compare"),
        ('< @"2025-01-20T00:00:00"', datetime(2025, 1, 20, tzinfo=UTC), "mixed-zones"),
        ('= @"2025-01-20T00:00:00"', datetime(2025, 1, 20, tzinfo=UTC), "mixed-zones"),
        ("[1..y]", "a", "cannot-compare"),
        ("5", float("nan"), "not-finite"),
        ("5", float("inf"), "not-finite"),
        ("5", Decimal("sNaN"), "not-finite"),
        ("5", Decimal("1E+99999"), "out-of-range"),
        ("5", 1 << 5000, "out-of-range"),
        ("5", object(), "unknown-type"),
        ("5", b"5", "unknown-type"),
        ("y / 0", 5, "division-by-zero"),
        ("y * y * y * y * y * y * y * y * y * y", 5, "out-of-range"),
        ("y * y", 5, NO),
        ("y + true", 5, "no-arithmetic"),
        ("-t", 5, "no-arithmetic"),
        ("1e6000 * 1e6000", 5, "out-of-range"),
        ('d + @"PT1H"', date(2025, 1, 1), "part-of-day"),
        ('d + @"P999999999Y"', date(2025, 1, 1), "out-of-range"),
        ('d + @"P9999Y"', date(2025, 1, 1), NO),
        ('d + @"P366000000000D"', date(2025, 1, 1), "out-of-range"),
        ("-n", timedelta(1), NO),
        ("(date_of).x", 5, "no-member"),
        ('@"2025-01-20T00:00:00Z" - @"2025-01-20T00:00:00"', timedelta(1), "mixed-zones"),
        ("t.a", 5, "no-member"),
        ("m.b", 5, "missing"),
        ("m.c", 5, "null"),
        ("m.a", 5, YES),
        ("m.deep.er", 6.5, YES),
        ("(if t then 5 else 6)", 5, YES),
        ("(if not_t then 5 else 6)", 6, YES),
        ("(if y then 5 else 6)", 5, "not-boolean"),
        ("(y > 1 or y / 0 > 1)", True, YES),
        ("(y / 0 > 1 or y > 1)", True, YES),
        ("(y / 0 > 1 or y < 1)", True, "division-by-zero"),
        ("(y < 1 and y / 0 > 1)", False, YES),
        ("(y / 0 > 1 and y > 1)", False, "division-by-zero"),
        ("(y > 1 and t)", True, YES),
        ("(none = null)", True, YES),
        ("(null != none)", True, NO),
        ("(y = null)", False, YES),
        ("(none > 3)", True, "null"),
        ("(none in (null, 5))", True, YES),
        ("(y in [1..5])", True, NO),
        ("(y in (1..5))", False, YES),
        ('(y in (1, 5, "a"))', True, "cannot-compare"),
        ("(y in (> 5))", True, YES),
        ("(y >= 5)", True, YES),
    ],
)
def test_what_cannot_be_worked_out_is_not_evaluable(cell: str, value: Any, code: Any) -> None:
    outcome = judge(
        cell,
        value,
        y=10**150 if cell.startswith("y *") else 10,
        t=True,
        not_t=False,
        none=None,
        d=date(2025, 1, 1),
        n=timedelta.min,
        date_of=5,
        m={"a": 5.0, "c": None, "deep": {"er": 6.5}},
    )
    assert said(outcome) == code


def test_a_member_that_is_true_settles_a_list_whatever_the_others_are() -> None:
    assert said(judge("y / 0, 5", 5, y=1)) is True
    assert said(judge("y / 0, 6", 5, y=1)) == "division-by-zero"


def test_an_end_that_fails_settles_a_range_whatever_the_other_is() -> None:
    assert said(judge("[y..10]", 11, y=None)) is False
    assert said(judge("[10..y]", 9, y=None)) is False
    assert said(judge("[y..10]", 9, y=None)) == "null"
    assert said(judge("[y..10]", 9, y=8)) is True


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ("number", 5, YES),
        ("number", "5", "wrong-type"),
        ("number", True, "wrong-type"),
        ("string", "5", NO),
        ("string", 5, "wrong-type"),
        ("boolean", 1, "wrong-type"),
        ("boolean", "true", "wrong-type"),
        ("boolean", True, NO),
        ("date", "2025-01-20", NO),
        ("date", "2025-02-30", "unreadable"),
        ("date", "20250120", "unreadable"),
        ("date", datetime(2025, 1, 20, tzinfo=UTC), "wrong-type"),
        ("date-time", "2025-01-20 09:00", NO),
        ("date-time", "2025-01-20T24:00:01", "unreadable"),
        ("date-time", "어제", "unreadable"),
        ("date-time", date(2025, 1, 20), "wrong-type"),
        ("duration", "PT5M", NO),
        ("duration", "-P1DT2H3M4.5S", NO),
        ("duration", "P1Y2M", NO),
        ("duration", "-P3M", NO),
        ("duration", MonthDuration(3), NO),
        ("duration", "P", "unreadable"),
        ("duration", "PT", "unreadable"),
        ("duration", "P999999999999999DT999999999H", "unreadable"),
        ("duration", 5, "wrong-type"),
        ("any", "5", NO),
    ],
)
def test_a_column_takes_its_declared_type_only(declared: str, value: Any, expected: Any) -> None:
    cell = {
        "number": "5",
        "string": '"x"',
        "boolean": "false",
        "date": '@"2000-01-01"',
        "date-time": '@"2000-01-01T00:00:00"',
        "duration": "null",
        "any": '"x"',
    }[declared]
    assert said(judge(cell, value, declared)) == expected


def test_a_moment_in_a_fold_keeps_its_fold() -> None:
    class Odd(datetime):
        pass

    assert said(judge('@"2025-01-20T00:00:00Z"', Odd(2025, 1, 20, tzinfo=UTC, fold=1))) is True


def test_subclasses_of_plain_values_are_plain_values() -> None:
    class Text(str):
        __slots__ = ()

    class Number(float):
        pass

    class Many(list[int]):
        pass

    assert said(judge('"a"', Text("a"))) is True
    assert said(judge("0.1", Number(0.1))) is True
    assert said(judge("5", Many([5]))) == "cannot-compare"


def test_nothing_given_is_not_null() -> None:
    table = {
        "name": "t",
        "inputs": [{"name": "x"}],
        "outputs": [{"name": "hit"}],
        "rules": [{"when": {"x": "null"}, "then": {"hit": 1}}],
    }
    assert said(DecisionTable.from_mapping(table).evaluate({})) == "missing"
    table["inputs"] = [{"name": "x", "optional": True}]
    assert said(DecisionTable.from_mapping(table).evaluate({})) is True
    table["inputs"] = [{"name": "x", "optional": True, "expression": "a.b"}]
    assert said(DecisionTable.from_mapping(table).evaluate({"a": {}})) is True
    assert said(DecisionTable.from_mapping(table).evaluate({"a": 5})) == "no-member"


def test_a_default_of_the_callers_mapping_is_not_asked_for() -> None:
    from collections import defaultdict

    table = DecisionTable.from_mapping(
        {
            "name": "t",
            "inputs": [{"name": "온도"}],
            "outputs": [{"name": "hit"}],
            "rules": [{"when": {"온도": "0"}, "then": {"hit": 1}}],
        }
    )
    assert said(table.evaluate(defaultdict(int))) == "missing"
    odd_keys: dict[Any, Any] = {5: 5, "온도": 0}
    assert said(table.evaluate(odd_keys)) is True


def test_names_may_be_korean_and_hold_signs_and_spaces() -> None:
    table = DecisionTable.from_mapping(
        {
            "name": "전력",
            "inputs": [
                {"name": "전력(kW)"},
                {"name": "가동률(%)"},
                {"name": "라인 번호"},
                {"name": "date"},
                {"name": "not"},
                {"name": "온도"},
                {"name": "온도차"},
                {"name": "비율", "expression": "전력(kW) / 가동률(%)", "type": "number"},
            ],
            "outputs": [{"name": "합"}],
            "rules": [
                {
                    "when": {"온도": "= 온도차 - 1", "비율": "0.5", "date": '> date("2025-01-01")', "not": "not(2)"},
                    "then": {"합": {"feel": "전력(kW) + 가동률(%)*라인 번호"}},
                }
            ],
        }
    )
    outcome = table.evaluate(
        {"전력(kW)": 50, "가동률(%)": 100, "라인 번호": 2, "date": date(2025, 1, 2), "not": 1, "온도": 1, "온도차": 2}
    )
    assert isinstance(outcome, Matched)
    assert outcome.output == {"합": 250}


def test_keys_and_names_match_whichever_unicode_form_they_are_in() -> None:
    decomposed = unicodedata.normalize("NFD", "온도")
    for declared, given in (("온도", decomposed), (decomposed, "온도")):
        table = DecisionTable.from_mapping(
            {
                "name": "t",
                "inputs": [{"name": declared}],
                "outputs": [{"name": "hit"}],
                "rules": [{"when": {given: "5"}, "then": {"hit": {"feel": f"{declared} + {given}"}}}],
                "examples": [{"in": {given: 5}, "out": {"hit": 10}}],
            }
        )
        assert table.check_examples() == []
        assert said(table.evaluate({"습도": 1, given: 5})) is True
        assert said(table.evaluate({"습도": 1})) == "missing"


def test_deep_values_are_compared_member_by_member() -> None:
    table = DecisionTable.from_mapping(
        {
            "name": "t",
            "hit_policy": "A",
            "inputs": [{"name": "x", "expression": "sensors.oven.temp", "type": "number", "label": "온도"}],
            "outputs": [{"name": "hit"}],
            "rules": [
                {"when": ["> 1"], "then": {"hit": [1, {"a": 1.0}]}},
                {"when": ["> 2"], "then": {"hit": [1.0, {"a": 1}]}},
                {"when": ["> 3"], "then": {"hit": [1, {"a": True}]}},
                {"when": ["> 4"], "then": {"hit": [1]}},
            ],
        }
    )
    assert said(table.evaluate({"sensors": {"oven": {"temp": 2.5}}})) is True
    assert said(table.evaluate({"sensors": {"oven": {"temp": 3.5}}})) == "any-differs"
    assert said(table.evaluate({"sensors": {"oven": {"temp": 4.5}}})) == "any-differs"
    assert said(table.evaluate({"sensors": {"oven": {}}})) == "missing"
    assert isinstance(table.evaluate({"sensors": {"oven": {"temp": 0}}}), NotMatched)
