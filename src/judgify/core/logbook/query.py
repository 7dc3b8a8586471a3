"""Finding lines by level, service, time, request and text."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from judgify.core.logbook.line import LEVEL_NAMES, LEVELS, level_number
from judgify.core.logbook.lucene import compile_query
from judgify.core.logbook.reader import reading
from judgify.kit.clock import SEOUL, iso, parse
from judgify.kit.db import Database
from judgify.kit.errors import Invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; None means any. `after` is the place where the page before ended.

    `query` is in the language of `lucene`, its relative times counted from `now`.
    """

    levels: tuple[int, ...] | None = None
    service: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    contains: str | None = None
    request_id: str | None = None
    limit: int = 100
    after: tuple[datetime, int] | None = None
    query: str | None = None
    now: datetime = _EPOCH


def read_levels(text: str | None) -> tuple[int, ...] | None:
    """Read `ERROR` or `ERROR,CRITICAL`; `Invalid` for a name that is no level."""
    if text is None:
        return None
    found = []
    for name in text.split(","):
        number = level_number(name)
        if number is None:
            raise Invalid(f"level: {name[:40]!r} is none of {', '.join(LEVELS)}", path="level")
        found.append(number)
    return tuple(found)


def read_moment(text: str | None, name: str) -> datetime | None:
    """Read `from` or `to`; a naive time is Asia/Seoul. A `+` that the URL turned into a space is put back."""
    if text is None:
        return None
    mended = (
        f"{text[:-6]}+{text[-5:]}" if len(text) > 6 and text[-6] == " " and text[-3] == ":" and "T" in text else text
    )
    try:
        return parse(mended)
    except (Invalid, OverflowError) as error:
        raise Invalid(f"{name}: {text[:40]!r} is not a moment like 2026-01-31T14:30:00+09:00", path=name) from error


def read_cursor(text: str | None) -> tuple[datetime, int] | None:
    """Read where a page ended, as `write_cursor` wrote it."""
    if text is None:
        return None
    micros, _, number = text.partition(".")
    try:
        return _EPOCH + timedelta(microseconds=int(micros)), int(number)
    except (ValueError, OverflowError) as error:
        raise Invalid("cursor: this is none that was given out", path="cursor") from error


def write_cursor(time: datetime, number: int) -> str:
    """Write where a page ended."""
    return f"{(time - _EPOCH) // timedelta(microseconds=1)}.{number}"


def like(text: str) -> str:
    """Give the pattern for a text anywhere; `%`, `_` and the backslash in it stand for themselves."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def find(database: Database, search: Search) -> tuple[list[dict[str, Any]], str | None]:
    """Give the lines that match, newest first, and the cursor of the next page when there is more."""
    condition, values = conditions(search)
    values.append(search.limit + 1)
    async with reading(database) as connection:
        rows = await connection.fetch(
            "SELECT id, time, level, service, message, request_id, fields, received_at, source FROM logging.line "  # noqa: S608 - conditions are ours, values are parameters
            f"WHERE {condition} ORDER BY time DESC, id DESC LIMIT ${len(values)}",
            *values,
        )
    last = rows[search.limit - 1] if len(rows) > search.limit else None
    cursor = None if last is None else write_cursor(last["time"], last["id"])
    return [shown(row) for row in rows[: search.limit]], cursor


def conditions(search: Search) -> tuple[str, list[Any]]:
    """Give the condition of a search and its values. Raises `QueryError` for a query that cannot be read."""
    levels = search.levels
    wanted: list[tuple[str, Any]] = [
        ("level = ANY({}::smallint[])", None if levels is None else list(levels)),
        # Lets the index of bad lines serve.
        ("level >= 40 AND {}::bool", True if levels is not None and min(levels) >= LEVELS["ERROR"] else None),
        ("service = {}", search.service),
        ("time >= {}", search.start),
        ("time < {}", search.end),
        ("request_id = {}", search.request_id),
        ("message ILIKE {}", None if search.contains is None else like(search.contains)),
        ("time <= {}", None if search.after is None else search.after[0]),
    ]
    given = [(text, value) for text, value in wanted if value is not None]
    parts = [text.format(f"${number}") for number, (text, _) in enumerate(given, 1)]
    values = [value for _, value in given]
    if search.after is not None:
        parts.append(f"(time, id) < (${len(values)}, ${len(values) + 1}::bigint)")
        values.append(search.after[1])
    if search.query is not None:
        compiled = compile_query(search.query, now=search.now, zone=SEOUL, first=len(values) + 1)
        parts.append(compiled.sql)
        values += compiled.values
    return " AND ".join(parts) or "true", values


def shown(row: Any) -> dict[str, Any]:
    """Give a row of the table as the JSON that a search answers."""
    return {
        "id": row["id"],
        "timestamp": iso(row["time"]),
        "level": LEVEL_NAMES[row["level"]],
        "service": row["service"],
        "message": row["message"],
        "request_id": row["request_id"],
        "fields": json.loads(row["fields"]),
        "received_at": iso(row["received_at"]),
        "source": row["source"],
    }
