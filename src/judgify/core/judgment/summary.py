"""Figures over executions for charts: counted, shared out or timed, by group and by time. Closed sets only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import asyncpg
from fastapi import FastAPI, Query

from judgify.core.contracts.wire import Verdict
from judgify.kit.auth import Principal
from judgify.kit.clock import SEOUL, Clock, iso, parse
from judgify.kit.db import Database
from judgify.kit.errors import Invalid, Unavailable
from judgify.kit.web import answer, require

Measure = Literal[
    "count", "success_rate", "match_rate", "mismatch_rate", "unclear_rate", "avg", "min", "max", "p50", "p90", "p95",
    "p99",
]  # fmt: skip
Interval = Literal["1m", "5m", "10m", "15m", "30m", "1h", "1d", "1w"]
LENGTHS: Final[dict[Interval, timedelta]] = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "10m": timedelta(minutes=10),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
}
MAX_SPAN: Final = timedelta(days=732)
MAX_BUCKETS: Final = 2000
MAX_GROUPS: Final = 20_000
"""Rows that one question may give before series are cut; more is refused."""
TIMEOUT_MS: Final = 5_000
_MONDAY: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall-clock origin: weeks begin on a Monday of the zone
_COLUMNS: Final = {"workflow": "workflow_name", "verdict": "verdict", "result": "result", "method": "method_used"}
_RATES: Final = {
    "success_rate": "verdict <> 'not_evaluable'",
    "match_rate": "verdict = 'matched'",
    "mismatch_rate": "verdict = 'not_matched'",
    "unclear_rate": "verdict = 'not_evaluable'",
}
_PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
Name = Annotated[str, Query(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
Reader = Annotated[Principal, require("viewer", "service")]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: what to measure, of what, over which time, in which groups."""

    measure: Measure
    start: datetime
    end: datetime
    by: tuple[str, ...] = ()
    interval: Interval | None = None
    of: str | None = None
    field: str | None = None
    workflow: str | None = None
    verdicts: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    method: str | None = None
    limit: int = 50

    @property
    def unit(self) -> str:
        """What the values are: `count`, `ratio` (0 to 1), `ms`, or `value` of a field of the input."""
        if self.measure == "count":
            return "count"
        if self.measure in _RATES:
            return "ratio"
        return "ms" if self.of is None else "value"


def add_summary(app: FastAPI, database: Database, clock: Clock) -> None:
    """Add GET /api/v2/judgment/aggregate."""

    @app.get("/api/v2/judgment/aggregate")
    async def aggregate(
        _: Reader,
        *,
        measure: Measure = "count",
        by: Annotated[
            str | None, Query(pattern=r"^(workflow|verdict|result|method|input)(,(workflow|verdict|result|method))?$")
        ] = None,
        interval: Interval | None = None,
        start: Annotated[str | None, Query(alias="from", max_length=64)] = None,
        end: Annotated[str | None, Query(alias="to", max_length=64)] = None,
        of: Name | None = None,
        field: Name | None = None,
        workflow: Name | None = None,
        verdict: Annotated[list[Verdict] | None, Query(max_length=3)] = None,
        result: Annotated[list[Name] | None, Query(max_length=20)] = None,
        method: Literal["rule", "llm"] | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        """Measure executions over a time (default: the last 24 hours), in groups and buckets.

        Buckets begin on whole units of Asia/Seoul's clock, weeks on Monday; empty ones are there. `of` names a
        number of the input for avg, min, max and the percentiles, which else are of the judging time; `field` names
        the input's field for `by=input`. Groups beyond `limit` are left out and counted in `cut`.
        """
        until = clock.now() if end is None else _moment("to", end)
        since = until - timedelta(hours=24) if start is None else _moment("from", start)
        asked = Asked(
            measure, since, until, tuple(by.split(",")) if by else (), interval, of, field, workflow,
            tuple(verdict or ()), tuple(result or ()), method, limit,
        )  # fmt: skip
        check(asked)
        return answer(fold(asked, await _fetch(database, asked)), clock)


def check(asked: Asked) -> None:
    """Refuse what makes no sense or would be endless; `Invalid` says which parameter."""
    if asked.start >= asked.end:
        raise Invalid("from: it must lie before to")
    if asked.end - asked.start > MAX_SPAN:
        raise Invalid(f"from: a question reaches over at most {MAX_SPAN.days} days")
    if asked.interval and (asked.end - asked.start) / LENGTHS[asked.interval] > MAX_BUCKETS:
        raise Invalid(f"interval: {asked.interval} makes more than {MAX_BUCKETS} buckets of this time; take a longer")
    if len(set(asked.by)) != len(asked.by):
        raise Invalid("by: a group is named twice")
    if ("input" in asked.by) != (asked.field is not None):
        raise Invalid("field: by=input and field belong together")
    if asked.of is not None and (asked.measure == "count" or asked.measure in _RATES):
        raise Invalid("of: only avg, min, max and the percentiles are of a field")


def sql(asked: Asked) -> tuple[str, list[Any]]:
    """Write the statement. Names and operators come from closed sets; all else is a parameter."""
    given: list[Any] = [asked.start, asked.end]

    def parameter(value: Any) -> str:
        given.append(value)
        return f"${len(given)}"

    bucket = "NULL::timestamptz"
    if asked.interval is not None:
        length = parameter(LENGTHS[asked.interval])
        origin = parameter(_MONDAY)
        zone = parameter(SEOUL.key)
        bucket = (
            f"date_bin({length}::interval, created_at AT TIME ZONE {zone}::text, {origin}::timestamp) "
            f"AT TIME ZONE {zone}::text"
        )
    keys = ["left(record -> 'input_data' ->> " + parameter(asked.field) + "::text, 200)"] if asked.field else []
    keys += [_COLUMNS[name] for name in asked.by if name != "input"]
    keys += ["NULL::text"] * (2 - len(keys))
    where = ["created_at >= $1", "created_at < $2"]
    if asked.workflow is not None:
        name = parameter(asked.workflow)
        where.append(f"(workflow_id = {name} OR workflow_name = {name})")
    for column, values in (("verdict", asked.verdicts), ("result", asked.results)):
        if values:
            where.append(f"{column} = ANY ({parameter(list(values))}::text[])")
    if asked.method is not None:
        where.append(f"method_used = {parameter(asked.method)}")
    value = _value(asked, parameter)
    text = (
        f"SELECT {bucket} AS bucket, {keys[0]} AS first, {keys[1]} AS second, {value} AS value, "  # noqa: S608 - closed
        f"count(*) AS number FROM judgment.executions WHERE {' AND '.join(where)} GROUP BY 1, 2, 3 "
        f"LIMIT {MAX_GROUPS + 1}"
    )
    return text, given


def _value(asked: Asked, parameter: Any) -> str:
    if asked.measure == "count":
        return "count(*)::float8"
    if asked.measure in _RATES:
        return f"avg(({_RATES[asked.measure]})::int)::float8"
    taken = "time_ms::float8"
    if asked.of is not None:
        name = parameter(asked.of)
        inner = f"record -> 'input_data' -> {name}::text"
        taken = f"CASE json_typeof({inner}) WHEN 'number' THEN (record -> 'input_data' ->> {name}::text)::float8 END"
    if asked.measure in _PERCENTILES:
        return f"percentile_cont({_PERCENTILES[asked.measure]}) WITHIN GROUP (ORDER BY {taken})"
    return f"{asked.measure}({taken})"


async def _fetch(database: Database, asked: Asked) -> list[Any]:
    text, given = sql(asked)
    try:
        async with database.connection() as connection, connection.transaction(readonly=True):
            await connection.execute(f"SET LOCAL statement_timeout = {TIMEOUT_MS}")
            rows = await connection.fetch(text, *given)
    except asyncpg.QueryCanceledError:
        raise Unavailable(
            f"the figures took longer than {TIMEOUT_MS // 1000} s; ask for a shorter time", slug="query-too-slow"
        ) from None
    except asyncpg.DataError:
        raise Invalid("a value in this time cannot be grouped or measured: a NUL or a number too large") from None
    if len(rows) > MAX_GROUPS:
        raise Invalid(f"by: more than {MAX_GROUPS} groups; ask for a shorter time or a longer interval")
    return list(rows)


def fold(asked: Asked, rows: Iterable[Any]) -> dict[str, Any]:
    """Keep the largest groups, put them in order and fill the buckets in which nothing was judged."""
    weights: dict[tuple[Any, ...], int] = {}
    values: dict[tuple[Any, ...], dict[datetime | None, tuple[float | None, int]]] = {}
    total = 0
    for row in rows:
        keys = (row["first"], row["second"])[: len(asked.by)]
        weights[keys] = weights.get(keys, 0) + row["number"]
        values.setdefault(keys, {})[row["bucket"]] = (row["value"], row["number"])
        total += row["number"]
    ranked = sorted(weights, key=lambda keys: (-weights[keys], tuple(str(key) for key in keys)))
    kept = ranked[: asked.limit]
    moments: list[datetime | None] = list(buckets(asked)) if asked.interval else [None]
    none = (0.0 if asked.measure == "count" else None, 0)
    if not kept and not asked.by:
        kept = [()]
    told = []
    for moment in moments:
        for keys in kept:
            value, number = values.get(keys, {}).get(moment, none)
            told.append(
                {"bucket": moment and iso(moment), "keys": list(keys), "value": value, "number": number},
            )
    return {
        "measure": asked.measure,
        "unit": asked.unit,
        "from": iso(asked.start),
        "to": iso(asked.end),
        "zone": SEOUL.key,
        "interval": asked.interval,
        "by": list(asked.by),
        "rows": told,
        "total": total,
        "cut": len(ranked) - len(ranked[: asked.limit]),
    }


def buckets(asked: Asked, zone: ZoneInfo = SEOUL) -> Iterable[datetime]:
    """Give the beginnings of the buckets that touch the time asked for, oldest first."""
    if asked.interval is None:
        return
    length = LENGTHS[asked.interval]
    local = asked.start.astimezone(zone).replace(tzinfo=None)
    moment = _MONDAY + (local - _MONDAY) // length * length
    while (begin := moment.replace(tzinfo=zone)) < asked.end:
        yield begin
        moment += length


def _moment(name: str, text: str) -> datetime:
    try:
        return parse(text)
    except Invalid as error:
        raise Invalid(f"{name}: {error.detail}") from None
