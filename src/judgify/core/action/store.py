"""Orders in the database: accept once, list, read, replay."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from judgify.core.action.choice import Choice
from judgify.core.action.order import Order, digest, target_of
from judgify.kit.breaker import Breakers
from judgify.kit.clock import Clock, iso
from judgify.kit.db import Database
from judgify.kit.errors import Conflict, NotFound
from judgify.kit.ids import new_id
from judgify.kit.log import request_id_var
from judgify.kit.secrets import mask_mapping

TRIES: Final = 10
"""Tries before an order is dead; with the backoff between them that is about 20 minutes."""

_SUMMARY: Final = (
    "id, type, name, state, target, attempts, last_outcome, last_detail, execution_id, workflow_id, requested_by, "
    "created_at, due_at, finished_at, replays, decided_by, decided_at, discard_reason"
)
_MOMENTS: Final = ("created_at", "due_at", "finished_at", "decided_at")
MAX_REPLAYED: Final = 10_000
"""Orders that one call replays at most."""


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
                f"execution_id, workflow_id, request_id, created_at, due_at, attempts_left, target) "
                f"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14) "
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
                target_of(order),
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

    async def page(self, choice: Choice, *, limit: int, after: str | None) -> list[dict[str, Any]]:
        """List the orders that a choice takes, newest first, from after the id `after`."""
        where, values = choice.where()
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                f"SELECT {_SUMMARY} FROM action.action WHERE {where} "  # noqa: S608 - the columns are ours
                f"AND (${len(values) + 1}::text IS NULL OR id < ${len(values) + 1}) "
                f"ORDER BY id DESC LIMIT ${len(values) + 2}",
                *values,
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

    async def replay(self, key: str, by: str) -> dict[str, Any]:
        """Give a dead order as many tries again, under its old idempotency key; `Conflict` for one that is not dead."""
        return await self._decide(
            key,
            "replayed",
            "state = 'waiting', due_at = $2, attempts_left = $4, finished_at = NULL, replays = replays + 1",
            by,
            TRIES,
        )

    async def discard(self, key: str, by: str, reason: str) -> dict[str, Any]:
        """Give a dead order up for good, and say why; `Conflict` for one that is not dead."""
        return await self._decide(key, "discarded", "state = 'discarded', discard_reason = $4", by, reason)

    async def _decide(self, key: str, verb: str, change: str, by: str, value: object) -> dict[str, Any]:
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(
                f"UPDATE action.action SET {change}, decided_at = $2, decided_by = $3 "  # noqa: S608 - the columns are ours
                f"WHERE id = $1 AND state = 'dead' RETURNING {_SUMMARY}",
                key,
                self._clock.now(),
                by,
                value,
            )
            if row is not None:
                return summary(row)
            state = await connection.fetchval("SELECT state FROM action.action WHERE id = $1", key)
        if state is None:
            raise NotFound(f"there is no action {key}")
        raise Conflict(f"action {key} is {state}; only a dead one can be {verb}", state=state)

    async def replay_many(self, choice: Choice, by: str) -> tuple[int, bool]:
        """Replay the dead orders that a choice takes, oldest first; give how many, and whether some are left."""
        where, values = choice.dead().where()
        first = len(values) + 1
        async with self._database.transaction() as connection:
            status = await connection.execute(
                f"UPDATE action.action SET state = 'waiting', due_at = ${first}, attempts_left = ${first + 1}, "  # noqa: S608 - the columns are ours
                f"finished_at = NULL, replays = replays + 1, decided_at = ${first}, decided_by = ${first + 2} "
                f"WHERE id IN (SELECT id FROM action.action WHERE {where} ORDER BY id LIMIT {MAX_REPLAYED} "
                "FOR UPDATE SKIP LOCKED)",
                *values,
                self._clock.now(),
                TRIES,
                by,
            )
        count = int(status.rpartition(" ")[2])
        return count, count == MAX_REPLAYED

    async def targets(self, breakers: Breakers) -> list[dict[str, Any]]:
        """List whom orders wait for or who fails: the breaker's state, and how many orders wait and are dead."""
        now = self._clock.now()
        async with self._database.connection() as connection:
            states = {row["target"]: row for row in await breakers.states(connection, now)}
            counts = await connection.fetch(
                "SELECT target, count(*) FILTER (WHERE state = 'waiting') AS waiting, "
                "count(*) FILTER (WHERE state = 'dead') AS dead FROM action.action "
                "WHERE state IN ('waiting', 'dead') GROUP BY target ORDER BY target"
            )
        found = {row["target"]: {"waiting": row["waiting"], "dead": row["dead"]} for row in counts}
        closed = {"state": "closed", "failures": 0, "retry_at": None, "last_outcome": None, "changed_at": None}
        return [
            {"target": name, **closed, "waiting": 0, "dead": 0, **states.get(name, {}), **found.get(name, {})}
            for name in sorted(states.keys() | found.keys())
        ]

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
        **{name: iso(row[name]) if row[name] is not None else None for name in _MOMENTS},
        "due_at": iso(row["due_at"]) if row["state"] == "waiting" else None,
    }
