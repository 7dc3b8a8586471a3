"""Ranges as text (`range("[18..21)")`): only literals may be the ends (DMN 1.5, grammar rules 66 and 67)."""

import re
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.meter import spend
from judgify.decision.feel.number import read_number
from judgify.decision.feel.range import Range, range_of
from judgify.decision.feel.temporal import read, read_date, read_date_time, read_duration, read_time

_MAX: Final = 2_000
_STRING: Final = r'"(?:[^"\\]|\\.)*"'
_NUMBER: Final = r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_END: Final = rf"(?:{_NUMBER}|@?{_STRING}|(?:date|time|date and time|duration)\s*\(\s*{_STRING}\s*\))"
_RANGE: Final = re.compile(rf"\s*([\[(\]])\s*({_END})?\s*\.\.\s*({_END})?\s*([\])\[])\s*", re.DOTALL)
_QUOTED: Final = re.compile(rf"(@|date|time|date and time|duration)?\s*\(?\s*({_STRING})\s*\)?", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{6})|(.))", re.DOTALL)
_PLAIN: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_READERS: Final = {
    "@": read,
    "date": read_date,
    "time": read_time,
    "date and time": read_date_time,
    "duration": read_duration,
}


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    if code:
        return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else ""
    # A backslash before any other letter is a backslash.
    return _PLAIN.get(found[3], found[0])


def _text_of(quoted: str) -> str:
    text = _ESCAPE.sub(_unescaped, quoted[1:-1])
    # Two escapes may make up one character beyond the basic plane.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _endpoint(text: str) -> Any:
    found = _QUOTED.fullmatch(text)
    if not found:
        return read_number(text)
    value = _text_of(found[2])
    reader = _READERS.get(found[1] or "")
    return reader(value) if reader is not None else value


def read_range(text: str) -> Range:
    """Read a range.

    Raises:
        EvaluationError: `unreadable` for another text; `bad-range` or `cannot-compare` for ends in the wrong order or
            of two kinds.
    """
    spend(4)
    found = _RANGE.fullmatch(text) if len(text) <= _MAX else None
    if not found or not (found[2] or found[3]):
        raise EvaluationError("unreadable", value=text[:100], type="range")
    low, high = (None if end is None else _endpoint(end) for end in (found[2], found[3]))
    closed = found[1] == "[", found[4] == "]"
    if (low is None and found[2]) or (high is None and found[3]):
        raise EvaluationError("unreadable", value=text[:100], type="range")
    if low is not None and high is not None:
        return range_of(low, high, low_closed=closed[0], high_closed=closed[1])
    if (low is None and closed[0]) or (high is None and closed[1]):
        # What has no end cannot be inside of it.
        raise EvaluationError("unreadable", value=text[:100], type="range")
    symbol = (">=" if closed[0] else ">") if high is None else ("<=" if closed[1] else "<")
    return Range(low, high, closed[0], closed[1], symbol)
