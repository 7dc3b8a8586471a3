"""The routes that find and count lines (guide 5.1, 8.1)."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Query

from judgify.core.logbook.aggregate import Asked, count, patterns, read_by, slow_queries
from judgify.core.logbook.lucene import compile_query
from judgify.core.logbook.query import Search, find, read_cursor, read_levels, read_moment
from judgify.kit.auth import Principal
from judgify.kit.clock import SEOUL, Clock
from judgify.kit.db import Database
from judgify.kit.web import answer, require

PREFIX: Final = "/api/v2/logging"
_DAY: Final = timedelta(days=1)
_MAX_HOURS: Final = 24 * 366

Reader = Annotated[Principal, require("viewer", "service")]
# One character more than a query may have, so that the query's own error is told.
Text = Annotated[str | None, Query(alias="q", max_length=4_001)]
Level = Annotated[str | None, Query(max_length=60)]
Service = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")]
From = Annotated[str | None, Query(alias="from", max_length=64)]
To = Annotated[str | None, Query(alias="to", max_length=64)]
Hours = Annotated[int, Query(ge=1, le=_MAX_HOURS)]


def mount(app: FastAPI, database: Database, clock: Clock) -> None:
    """Add GET lines, aggregate, patterns and slow-queries."""
    _add_lines(app, database, clock)
    _add_aggregate(app, database, clock)
    _add_lists(app, database, clock)


def _add_lines(app: FastAPI, database: Database, clock: Clock) -> None:
    @app.get(f"{PREFIX}/lines")
    async def search(
        _: Reader,
        *,
        query: Text = None,
        level: Level = None,
        service: Service = None,
        start: From = None,
        end: To = None,
        contains: Annotated[str | None, Query(min_length=1, max_length=500, pattern=r"^[^\x00]*$")] = None,
        request_id: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._:-]{1,80}$")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[str | None, Query(pattern=r"^\d{1,17}\.\d{1,18}$")] = None,
    ) -> dict[str, Any]:
        """Find lines, newest first. `q` is in Lucene's form; `level` takes several names; naive times are Asia/Seoul.

        A query that cannot be read is 400 with the character's place; one that takes longer than 5 s is 422.
        """
        wanted = Search(
            levels=read_levels(level),
            service=service,
            start=read_moment(start, "from"),
            end=read_moment(end, "to"),
            contains=contains,
            request_id=request_id,
            limit=limit,
            after=read_cursor(cursor),
            query=query,
            now=clock.now(),
        )
        rows, more = await find(database, wanted)
        return answer(rows, clock, pagination={"limit": limit, "next_cursor": more})


def _add_aggregate(app: FastAPI, database: Database, clock: Clock) -> None:
    @app.get(f"{PREFIX}/aggregate")
    async def aggregate(
        _: Reader,
        *,
        by: Annotated[str | None, Query(max_length=40)] = None,
        interval: Annotated[str | None, Query(max_length=8)] = None,
        query: Text = None,
        level: Level = None,
        service: Service = None,
        start: From = None,
        end: To = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """Count lines by level, service and time. Without `from` the time that `q` names, else the last 24 hours.

        Buckets begin on whole units of Asia/Seoul's clock; empty ones are there with 0.
        """
        now = clock.now()
        groups, length = read_by(by, interval)
        until, since = read_moment(end, "to"), read_moment(start, "from")
        stop = until
        if query is not None:
            named = compile_query(query, now=now, zone=SEOUL)
            until, since = until or named.until, since or named.since
        # What the query itself confines the time to, it also closes or leaves open at its end.
        stop = stop or (None if until else now)
        until = until or now
        since = since or until - _DAY
        wanted = Search(levels=read_levels(level), service=service, start=since, end=stop, query=query, now=now)
        return answer(await count(database, Asked(since, until, groups, length, limit, wanted)), clock)


def _add_lists(app: FastAPI, database: Database, clock: Clock) -> None:
    @app.get(f"{PREFIX}/patterns")
    async def top_patterns(
        _: Reader,
        *,
        level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "ERROR",
        hours: Hours = 168,
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
    ) -> dict[str, Any]:
        """Give the messages of this level and worse that come up most, their particulars masked (guide 8.1)."""
        return answer(await patterns(database, clock, level, hours, limit), clock)

    @app.get(f"{PREFIX}/slow-queries")
    async def slowest(
        _: Reader, *, hours: Hours = 24, limit: Annotated[int, Query(ge=1, le=100)] = 20
    ) -> dict[str, Any]:
        """Give the statements that took PostgreSQL the most time in all, of those that it logged (guide 5.1)."""
        return answer(await slow_queries(database, clock, hours, limit), clock)
