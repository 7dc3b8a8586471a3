"""Equality and order as the functions of lists and ranges use them."""

from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.error import LimitError
from judgify.decision.feel.meter import spend
from judgify.decision.feel.range import Range, compare
from judgify.decision.feel.temporal import TEMPORAL
from judgify.decision.limit import MAX_DEPTH

_SCALARS: Final = (str, bool, type(None), *TEMPORAL)


def key(value: Any, level: int = 0) -> Any:
    """Give what hashes, and is equal for equal values only: true is not 1, and "1" is not 1.

    Lists and contexts are compared deeply; two functions are equal only when they are the same one.

    Raises:
        LimitError: `too-deep`.
    """
    spend()
    if level > MAX_DEPTH:
        raise LimitError("too-deep")
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    if isinstance(value, Range):
        # The ends of one that a test is, such as `= [1]`, may be lists.
        ends = (key(value.low, level + 1), key(value.high, level + 1))
        return (Range, ends, value.low_closed, value.high_closed, value.symbol)
    if isinstance(value, _SCALARS):
        return (type(value), value)
    if isinstance(value, list):
        return (list, tuple(key(item, level + 1) for item in value))
    if isinstance(value, dict):
        return (dict, frozenset((name, key(item, level + 1)) for name, item in value.items()))
    return (object, id(value))


def equal(left: Any, right: Any) -> bool:
    """Tell whether two values are equal, deeply; values of two kinds never are."""
    return bool(key(left) == key(right))


__all__ = ["compare", "equal", "key"]
