"""Cells that are one constant, one bound or one range of numbers, as most are: read by one pattern each."""

import re
from decimal import Decimal
from typing import Final

from judgify.decision.feel.ast import Interval, Literal, Negate, Node, Test, Tests

_NUMBER: Final = r"(-?)((?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,29})?)"
_STRING: Final = re.compile(r'"[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029]{0,500}"')
_ONE: Final = re.compile(rf"(<=|>=|<|>|) *{_NUMBER}")
_RANGE: Final = re.compile(rf"([\[(\]]) *{_NUMBER} *\.\. *{_NUMBER} *([\])\[])")


def plain_tests(text: str) -> Tests | None:
    """Read a cell as `parse_tests` does, names or not; None for a cell that is anything more than such a constant.

    Args:
        text: The cell, in normal form C.
    """
    if _STRING.fullmatch(text):
        return Tests((Test("=", Literal(text[1:-1], 1), 1),), negated=False, at=1)
    found = _ONE.fullmatch(text)
    if found:
        return Tests((Test(found[1] or "=", _number(found, 2), 1),), negated=False, at=1)
    found = _RANGE.fullmatch(text)
    # A range that holds nothing, or one value, is left to the parser and to what it says about it.
    if found is None or Decimal(found[2] + found[3]) >= Decimal(found[4] + found[5]):
        return None
    ends = _number(found, 2), _number(found, 4), found[1] == "[", found[6] == "]"
    return Tests((Interval(*ends, 1),), negated=False, at=1)


def _number(found: re.Match[str], group: int) -> Node:
    sign, digits, at = found[group], found[group + 1], found.start(group) + 1
    if not digits.isdigit():
        value = Literal(Decimal(digits), at + len(sign))
        return Negate(value, at) if sign else value
    return Literal(-int(digits) if sign else int(digits), at)
