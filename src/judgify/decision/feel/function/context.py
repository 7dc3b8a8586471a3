"""Context functions (DMN 1.5, table 81)."""

from typing import Any, Final

from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.function.signature import ANY, CONTEXT, LIST, STRING, builtin, form, kind, needs
from judgify.decision.feel.meter import spend

Context = dict[str, Any]


def _from_entries(entries: list[Any]) -> Context:
    made: Context = {}
    spend(len(entries))
    for entry in entries:
        if not isinstance(entry, dict) or "value" not in entry or not isinstance(entry.get("key"), str):
            raise EvaluationError("bad-entry", value=entry)
        if entry["key"] in made:
            raise EvaluationError("duplicate-key", value=entry["key"], key=entry["key"])
        made[entry["key"]] = entry["value"]
    return made


def _put(context: Context, key: str, value: Any) -> Context:
    spend(len(context))
    return {**context, key: value}


def _put_deep(context: Context, keys: list[Any], value: Any) -> Context:
    if not keys or not all(isinstance(key, str) for key in keys):
        raise EvaluationError("bad-keys", value=keys)
    # From the inside out, so that a long path costs no stack.
    path = [context]
    for key in keys[:-1]:
        inner = path[-1].get(key)
        if not isinstance(inner, dict):
            raise EvaluationError("no-context", value=inner, key=key, found=kind(inner))
        path.append(inner)
    for outer, key in zip(reversed(path), reversed(keys), strict=True):
        value = _put(outer, key, value)
    return dict(value)


def _merge(contexts: list[Any]) -> Context:
    merged: Context = {}
    for context in contexts:
        if not isinstance(context, dict):
            raise EvaluationError("no-contexts", value=context, found=kind(context))
        spend(len(context) + 1)
        merged |= context
    return merged


def _value(context: Context, key: str) -> Any:
    return context.get(key)


def _entries(context: Context) -> list[Context]:
    spend(len(context))
    return [{"key": key, "value": value} for key, value in context.items()]


_M: Final = needs("m", CONTEXT)

FUNCTIONS: Final = (
    builtin("get value", form(_value, _M, needs("key", STRING))),
    builtin("get entries", form(_entries, _M)),
    builtin("context", form(_from_entries, needs("entries", LIST))),
    builtin(
        "context put",
        form(_put, needs("context", CONTEXT), needs("key", STRING), needs("value", ANY)),
        form(_put_deep, needs("context", CONTEXT), needs("keys", LIST), needs("value", ANY)),
    ),
    builtin("context merge", form(_merge, needs("contexts", LIST))),
)
"""The functions of this module."""
