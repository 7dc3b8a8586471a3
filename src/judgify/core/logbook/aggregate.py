"""Counting lines for charts: by level, by service, by time; and the two lists of what comes up most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast, get_args

from judgify.core.logbook.line import LEVEL_NAMES, LEVELS
from judgify.core.logbook.pattern import Tally as PatternTally
from judgify.core.logbook.query import Search, conditions
from judgify.core.logbook.reader import reading
from judgify.core.logbook.statement import Tally as StatementTally
from judgify.kit.clock import SEOUL, Clock, iso
from judgify.kit.db import Database
from judgify.kit.errors import Invalid

Interval = Literal["1m", "5m", "10m", "15m", "30m", "1h", "1d"]
LENGTHS: Final[dict[Interval, timedelta]] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "10m": timedelta(minutes=10),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
MAX_BUCKETS: Final = 2_000
MAX_EXAMINED: Final = 300_000
"""Lines that a list of what comes up most looks at, newest first; the answer says when there were more."""
MAX_SECONDS: Final = 15.0
"""And how long it looks."""
_CHUNK: Final = 1_000
_MIDNIGHT: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall-clock origin, in the zone
_KEYS: Final = {"level": "level::text", "service": "service"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What to count, over which time, in which groups and buckets. `search` holds the other conditions."""

    start: datetime
    end: datetime
    by: tuple[str, ...]
    interval: Interval | None
    limit: int
    search: Search


def read_by(text: str | None, interval: str | None) -> tuple[tuple[str, ...], Interval | None]:
    """Read `level`, `service`, `time` with commas between. `time` needs no key of its own: it is the interval."""
    names = text.split(",") if text else []
    for name in names:
        if name not in {"level", "service", "time"} or names.count(name) > 1:
            raise Invalid("by: it takes level, service and time, each once, with commas between", path="by")
    if interval is None and "time" in names:
        interval = "1h"
    if interval is not None and interval not in get_args(Interval):
        raise Invalid(f"interval: it is one of {', '.join(get_args(Interval))}", path="interval")
    return tuple(name for name in names if name != "time"), cast("Interval | None", interval)


async def count(database: Database, asked: Asked) -> dict[str, Any]:
    """Count lines; empty buckets are there with 0, groups beyond the limit are left out and told in `cut`."""
    if asked.start >= asked.end:
        raise Invalid("from: it must lie before to", path="from")
    if asked.interval and (asked.end - asked.start) / LENGTHS[asked.interval] > MAX_BUCKETS:
        raise Invalid(
            f"interval: {asked.interval} makes more than {MAX_BUCKETS:,} buckets of this time; take a longer one",
            path="interval",
        )
    where, values = conditions(asked.search)
    bucket = "NULL::timestamptz"
    if asked.interval is not None:
        values += [LENGTHS[asked.interval], _MIDNIGHT, SEOUL.key]
        last = len(values)
        bucket = (
            f"date_bin(${last - 2}::interval, time AT TIME ZONE ${last}::text, ${last - 1}::timestamp) "
            f"AT TIME ZONE ${last}::text"
        )
    keys = [_KEYS[name] for name in asked.by] + ["NULL::text"] * (2 - len(asked.by))
    async with reading(database) as connection:
        rows = await connection.fetch(
            f"SELECT {bucket} AS bucket, {keys[0]} AS first, {keys[1]} AS second, count(*) AS number "  # noqa: S608 - conditions are ours, values are parameters
            f"FROM logging.line WHERE {where} GROUP BY 1, 2, 3",
            *values,
        )
    return _told(asked, rows)


def _told(asked: Asked, rows: Sequence[Any]) -> dict[str, Any]:
    found: dict[tuple[str, ...], dict[datetime | None, int]] = {}
    for row in rows:
        keys = tuple(
            LEVEL_NAMES[int(key)] if name == "level" else key
            for name, key in zip(asked.by, (row["first"], row["second"]), strict=False)
        )
        found.setdefault(keys, {})[row["bucket"]] = row["number"]
    ranked = sorted(found, key=lambda keys: (-sum(found[keys].values()), keys))
    kept = ranked[: asked.limit] or ([] if asked.by else [()])
    moments: list[datetime | None] = list(_buckets(asked)) if asked.interval else [None]
    told = [
        {"bucket": moment and iso(moment), "keys": list(keys), "value": float(number), "number": number}
        for keys in kept
        for moment in moments
        for number in [found.get(keys, {}).get(moment, 0)]
    ]
    return {
        "measure": "count",
        "unit": "lines",
        "from": iso(asked.start),
        "to": iso(asked.end),
        "zone": SEOUL.key,
        "interval": asked.interval,
        "by": list(asked.by),
        "rows": told,
        "total": sum(sum(numbers.values()) for numbers in found.values()),
        "cut": max(0, len(ranked) - asked.limit),
    }


def _buckets(asked: Asked) -> Iterator[datetime]:
    length = LENGTHS[cast("Interval", asked.interval)]
    local = asked.start.astimezone(SEOUL).replace(tzinfo=None)
    moment = _MIDNIGHT + (local - _MIDNIGHT) // length * length
    while (begin := moment.replace(tzinfo=SEOUL)) < asked.end:
        yield begin
        moment += length


async def patterns(database: Database, clock: Clock, level: str, hours: int, limit: int) -> dict[str, Any]:
    """Give the messages that come up most among lines of this level and worse (guide 8.1)."""
    tally = PatternTally()
    condition = f"level >= {LEVELS[level]} AND time >= $1"
    complete = True
    async for row in _newest(database, clock, "time, level, service, left(message, 4000) AS message", condition, hours):
        if row is None:
            complete = False
            break
        tally.add(row["time"], LEVEL_NAMES[row["level"]], row["service"], row["message"])
    found = [one.document() for one in tally.top(limit)]
    return {
        "level": level, "hours": hours, "examined": tally.examined, "complete": complete and not tally.others,
        "patterns": found,
    }  # fmt: skip


async def slow_queries(database: Database, clock: Clock, hours: int, limit: int) -> dict[str, Any]:
    """Give the statements that took PostgreSQL longest in all, of those that it logged as slow (guide 5.1)."""
    tally = StatementTally()
    condition = "service = 'postgres' AND message LIKE 'duration: %' AND time >= $1"
    columns = "time, fields ->> 'duration_ms' AS ms, fields ->> 'statement' AS statement"
    complete = True
    async for row in _newest(database, clock, columns, condition, hours):
        if row is None:
            complete = False
            break
        if row["ms"] is not None and row["statement"] is not None:
            tally.add(row["time"], float(row["ms"]), row["statement"])
    found = [one.document() for one in tally.top(limit)]
    return {"hours": hours, "examined": tally.examined, "complete": complete and not tally.others, "queries": found}


async def _newest(database: Database, clock: Clock, columns: str, condition: str, hours: int) -> Any:
    """Give the lines of the last hours, newest first, a chunk in memory at a time; None where it broke off."""
    begun = clock.monotonic()
    async with reading(database) as connection:
        cursor = await connection.cursor(
            f"SELECT {columns} FROM logging.line WHERE {condition} ORDER BY time DESC, id DESC",  # noqa: S608 - both are constants of this module
            clock.now() - timedelta(hours=hours),
        )
        seen = 0
        while rows := await cursor.fetch(_CHUNK):
            for row in rows:
                yield row
            seen += len(rows)
            if seen >= MAX_EXAMINED or clock.monotonic() - begun > MAX_SECONDS:
                yield None
                return
