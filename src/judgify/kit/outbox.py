"""An outbox in PostgreSQL: rows that must leave, claimed by one worker at a time, tried until done or dead.

The owning schema's migration makes two tables. The outbox has at least the columns `id text PRIMARY KEY`,
`state text` (waiting, done, dead), `due_at timestamptz`, `lease text`, `attempts int`, `attempts_left int`,
`last_outcome text`, `last_detail text`, `finished_at timestamptz`; `attempt` has `(row_id, number)` as its key and
`started_at`, `finished_at`, `outcome`, `detail`.
"""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.outbox")
IDLE_S: Final = 5.0
"""How long an idle worker rests before it looks whether another process left something."""
_LEAST_REST_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is this worker's until its lease ends. `in_doubt`: an earlier try may have gone through."""

    row: Mapping[str, Any]
    lease: str
    number: int
    left: int
    in_doubt: bool
    started_at: datetime

    @property
    def id(self) -> str:
        """The row's id."""
        return str(self.row["id"])


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a try ended: `done`, `dead`, or `waiting` for another one after `wait_s` seconds."""

    state: Literal["done", "dead", "waiting"]
    outcome: str
    detail: str
    wait_s: float = 0.0


Handler = Callable[[Claim], Awaitable[Settlement]]


def backoff_s(attempt: int, *, base_s: float = 1.0, cap_s: float = 300.0, jitter: float | None = None) -> float:
    """Give the seconds to wait after attempt number `attempt`: doubling from `base_s` up to `cap_s`.

    A random half is taken off so that many rows that failed together do not come back together; `jitter`
    (0.0 to 1.0) fixes the chance for a test.
    """
    full = min(cap_s, base_s * 2.0 ** min(attempt - 1, 30))
    chance = random.random() if jitter is None else jitter  # noqa: S311 - spreads load, guards nothing
    return full * (0.5 + chance / 2)


class Outbox:
    """Claims due rows with FOR UPDATE SKIP LOCKED and gives each to a handler; several processes may share one table.

    A worker that dies leaves its rows to the others once their lease has ended; such a row is claimed `in_doubt`.
    """

    def __init__(
        self,
        database: Database,
        table: str,
        handler: Handler,
        *,
        clock: Clock,
        lease_s: float = 60,
        parallel: int = 16,
        attempt_table: str | None = None,
    ) -> None:
        """Work on `table` (with its schema: `action.action`); `lease_s` must exceed the handler's longest try."""
        self._database = database
        self._table = table
        self._attempts = attempt_table or f"{table.split('.', 1)[0]}.attempt"
        self._handler = handler
        self._clock = clock
        self._lease_s = lease_s
        self._parallel = parallel
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self.waiting = 0
        """Rows that wait, as last counted; for a gauge."""

    def wake(self) -> None:
        """Tell the worker that a row was committed; it looks at once."""
        self._wake.set()

    def start(self) -> None:
        """Begin to work in the background."""
        self._loop = asyncio.create_task(self._work(), name=f"outbox {self._table}")

    async def stop(self, grace_s: float = 5) -> None:
        """Claim nothing more; tries that run get `grace_s` seconds, what is cut off comes back in doubt."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            # Cleared before looking: a row committed after the look sets it again, so none is overlooked.
            self._wake.clear()
            try:
                rest = await self._turn()
            except Unavailable:
                rest = 0.5
            except Exception:  # the boundary: the worker outlives any single failure
                log.exception("outbox turn failed", table=self._table)
                rest = IDLE_S
            await self._clock.wait(self._wake, rest)

    async def _turn(self) -> float:
        free = self._parallel - len(self._running)
        if not free:
            return IDLE_S  # a try that ends wakes the worker
        claims = await self.claim(free)
        for claim in claims:
            task = asyncio.create_task(self._try(claim))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if len(claims) == free:
            return IDLE_S
        return await self._rest()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def claim(self, limit: int) -> list[Claim]:
        """Take up to `limit` due rows; each counts as one attempt from now on."""
        now = self._clock.now()
        lease = secrets.token_hex(8)
        # Table names are ours; values travel as parameters.
        query = f"""
            WITH due AS (
                SELECT id, lease FROM {self._table} WHERE state = 'waiting' AND due_at <= $1
                ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
            UPDATE {self._table} AS t
            SET lease = $3, due_at = $4, attempts = t.attempts + 1, attempts_left = t.attempts_left - 1
            FROM due WHERE t.id = due.id
            RETURNING t.*, due.lease AS earlier_lease"""  # noqa: S608 - see above
        async with self._database.connection() as connection:
            rows = await connection.fetch(query, now, limit, lease, now + timedelta(seconds=self._lease_s))
        return [
            Claim(
                row=dict(row),
                lease=lease,
                number=row["attempts"],
                left=max(0, row["attempts_left"]),
                in_doubt=row["earlier_lease"] is not None,
                started_at=now,
            )
            for row in rows
        ]

    async def settle(self, claim: Claim, ended: Settlement) -> bool:
        """Write down how a try ended; False when the lease was lost meanwhile and another worker has the row."""
        now = self._clock.now()
        due = now + timedelta(seconds=ended.wait_s)
        done = None if ended.state == "waiting" else now
        update = f"""
            UPDATE {self._table} SET state = $3, lease = NULL, due_at = $4, last_outcome = $5, last_detail = $6,
                finished_at = $7 WHERE id = $1 AND lease = $2 AND state = 'waiting' RETURNING id"""  # noqa: S608 - as in claim
        insert = f"""
            INSERT INTO {self._attempts} (row_id, number, started_at, finished_at, outcome, detail)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (row_id, number) DO NOTHING"""  # noqa: S608 - as in claim
        async with self._database.transaction() as connection:
            held = await connection.fetchval(
                update, claim.id, claim.lease, ended.state, due, ended.outcome, ended.detail, done
            )
            await connection.execute(insert, claim.id, claim.number, claim.started_at, now, ended.outcome, ended.detail)
        return held is not None

    async def _try(self, claim: Claim) -> None:
        try:
            ended = await self._handler(claim)
        except Exception as error:  # the boundary: one bad row must not stop the others
            log.exception("outbox try failed", table=self._table, id=claim.id)
            state: Literal["dead", "waiting"] = "waiting" if claim.left else "dead"
            ended = Settlement(state, "fault", f"{type(error).__name__}; see the log", backoff_s(claim.number))
        deadline = self._clock.monotonic() + self._lease_s
        while self._clock.monotonic() < deadline:
            try:
                if not await self.settle(claim, ended):
                    log.warning("lease lost before the outcome was written", table=self._table, id=claim.id)
            except Unavailable:
                await self._clock.sleep(0.5)
            except Exception:  # the boundary: the lease ends, and the row comes back in doubt
                log.exception("outcome not written", table=self._table, id=claim.id)
                return
            else:
                return

    async def _rest(self) -> float:
        query = f"SELECT count(*), min(due_at) FROM {self._table} WHERE state = 'waiting'"  # noqa: S608 - as in claim
        async with self._database.connection() as connection:
            self.waiting, due = await connection.fetchrow(query)
        if due is None:
            return IDLE_S
        return float(min(IDLE_S, max(_LEAST_REST_S, (due - self._clock.now()).total_seconds())))
