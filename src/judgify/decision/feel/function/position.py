"""Positions in a string or a list: from 1 forwards, from -1 backwards."""

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.number import Number, whole


def start_of(position: Number, size: int) -> int:
    """Turn a position into an index from 0.

    Raises:
        EvaluationError: `bad-position`, unless it is a whole number from 1 to the size, or from -1 down to minus it.
    """
    at = whole(position)
    if at is None or not at or abs(at) > size:
        raise EvaluationError("bad-position", value=position, size=str(size))
    return at - 1 if at > 0 else size + at


def width_of(length: Number, left: int) -> int:
    """Turn a length into a count; part of an item counts as none.

    Raises:
        EvaluationError: `bad-length`, unless it is from 1 to what is left.
    """
    if not 1 <= length < left + 1:
        raise EvaluationError("bad-length", value=length, size=str(left))
    return int(length)
