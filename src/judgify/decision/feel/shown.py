"""Values on their way out: as JSON, and as FEEL text."""

import json
import math
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.range import Range
from judgify.decision.feel.temporal import TEMPORAL, from_python, text
from judgify.decision.feel.value import kind
from judgify.decision.limit import MAX_BITS, MAX_NESTING, MAX_SHOWN, MAX_SHOWN_ALL, MAX_SHOWN_ITEMS


def _number(value: Any) -> object:
    if isinstance(value, int):
        # Python refuses to print whole numbers beyond some thousand digits.
        return int(value) if value.bit_length() <= MAX_BITS else f"<whole number of {value.bit_length()} bits>"
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if not value.is_finite():
        return str(value)
    near = float(value)
    return near if math.isfinite(near) and Decimal(repr(near)) == value else str(value)


def _cut(text: str, shorten: bool) -> str:  # noqa: FBT001 - private, and the name says it at each call
    return text if not shorten or len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _members(value: Any, level: int, left: list[int] | None) -> object:
    if level >= MAX_NESTING or (left is not None and left[0] <= 0):
        return "…"
    shorten, last = left is not None, None if left is None else MAX_SHOWN_ITEMS
    if left is not None:
        left[0] -= min(len(value), MAX_SHOWN_ITEMS)
    if isinstance(value, Mapping):
        pairs = list(value.items())[:last]
        return {
            _cut(str(key), shorten): plain(item, shorten=shorten, level=level + 1, left=left) for key, item in pairs
        }
    return [plain(item, shorten=shorten, level=level + 1, left=left) for item in value[:last]]


def plain(value: object, *, shorten: bool = False, level: int = 0, left: list[int] | None = None) -> Any:
    """Give a value as JSON holds it.

    A decimal is a JSON number when a reader with double precision reads the same value back, else its digits as text.
    Dates and durations are ISO 8601 texts.

    Args:
        value: Any value, also one from outside that the engine refused.
        shorten: Cut long texts and lists, as a trace does.
        level: How deep the value sits; beyond the limit it is given as "…".
        left: How many members are still shown where it is shortened: lists that share their parts have no end.
    """
    if value is None or isinstance(value, bool | int | float | Decimal):
        return value if value is None or isinstance(value, bool) else _number(value)
    if isinstance(value, str):
        return _cut(str.__str__(value), shorten)
    if isinstance(value, Range):
        return _cut(range_text(value), shorten)
    if isinstance(value, (date, time, timedelta, *TEMPORAL)):
        return text(value if isinstance(value, TEMPORAL) else from_python(value))
    if isinstance(value, Mapping | list | tuple):
        return _members(value, level, left or [MAX_SHOWN_ALL] if shorten else None)
    return f"<{type(value).__name__}>"


def as_json(value: object) -> str:
    """Write a value for a sentence: as JSON, shortened, Hangul as it is."""
    return json.dumps(plain(value, shorten=True), ensure_ascii=False)


_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def range_text(value: Range) -> str:
    """Write a range as FEEL does."""
    if value.symbol is not None:
        end = value.high if value.low is None else value.low
        return f"({value.symbol} {literal(end)})"
    opening, closing = "[" if value.low_closed else "(", "]" if value.high_closed else ")"
    return f"{opening}{literal(value.low)}..{literal(value.high)}{closing}"


def literal(value: object) -> str:
    """Write a canonical scalar or a range as the FEEL literal that reads back to it."""
    found = kind(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if found == "number":
        return str(value)
    if isinstance(value, Range):
        return range_text(value)
    return f'@"{plain(value)}"'


def restorable(value: object) -> Any:
    """Give a canonical value as JSON that reads back to it: through `{"feel": …}` where JSON has no form for it."""
    shown, found = plain(value), kind(value)
    lost = found == "number" and isinstance(shown, str)
    return (
        {"feel": literal(value)}
        if lost or found in {"date", "time", "date-time", "duration", "months", "range"}
        else shown
    )
