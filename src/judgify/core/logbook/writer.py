"""Writing lines: many requests, one transaction; each caller learns whether its own lines are in the database."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from judgify.core.logbook.line import Line
from judgify.core.logbook.partition import Partitions, day_of
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable

MAX_GROUP: Final = 10_000
"""Lines in one transaction."""
MAX_QUEUED: Final = 40_000
"""Lines that may wait; beyond that a request is refused rather than kept in memory."""
_COLUMNS: Final = ("time", "level", "service", "message", "request_id", "fields", "received_at", "source")


@dataclass(slots=True)
class _Batch:
    lines: Sequence[Line]
    source: str
    done: asyncio.Future[None]


class GroupWriter:
    """Collects what arrives while a transaction runs and writes it in the next one, by COPY."""

    def __init__(self, database: Database, partitions: Partitions, clock: Clock) -> None:
        """Use a database that the service opens."""
        self._database = database
        self._partitions = partitions
        self._clock = clock
        self._queue: list[_Batch] = []
        self._queued = 0
        self._arrived = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write in the background."""
        self._loop = asyncio.create_task(self._work(), name="log writer")

    async def stop(self) -> None:
        """End; callers that still wait are told that their lines are not kept."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        for batch in self._queue:
            if not batch.done.done():
                batch.done.set_exception(Unavailable("the logging service is ending; send the lines again"))
        self._queue.clear()

    async def write(self, lines: Sequence[Line], source: str) -> None:
        """Return once the lines are committed; `Unavailable` when they are not, and none of them is kept."""
        if self._queued + len(lines) > MAX_QUEUED:
            raise Unavailable("too many log lines wait to be written; send them again", slug="log-queue-full")
        batch = _Batch(lines, source, asyncio.get_running_loop().create_future())
        self._queue.append(batch)
        self._queued += len(lines)
        self._arrived.set()
        await batch.done

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            group = self._take()
            try:
                await self._write_group(group)
            finally:
                # Whatever happened, cancellation included, nobody waits for ever.
                for batch in group:
                    if not batch.done.done():
                        batch.done.set_exception(Unavailable("the lines were not written; send them again"))

    async def _write_group(self, group: Sequence[_Batch]) -> None:
        try:
            await self._commit(group)
        except Unavailable as error:
            for batch in group:
                if not batch.done.done():
                    batch.done.set_exception(error)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, TypeError):
            # One bad batch must not cost the others theirs.
            for batch in group:
                await self._alone(batch)
        else:
            for batch in group:
                if not batch.done.done():
                    batch.done.set_result(None)

    def _take(self) -> list[_Batch]:
        group: list[_Batch] = []
        size = 0
        while self._queue and (not group or size + len(self._queue[0].lines) <= MAX_GROUP):
            batch = self._queue.pop(0)
            size += len(batch.lines)
            group.append(batch)
        self._queued -= size
        if not self._queue:
            self._arrived.clear()
        return group

    async def _alone(self, batch: _Batch) -> None:
        try:
            await self._commit([batch])
        except Exception as error:  # noqa: BLE001 - handed to the caller that waits for it
            if not batch.done.done():
                batch.done.set_exception(error)
        else:
            if not batch.done.done():
                batch.done.set_result(None)

    async def _commit(self, group: Sequence[_Batch]) -> None:
        now = self._clock.now()
        await self._partitions.ensure({day_of(line.time) for batch in group for line in batch.lines})
        async with self._database.transaction() as connection:
            for batch in group:
                await copy_lines(connection, batch.lines, now, batch.source, self._partitions)


async def copy_lines(
    connection: Any, lines: Sequence[Line], now: datetime, source: str, partitions: Partitions
) -> None:
    """Copy lines inside the caller's transaction; the partitions of their days must be there."""
    try:
        await connection.copy_records_to_table(
            "line",
            schema_name="logging",
            columns=_COLUMNS,
            records=[
                (
                    line.time,
                    line.level,
                    line.service,
                    line.message,
                    line.request_id,
                    json.dumps(line.fields),
                    now,
                    source,
                )
                for line in lines
            ],
        )
    except asyncpg.CheckViolationError as error:
        # No partition for a row: another process dropped one that this one thought was there.
        partitions.forget()
        raise Unavailable("a partition was dropped just now; send the lines again") from error
