"""One file's JSON into its record, and what pydantic says of it into problems with path and mend."""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from judgify.response.guide.base import GuideProblem, Model

Record = TypeVar("Record", bound=Model)

_QUOTED: Final = re.compile(r"'([^']*)'")
_SHOWN: Final = 80
_MENDS: Final[Mapping[str, str]] = {
    "string_type": "write a text, in quotes where it looks like a number",
    "int_type": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "bool_type": "write true or false",
    "tuple_type": "write a list: [a, b]",
    "dict_type": "write a map: {name: value}",
    "model_type": "write a map: {name: value}",
    "model_attributes_type": "write a map: {name: value}",
    "string_too_short": "write something",
    "too_short": "add at least one entry",
    "date_from_datetime_parsing": "write a date like 2026-12-31",
    "date_parsing": "write a date like 2026-12-31",
    "time_parsing": 'write a time like "09:00"',
}


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Give the mend for a name that is not known: the nearest one, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else f"known: {', '.join(names) or 'none'}"


def read_record(record: type[Record], text: str, file: str, problems: list[GuideProblem]) -> Record | None:
    """Check one file's JSON against its record; None, and every mistake in `problems`, when it does not fit."""
    try:
        return record.model_validate_json(text)
    except ValidationError as error:
        data = json.loads(text)
        found = {_problem(file, data, entry): None for entry in error.errors(include_url=False)}
        problems.extend(found)
        return None


def _problem(file: str, data: Any, entry: Any) -> GuideProblem:
    path = show_path(_walk(data, entry["loc"], missing=entry["type"] == "missing"))
    message, mend = _told(entry)
    return GuideProblem(file, path, message, mend)


def _walk(data: Any, loc: tuple[int | str, ...], *, missing: bool) -> list[int | str]:
    """Follow a location through the data, leaving out pydantic's own names of union members."""
    node: Any = data
    path: list[int | str] = []
    for index, part in enumerate(loc):
        known = (isinstance(node, dict) and part in node) or (isinstance(node, list) and isinstance(part, int))
        if known:
            node = node[part]
        elif not (missing and index == len(loc) - 1):
            continue
        path.append(part)
    return path


def show_path(parts: Iterable[int | str]) -> str:
    """Write a path as people do: `rows[2].P1`."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return shown.removeprefix(".")


@cache
def _field_names(base: type[Model] = Model) -> frozenset[str]:
    names = set(base.model_fields)
    for child in base.__subclasses__():
        names |= _field_names(child)
    return frozenset(names)


def _told(entry: Any) -> tuple[str, str]:
    kind, value = entry["type"], entry.get("input")
    shown = json.dumps(value, ensure_ascii=False, default=str)[:_SHOWN]
    if kind in _TOLD:
        return _TOLD[kind](entry, shown)
    message = str(entry["msg"]).removeprefix("Value error, ")
    return f"{shown}: {message}", _MENDS.get(kind, "correct the value")


def _extra(entry: Any, _: str) -> tuple[str, str]:
    near = difflib.get_close_matches(str(entry["loc"][-1]), sorted(_field_names()), n=1, cutoff=0.6)
    return "is not known here", f'did you mean "{near[0]}"?' if near else "remove it"


def _literal(entry: Any, shown: str) -> tuple[str, str]:
    return f"{shown} is not allowed", did_you_mean(str(entry["input"]), _QUOTED.findall(entry["ctx"]["expected"]))


def _tag(entry: Any, _: str) -> tuple[str, str]:
    tag = entry["ctx"]["tag"]
    return f'kind "{tag}" is not known', did_you_mean(tag, _QUOTED.findall(entry["ctx"]["expected_tags"]))


_TOLD: Final[Mapping[str, Callable[[Any, str], tuple[str, str]]]] = {
    "missing": lambda _, __: ("is missing", "add it"),
    "extra_forbidden": _extra,
    "literal_error": _literal,
    "union_tag_invalid": _tag,
    "union_tag_not_found": lambda _, __: ("has no kind", "add kind"),
    "string_pattern_mismatch": lambda entry, shown: (
        f"{shown} has not the right form",
        f"it must match {entry['ctx']['pattern']}",
    ),
}
