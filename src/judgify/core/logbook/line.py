"""A log line: what may be in one, and how lines are read from a request. Pure."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from judgify.kit.clock import iso, parse
from judgify.kit.errors import Invalid, Malformed
from judgify.kit.secrets import mask, mask_mapping
from judgify.kit.text import storable

LEVELS: Final = MappingProxyType({"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50})
"""The closed set of levels, with the numbers that the database keeps."""
LEVEL_NAMES: Final = MappingProxyType({number: name for name, number in LEVELS.items()})
_ALIASES: Final = {"WARN": "WARNING", "FATAL": "CRITICAL", "NOTICE": "INFO", "TRACE": "DEBUG", "EXCEPTION": "ERROR"}
_KNOWN: Final = frozenset({"timestamp", "level", "service", "message", "request_id", "fields"})
SERVICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,80}")

MAX_MESSAGE: Final = 16 * 1024
"""Characters of a message."""
MAX_FIELDS: Final = 16 * 1024
"""Characters of a line's fields as JSON."""
MAX_DEPTH: Final = 64
"""How deep objects and lists in a line's fields may be nested."""
MAX_LINES: Final = 10_000
"""Lines in one request."""
OLDEST: Final = timedelta(days=14)
NEWEST: Final = timedelta(hours=24)


Row = tuple[datetime, int, str, str, str | None, str]
"""A checked line as it is stored: time (UTC), level, service, message, request id, fields as JSON text."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, checked, its secrets masked. `adjusted`: its own time was out of range and is kept in the fields."""

    time: datetime
    level: int
    service: str
    message: str
    request_id: str | None
    fields: dict[str, Any] = field(default_factory=dict)
    adjusted: bool = False

    def row(self) -> Row:
        """Give the line as it is stored."""
        return self.time, self.level, self.service, self.message, self.request_id, json.dumps(self.fields)


@dataclass(frozen=True, slots=True)
class LineError:
    """Why the line with this number (from 1) cannot be kept, and what is wrong in it."""

    number: int
    path: str
    message: str


def split_body(body: bytes, content_type: str) -> list[Any]:
    """Take a request's body apart into documents: a JSON array, or one JSON object a line.

    A line that is no JSON comes out as a `ValueError` in its place. `Malformed` when the whole cannot be read,
    `Invalid` when it holds nothing or too much.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"the body is not UTF-8: byte {error.start} cannot be read") from error
    documents = _array(text) if is_array(body, content_type) else list(_lines(text))
    if not documents:
        raise Invalid("the body holds no lines")
    if len(documents) > MAX_LINES:
        raise Invalid(f"the body holds {len(documents):,} lines; send {MAX_LINES:,} at most")
    return documents


def read_lines(documents: Iterable[Any], now: datetime) -> tuple[list[Line], list[LineError]]:
    """Check every document; give the good lines and the errors of the others."""
    lines: list[Line] = []
    errors: list[LineError] = []
    for number, document in enumerate(documents, 1):
        found = read_line(document, now)
        if isinstance(found, Line):
            lines.append(found)
        else:
            errors.append(LineError(number, *found))
    return lines, errors


def read_line(document: Any, now: datetime) -> Line | tuple[str, str]:
    """Check one document; give the line, or the path in it and what is wrong there."""
    if not isinstance(document, dict):
        return "", "is not valid JSON" if isinstance(document, ValueError) else "is not a JSON object"
    unknown = sorted(set(document) - _KNOWN)
    if unknown:
        return unknown[0][:60], "is not known; put it under fields"
    try:
        return _checked(document, now)
    except _WrongError as error:
        return error.path, error.args[0]


def level_number(text: str) -> int | None:
    """Give the number of a level's name, in any case and with the usual other names; None if it is none."""
    name = text.strip().upper()
    return LEVELS.get(_ALIASES.get(name, name))


def in_range(time: datetime, now: datetime) -> bool:
    """Tell whether a line's own time can be right: at most 14 days old, at most a day ahead."""
    return now - OLDEST <= time <= now + NEWEST


class _WrongError(Exception):
    """A part of a line is wrong; `path` says which."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(message)


def _checked(document: dict[str, Any], now: datetime) -> Line:
    level = document.get("level")
    number = level_number(level) if isinstance(level, str) else None
    if number is None:
        raise _WrongError("level", f"must be one of {', '.join(LEVELS)}")
    service = document.get("service")
    if not isinstance(service, str) or not SERVICE.fullmatch(service):
        raise _WrongError("service", "must be a name of letters, digits, dots, dashes; at most 60")
    message = _text(document.get("message"), "message")
    if len(message) > MAX_MESSAGE:
        raise _WrongError("message", f"is longer than {MAX_MESSAGE:,} characters")
    request_id = document.get("request_id")
    if request_id is not None and not (isinstance(request_id, str) and REQUEST_ID.fullmatch(request_id)):
        raise _WrongError("request_id", "must be at most 80 letters, digits, dots, dashes")
    fields = document.get("fields", {})
    if not isinstance(fields, dict):
        raise _WrongError("fields", "must be an object")
    if _deeper(fields, MAX_DEPTH):
        raise _WrongError("fields", f"is nested deeper than {MAX_DEPTH}")
    try:
        length = len(json.dumps(fields, ensure_ascii=False, allow_nan=False))
    except ValueError as error:
        raise _WrongError("fields", "holds a number that is too large") from error
    if length > MAX_FIELDS:
        raise _WrongError("fields", f"is longer than {MAX_FIELDS:,} characters")
    time = _time(document.get("timestamp"), now)
    return make_line(
        time=time, level=number, service=service, message=message, now=now, request_id=request_id, fields=fields
    )


def make_line(
    *,
    time: datetime,
    level: int,
    service: str,
    message: str,
    now: datetime,
    request_id: str | None = None,
    fields: dict[str, Any] | None = None,
) -> Line:
    """Make a line of checked parts: secrets masked; a time out of range replaced by `now` and kept in the fields."""
    masked = mask_mapping(fields or {})
    adjusted = not in_range(time, now)
    if adjusted:
        masked["original_timestamp"] = iso(time)
        time = now
    return Line(time, level, service, mask(message), request_id, masked, adjusted)


def _time(value: Any, now: datetime) -> datetime:
    if value is None:
        return now
    if not isinstance(value, str):
        raise _WrongError("timestamp", "must be a text like 2026-01-31T14:30:00+09:00")
    try:
        return parse(value[:64])
    except (Invalid, OverflowError) as error:
        raise _WrongError("timestamp", "is not a moment like 2026-01-31T14:30:00+09:00") from error


def _deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _WrongError(path, "must be a text")
    try:
        return storable(value)
    except ValueError as error:
        raise _WrongError(path, str(error)) from error


def is_array(body: bytes, content_type: str) -> bool:
    """Tell whether a body is to be read as a JSON array: it begins like one, and is not declared as NDJSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind != "application/x-ndjson" and body.lstrip()[:1] == b"["


def _array(text: str) -> list[Any]:
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("the body is not a valid JSON array") from error
    return list(found)


def _lines(text: str) -> Iterator[Any]:
    for one in text.split("\n"):
        if not one.strip():
            continue
        try:
            yield json.loads(one, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            yield ValueError(type(error).__name__)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
