"""Executions in PostgreSQL: written many at a time, found by id and listed by what they say."""

from datetime import datetime
from typing import Any, Final

import asyncpg

from judgify.core.judgment.row import Row
from judgify.kit.clock import Clock, iso, parse
from judgify.kit.db import Database

_INSERT_KEYS: Final = """
    INSERT INTO judgment.idempotent (id, created_at, input_sha256)
    SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[])
    ON CONFLICT (id) DO NOTHING RETURNING id
"""
_INSERT: Final = """
    INSERT INTO judgment.executions (id, created_at, workflow_id, workflow_name, workflow_version, method_used,
        verdict, result, degraded, time_ms, record)
    SELECT id, created_at, workflow_id, workflow_name, workflow_version, method_used, verdict, result, degraded,
        time_ms, record::json
    FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[],
        $9::boolean[], $10::real[], $11::text[])
        AS given (id, created_at, workflow_id, workflow_name, workflow_version, method_used, verdict, result, degraded,
            time_ms, record)
    ON CONFLICT (id, created_at) DO NOTHING RETURNING id
"""
_INSERT_OUTBOX: Final = """
    INSERT INTO judgment.outbox (id, execution_id, body, created_at, due_at)
    SELECT key, execution_id, body::json, created_at, created_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS given (key, execution_id, body, created_at)
    ON CONFLICT (id) DO NOTHING
"""
_LIST_COLUMNS: Final = (
    "id, created_at, workflow_id, workflow_name, workflow_version, method_used, verdict, result, degraded, time_ms"
)


class ExecutionStore:
    """The database side of the judging service's memory."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use a database whose schema is `judgment`."""
        self._database = database
        self._clock = clock
        self._months: set[str] = set()

    async def insert(self, rows: list[Row]) -> list[bool]:
        """Write rows in one transaction, each with its orders, and tell of each whether it was new.

        Written once however often it is called: a row whose id is known, or stands earlier in the list, changes
        nothing.

        Raises:
            Unavailable: the database cannot be reached.
            asyncpg.PostgresError: it refuses; nothing was written.
        """
        try:
            return await self._insert(rows)
        except asyncpg.CheckViolationError:
            # A partition that this process had seen is gone, as after a restore of an older backup.
            self._months.clear()
            return await self._insert(rows)

    async def _insert(self, rows: list[Row]) -> list[bool]:
        moments = [parse(row.created_at) for row in rows]
        months = {row.created_at[:7]: moment for row, moment in zip(rows, moments, strict=True)}
        missing = {month: moment for month, moment in months.items() if month not in self._months}
        async with self._database.transaction(timeout_s=1) as connection:
            for moment in missing.values():
                await connection.execute("SELECT judgment.ensure_month($1)", moment)
            firsts = {row.id: place for place, row in reversed(list(enumerate(rows)))}
            fresh = await _claim_keys(connection, [(rows[place], moments[place]) for place in firsts.values()])
            wanted = [
                (rows[place], moments[place])
                for number, place in firsts.items()
                if rows[place].input_sha256 is None or number in fresh
            ]
            written = await _write(connection, wanted)
        self._months |= missing.keys()
        return [row.id in written and firsts[row.id] == place for place, row in enumerate(rows)]

    async def read(self, number: str) -> bytes | None:
        """Give the record of an execution as JSON, or None."""
        async with self._database.connection() as connection:
            text = await connection.fetchval("SELECT record FROM judgment.executions WHERE id = $1 LIMIT 1", number)
        return None if text is None else text.encode()

    async def firsts(self, numbers: list[str]) -> dict[str, tuple[bytes | None, str]]:
        """Give the record, if it is still kept, and the input's digest of executions that came with a key."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT i.id, i.input_sha256, e.record FROM judgment.idempotent i "
                "LEFT JOIN judgment.executions e ON e.id = i.id WHERE i.id = ANY ($1::text[])",
                numbers,
            )
        return {
            row["id"]: (None if row["record"] is None else row["record"].encode(), row["input_sha256"]) for row in rows
        }

    async def page(
        self,
        *,
        workflow: str | None,
        verdict: str | None,
        result: str | None,
        since: datetime | None,
        until: datetime | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """List executions without their records, newest first. `workflow` is an id or a name, `before` a key."""
        moment, number = before or (None, None)
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_LIST_COLUMNS} FROM judgment.executions "  # noqa: S608 - ours
                "WHERE ($1::text IS NULL OR workflow_id = $1 OR workflow_name = $1) "
                "AND ($2::text IS NULL OR verdict = $2) AND ($3::text IS NULL OR result = $3) "
                "AND ($4::timestamptz IS NULL OR created_at >= $4) AND ($5::timestamptz IS NULL OR created_at < $5) "
                "AND ($6::timestamptz IS NULL OR (created_at, id) < ($6, $7)) "
                "ORDER BY created_at DESC, id DESC LIMIT $8",
                workflow,
                verdict,
                result,
                since,
                until,
                moment,
                number,
                limit,
            )
        return [dict(row) | {"created_at": iso(row["created_at"])} for row in rows]

    async def summary(self, since: datetime) -> list[dict[str, Any]]:
        """Count executions from a moment on, by minute, workflow and verdict."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT date_trunc('minute', created_at) AS minute, workflow_id, workflow_name, verdict, "
                "count(*) AS number FROM judgment.executions WHERE created_at >= $1 GROUP BY 1, 2, 3, 4 ORDER BY 1",
                since,
            )
        return [dict(row) for row in rows]

    async def writable(self) -> bool:
        """Tell whether the database would take an execution now: reachable, not read-only, tables in place."""
        async with self._database.connection(timeout_s=1) as connection:
            answer = await connection.fetchval(
                "SELECT current_setting('transaction_read_only') = 'off' "
                "AND has_table_privilege('judgment.executions', 'INSERT') "
                "AND has_table_privilege('judgment.idempotent', 'INSERT') "
                "AND has_table_privilege('judgment.outbox', 'INSERT')"
            )
        return bool(answer)

    async def drop_before(self, moment: datetime) -> list[str]:
        """Remove the partitions that lie wholly before a moment, and give their names."""
        limit = f"executions_{moment:%Y%m}"
        async with self._database.transaction() as connection:
            names = await connection.fetch(
                "SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
                "WHERE i.inhparent = 'judgment.executions'::regclass AND c.relname < $1 ORDER BY 1",
                limit,
            )
            for row in names:
                await connection.execute(f'DROP TABLE judgment."{row["name"]}"')
            await connection.execute("DELETE FROM judgment.idempotent WHERE created_at < $1", moment)
            await connection.execute("DELETE FROM judgment.outbox WHERE state <> 'waiting' AND created_at < $1", moment)
        self._months.clear()
        return [row["name"] for row in names]


async def _write(connection: Any, wanted: list[tuple[Row, datetime]]) -> set[str]:
    if not wanted:
        return set()
    found = await connection.fetch(
        _INSERT,
        [row.id for row, _ in wanted],
        [moment for _, moment in wanted],
        [row.workflow_id for row, _ in wanted],
        [row.workflow_name for row, _ in wanted],
        [row.workflow_version for row, _ in wanted],
        [row.method_used for row, _ in wanted],
        [row.verdict for row, _ in wanted],
        [row.result for row, _ in wanted],
        [row.degraded for row, _ in wanted],
        [row.time_ms for row, _ in wanted],
        [bytes(row.record).decode() for row, _ in wanted],
    )
    written = {row["id"] for row in found}
    orders = [(order, row, moment) for row, moment in wanted if row.id in written for order in row.orders]
    if orders:
        await connection.execute(
            _INSERT_OUTBOX,
            [order.key for order, _, _ in orders],
            [row.id for _, row, _ in orders],
            [bytes(order.body).decode() for order, _, _ in orders],
            [moment for _, _, moment in orders],
        )
    return written


async def _claim_keys(connection: Any, rows: list[tuple[Row, datetime]]) -> set[str]:
    # In one order everywhere, so that two writers of the same keys wait for each other instead of deadlocking.
    keyed = sorted((row.id, moment, row.input_sha256) for row, moment in rows if row.input_sha256 is not None)
    if not keyed:
        return set()
    found = await connection.fetch(_INSERT_KEYS, *(list(column) for column in zip(*keyed, strict=True)))
    return {row["id"] for row in found}
