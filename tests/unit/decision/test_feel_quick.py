"""An expression written out as one function gives what its closures give: value, reason and place."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judgify.decision.feel import EvaluationError, FeelError, Mode, compile_expression

TEXTS = [
    "a + b",
    "a - b * c",
    "a / b",
    "a * 0.5 + b",
    "1 + a",
    "a + 1 > b",
    "a > 5",
    "5 > a",
    "a = b",
    "a != 0.1",
    "a < b and b < c",
    "a < b or c > 1 or a = c",
    'a = "x"',
    '"x" < a',
    'a + "x"',
    "a + b = c",
    "m.k > 1",
    "m.k.j + a",
    "m.missing",
    "m.k",
    "a",
    "m",
    "if a > 1 then b else c",
    "if a then b else m.k",
    "a in [1..5]",
    "a + b in ]0..2[",
    "a between 1 and 5",
    "a between b and 5",
    "a in (1, 2)",
    "a in [1.5..5]",
    "a ** 2 > b",
    "(a > 1) = (b > 1)",
    "true and a > 1",
    "5 and a > 1",
    "not(a > 1) and b",
    "a = null or b > 1",
    "(a / b > 1 or a > 1) and not(c = a)",
    "if 1 then 2 else a",
    "온도 > a",
    "count = a",
    "[a].x = 1 or a + 1 = 2",
    "".join(f"(if a > {step} then " for step in range(15)) + "b" + "".join(f" else {step})" for step in range(15)),
    "".join(f"a > {step} and (b > {step} or (" for step in range(6)) + "c > 1" + "))" * 6,
]
ODD = [
    2**62,
    -(2**70),
    2**53 + 1,
    10**2000,
    True,
    False,
    None,
    "x",
    "",
    "가",
    "\u1100\u1161",
    float("nan"),
    float("inf"),
]
VALUES = st.one_of(
    st.integers(-10, 10),
    st.sampled_from(
        [
            2**62,
            -(2**70),
            2**53 + 1,
            10**2000,
            True,
            False,
            None,
            "x",
            "",
            "가",
            "\u1100\u1161",
            float("nan"),
            float("inf"),
        ]
    ),
    st.floats(-10, 10, allow_nan=False).map(lambda value: round(value, 2)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-10, 10, places=2),
    st.sampled_from([Decimal("NaN"), Decimal("1E+9999"), 0.1, 0.30000000000000004, [1], {"x": 1}, object()]),
)
MEMBERS = st.one_of(
    st.none(), VALUES, st.fixed_dictionaries({}, optional={"k": st.one_of(VALUES, st.just({"j": 2.5}))})
)
NOWHERE = object()


def told(work: Any, scope: Any) -> Any:
    try:
        value = work(scope)
    except EvaluationError as fault:
        # A number that is none is met with or without a place, as what is given is taken in sooner or later.
        return fault.code, None if fault.code == "not-finite" else fault.at, fault.name
    return type(value) in {int, Decimal} or type(value), value


def alike(one: Any, two: Any) -> bool:
    """Tell whether two outcomes are the same; a whole number may be an int here and a decimal there."""
    return bool(one == two) or str(one) == str(two)


@settings(deadline=None, max_examples=1500)
@given(
    st.sampled_from(TEXTS),
    st.sampled_from(Mode),
    st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES, "c": VALUES, "온도": VALUES, "m": MEMBERS}),
)
def test_both_ways_agree(text: str, mode: Mode, scope: dict[str, Any]) -> None:
    try:
        expression = compile_expression(text, mode=mode)
    except FeelError:
        assert mode is Mode.STRICT
        return
    closures = expression._evaluate
    assert expression.evaluate != closures
    assert alike(told(expression.evaluate, scope), told(closures, scope))
    quick: list[EvaluationError] = []
    slow: list[EvaluationError] = []
    told(lambda given: expression.evaluate(given, quick), scope)
    told(lambda given: closures(given, slow), scope)
    assert [(fault.code, fault.at) for fault in quick] == [(fault.code, fault.at) for fault in slow]


@pytest.mark.parametrize("text", TEXTS)
def test_trusted_values_are_taken_as_they_are(text: str) -> None:
    scope = {"a": 3, "b": Decimal("4.5"), "c": 2, "m": {"k": 2}, "온도": 90, "count": 5}
    for mode in Mode:
        try:
            trusted = compile_expression(text, mode=mode, trusted=True, names=scope)
        except FeelError:
            continue
        outside = compile_expression(text, mode=mode, names=scope)
        assert alike(told(trusted.evaluate, scope), told(outside.evaluate, scope))


def test_mappings_other_than_dictionaries_are_read() -> None:
    from collections import ChainMap
    from types import MappingProxyType

    scope = ChainMap({}, {"m": MappingProxyType({"k": MappingProxyType({"j": 1.5})})})
    assert compile_expression("m.k.j + 1").evaluate(scope) == Decimal("2.5")
    assert compile_expression("m").evaluate(scope) == {"k": {"j": Decimal("1.5")}}


def test_floats_met_before_are_not_kept_without_end() -> None:
    expression = compile_expression("a + 1")
    assert all(expression.evaluate({"a": count + 0.5}) == count + Decimal("1.5") for count in range(5000))
