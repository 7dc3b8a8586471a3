"""List functions that look at and make lists (DMN 1.5, table 75; sort, table 80). Lists are never changed in place."""

from collections.abc import Callable, Sequence
from functools import cmp_to_key
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.function.comparison import compare, key
from judgify.decision.feel.function.position import start_of, width_of
from judgify.decision.feel.function.signature import ANY, FUNCTION, LIST, NUMBER, builtin, form, kind, needs
from judgify.decision.feel.meter import spend
from judgify.decision.feel.number import Number
from judgify.decision.limit import MAX_LIST

_LIST: Final = needs("list", LIST)
_POSITION: Final = needs("position", NUMBER)
_NEW: Final = needs("newItem", ANY)


def _made(items: list[Any]) -> list[Any]:
    if len(items) > MAX_LIST:
        raise LimitError("too-large")
    spend(len(items))
    return items


def _sublist(items: list[Any], start: Number, length: Number | None = None) -> list[Any]:
    first = start_of(start, len(items))
    if length is None:
        return _made(items[first:])
    return _made(items[first : first + width_of(length, len(items) - first)])


def _concatenate(*lists: list[Any]) -> list[Any]:
    made: list[Any] = []
    for items in lists:
        made = _made([*made, *items]) if made else items
    return list(made)


def _distinct(items: Sequence[Any]) -> list[Any]:
    seen: dict[Any, Any] = {}
    for item in items:
        seen.setdefault(key(item), item)
    return _made(list(seen.values()))


def _insert(items: list[Any], position: Number, item: Any) -> list[Any]:
    at = start_of(position, len(items))
    return _made([*items[:at], item, *items[at:]])


def _remove(items: list[Any], position: Number) -> list[Any]:
    at = start_of(position, len(items))
    return _made([*items[:at], *items[at + 1 :]])


def _replace_at(items: list[Any], position: Number, item: Any) -> list[Any]:
    at = start_of(position, len(items))
    return _made([*items[:at], item, *items[at + 1 :]])


def _replace_where(items: list[Any], match: Callable[[Any, Any], Any], new: Any) -> list[Any]:
    made = []
    for item in items:
        fits = match(item, new)
        if not isinstance(fits, bool):
            raise EvaluationError("not-boolean", value=fits, found=kind(fits))
        made.append(new if fits else item)
    return _made(made)


def _positions(items: list[Any], match: Any) -> list[int]:
    wanted = key(match)
    return [number for number, item in enumerate(items, 1) if key(item) == wanted]


def _contains(items: list[Any], element: Any) -> bool:
    wanted = key(element)
    return any(key(item) == wanted for item in items)


def _flatten(items: list[Any]) -> list[Any]:
    made: list[Any] = []
    stack = [iter(items)]
    while stack:
        for item in stack[-1]:
            spend()
            if isinstance(item, list):
                stack.append(iter(item))
                break
            made.append(item)
            if len(made) > MAX_LIST:
                raise LimitError("too-large")
        else:
            stack.pop()
    return made


def _sort(items: list[Any], precedes: Callable[[Any, Any], Any] | None = None) -> list[Any]:
    def by_function(left: Any, right: Any) -> int:
        spend()
        before = precedes(left, right) if precedes is not None else None
        if not isinstance(before, bool):
            raise EvaluationError("not-boolean", value=before, found=kind(before))
        if before:
            return -1
        # A stable sort needs to know whether the other comes first, or neither.
        return 1 if precedes is not None and precedes(right, left) is True else 0

    def by_order(left: Any, right: Any) -> int:
        spend()
        return compare(left, right)

    return _made(sorted(items, key=cmp_to_key(by_order if precedes is None else by_function)))


FUNCTIONS: Final = (
    builtin("list contains", form(_contains, _LIST, needs("element", ANY))),
    builtin("count", form(len, _LIST)),
    builtin(
        "sublist",
        form(_sublist, _LIST, needs("start position", NUMBER), needs("length", NUMBER, optional=True)),
    ),
    builtin("append", form(lambda items, *more: _made([*items, *more]), _LIST, needs("item", ANY), variadic=True)),
    builtin("concatenate", form(_concatenate, _LIST, variadic=True)),
    builtin("insert before", form(_insert, _LIST, _POSITION, _NEW)),
    builtin("remove", form(_remove, _LIST, _POSITION)),
    builtin(
        "list replace",
        form(_replace_at, _LIST, _POSITION, _NEW),
        form(_replace_where, _LIST, needs("match", FUNCTION), _NEW),
    ),
    builtin("reverse", form(lambda items: _made(items[::-1]), _LIST)),
    builtin("index of", form(_positions, _LIST, needs("match", ANY))),
    builtin("union", form(lambda *lists: _distinct(_concatenate(*lists)), _LIST, variadic=True)),
    builtin("distinct values", form(_distinct, _LIST)),
    builtin("flatten", form(_flatten, _LIST)),
    builtin("sort", form(_sort, _LIST, needs("precedes", FUNCTION, optional=True))),
)
"""The functions of this module."""
