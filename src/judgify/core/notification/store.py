"""Messages in the database: accept once, list, read, send again."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from judgify.core.notification.content import MessageIn, digest
from judgify.core.notification.history import Wanted
from judgify.core.notification.template import Said
from judgify.kit.clock import Clock, iso
from judgify.kit.db import Database
from judgify.kit.errors import Conflict, NotFound
from judgify.kit.ids import new_id
from judgify.kit.log import request_id_var
from judgify.kit.secrets import mask

TRIES: Final = 8
"""Tries of one channel before its delivery is dead."""


class MessageStore:
    """The tables of messages and deliveries."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use a database that the service opens."""
        self._database = database
        self._clock = clock

    async def accept(
        self, content: MessageIn, said: Said, channels: Sequence[str], requested_by: str
    ) -> tuple[str, bool]:
        """Keep a message, as it is said, with one delivery per channel; give its id, and whether it was there before.

        The same key from the same caller is one message, however often sent; with another content it is `Conflict`.
        """
        now = self._clock.now()
        made = new_id("msg")
        key = content.idempotency_key or made
        print_ = digest(content)
        async with self._database.transaction() as connection:
            kept = await connection.fetchval(
                "INSERT INTO notification.message (id, requested_by, idempotency_key, digest, content, subject, "
                "source, request_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                "ON CONFLICT (requested_by, idempotency_key) DO NOTHING RETURNING id",
                made,
                requested_by,
                key,
                print_,
                json.dumps(_kept(content, said)),
                said.subject,
                content.source,
                request_id_var.get(),
                now,
            )
            if kept is not None:
                await connection.executemany(
                    "INSERT INTO notification.delivery (id, message_id, channel, due_at, attempts_left) "
                    "VALUES ($1, $2, $3, $4, $5)",
                    [(new_id("dlv"), made, channel, now, TRIES) for channel in channels],
                )
                return made, False
            row = await connection.fetchrow(
                "SELECT id, digest FROM notification.message WHERE requested_by = $1 AND idempotency_key = $2",
                requested_by,
                key,
            )
        if row["digest"] != print_:
            raise Conflict(
                f"the idempotency key was used before, by message {row['id']}, for another one", existing_id=row["id"]
            )
        return str(row["id"]), True

    async def content(self, message_id: str) -> dict[str, Any]:
        """Give a message's content as it was accepted."""
        async with self._database.connection() as connection:
            found = await connection.fetchval("SELECT content FROM notification.message WHERE id = $1", message_id)
        document: dict[str, Any] = json.loads(found)
        return document

    async def page(self, wanted: Wanted, *, limit: int, after: str | None) -> list[dict[str, Any]]:
        """List the messages that are wanted, newest first, from after the id `after`."""
        where, values = wanted.where()
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT m.id, m.subject, m.source, m.requested_by, m.created_at, m.content ->> 'severity' AS severity, "  # noqa: S608 - the columns are ours
                "(SELECT json_agg(json_build_object('channel', d.channel, 'state', d.state, 'outcome', d.last_outcome) "
                "ORDER BY d.channel) FROM notification.delivery d WHERE d.message_id = m.id) AS deliveries "
                f"FROM notification.message m WHERE {where} "
                f"AND (${len(values) + 1}::text IS NULL OR m.id < ${len(values) + 1}) "
                f"ORDER BY m.id DESC LIMIT ${len(values) + 2}",
                *values,
                after,
                limit,
            )
        return [
            {
                **dict(row),
                "subject": mask(row["subject"]),
                "created_at": iso(row["created_at"]),
                "deliveries": json.loads(row["deliveries"] or "[]"),
            }
            for row in rows
        ]

    async def read(self, key: str) -> dict[str, Any]:
        """Read one message with the outcome on every channel and every try; `NotFound` if there is none."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT id, content, requested_by, source, created_at FROM notification.message WHERE id = $1", key
            )
            deliveries = await connection.fetch(
                "SELECT id, channel, state, attempts, last_outcome, last_detail, finished_at, resends, resent_by "
                "FROM notification.delivery WHERE message_id = $1 ORDER BY channel",
                key,
            )
            tries = await connection.fetch(
                "SELECT a.row_id, a.number, a.started_at, a.finished_at, a.outcome, a.detail "
                "FROM notification.attempt a JOIN notification.delivery d ON d.id = a.row_id "
                "WHERE d.message_id = $1 ORDER BY a.number",
                key,
            )
        if row is None:
            raise NotFound(f"there is no message {key}")
        content = json.loads(row["content"])
        return {
            **content,
            "subject": mask(content["subject"]),
            "body": mask(content["body"]),
            "short": mask(content["short"]),
            "id": row["id"],
            "requested_by": row["requested_by"],
            "created_at": iso(row["created_at"]),
            "deliveries": [_delivery(one, tries) for one in deliveries],
        }

    async def resend(self, key: str, channel: str | None, by: str) -> list[str]:
        """Give the dead deliveries of a message as many tries again; give their channels.

        `NotFound` without such a message or delivery, `Conflict` when none is dead.
        """
        async with self._database.transaction() as connection:
            rows = await connection.fetch(
                "UPDATE notification.delivery SET state = 'waiting', due_at = $3, attempts_left = $4, "
                "finished_at = NULL, resends = resends + 1, resent_by = $5 WHERE message_id = $1 AND state = 'dead' "
                "AND ($2::text IS NULL OR channel = $2) RETURNING channel",
                key,
                channel,
                self._clock.now(),
                TRIES,
                by,
            )
            if rows:
                return sorted(row["channel"] for row in rows)
            found = await connection.fetch(
                "SELECT state FROM notification.delivery WHERE message_id = $1 AND ($2::text IS NULL OR channel = $2)",
                key,
                channel,
            )
        if not found:
            through = "" if channel is None else f" through the channel {channel}"
            raise NotFound(f"there is no message {key}{through}")
        raise Conflict(f"message {key}: no delivery is dead; only a failed one can be sent again")

    async def forget(self, before: datetime) -> int:
        """Remove messages accepted before a moment, unless one still waits; give how many that were."""
        async with self._database.connection() as connection:
            gone = await connection.fetch(
                "DELETE FROM notification.message WHERE id IN (SELECT id FROM notification.message m "
                "WHERE created_at < $1 AND NOT EXISTS (SELECT 1 FROM notification.delivery d "
                "WHERE d.message_id = m.id AND d.state = 'waiting') LIMIT 5000) RETURNING id",
                before,
            )
        return len(gone)


def _kept(content: MessageIn, said: Said) -> dict[str, Any]:
    plain = content.model_dump(exclude={"idempotency_key", "via", "template"})
    used = {"name": said.template, "version": said.version} if said.template is not None else None
    return {**plain, "subject": said.subject, "body": said.body, "short": said.short, "template": used}


def _delivery(row: Any, tries: Sequence[Any]) -> dict[str, Any]:
    return {
        "channel": row["channel"],
        "state": row["state"],
        "attempts": row["attempts"],
        "outcome": row["last_outcome"],
        "detail": row["last_detail"],
        "resends": row["resends"],
        "resent_by": row["resent_by"],
        "finished_at": None if row["finished_at"] is None else iso(row["finished_at"]),
        "tries": [
            {
                "number": one["number"],
                "started_at": iso(one["started_at"]),
                "finished_at": iso(one["finished_at"]),
                "outcome": one["outcome"],
                "detail": one["detail"],
            }
            for one in tries
            if one["row_id"] == row["id"]
        ],
    }
