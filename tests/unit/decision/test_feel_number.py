"""Numbers: whole ones exactly, others to 34 digits, and how they are written."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judgify.decision.feel import number
from judgify.decision.feel.error import EvaluationError

D = Decimal
NUMBERS = st.one_of(
    st.integers(-(10**60), 10**60),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"), (-7, "-7"), (D("0.00"), "0"), (D("-0"), "0"), (D("1.50"), "1.5"), (D("-0.05"), "-0.05"),
        (D("1E+3"), "1000"),
        (D("123.45"), "123.45"), (D("1E-7"), "0.0000001"), (D("1E+200"), "1E+200"), (D("-12E-200"), "-12E-200"),
        (D("100"), "100"), (D("12E-1"), "1.2"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_feel_reads_them(value: number.Number, written: str) -> None:
    assert number.number_text(value) == written
    assert number.read_number(written) == value


@pytest.mark.parametrize("text", ["", "1.", "1,0", "0x10", "NaN", "--1", "1e999999", "1e9999", "9" * 2_000, "١"])
def test_what_is_no_number_is_not_read(text: str) -> None:
    assert number.read_number(text) is None


@given(NUMBERS)
def test_a_number_reads_back(value: number.Number) -> None:
    assert number.read_number(number.number_text(value)) == value


@given(NUMBERS, NUMBERS.filter(bool))
def test_modulo_has_the_sign_of_the_divisor_and_fits(dividend: number.Number, divisor: number.Number) -> None:
    rest = number.modulo(dividend, divisor)
    exact = Fraction(dividend) % Fraction(divisor)
    assert abs(Fraction(rest) - exact) <= abs(exact) / 10**33
    assert rest == 0 or (rest > 0) == (divisor > 0)


@given(NUMBERS, st.integers(-20, 20), st.sampled_from(sorted(number.ROUNDINGS)))
def test_rounding_stays_within_one_unit(value: number.Number, scale: int, rounding: str) -> None:
    unit = Fraction(10) ** -scale
    result = Fraction(number.rounded(value, scale, rounding))
    # A whole number keeps all its digits even when tens or hundreds are asked for.
    assert abs(result - Fraction(value)) < unit
    assert (result / unit).denominator == 1
    if rounding in {"floor", "ceiling"}:
        assert (result <= Fraction(value)) if rounding == "floor" else (result >= Fraction(value))


def test_rounding() -> None:
    shown = {rounding: number.rounded(D("-2.5"), 0, rounding) for rounding in number.ROUNDINGS}
    assert shown == {"floor": -3, "ceiling": -2, "up": -3, "down": -2, "half up": -3, "half down": -2, "half even": -2}
    assert number.rounded(1_250, -2, "half even") == 1_200
    assert number.rounded(1_250, 3, "up") == 1_250
    assert number.rounded(D("5.5"), 6_176, "down") == D("5.5")


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (lambda: number.rounded(1, 6_177, "up"), "out-of-range"),
        (lambda: number.rounded(D("9E6144"), 1, "up"), None),
        (lambda: number.checked(2**5_000), "out-of-range"),
        (lambda: number.total(2**4_095, 2**4_095), "out-of-range"),
        (lambda: number.total(D("9E6144"), D("9E6144")), "out-of-range"),
        (lambda: number.times(D("9E6144"), 9), "out-of-range"),
        (lambda: number.quotient(1, 0), "division-by-zero"),
        (lambda: number.modulo(1, D(0)), "division-by-zero"),
        (lambda: number.square_root(-1), "out-of-range"),
        (lambda: number.logarithm(0), "out-of-range"),
        (lambda: number.exponential(10**9), "out-of-range"),
        (lambda: number.exponential(15_000), "out-of-range"),
    ],
)
def test_what_has_no_value_is_refused(run: Callable[[], object], code: str | None) -> None:
    if code is None:
        run()
        return
    with pytest.raises(EvaluationError) as caught:
        run()
    assert caught.value.code == code


def test_arithmetic() -> None:
    assert number.total(1, D("0.5")) == D("1.5")
    assert number.times(3, 4) == 12
    assert number.times(D("0.5"), 4) == 2
    assert type(number.times(D("0.5"), 4)) is int
    assert number.quotient(10, 4) == D("2.5")
    assert number.quotient(10, 5) == 2
    assert number.modulo(-12, 5) == 3
    assert number.modulo(D("10.1"), D("-4.5")) == D("-3.4")
    assert number.square_root(16) == 4
    assert number.exponential(-(10**9)) == 0
    assert number.exponential(0) == 1
    assert str(number.logarithm(10)).startswith("2.30258509299")


def test_whole_numbers() -> None:
    assert [number.whole(value) for value in (3, D("3.0"), D("3.5"), "3", True, D("1E+5000"))] == [
        3,
        3,
        None,
        None,
        None,
        None,
    ]
    assert [number.is_number(value) for value in (3, D("3.0"), True, "3")] == [True, True, False, False]
    assert type(number.tidy(D("3.00"))) is int
    assert number.tidy(D("1E+40")) == D("1E+40")
