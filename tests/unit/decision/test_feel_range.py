"""Ranges: what lies in them, their properties, and what cannot be one."""

from decimal import Decimal

import pytest

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.range import Range, compare, member, range_of
from judgify.decision.feel.temporal import read


def refused(run: object) -> str:
    assert callable(run)
    with pytest.raises(EvaluationError) as caught:
        run()
    return caught.value.code


@pytest.mark.parametrize(
    ("interval", "inside"),
    [
        (Range(1, 3, True, True), {1, 2, 3}),
        (Range(1, 3, False, False), {2}),
        (Range(1, 3, True, False), {1, 2}),
        (Range(None, 3, False, True, "<="), {0, 1, 2, 3}),
        (Range(None, 3, False, False, "<"), {0, 1, 2}),
        (Range(3, None, True, False, ">="), {3, 4}),
        (Range(3, None, False, False, ">"), {4}),
        (Range(3, 3, True, True, "="), {3}),
        (Range(3, 3, False, False), set()),
        (Range(3, 3, False, False, "!="), {0, 1, 2, 4}),
    ],
)
def test_what_lies_inside(interval: Range, inside: set[int]) -> None:
    assert {number for number in range(5) if interval.includes(number)} == inside
    assert {number for number in range(5) if interval.includes(Decimal(number))} == inside


def test_properties() -> None:
    interval = Range(1, None, True, False, ">=")
    names = ("start", "end", "start included", "end included")
    assert [member(interval, name) for name in names] == [1, None, True, False]
    assert refused(lambda: member(interval, "size")) == "no-property"


def test_a_range_has_ends_in_order_and_of_one_kind() -> None:
    assert range_of("a", "c", low_closed=True, high_closed=False) == Range("a", "c", True, False)
    assert refused(lambda: range_of(3, 1, low_closed=True, high_closed=True)) == "bad-range"
    assert refused(lambda: range_of(None, 1, low_closed=True, high_closed=True)) == "cannot-compare"
    assert refused(lambda: range_of(1, "b", low_closed=True, high_closed=True)) == "cannot-compare"


def test_order_needs_two_of_a_kind() -> None:
    assert compare(1, Decimal("1.5")) < 0 < compare("b", "a")
    assert compare(read("P1D"), read("PT24H")) == 0
    for left, right in ((True, False), ([1], [1]), ({}, {}), (None, None), (read("P1D"), read("P1M")), (1, "1")):
        assert refused(lambda left=left, right=right: compare(left, right)) == "cannot-compare"
