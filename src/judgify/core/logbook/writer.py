"""Writing lines: many requests, one transaction; each caller learns whether its own lines are in the database."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import asyncpg

from judgify.core.logbook.line import Row
from judgify.core.logbook.partition import Partitions
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Conflict, Invalid, JudgifyError, Unavailable

MAX_GROUP: Final = 10_000
"""Lines in one transaction."""
MAX_QUEUED: Final = 40_000
"""Lines that may wait; beyond that a request is refused rather than kept in memory."""
KEY_DAYS: Final = 2
"""Days that an idempotency key is remembered."""
_COLUMNS: Final = ("id", "time", "level", "service", "message", "request_id", "fields", "received_at", "source")
_TURN: Final = 0x6A_6C_6F_68  # advisory lock: one transaction at a time gives ids out and commits them
_MINE: Final = "the lines were not written; send them again"


@dataclass(frozen=True, slots=True)
class Key:
    """What makes a batch the same batch: the sender's own key, and a digest of what was sent under it."""

    text: str
    digest: bytes


@dataclass(slots=True)
class _Batch:
    rows: Sequence[Row]
    source: str
    key: Key | None
    answer: str
    done: asyncio.Future[str | None]
    days: frozenset[date] = field(default_factory=frozenset)

    def settle(self, outcome: str | JudgifyError | None) -> None:
        if self.done.done():
            return
        if isinstance(outcome, JudgifyError):
            self.done.set_exception(outcome)
        else:
            self.done.set_result(outcome)


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
            batch.settle(Unavailable("the logging service is ending; send the lines again"))
        self._queue.clear()

    async def write(self, rows: Sequence[Row], source: str, key: Key | None = None, answer: str = "") -> str | None:
        """Return once the lines are committed; give None, or the answer that the same key was given before.

        The lines of one call are kept all or not at all. Raises `Conflict` when the key was used for another batch,
        `Invalid` when the database refuses a value, `Unavailable` when it cannot be told that the lines are kept: to
        send them again with the same key is always safe.
        """
        if self._queued + len(rows) > MAX_QUEUED:
            raise Unavailable("too many log lines wait to be written; send them again", slug="log-queue-full")
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        batch = _Batch(rows, source, key, answer, future, frozenset(row[0].date() for row in rows))
        self._queue.append(batch)
        self._queued += len(rows)
        self._arrived.set()
        return await future

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            group = self._take()
            try:
                await self._write_group(group)
            finally:
                # Whatever happened, cancellation included, nobody waits for ever.
                for batch in group:
                    batch.settle(Unavailable(_MINE))

    def _take(self) -> list[_Batch]:
        group: list[_Batch] = []
        size = 0
        while self._queue and (not group or size + len(self._queue[0].rows) <= MAX_GROUP):
            batch = self._queue.pop(0)
            size += len(batch.rows)
            group.append(batch)
        self._queued -= size
        if not self._queue:
            self._arrived.clear()
        return group

    async def _write_group(self, group: Sequence[_Batch]) -> None:
        try:
            told = await self._commit(group)
        except Unavailable as error:
            told = [error] * len(group)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, TypeError):
            # One bad batch must not cost the others theirs.
            told = [await self._alone(batch) for batch in group]
        for batch, outcome in zip(group, told, strict=True):
            batch.settle(outcome)

    async def _alone(self, batch: _Batch) -> str | JudgifyError | None:
        try:
            return (await self._commit([batch]))[0]
        except JudgifyError as error:
            return error
        except (asyncpg.InsufficientResourcesError, asyncpg.OperatorInterventionError) as error:
            return Unavailable(f"the database cannot keep lines now: {error}", slug="log-store-full")
        except (asyncpg.DataError, asyncpg.StatementTooComplexError, ValueError, TypeError) as error:
            return Invalid(f"the database refuses a line, so none was kept: {error}"[:500])
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            return Unavailable(f"the lines were not written: {type(error).__name__}")

    async def _commit(self, group: Sequence[_Batch]) -> list[str | JudgifyError | None]:
        now = self._clock.now()
        await self._partitions.ensure(frozenset[date]().union(*(batch.days for batch in group)))
        async with self._database.transaction() as connection:
            first = await take_turn(connection, sum(len(batch.rows) for batch in group))
            told = await _known(connection, group)
            fresh = [batch for batch, outcome in zip(group, told, strict=True) if outcome is None]
            await _remember(connection, fresh, now)
            sources = ((row, batch.source) for batch in fresh for row in batch.rows)
            await copy_rows(
                connection,
                [(number, *row, now, source) for number, (row, source) in enumerate(sources, first)],
                self._partitions,
            )
        return told


async def take_turn(connection: Any, count: int) -> int:
    """Wait until no other transaction is writing lines, and give the first of `count` ids.

    So ids become visible in their order, and who has read up to one has missed none below it. The commit is durable
    even where the server's default is not.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _TURN)
    number: int = await connection.fetchval(
        "SELECT setval('logging.line_id', nextval('logging.line_id') + $1) - $1 FROM set_config('synchronous_commit', "
        "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END"
        ", true)",
        max(0, count - 1),
    )
    return number


async def copy_rows(connection: Any, records: Sequence[tuple[Any, ...]], partitions: Partitions) -> None:
    """Copy lines, each (id, *row, received at, source), in the caller's transaction; their partitions must be there."""
    if not records:
        return
    try:
        await connection.copy_records_to_table("line", schema_name="logging", columns=_COLUMNS, records=records)
    except asyncpg.CheckViolationError as error:
        # No partition for a row: another process dropped one that this one thought was there.
        partitions.forget()
        raise Unavailable("a partition was dropped just now; send the lines again") from error


async def _known(connection: Any, group: Sequence[_Batch]) -> list[str | JudgifyError | None]:
    keyed = [(batch.source, batch.key.text) for batch in group if batch.key is not None]
    if not keyed:
        return [None] * len(group)
    rows = await connection.fetch(
        "SELECT source, key, digest, answer FROM logging.batch_key "
        "WHERE (source, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        [source for source, _ in keyed],
        [key for _, key in keyed],
    )
    known: dict[tuple[str, str], tuple[bytes, str]] = {
        (row["source"], row["key"]): (row["digest"], row["answer"]) for row in rows
    }
    return [_outcome(batch, known) for batch in group]


def _outcome(batch: _Batch, known: dict[tuple[str, str], tuple[bytes, str]]) -> str | JudgifyError | None:
    if batch.key is None:
        return None
    place = (batch.source, batch.key.text)
    before = known.get(place)
    if before is None:
        known[place] = (batch.key.digest, batch.answer)  # a second one in this very group is a repetition
        return None
    if before[0] != batch.key.digest:
        return Conflict("this Idempotency-Key was used for another batch", slug="idempotency-conflict")
    return before[1]


async def _remember(connection: Any, batches: Sequence[_Batch], now: datetime) -> None:
    keyed: list[tuple[str, str, bytes, str]] = [
        (batch.source, batch.key.text, batch.key.digest, batch.answer) for batch in batches if batch.key is not None
    ]
    if keyed:
        await connection.execute(
            "INSERT INTO logging.batch_key (source, key, digest, answer, kept_at) "
            "SELECT *, $5 FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])",
            *(list(column) for column in zip(*keyed, strict=True)),
            now,
        )


async def forget_keys(connection: Any, now: datetime) -> None:
    """Forget the idempotency keys that are older than `KEY_DAYS`."""
    await connection.execute("DELETE FROM logging.batch_key WHERE kept_at < $1", now - timedelta(days=KEY_DAYS))
