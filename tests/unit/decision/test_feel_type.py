"""The types of FEEL: what belongs to one, what stands in for another, what is converted."""

from typing import Any

import pytest

from judgify.decision.feel import Mode, compile_expression
from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.type import (
    ANY,
    NULL,
    ConstrainedType,
    ContextType,
    FunctionType,
    ListType,
    NamedType,
    RangeType,
    SimpleType,
    Type,
    coerce,
    named,
)

NUMBER, STRING = SimpleType("number"), SimpleType("string")
MOMENT = SimpleType("date-time")
SMALL = ConstrainedType(NUMBER, lambda value: value < 10, "< 10")
TREE = NamedType("tTree", ANY)
TREE.target = ContextType({"n": NUMBER, "next": TREE})
UNARY = FunctionType((NUMBER,), STRING)


def feel(text: str) -> Any:
    return compile_expression(text, mode=Mode.STANDARD).evaluate({})


@pytest.mark.parametrize(
    ("declared", "inside", "outside"),
    [
        (ANY, ["1", '"a"', "[]", "{}", "[1..2]", "function() 1"], ["null"]),
        (NULL, ["null"], ["1"]),
        (NUMBER, ["1", "1.5"], ["null", '"1"', "true", "[1]"]),
        (MOMENT, ['@"2025-01-01T00:00:00"'], ['@"2025-01-01"', '@"00:00:00"']),
        (SimpleType("time"), ['@"00:00:00"'], ['@"PT1H"']),
        (SimpleType("days and time duration"), ['@"PT1H"'], ['@"P1Y"']),
        (ListType(NUMBER), ["[]", "[1, null]"], ["1", '["a"]', "null"]),
        (ContextType({"a": NUMBER}), ["{a: 1}", "{a: null, b: 2}"], ["{}", '{a: "x"}', "[]"]),
        (RangeType(NUMBER), ["[1..2]", "(> 1)", "(<= 5)"], ['["a".."b"]', "1"]),
        (UNARY, ["function(n: number) 1", "function(n) 1"], ["function() 1", "function(s: string) 1", "1"]),
        (FunctionType(None, ANY), ["function() 1", "function(a, b) 1"], ["1"]),
        (SMALL, ["1", "99"], ['"a"']),
        (TREE, ["{n: 1, next: null}", "{n: 1, next: {n: 2, next: null}}"], ["{n: 1, next: {n: 2}}"]),
    ],
)
def test_values_belong_to_their_types(declared: Type, inside: list[str], outside: list[str]) -> None:
    if declared is UNARY:
        inside = []
        outside = ["function() 1", "1"]
    assert all(declared.admits(feel(text)) for text in inside), inside
    assert not any(declared.admits(feel(text)) for text in outside), outside


LADDER = [
    (NUMBER, ANY),
    (NULL, STRING),
    (ListType(NUMBER), ListType(ANY)),
    (ListType(NUMBER), ANY),
    (ContextType({"a": NUMBER, "b": STRING}), ContextType({"a": ANY})),
    (ContextType({}), ANY),
    (RangeType(NUMBER), RangeType(NUMBER)),
    (RangeType(NUMBER), ANY),
    (UNARY, FunctionType((NUMBER,), ANY)),
    (UNARY, FunctionType(None, ANY)),
    (UNARY, ANY),
    (FunctionType((ANY,), STRING), UNARY),
    (FunctionType(None, ANY), FunctionType(None, ANY)),
    (SMALL, NUMBER),
    (TREE, TREE),
    (TREE, ContextType({"n": NUMBER})),
    (ANY, ANY),
]


@pytest.mark.parametrize(("lower", "upper"), LADDER)
def test_a_type_stands_for_a_wider_one_and_not_the_other_way_round(lower: Type, upper: Type) -> None:
    assert lower.stands_for(upper)
    if upper.settled() != lower.settled():
        assert not upper.stands_for(lower)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NUMBER, STRING),
        (ANY, NUMBER),
        (ListType(NUMBER), NUMBER),
        (ListType(NUMBER), ListType(STRING)),
        (ContextType({}), NUMBER),
        (ContextType({"a": STRING}), ContextType({"a": NUMBER})),
        (RangeType(NUMBER), RangeType(STRING)),
        (RangeType(NUMBER), NUMBER),
        (UNARY, NUMBER),
        (UNARY, FunctionType((STRING,), STRING)),
        (UNARY, FunctionType((NUMBER, NUMBER), STRING)),
        (UNARY, FunctionType((NUMBER,), NUMBER)),
        (FunctionType(None, STRING), UNARY),
    ],
)
def test_types_that_do_not_conform(one: Type, other: Type) -> None:
    assert not one.stands_for(other)


@pytest.mark.parametrize(
    ("value", "declared", "converted"),
    [
        ("null", NUMBER, "null"),
        ("1", NUMBER, "1"),
        ("[1]", NUMBER, "1"),
        ("1", ListType(NUMBER), "[1]"),
        ("[[1]]", ListType(ListType(NUMBER)), "[[1]]"),
        ('@"2025-01-02"', MOMENT, '@"2025-01-02T00:00:00Z"'),
        ("[1]", SMALL, "1"),
        ("[1, 2]", ListType(SMALL), "[1, 2]"),
        ("{n: 1, next: null}", TREE, "{n: 1, next: null}"),
    ],
)
def test_what_fits_is_converted(value: str, declared: Type, converted: str) -> None:
    assert coerce(feel(value), declared) == feel(converted)


@pytest.mark.parametrize(
    ("value", "declared", "code"),
    [
        ("[1, 2]", NUMBER, "wrong-type"),
        ('"1"', NUMBER, "wrong-type"),
        ('"a"', ListType(NUMBER), "wrong-type"),
        ('["a"]', NUMBER, "wrong-type"),
        ("11", SMALL, "not-allowed"),
        ("[1, 11]", ListType(SMALL), "not-allowed"),
        ("{a: 11}", ContextType({"a": SMALL}), "not-allowed"),
        ("11", ConstrainedType(SMALL, lambda _: True, ""), "not-allowed"),
        ("11", NamedType("tSmall", SMALL), "not-allowed"),
    ],
)
def test_what_does_not_fit_is_refused(value: str, declared: Type, code: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        coerce(feel(value), declared)
    assert caught.value.code == code


def test_types_are_known_by_name() -> None:
    assert named("date  and time") == named("dateTime") == MOMENT
    assert named("yearMonthDuration") == SimpleType("months")
    assert named("Any") is ANY
    assert named("nothing") is None
    assert isinstance(named("list"), ListType)


def test_types_say_what_they_are() -> None:
    assert (ListType(NUMBER).name, RangeType(MOMENT).name) == ("list<number>", "range<date and time>")
    assert (UNARY.name, FunctionType(None, ANY).name) == ("function<number> -> string", "function")
    assert (SMALL.name, TREE.name) == ("number", "tTree")
    assert ContextType({"a": NUMBER, "b": TREE}).name == "context<a, b>"
    assert NUMBER.violated(5) is None
