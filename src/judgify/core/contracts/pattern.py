"""How much work a regular expression can be: Python's backtracks, and cannot be stopped once it runs. Pure."""

import importlib
import math
from functools import lru_cache
from typing import Any, Final

# The parser of `re` itself: any other reading of a pattern could differ from what is run.
_PARSER: Final[Any] = importlib.import_module("re._parser")
_PASSIVE: Final = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT", "GROUPREF", "CATEGORY", "FAILURE"})

_BODY_AT: Final = {"SUBPATTERN": 3, "ASSERT": 1, "ASSERT_NOT": 1}
"""Where those that only enclose a pattern hold it."""


@lru_cache(maxsize=4096)
def steps(pattern: str, length: int) -> float:
    """Give an upper bound of the ways in which `re.search` can try a pattern on a text of some length; may be inf."""
    parsed = _PARSER.parse(pattern)
    ways = _sequence(parsed, max(length, 1))
    anchored = (
        bool(parsed) and str(parsed[0][0]) == "AT" and str(parsed[0][1]) in {"AT_BEGINNING", "AT_BEGINNING_STRING"}
    )
    if not anchored:
        ways += math.log(max(length, 1))
    return math.exp(ways) if ways < 700 else math.inf


def _sequence(parsed: Any, length: int) -> float:
    return sum(_ways(str(code), given, length) for code, given in parsed)


def _ways(code: str, given: Any, length: int) -> float:
    """Give the natural logarithm of the number of ways."""
    if code in _PASSIVE:
        return 0.0
    if code in _BODY_AT:
        return _sequence(given[_BODY_AT[code]], length)
    if code in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        least, most, body = given
        most = min(int(most), length)
        return math.log(max(most - int(least), 0) + 1) + most * _sequence(body, length)
    if code == "BRANCH":
        branches = given[1]
        return math.log(len(branches)) + max(_sequence(branch, length) for branch in branches)
    if code == "ATOMIC_GROUP":
        return _sequence(given, length)
    return math.inf  # conditional groups, and whatever a later Python brings
