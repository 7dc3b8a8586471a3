"""Numbers of FEEL: whole numbers exactly, the rest with the 34 digits of IEEE 754 decimal128."""

import re
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction
from typing import Final, TypeAlias

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.meter import spend
from judgify.decision.limit import MAX_BITS

Number: TypeAlias = int | Decimal
_SERIES: Final = 80
"""Steps that a logarithm or an exponential costs."""
_FRACTION: Final = 16
"""Steps that a remainder costs whose numbers are not whole."""

CONTEXT: Final = Context(
    prec=34,
    rounding=ROUND_HALF_EVEN,
    Emin=-6143,
    Emax=6144,
    clamp=0,
    traps=[DivisionByZero, InvalidOperation, Overflow],
)
"""Arithmetic of IEEE 754 decimal128, apart from whatever context the caller has set."""
MIN_SCALE: Final = -6_111
MAX_SCALE: Final = 6_176
"""Digits after the point that a number may be rounded to."""
ROUNDINGS: Final = {
    "floor": ROUND_FLOOR,
    "ceiling": ROUND_CEILING,
    "up": ROUND_UP,
    "down": ROUND_DOWN,
    "half up": ROUND_HALF_UP,
    "half down": ROUND_HALF_DOWN,
    "half even": ROUND_HALF_EVEN,
}
# Holds the longest number at the longest scale.
_WIDE: Final = Context(prec=14_000, Emin=-30_000, Emax=30_000, traps=[InvalidOperation, Overflow])
_NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
_PLAIN: Final = 100
"""Zeros that are written out; numbers beyond are written with an exponent."""


def is_number(value: object) -> bool:
    """Tell whether a canonical value is a number (true and false are none)."""
    return type(value) is int or type(value) is Decimal


def whole(value: object) -> int | None:
    """Give a number as an `int` when it has no fraction (2.0 is 2), else None."""
    if type(value) is int:
        return value
    if type(value) is not Decimal or value.adjusted() > MAX_BITS // 4:
        return None
    return int(value) if value == value.to_integral_value() else None


def tidy(value: Decimal) -> Number:
    """Give a whole number as `int` where that is as short, any other as it is; there is no negative zero."""
    if not value:
        return 0
    if value.adjusted() < CONTEXT.prec and value == value.to_integral_value():
        return int(value)
    return value


def checked(value: int) -> int:
    """Give a whole number back unless it is too long to compute with.

    Raises:
        EvaluationError: `out-of-range`.
    """
    if value.bit_length() > MAX_BITS:
        raise EvaluationError("out-of-range")
    return value


def total(left: Number, right: Number) -> Number:
    """Add two numbers: whole ones exactly, others to 34 digits.

    Raises:
        EvaluationError: `out-of-range`.
    """
    if type(left) is int and type(right) is int:
        return checked(left + right)
    return _within(lambda: CONTEXT.add(Decimal(left), Decimal(right)))


def times(left: Number, right: Number) -> Number:
    """Multiply two numbers: whole ones exactly, others to 34 digits.

    Raises:
        EvaluationError: `out-of-range`.
    """
    if type(left) is int and type(right) is int:
        return checked(left * right)
    return _within(lambda: CONTEXT.multiply(Decimal(left), Decimal(right)))


def quotient(left: Number, right: Number) -> Number:
    """Divide two numbers, to 34 digits.

    Raises:
        EvaluationError: `division-by-zero`, `out-of-range`.
    """
    if not right:
        raise EvaluationError("division-by-zero")
    if type(left) is int and type(right) is int and left % right == 0:
        return left // right
    return _within(lambda: CONTEXT.divide(Decimal(left), Decimal(right)))


def _within(compute: object) -> Number:
    try:
        return tidy(compute())  # type: ignore[operator] # one of the lambdas of this module
    except ArithmeticError as error:
        raise EvaluationError("out-of-range") from error


def modulo(dividend: Number, divisor: Number) -> Number:
    """Give `dividend - divisor * floor(dividend / divisor)`, worked out exactly: it has the divisor's sign.

    Raises:
        EvaluationError: `division-by-zero`, `out-of-range`.
    """
    if not divisor:
        raise EvaluationError("division-by-zero")
    if type(dividend) is int and type(divisor) is int:
        return dividend % divisor
    # Worked out exactly, numbers far apart have thousands of digits.
    spend(_FRACTION + (abs(Decimal(dividend).adjusted()) + abs(Decimal(divisor).adjusted())) // 4)
    rest = Fraction(dividend) % Fraction(divisor)
    return _within(lambda: CONTEXT.divide(Decimal(rest.numerator), Decimal(rest.denominator)))


def rounded(value: Number, scale: int, rounding: str) -> Number:
    """Round to so many digits after the point (a negative scale rounds to tens, hundreds, …).

    Args:
        value: The number.
        scale: Within -6111..6176.
        rounding: One of the words of `ROUNDINGS`.

    Raises:
        EvaluationError: `out-of-range`, when the scale is.
    """
    if not MIN_SCALE <= scale <= MAX_SCALE:
        raise EvaluationError("out-of-range", value=scale)
    if type(value) is int and scale >= 0:
        return value
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= scale:
        return value
    return tidy(number.quantize(Decimal(1).scaleb(-scale, _WIDE), ROUNDINGS[rounding], _WIDE))


def square_root(value: Number) -> Number:
    """Give the square root to 34 digits.

    Raises:
        EvaluationError: `out-of-range`, when the number is negative.
    """
    if value < 0:
        raise EvaluationError("out-of-range", value=value)
    return _within(lambda: CONTEXT.sqrt(Decimal(value)))


def logarithm(value: Number) -> Number:
    """Give the natural logarithm to 34 digits.

    Raises:
        EvaluationError: `out-of-range`, unless the number is positive.
    """
    if value <= 0:
        raise EvaluationError("out-of-range", value=value)
    spend(_SERIES)
    return _within(lambda: CONTEXT.ln(Decimal(value)))


def exponential(value: Number) -> Number:
    """Give Euler's number raised to a number, to 34 digits.

    Raises:
        EvaluationError: `out-of-range`, when the result is.
    """
    if value > 15_000:
        raise EvaluationError("out-of-range", value=value)
    if value < -15_000:
        return 0
    spend(_SERIES)
    return _within(lambda: CONTEXT.exp(Decimal(value)))


def read_number(text: str) -> Number | None:
    """Read a number as FEEL writes it: digits, a point, an exponent; None when the text is none."""
    if len(text) > MAX_BITS // 3 or not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    if value and abs(value.adjusted()) > MAX_SCALE:
        return None
    return tidy(value)


def number_text(value: Number) -> str:
    """Write a number as FEEL reads it: no leading or trailing zeros, no exponent unless it is very long."""
    if type(value) is int:
        return str(value)
    number = Decimal(value)
    if not number:
        return "0"
    sign, digits, exponent = number.as_tuple()
    shown = "".join(map(str, digits)).lstrip("0")
    short = shown.rstrip("0")
    power = (exponent if isinstance(exponent, int) else 0) + len(shown) - len(short)
    mark = "-" if sign else ""
    if power >= 0:
        return f"{mark}{short}{'0' * power}" if power <= _PLAIN else f"{mark}{short}E+{power}"
    point = len(short) + power
    if point > 0:
        return f"{mark}{short[:point]}.{short[point:]}"
    return f"{mark}0.{'0' * -point}{short}" if -point <= _PLAIN else f"{mark}{short}E{power}"
