"""How ranges lie to each other: the standard's formulas, point by point, and the laws between the relations."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from judgify.decision.feel.function import BUILTINS
from judgify.decision.feel.range import Range

POINTS = st.integers(0, 6)
RANGES = st.tuples(POINTS, POINTS, st.booleans(), st.booleans()).map(
    lambda drawn: Range(min(drawn[:2]), max(drawn[:2]), drawn[2], drawn[3])
)


def call(name: str, left: Any, right: Any) -> bool:
    result = BUILTINS[name].run(left, right)
    assert isinstance(result, bool)
    return result


def before(a: Range, b: Range) -> bool:
    return a.high < b.low or (not (a.high_closed and b.low_closed) and a.high == b.low)


def overlaps(a: Range, b: Range) -> bool:
    ends_in = a.high > b.low or (a.high == b.low and a.high_closed and b.low_closed)
    return ends_in and (a.low < b.high or (a.low == b.high and a.low_closed and b.high_closed))


def overlaps_before(a: Range, b: Range) -> bool:
    starts = a.low < b.low or (a.low == b.low and a.low_closed and not b.low_closed)
    reaches = a.high > b.low or (a.high == b.low and a.high_closed and b.low_closed)
    return starts and reaches and (a.high < b.high or (a.high == b.high and (not a.high_closed or b.high_closed)))


def finishes(a: Range, b: Range) -> bool:
    same = a.high_closed == b.high_closed and a.high == b.high
    return same and (a.low > b.low or (a.low == b.low and (not a.low_closed or b.low_closed)))


def includes(a: Range, b: Range) -> bool:
    starts = a.low < b.low or (a.low == b.low and (a.low_closed or not b.low_closed))
    return starts and (a.high > b.high or (a.high == b.high and (a.high_closed or not b.high_closed)))


def starts(a: Range, b: Range) -> bool:
    same = a.low == b.low and a.low_closed == b.low_closed
    return same and (a.high < b.high or (a.high == b.high and (not a.high_closed or b.high_closed)))


@given(RANGES, RANGES)
def test_two_ranges(a: Range, b: Range) -> None:
    assert call("before", a, b) == before(a, b)
    assert call("after", a, b) == before(b, a)
    assert call("meets", a, b) == (a.high_closed and b.low_closed and a.high == b.low)
    assert call("met by", a, b) == (b.high_closed and a.low_closed and b.high == a.low)
    assert call("overlaps", a, b) == overlaps(a, b)
    assert call("overlaps before", a, b) == overlaps_before(a, b)
    assert call("overlaps after", a, b) == overlaps_before(b, a)
    assert call("finishes", a, b) == finishes(a, b)
    assert call("finished by", a, b) == finishes(b, a)
    assert call("includes", a, b) == includes(a, b)
    assert call("during", a, b) == includes(b, a)
    assert call("starts", a, b) == starts(a, b)
    assert call("started by", a, b) == starts(b, a)
    assert call("coincides", a, b) == (a == b)


@given(RANGES, POINTS)
def test_a_point_and_a_range(a: Range, point: int) -> None:
    assert call("before", point, a) == (point < a.low or (point == a.low and not a.low_closed))
    assert call("before", a, point) == (a.high < point or (point == a.high and not a.high_closed))
    assert call("after", point, a) == call("before", a, point)
    assert call("after", a, point) == call("before", point, a)
    if a.low < a.high:
        assert call("includes", a, point) == call("during", point, a) == a.includes(point)
        assert call("finishes", point, a) == call("finished by", a, point) == (a.high_closed and a.high == point)
        assert call("starts", point, a) == call("started by", a, point) == (a.low_closed and a.low == point)


@given(POINTS, POINTS)
def test_two_points(one: int, other: int) -> None:
    assert call("before", one, other) == (one < other)
    assert call("after", one, other) == (one > other)
    assert call("coincides", one, other) == (one == other)


def test_the_order_of_names_tells_which_comes_first() -> None:
    before_it = BUILTINS["before"].run_named
    assert before_it(("range", "point"), (Range(2, 3, True, True), 4)) is True
    assert before_it(("point", "range"), (4, Range(2, 3, True, True))) is False
    assert before_it(("range1", "range2"), (Range(2, 3, True, True), Range(4, 5, True, True))) is True


def test_ranges_without_an_end() -> None:
    above, below = Range(5, None, True, False, ">="), Range(None, 5, False, False, "<")
    assert call("before", below, above)
    assert call("after", above, 4)
    assert not call("before", above, 10**9)
    assert call("overlaps", above, Range(9, 10, True, True))
    assert call("includes", above, Range(9, None, False, False, ">"))
    assert call("includes", above, 10**9)
    assert call("during", Range(1, 2, True, True), below)
    assert call("overlaps before", below, Range(4, 5, True, True)) is True
    assert call("coincides", above, above)
    assert not call("coincides", above, below)
    assert call("finishes", Range(6, None, True, False, ">="), above)
    assert call("starts", Range(None, 4, False, False, "<"), below)
    assert not call("meets", above, below)
