"""Durability: many executions, one transaction; the spool while the database cannot; nothing else is a 200."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import asyncpg

from judgify.core.judgment.row import Row
from judgify.core.judgment.spool import Spool
from judgify.core.judgment.store import ExecutionStore
from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError, Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.judgment.commit")
GROUP: Final = 1_000
"""Rows of one transaction at most."""
MAX_WAITING: Final = 20_000
"""Rows that may wait for their turn; beyond that a caller is told to come back."""
DATABASE_BUDGET_S: Final = 0.8
"""Seconds that a transaction may take before its rows go to the spool instead."""
PROBE_S: Final = 0.25
PROBE_BUDGET_S: Final = 1.0

Durability = Literal["database", "spool"]
_DATA_FAULTS: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a row is. `fresh` is False when an execution of the same idempotency key was there before."""

    durability: Durability
    fresh: bool = True


class Committer:
    """Takes rows from many requests and answers each once its row is durable."""

    def __init__(self, store: ExecutionStore, spool: Spool, clock: Clock) -> None:
        """Describe; `start` begins to work."""
        self._store = store
        self._spool = spool
        self._clock = clock
        self._waiting: list[tuple[Row, asyncio.Future[Kept | JudgifyError]]] = []
        self._wake = asyncio.Event()
        self._up = True
        self._recovered = asyncio.Event()
        self._acted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    @property
    def database_up(self) -> bool:
        """Whether the last that was heard of the database is good."""
        return self._up

    @property
    def acted(self) -> asyncio.Event:
        """Set whenever orders were written to the database's outbox."""
        return self._acted

    def start(self) -> None:
        """Begin to write, to watch the database, and to drain the spool."""
        names = (("write", self._write_forever), ("probe", self._probe_forever), ("drain", self._drain_forever))
        self._tasks = [asyncio.create_task(work(), name=f"judgment {name}") for name, work in names]

    async def close(self) -> None:
        """Write what waits, then end."""
        self._closing = True
        self._wake.set()
        if self._tasks:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._tasks[0]), 5)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._spool.close)

    async def keep(self, rows: list[Row]) -> list[Kept | JudgifyError]:
        """Return once it is settled for every row where it is, or why it was not kept.

        Raises:
            Unavailable: too many rows wait already, or the service is ending; nothing was kept.
        """
        if self._closing:
            raise Unavailable("the service is shutting down")
        if len(self._waiting) + len(rows) > MAX_WAITING:
            raise Unavailable("too many executions wait to be written; try again", slug="overloaded")
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Kept | JudgifyError]] = [loop.create_future() for _ in rows]
        self._waiting += zip(rows, futures, strict=True)
        self._wake.set()
        await asyncio.wait(futures)
        return [future.result() for future in futures]

    async def _write_forever(self) -> None:
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            try:
                await self._write([row for row, _ in group], [future for _, future in group])
            except Exception as error:
                # The named boundary: a fault must answer its callers, and not end the writer.
                log.exception("executions could not be kept")
                _fail(
                    [future for _, future in group], JudgifyError(f"the execution was not kept: {type(error).__name__}")
                )

    async def _write(self, rows: list[Row], futures: list["asyncio.Future[Kept | JudgifyError]"]) -> None:
        if self._up:
            try:
                fresh = await self._in_database(rows)
            except _DATA_FAULTS:
                await self._one_by_one(rows, futures)
                return
            except (Unavailable, TimeoutError, asyncpg.PostgresError, OSError) as error:
                self._lost(error)
            else:
                for future, new in zip(futures, fresh, strict=True):
                    _settle(future, Kept("database", new))
                if any(row.orders for row in rows):
                    self._acted.set()
                return
        try:
            fresh = await asyncio.to_thread(self._spool.append, rows)
        except Unavailable as error:
            _fail(futures, error)
            return
        for future, new in zip(futures, fresh, strict=True):
            _settle(future, Kept("spool", new))

    async def _one_by_one(self, rows: list[Row], futures: list["asyncio.Future[Kept | JudgifyError]"]) -> None:
        # One row that the database refuses must not take the others with it.
        for row, future in zip(rows, futures, strict=True):
            try:
                fresh = await self._in_database([row])
            except _DATA_FAULTS as error:
                log.error("the database refuses an execution", execution=row.id, reason=type(error).__name__)  # noqa: TRY400 - no traceback: it would hold the input
                _fail([future], JudgifyError("the database refuses this execution; the log says why"))
            except (Unavailable, TimeoutError, asyncpg.PostgresError, OSError) as error:
                self._lost(error)
                await self._write([row], [future])
            else:
                _settle(future, Kept("database", fresh[0]))

    async def _in_database(self, rows: list[Row]) -> list[bool]:
        # Not wait_for: ending a statement of a server that does not answer would itself wait for the server. The insert
        # may still happen; then the spooled row changes nothing.
        task = asyncio.create_task(self._store.insert(rows))
        done, _ = await asyncio.wait({task}, timeout=DATABASE_BUDGET_S)
        if not done:
            task.cancel()
            task.add_done_callback(_forget)
            raise TimeoutError("the database did not commit in time")
        return task.result()

    def _lost(self, error: BaseException) -> None:
        if self._up:
            log.warning("the database cannot keep executions; they go to the spool", reason=type(error).__name__)
        self._up = False
        self._recovered.clear()

    async def _probe_forever(self) -> None:
        while True:
            good = await self._probe()
            if good and not self._up:
                log.info("the database keeps executions again")
            if good:
                self._up = True
                self._recovered.set()
            else:
                self._lost(Unavailable())
            await self._clock.sleep(1.0 if self._up else PROBE_S)

    async def _probe(self) -> bool:
        task = asyncio.create_task(self._store.writable())
        done, _ = await asyncio.wait({task}, timeout=PROBE_BUDGET_S)
        if not done:
            task.cancel()
            task.add_done_callback(_forget)
            return False
        try:
            return task.result()
        except (Unavailable, TimeoutError, asyncpg.PostgresError, OSError):
            return False

    async def _drain_forever(self) -> None:
        while True:
            await self._recovered.wait()
            try:
                moved = await self._drain_segment()
            except Exception as error:
                # The named boundary: whatever is wrong with one segment, draining is tried again.
                log.exception("spooled executions could not be drained", reason=type(error).__name__)
                moved = False
            if not moved:
                await self._clock.sleep(1.0)

    async def _drain_segment(self) -> bool:
        segment = await asyncio.to_thread(self._spool.take)
        if segment is None:
            return False
        try:
            rows = await asyncio.to_thread(lambda: list(self._spool.rows(segment)))
            await self._drain(rows)
        except (Unavailable, TimeoutError, asyncpg.PostgresError) as error:
            self._spool.give_back(segment)
            self._lost(error)
            return False
        except BaseException:
            self._spool.give_back(segment)
            raise
        await asyncio.to_thread(self._spool.remove, segment)
        log.info("spooled executions are in the database", executions=len(rows))
        return True

    async def _drain(self, rows: list[Row]) -> None:
        for start in range(0, len(rows), GROUP):
            part = rows[start : start + GROUP]
            try:
                await self._in_database(part)
            except _DATA_FAULTS:
                for row in part:
                    try:
                        await self._in_database([row])
                    except _DATA_FAULTS as error:
                        log.error("the database refuses a spooled execution", execution=row.id, reason=str(error)[:200])  # noqa: TRY400 - no traceback: it would hold the input
                        await asyncio.to_thread(self._spool.set_aside, row)
            if any(row.orders for row in part):
                self._acted.set()


def _settle(future: "asyncio.Future[Kept | JudgifyError]", kept: Kept) -> None:
    if not future.done():
        future.set_result(kept)


def _fail(futures: list["asyncio.Future[Kept | JudgifyError]"], error: JudgifyError) -> None:
    for future in futures:
        if not future.done():
            future.set_result(error)


def _forget(task: "asyncio.Task[list[bool]] | asyncio.Task[bool]") -> None:
    # A task that was given up on may end in any way; asking keeps the loop from complaining about it.
    if not task.cancelled():
        task.exception()
