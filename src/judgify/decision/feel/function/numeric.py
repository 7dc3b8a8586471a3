"""Numeric functions (DMN 1.5, table 76)."""

from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.function.signature import NUMBER, SIZE, Builtin, Form, builtin, form, needs
from judgify.decision.feel.number import (
    Number,
    exponential,
    logarithm,
    modulo,
    rounded,
    square_root,
    whole,
)
from judgify.decision.feel.temporal import DayTimeDuration, MonthDuration


def _scale(value: Number) -> int:
    scale = whole(value)
    if scale is None:
        raise EvaluationError("not-whole", value=value, argument="scale")
    return scale


def _rounding(name: str, rounding: str, *, scale_needed: bool = True) -> Builtin:
    def run(number: Number, scale: Number = 0) -> Number:
        return rounded(number, _scale(scale), rounding)

    forms: list[Form] = [form(run, needs("n", NUMBER), needs("scale", NUMBER))]
    if not scale_needed:
        forms.insert(0, form(run, needs("n", NUMBER)))
    return builtin(name, *forms)


def _abs(size: Any) -> Any:
    if isinstance(size, DayTimeDuration):
        return DayTimeDuration(abs(size.nanoseconds))
    if isinstance(size, MonthDuration):
        return MonthDuration(abs(size.months))
    return size.copy_abs() if isinstance(size, Decimal) else abs(size)


def _rest_by_two(value: Number) -> int:
    number = whole(value)
    if number is None:
        raise EvaluationError("not-whole", value=value, argument="number")
    return number % 2


FUNCTIONS: Final = (
    _rounding("decimal", "half even"),
    _rounding("floor", "floor", scale_needed=False),
    _rounding("ceiling", "ceiling", scale_needed=False),
    _rounding("round up", "up"),
    _rounding("round down", "down"),
    _rounding("round half up", "half up"),
    _rounding("round half down", "half down"),
    builtin("abs", form(_abs, needs("n", SIZE))),
    builtin("modulo", form(modulo, needs("dividend", NUMBER), needs("divisor", NUMBER))),
    builtin("sqrt", form(square_root, needs("number", NUMBER))),
    builtin("log", form(logarithm, needs("number", NUMBER))),
    builtin("exp", form(exponential, needs("number", NUMBER))),
    builtin("odd", form(lambda number: _rest_by_two(number) == 1, needs("number", NUMBER))),
    builtin("even", form(lambda number: _rest_by_two(number) == 0, needs("number", NUMBER))),
)
"""The functions of this module."""
