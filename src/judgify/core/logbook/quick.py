"""Reading many good lines quickly: the same rules as `line`, without building what is not kept. Pure.

Only what is plainly good is decided here. A body with anything else in it is read by the slow and exact reader of
`line`, which names the number and the path of what is wrong.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from judgify.core.logbook.line import (
    LEVELS,
    MAX_DEPTH,
    MAX_FIELDS,
    MAX_LINES,
    MAX_MESSAGE,
    NEWEST,
    OLDEST,
    REQUEST_ID,
    SERVICE,
    Line,
    LineError,
    Row,
    is_array,
    level_number,
    read_line,
    read_lines,
    split_body,
)
from judgify.kit.clock import SEOUL
from judgify.kit.secrets import may_hold_secret

_NONE: Final = msgspec.Raw(b"{}")
_HUGE: Final = re.compile(r"[eE]\+?\d{3}|\d{400}")
# A number that may be beyond what programs can read; the exact reader decides.
_NUMBERS: Final = {spelt: number for name, number in LEVELS.items() for spelt in (name, name.lower())}


class _Wire(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    level: str
    service: str
    message: str
    timestamp: str | None = None
    request_id: str | None = None
    fields: msgspec.Raw = _NONE


_LINES: Final = msgspec.json.Decoder(_Wire)
_ARRAY: Final = msgspec.json.Decoder(list[_Wire])


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body holds: the rows to keep, the errors of the other lines, how many rows had an impossible time."""

    rows: list[Row]
    errors: list[LineError]
    adjusted: int


def read_body(body: bytes, content_type: str, now: datetime) -> Reading:
    """Read a request's body, NDJSON or a JSON array.

    `Malformed` when the whole cannot be read, `Invalid` when it holds nothing or more than `MAX_LINES`.
    """
    wires = _decoded(body, content_type)
    if wires is not None and 0 < len(wires) <= MAX_LINES:
        try:
            return _quick(wires, now)
        except ValueError:  # something is wrong with one of them, or may be
            pass
    lines, errors = read_lines(split_body(body, content_type), now)
    return Reading([line.row() for line in lines], errors, sum(line.adjusted for line in lines))


def _decoded(body: bytes, content_type: str) -> list[_Wire] | None:
    try:
        if is_array(body, content_type):
            return _ARRAY.decode(body)
        return _LINES.decode_lines(body)
    except (ValueError, RecursionError):
        return None


def _quick(wires: Iterable[_Wire], now: datetime) -> Reading:
    oldest, newest = now - OLDEST, now + NEWEST
    services: set[str] = set()
    rows: list[Row] = []
    adjusted = 0
    for wire in wires:
        service, message, request_id = wire.service, wire.message, wire.request_id
        level = _NUMBERS.get(wire.level) or level_number(wire.level)
        if service not in services:
            if not SERVICE.fullmatch(service):
                raise ValueError
            services.add(service)
        if level is None or len(message) > MAX_MESSAGE or "\x00" in message:
            raise ValueError
        if request_id is not None and not REQUEST_ID.fullmatch(request_id):
            raise ValueError
        time = now if wire.timestamp is None else _moment(wire.timestamp)
        fields = "{}" if wire.fields is _NONE else str(wire.fields, "utf-8")
        if not oldest <= time <= newest or not _plain(message, fields):
            line = _exact(wire, fields, now)
            rows.append(line.row())
            adjusted += line.adjusted
        else:
            rows.append((time, level, service, message, request_id, fields))
    return Reading(rows, [], adjusted)


def _plain(message: str, fields: str) -> bool:
    """Tell whether fields can be kept as they came: an object, of a fair size, nothing in either to be hidden."""
    if fields == "{}":
        return not may_hold_secret(message)
    return (
        fields[0] == "{"
        and len(fields) <= MAX_FIELDS
        and fields.count("{") + fields.count("[") <= MAX_DEPTH
        and "\\u" not in fields
        and "\\/" not in fields
        and not _HUGE.search(fields)
        and not may_hold_secret(message + fields)
    )


def _exact(wire: _Wire, fields: str, now: datetime) -> Line:
    document = {
        "level": wire.level,
        "service": wire.service,
        "message": wire.message,
        "timestamp": wire.timestamp,
        "request_id": wire.request_id,
        "fields": msgspec.json.decode(fields),
    }
    found = read_line(document, now)
    if isinstance(found, Line):
        return found
    raise ValueError(found)


def _moment(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is UTC:
            return time
        return (time.replace(tzinfo=SEOUL) if time.tzinfo is None else time).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error
