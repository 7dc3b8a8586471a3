"""The single tests that cells are made of, as closures; true and false win over what cannot be worked out."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.meter import spend
from judgify.decision.feel.operator import COMPARISONS, NUMERIC, comparable, compare, equal
from judgify.decision.feel.range import Range
from judgify.decision.feel.scope import Code

Check = Callable[[Any, Any], Any]
"""Tells whether a value (null included) passes, in a scope; in the standard's mode it may also be None, unknown."""
_TEMPORAL: Final = frozenset({"date", "time", "date-time", "duration", "months"})


def match(symbol: str, left: str | None, right: str | None, at: int) -> None:
    """Refuse a comparison of two known kinds that could never be worked out.

    Raises:
        FeelError: The kinds differ, or have no such comparison.
    """
    if left and right and left != right:
        mend = None
        if left == "string":
            mend = 'texts stand in double quotes: "…"'
        elif right == "string" and left in _TEMPORAL:
            mend = 'write @"…"'
        raise FeelError(f"a {left} is compared with a {right}", at, mend)
    for found in (left, right):
        if found and found not in comparable(symbol):
            raise FeelError(f"a {found} has no {symbol}", at)


def check_of(symbol: str, operand: Code, *, strict: bool = True) -> Check:
    """Compile `value symbol operand`; in strict mode a null value is a fault."""
    if operand.constant:
        return _constant(symbol, operand.run(None), strict=strict)
    run = operand.run

    def check(value: Any, scope: Any) -> bool:
        return compared(symbol, value, run(scope), strict=strict)

    return check


def compared(symbol: str, value: Any, operand: Any, *, strict: bool) -> bool:
    """Compare a tested value with what a cell holds.

    Raises:
        EvaluationError: `null` in strict mode; a reason of `compare`.
    """
    if strict and (value is None or operand is None):
        raise EvaluationError("null", value=None)
    return compare(symbol, value, operand, strict=strict)


def _constant(symbol: str, constant: Any, *, strict: bool) -> Check:
    """Compile the hot path: a plain number or text needs no further look at kinds."""
    quick, kinds = COMPARISONS[symbol], frozenset({type(constant)}) & {str, bool}
    if type(constant) in NUMERIC:
        kinds = NUMERIC

    def check(value: Any, _: Any) -> bool:
        if type(value) in kinds:
            return quick(value, constant)
        return compared(symbol, value, constant, strict=strict)

    return check


def belongs(value: Any, held: Any, *, strict: bool) -> bool:
    """Tell whether a value is what a cell without operator holds, lies in it as a range, or is in it as a list.

    Raises:
        EvaluationError: A reason of `compare`.
    """
    if isinstance(held, Range):
        return _lies(value, held)
    if not isinstance(held, list):
        return compared("=", value, held, strict=strict)
    if isinstance(value, list) and equal(value, held, strict=strict):
        return True
    spend(len(held))
    fault = None
    for member in held:
        try:
            if _lies(value, member) if isinstance(member, Range) else equal(value, member, strict=strict):
                return True
        except EvaluationError as error:
            fault = fault or error
    if fault:
        raise fault
    return False


def _lies(value: Any, within: Range) -> bool:
    if value is None:
        raise EvaluationError("null", value=None)
    return within.includes(value)


def any_of(checks: Sequence[Check]) -> Check:
    """Compile a list: one that passes settles it, even when another cannot be worked out."""

    def check(value: Any, scope: Any) -> Any:
        fault = None
        verdict: bool | None = False
        for one in checks:
            try:
                passed = one(value, scope)
            except EvaluationError as error:
                fault = fault or error
                continue
            if passed is True:
                return True
            verdict = None if passed is None else verdict
        if fault:
            raise fault
        return verdict

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


def none_of(check: Check) -> Check:
    """Compile `not(…)`; what is unknown stays so."""

    def negated(value: Any, scope: Any) -> Any:
        passed = check(value, scope)
        return None if passed is None else not passed

    return negated
