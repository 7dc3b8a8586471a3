"""Range functions (DMN 1.5, table 78): how points and ranges lie to each other (Allen's relations).

An end that a range does not have lies beyond every value.
"""

from collections.abc import Callable
from typing import Any, Final

from judgify.decision.feel.function.signature import POINT, RANGE, Builtin, builtin, form, needs
from judgify.decision.feel.range import Range, compare

_Relation = Callable[[Any, Any], bool]
_POINTS: Final = (needs("point1", POINT), needs("point2", POINT))
_POINT_RANGE: Final = (needs("point", POINT), needs("range", RANGE))
_RANGE_POINT: Final = (needs("range", RANGE), needs("point", POINT))
_RANGES: Final = (needs("range1", RANGE), needs("range2", RANGE))


def _of(value: Any) -> Range:
    return value if isinstance(value, Range) else Range(value, value, True, True)


def _starts(left: Range, right: Range) -> int:
    """Order two starts: a missing one lies before every other, an open one just after its value."""
    if left.low is None or right.low is None:
        return (left.low is not None) - (right.low is not None)
    return compare(left.low, right.low) or int(right.low_closed) - int(left.low_closed)


def _ends(left: Range, right: Range) -> int:
    """Order two ends: a missing one lies after every other, an open one just before its value."""
    if left.high is None or right.high is None:
        return (right.high is not None) - (left.high is not None)
    return compare(left.high, right.high) or int(left.high_closed) - int(right.high_closed)


def _gap(left: Range, right: Range) -> int:
    """Order one range's end and another's start: 0 when they share just that value, -1 when they share none."""
    if left.high is None or right.low is None:
        return 1
    order = compare(left.high, right.low)
    return order or (0 if left.high_closed and right.low_closed else -1)


def _before(left: Any, right: Any) -> bool:
    return _gap(_of(left), _of(right)) < 0


def _overlaps(left: Range, right: Range) -> bool:
    return _gap(left, right) >= 0 and _gap(right, left) >= 0


def _overlaps_before(left: Range, right: Range) -> bool:
    return _starts(left, right) < 0 and _gap(left, right) >= 0 and _ends(left, right) <= 0


def _includes(left: Any, right: Any) -> bool:
    first, second = _of(left), _of(right)
    return _starts(first, second) <= 0 and _ends(first, second) >= 0


def _finishes(left: Any, right: Any) -> bool:
    first, second = _of(left), _of(right)
    return _ends(first, second) == 0 and _starts(first, second) >= 0


def _begins(left: Any, right: Any) -> bool:
    first, second = _of(left), _of(right)
    return _starts(first, second) == 0 and _ends(first, second) <= 0


def _coincides(left: Any, right: Any) -> bool:
    first, second = _of(left), _of(right)
    return _starts(first, second) == 0 and _ends(first, second) == 0


def _turned(relation: _Relation) -> _Relation:
    return lambda left, right: relation(right, left)


def _relation(name: str, relation: _Relation, *signatures: tuple[Any, Any]) -> Builtin:
    return builtin(name, *(form(relation, *signature) for signature in signatures))


FUNCTIONS: Final = (
    _relation("before", _before, _POINTS, _POINT_RANGE, _RANGE_POINT, _RANGES),
    _relation("after", _turned(_before), _POINTS, _POINT_RANGE, _RANGE_POINT, _RANGES),
    _relation("meets", lambda left, right: _gap(left, right) == 0, _RANGES),
    _relation("met by", lambda left, right: _gap(right, left) == 0, _RANGES),
    _relation("overlaps", _overlaps, _RANGES),
    _relation("overlaps before", _overlaps_before, _RANGES),
    _relation("overlaps after", _turned(_overlaps_before), _RANGES),
    _relation("finishes", _finishes, _POINT_RANGE, _RANGES),
    _relation("finished by", _turned(_finishes), _RANGE_POINT, _RANGES),
    _relation("includes", _includes, _RANGE_POINT, _RANGES),
    _relation("during", _turned(_includes), _POINT_RANGE, _RANGES),
    _relation("starts", _begins, _POINT_RANGE, _RANGES),
    _relation("started by", _turned(_begins), _RANGE_POINT, _RANGES),
    _relation("coincides", _coincides, _POINTS, _RANGES),
)
"""The functions of this module."""
