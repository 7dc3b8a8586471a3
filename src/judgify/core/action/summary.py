"""Counts of orders to act for charts: by state or type, and over time. Closed sets only."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Query

from judgify.kit.auth import Principal
from judgify.kit.clock import SEOUL, Clock, iso, parse
from judgify.kit.db import Database
from judgify.kit.errors import Invalid
from judgify.kit.web import answer, require

Interval = Literal["1m", "5m", "10m", "15m", "30m", "1h", "1d", "1w"]
_LENGTHS: Final[dict[Interval, timedelta]] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "10m": timedelta(minutes=10),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
}
_MONDAY: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall-clock origin: weeks begin on a Monday of the zone
MAX_BUCKETS: Final = 2000
Reader = Annotated[Principal, require("viewer", "service")]


def add_summary(app: FastAPI, database: Database, clock: Clock) -> None:
    """Add GET /api/v2/action/actions/aggregate."""

    @app.get("/api/v2/action/actions/aggregate")
    async def aggregate(
        _: Reader,
        *,
        by: Literal["state", "type"] | None = None,
        interval: Interval | None = None,
        start: Annotated[str | None, Query(alias="from", max_length=64)] = None,
        end: Annotated[str | None, Query(alias="to", max_length=64)] = None,
        state: Annotated[list[Literal["waiting", "done", "dead"]] | None, Query(max_length=3)] = None,
    ) -> dict[str, Any]:
        """Count orders by when they were accepted (default: the last 24 hours); empty buckets are there."""
        until = clock.now() if end is None else parse(end)
        since = until - timedelta(hours=24) if start is None else parse(start)
        moments = buckets(since, until, interval)
        async with database.connection() as connection:
            rows = await connection.fetch(
                "SELECT CASE WHEN $1::interval IS NOT NULL THEN date_bin($1::interval, created_at AT TIME ZONE "
                "'Asia/Seoul', $2::timestamp) AT TIME ZONE 'Asia/Seoul' END AS bucket, "
                "CASE $3::text WHEN 'state' THEN state WHEN 'type' THEN type END AS key, count(*) AS number "
                "FROM action.action WHERE created_at >= $4 AND created_at < $5 "
                "AND ($6::text[] IS NULL OR state = ANY ($6)) GROUP BY 1, 2",
                _LENGTHS[interval] if interval else None,
                _MONDAY,
                by,
                since,
                until,
                state,
            )
        counted = {(row["bucket"], row["key"]): row["number"] for row in rows}
        keys = sorted({row["key"] for row in rows}) if by else [None]
        told = [
            {
                "bucket": moment and iso(moment),
                "keys": [key] if by else [],
                "value": float(counted.get((moment, key), 0)),
                "number": counted.get((moment, key), 0),
            }
            for moment in moments
            for key in keys
        ]
        data = {
            "measure": "count", "unit": "count", "from": iso(since), "to": iso(until), "zone": SEOUL.key,
            "interval": interval, "by": [by] if by else [], "rows": told, "total": sum(counted.values()), "cut": 0,
        }  # fmt: skip
        return answer(data, clock)


def buckets(start: datetime, end: datetime, interval: Interval | None) -> list[datetime | None]:
    """Give the beginnings of the buckets from start to end, or one None without an interval; `Invalid` for too many."""
    if start >= end:
        raise Invalid("from: it must lie before to")
    if interval is None:
        return [None]
    length = _LENGTHS[interval]
    if (end - start) / length > MAX_BUCKETS:
        raise Invalid(f"interval: {interval} makes more than {MAX_BUCKETS} buckets of this time; take a longer one")
    local = start.astimezone(SEOUL).replace(tzinfo=None)
    moment = _MONDAY + (local - _MONDAY) // length * length
    found: list[datetime | None] = []
    while (begin := moment.replace(tzinfo=SEOUL)) < end:
        found.append(begin)
        moment += length
    return found
