"""Orders in the database: accept once, list, read, replay."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from judgify.core.action.order import Order, digest
from judgify.kit.clock import Clock, iso
from judgify.kit.db import Database
from judgify.kit.errors import Conflict, NotFound
from judgify.kit.ids import new_id
from judgify.kit.log import request_id_var
from judgify.kit.secrets import mask_mapping

TRIES: Final = 10
"""Tries before an order is dead; with the backoff between them that is about 20 minutes."""

_SUMMARY: Final = (
    "id, type, name, state, attempts, last_outcome, last_detail, execution_id, workflow_id, requested_by, "
    "created_at, due_at, finished_at"
)


class ActionStore:
    """The table of orders."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use a database that the service opens."""
        self._database = database
        self._clock = clock

    async def accept(self, order: Order, requested_by: str) -> tuple[dict[str, Any], bool]:
        """Keep an order and give its summary, and whether it was there before.

        The same key from the same caller is one order, however often sent; with another content it is `Conflict`.
        """
        now = self._clock.now()
        print_ = digest(order)
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(
                f"INSERT INTO action.action (id, requested_by, idempotency_key, digest, type, name, params, context, "  # noqa: S608 - the columns are ours
                f"execution_id, workflow_id, request_id, created_at, due_at, attempts_left) "
                f"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13) "
                f"ON CONFLICT (requested_by, idempotency_key) DO NOTHING RETURNING {_SUMMARY}",
                new_id("act"),
                requested_by,
                order.idempotency_key,
                print_,
                order.type,
                order.name,
                json.dumps(order.params),
                json.dumps(order.context),
                order.execution_id,
                order.workflow_id,
                request_id_var.get(),
                now,
                TRIES,
            )
            if row is not None:
                return summary(row), False
            row = await connection.fetchrow(
                f"SELECT {_SUMMARY}, digest FROM action.action WHERE requested_by = $1 AND idempotency_key = $2",  # noqa: S608 - the columns are ours
                requested_by,
                order.idempotency_key,
            )
        if row["digest"] != print_:
            raise Conflict(
                f"the idempotency key was used before, by action {row['id']}, for another order", existing_id=row["id"]
            )
        return summary(row), True

    async def page(
        self, *, state: str | None, kind: str | None, execution_id: str | None, limit: int, after: str | None
    ) -> list[dict[str, Any]]:
        """List orders, newest first, from after the id `after`."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_SUMMARY} FROM action.action WHERE ($1::text IS NULL OR state = $1) "  # noqa: S608 - the columns are ours
                "AND ($2::text IS NULL OR type = $2) AND ($3::text IS NULL OR execution_id = $3) "
                "AND ($4::text IS NULL OR id < $4) ORDER BY id DESC LIMIT $5",
                state,
                kind,
                execution_id,
                after,
                limit,
            )
        return [summary(row) for row in rows]

    async def read(self, key: str) -> dict[str, Any]:
        """Read one order with all its tries; secrets in its params are masked. `NotFound` if there is none."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                f"SELECT {_SUMMARY}, params, context FROM action.action WHERE id = $1",  # noqa: S608 - the columns are ours
                key,
            )
            tries = await connection.fetch(
                "SELECT number, started_at, finished_at, outcome, detail FROM action.attempt WHERE row_id = $1 "
                "ORDER BY number",
                key,
            )
        if row is None:
            raise NotFound(f"there is no action {key}")
        return {
            **summary(row),
            "params": mask_mapping(json.loads(row["params"])),
            "context": mask_mapping(json.loads(row["context"])),
            "tries": [
                {**dict(one), "started_at": iso(one["started_at"]), "finished_at": iso(one["finished_at"])}
                for one in tries
            ],
        }

    async def replay(self, key: str) -> dict[str, Any]:
        """Give a dead order as many tries again; `Conflict` for one that is not dead."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(
                f"UPDATE action.action SET state = 'waiting', due_at = $2, attempts_left = $3, finished_at = NULL "  # noqa: S608 - the columns are ours
                f"WHERE id = $1 AND state = 'dead' RETURNING {_SUMMARY}",
                key,
                self._clock.now(),
                TRIES,
            )
            if row is not None:
                return summary(row)
            state = await connection.fetchval("SELECT state FROM action.action WHERE id = $1", key)
        if state is None:
            raise NotFound(f"there is no action {key}")
        raise Conflict(f"action {key} is {state}; only a dead one can be replayed", state=state)

    async def forget(self, before: datetime) -> int:
        """Remove what ended before a moment, with its tries; give how many orders that were."""
        async with self._database.connection() as connection:
            gone = await connection.fetch(
                "DELETE FROM action.action WHERE id IN (SELECT id FROM action.action WHERE state <> 'waiting' "
                "AND finished_at < $1 LIMIT 5000) RETURNING id",
                before,
            )
        return len(gone)


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row as it is answered, times as text."""
    return {
        **{name: row[name] for name in _SUMMARY.split(", ")},
        **{name: iso(row[name]) if row[name] is not None else None for name in ("created_at", "due_at", "finished_at")},
        "due_at": iso(row["due_at"]) if row["state"] == "waiting" else None,
    }
