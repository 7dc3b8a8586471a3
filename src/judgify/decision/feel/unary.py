"""The single tests that cells are made of, as closures; true and false win over what cannot be worked out."""

from collections.abc import Callable
from typing import Any, NamedTuple

from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.operator import COMPARISONS, NUMERIC, comparable, compare

Run = Callable[[Any], Any]
"""Works an expression out in a scope; what a scope is, only `Names` knows."""
Check = Callable[[Any, Any], bool]
"""Tells whether a value (null included) passes, in a scope."""


class Code(NamedTuple):
    """A compiled expression: what runs, the kind it yields if known, and its value if it is constant."""

    run: Run
    kind: str | None
    constant: bool = False


def match(symbol: str, left: str | None, right: str | None, at: int) -> None:
    """Refuse a comparison of two known kinds that could never be worked out.

    Raises:
        FeelError: The kinds differ, or have no such comparison.
    """
    if left and right and left != right:
        mend = None
        if left == "string":
            mend = 'texts stand in double quotes: "…"'
        elif right == "string" and left in {"date", "date-time", "duration", "months"}:
            mend = 'write @"…"'
        raise FeelError(f"a {left} is compared with a {right}", at, mend)
    for found in (left, right):
        if found and found not in comparable(symbol):
            raise FeelError(f"a {found} has no {symbol}", at)


def check_of(symbol: str, operand: Code) -> Check:
    """Compile `value symbol operand`; a null value is a fault."""
    if operand.constant:
        return _constant(symbol, operand.run(None))
    run = operand.run

    def check(value: Any, scope: Any) -> bool:
        if value is None:
            raise EvaluationError("null", value=None)
        return compare(symbol, value, run(scope))

    return check


def _constant(symbol: str, constant: Any) -> Check:
    """Compile the hot path: a plain number or text needs no further look at kinds."""
    quick, kinds = COMPARISONS[symbol], frozenset({type(constant)}) & {str, bool}
    if type(constant) in NUMERIC:
        kinds = NUMERIC

    def check(value: Any, _: Any) -> bool:
        if type(value) in kinds:
            return quick(value, constant)
        if value is None:
            raise EvaluationError("null", value=None)
        return compare(symbol, value, constant)

    return check


def any_of(checks: list[Check]) -> Check:
    """Compile a list: one that passes settles it, even when another cannot be worked out."""

    def check(value: Any, scope: Any) -> bool:
        fault = None
        for one in checks:
            try:
                if one(value, scope):
                    return True
            except EvaluationError as error:
                fault = fault or error
        if fault:
            raise fault
        return False

    return check


def all_of(first: Check, second: Check) -> Check:
    """Compile both ends of a range: one that fails settles it, even when the other cannot be worked out."""

    def check(value: Any, scope: Any) -> bool:
        fault = None
        try:
            if not first(value, scope):
                return False
        except EvaluationError as error:
            fault = error
        if not second(value, scope):
            return False
        if fault:
            raise fault
        return True

    return check
