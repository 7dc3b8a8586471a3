"""The live tail: new lines as server-sent events, each once, in the order in which they became visible."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import asyncpg
from fastapi import FastAPI, Header, Query
from fastapi.responses import StreamingResponse

from judgify.core.logbook.lucene import compile_query
from judgify.core.logbook.query import read_levels, shown
from judgify.kit.auth import Principal
from judgify.kit.clock import SEOUL, Clock
from judgify.kit.db import Database
from judgify.kit.errors import TooMany, Unavailable
from judgify.kit.metrics import Metrics
from judgify.kit.serve import ending
from judgify.kit.web import require

PATH: Final = "/api/v2/logging/tail"
MAX_STREAMS: Final = 20
"""Tails at once in one process."""
MAX_BEHIND: Final = 100_000
"""Lines (of all, not only those that match) that a reader may be behind; what is older is dropped, and that is told."""
PAGE: Final = 500
LOOK_S: Final = 0.25
BEAT_S: Final = 10.0
"""A stream that has nothing to tell says so this often; proxies and readers know then that it lives."""
_WHOLE: Final = "id, time, level, service, message, request_id, fields, received_at, source"

Reader = Annotated[Principal, require("viewer", "service")]
Faults = (Unavailable, asyncpg.PostgresError)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines a tail shows: a condition whose parameters begin at `$3`, and their values."""

    sql: str = "true"
    values: tuple[Any, ...] = field(default_factory=tuple)


def read_filter(q: str | None, level: str | None, service: str | None, clock: Clock) -> Filter:
    """Make the filter of the query's language, levels and a service; relative times count from this moment on.

    A query that cannot be read is refused as the search refuses it, with the place of the mistake.
    """
    parts: list[str] = []
    values: list[Any] = []
    if q is not None and q.strip():
        compiled = compile_query(q, now=clock.now(), zone=SEOUL, first=3)
        parts.append(f"({compiled.sql})")
        values += compiled.values
    levels = read_levels(level)
    if levels is not None:
        values.append(list(levels))
        parts.append(f"level = ANY(${len(values) + 2}::smallint[])")
    if service is not None:
        values.append(service)
        parts.append(f"service = ${len(values) + 2}")
    return Filter(" AND ".join(parts) or "true", tuple(values))


class Tail:
    """Follows the lines by their ids, which become visible in order (see `writer.take_turn`).

    The database is the buffer, so a slow reader costs no memory here: it is behind, up to `max_behind` lines.
    """

    def __init__(self, database: Database, metrics: Metrics, clock: Clock, max_behind: int = MAX_BEHIND) -> None:
        """Read from a database that the service opens."""
        self._database = database
        self._clock = clock
        self._max_behind = max_behind
        self._streams = 0
        metrics.gauge("judgify_logging_tails", "Live tails that are open.").set_function(lambda: self._streams)
        self._dropped = metrics.counter(
            "judgify_logging_tail_dropped_total", "Lines that live tails left out because their reader was too slow."
        )

    async def newest(self) -> int:
        """Give the id of the newest line that is visible; 0 when there is none."""
        async with self._database.connection() as connection:
            number: int = await connection.fetchval("SELECT coalesce(max(id), 0) FROM logging.line")
        return number

    async def follow(self, wanted: Filter, last: int | None) -> AsyncIterator[bytes]:
        """Give the events from the line after `last` on, or from now on; without an end, until the service ends.

        Raises `TooMany` at once when too many tails are open, `Unavailable` when the database is away at the start.
        """
        if self._streams >= MAX_STREAMS:
            raise TooMany(f"{MAX_STREAMS} live tails are open already; close one")
        newest = await self.newest()
        # An id from before the lines were restored from a backup may lie ahead of all of them.
        start = newest if last is None else min(last, newest)
        return self._events(wanted, start)

    async def _events(self, wanted: Filter, last: int) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            yield event("start", {"after": last}, last)
            told = self._clock.monotonic()
            away = False
            while not ending():
                try:
                    parts, last = await self._news(wanted, last)
                    if away:
                        parts.append(event("notice", {"database": "ok"}, last))
                    away = False
                except Faults as error:
                    parts = [] if away else [event("notice", {"database": "down", "reason": type(error).__name__})]
                    away = True
                if parts:
                    yield b"".join(parts)
                    told = self._clock.monotonic()
                elif self._clock.monotonic() - told >= BEAT_S:
                    # An id without data moves the place to resume from, and shows nothing.
                    yield b"id: %d\n: alive\n\n" % last
                    told = self._clock.monotonic()
                if not parts or away:
                    await self._clock.sleep(LOOK_S)
            yield event("end", {"reason": "the logging service is ending; come again"}, last)
        finally:
            self._streams -= 1

    async def _news(self, wanted: Filter, last: int) -> tuple[list[bytes], int]:
        """Give the events after a line, a page of them at most, and the line that they reach to."""
        newest = await self.newest()
        parts: list[bytes] = []
        if newest - last > self._max_behind:
            start = newest - self._max_behind // 2
            lost = await self._count(wanted, last, start)
            self._dropped.inc(lost)
            last = start
            parts.append(event("dropped", {"lines": lost, "reason": "this reader is too slow"}, last))
        if newest <= last:
            return parts, last
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_WHOLE} FROM logging.line WHERE id > $1 AND id <= $2 AND {wanted.sql} "  # noqa: S608 - ours; values are parameters
                f"ORDER BY id LIMIT {PAGE}",
                last,
                newest,
                *wanted.values,
            )
        parts += [event("line", shown(row), row["id"]) for row in rows]
        return parts, rows[-1]["id"] if len(rows) == PAGE else newest

    async def _count(self, wanted: Filter, last: int, start: int) -> int:
        async with self._database.connection() as connection:
            number: int = await connection.fetchval(
                f"SELECT count(*) FROM logging.line WHERE id > $1 AND id <= $2 AND {wanted.sql}",  # noqa: S608 - ours; values are parameters
                last,
                start,
                *wanted.values,
            )
        return number


def event(kind: str, data: Any, last: int | None = None) -> bytes:
    """Write one server-sent event; with `last` a reader that comes again goes on after that line."""
    head = f"id: {last}\n" if last is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data, ensure_ascii=True)}\n\n".encode()


def add_tail(app: FastAPI, tail: Tail, clock: Clock) -> None:
    """Add the route of the live tail."""

    @app.get(PATH, response_class=StreamingResponse)
    async def follow(
        _: Reader,
        *,
        q: Annotated[str | None, Query(max_length=2_000)] = None,
        level: Annotated[str | None, Query(max_length=60)] = None,
        service: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")] = None,
        last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,18}$")] = None,
    ) -> StreamingResponse:
        """Follow new lines as server-sent events: `line`, `dropped`, `notice`. `Last-Event-ID` goes on after a line."""
        wanted = read_filter(q, level, service, clock)
        events = await tail.follow(wanted, int(last_event_id) if last_event_id else None)
        return StreamingResponse(
            events, media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
        )
