"""An outbox in PostgreSQL: rows that must leave, claimed by one worker at a time, tried until done or dead.

The owning schema's migration makes two tables. The outbox has at least the columns `id text PRIMARY KEY`,
`state text` (waiting, done, dead), `due_at timestamptz`, `lease text`, `attempts int`, `attempts_left int`,
`last_outcome text`, `last_detail text`, `finished_at timestamptz`; `attempt` has `(row_id, number)` as its key and
`started_at`, `finished_at`, `outcome`, `detail`. With breakers a column of the outbox names each row's target, an index
on `(that column, due_at) WHERE state = 'waiting'` is needed, and their table is there (`kit.breaker`).
"""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

from judgify.kit.breaker import THRESHOLD, Breakers, Fate
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.outbox")
IDLE_S: Final = 5.0
"""How long an idle worker rests before it looks whether another process left something."""
COUNT_S: Final = 1.0
"""How old the count of waiting rows may be; counting at every turn would cost more than the turns."""
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
    target: str | None = None
    probe: bool = False
    """The one try of a half-open breaker."""

    @property
    def id(self) -> str:
        """The row's id."""
        return str(self.row["id"])


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a try ended: `done`, `dead`, or `waiting` for another one after `wait_s` seconds.

    `fate` is what it says of the row's target; `hold_s` is how long the target asked to be left alone.
    """

    state: Literal["done", "dead", "waiting"]
    outcome: str
    detail: str
    wait_s: float = 0.0
    fate: Fate = "untouched"
    hold_s: float = 0.0


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
        breakers: Breakers | None = None,
    ) -> None:
        """Work on `table` (with its schema: `action.action`); `lease_s` must exceed the handler's longest try.

        With `breakers`, no target takes more than its share of the tries that run, and a failing one gets none.
        """
        self._database = database
        self._table = table
        self._attempts = attempt_table or f"{table.split('.', 1)[0]}.attempt"
        self._handler = handler
        self._clock = clock
        self._lease_s = lease_s
        self._parallel = parallel
        self._breakers = breakers
        self._busy: Counter[str] = Counter()
        self._counted = float("-inf")
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
            if claim.target is not None:
                self._busy[claim.target] += 1
            task.add_done_callback(partial(self._ended, claim.target))
        if len(claims) == free:
            return IDLE_S
        return await self._rest()

    def _ended(self, target: str | None, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if target is not None:
            self._busy[target] -= 1
            self._busy += Counter()  # drops those at zero: there may be many targets in a year
        self._wake.set()

    async def claim(self, limit: int) -> list[Claim]:
        """Take up to `limit` due rows; each counts as one attempt from now on."""
        now = self._clock.now()
        lease = secrets.token_hex(8)
        probes: list[str] = []
        if self._breakers is None:
            async with self._database.connection() as connection:
                rows = await connection.fetch(self._plain_claim(), now, limit, lease, self._lease_end(now))
        else:
            async with self._database.transaction() as connection:
                probes = await self._breakers.take_probes(connection, self._table, now, self._lease_s)
                rows = await connection.fetch(
                    self._fair_claim(self._breakers),
                    now,
                    limit,
                    lease,
                    self._lease_end(now),
                    self._breakers.parallel,
                    THRESHOLD,
                    probes,
                    *self._shares(),
                )
                used = {row[self._breakers.column] for row in rows}
                await self._breakers.give_back(connection, [one for one in probes if one not in used], now)
        return [
            Claim(
                row=dict(row),
                lease=lease,
                number=row["attempts"],
                left=max(0, row["attempts_left"]),
                in_doubt=row["earlier_lease"] is not None,
                started_at=now,
                target=None if self._breakers is None else row[self._breakers.column],
                probe=self._breakers is not None and row[self._breakers.column] in probes,
            )
            for row in rows
        ]

    def _lease_end(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._lease_s)

    def _shares(self) -> tuple[list[str], list[int]]:
        return list(self._busy.keys()), list(self._busy.values())

    def _take(self) -> str:
        return f"""UPDATE {self._table} AS t
            SET lease = $3, due_at = $4, attempts = t.attempts + 1, attempts_left = t.attempts_left - 1
            FROM due WHERE t.id = due.id
            RETURNING t.*, due.lease AS earlier_lease"""  # noqa: S608 - table names are ours; values are parameters

    def _plain_claim(self) -> str:
        return f"""
            WITH due AS (
                SELECT id, lease FROM {self._table} WHERE state = 'waiting' AND due_at <= $1
                ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
            {self._take()}"""  # noqa: S608 - as in _take

    def _names(self, column: str) -> str:
        # One look into the index for each target, however many rows of it wait.
        return f"""RECURSIVE name(target) AS (
                (SELECT {column} FROM {self._table} WHERE state = 'waiting' ORDER BY {column} LIMIT 1)
                UNION ALL
                SELECT (SELECT {column} FROM {self._table} WHERE state = 'waiting' AND {column} > name.target
                        ORDER BY {column} LIMIT 1) FROM name WHERE name.target IS NOT NULL)"""  # noqa: S608 - as in _take

    def _fair_claim(self, breakers: Breakers) -> str:
        # Each target's first row comes before any target's second: a long queue does not keep a short one waiting.
        return f"""
            WITH {self._names(breakers.column)}, room AS (
                SELECT target, CASE WHEN target = ANY($7::text[]) THEN 1 ELSE $5::int END - coalesce(busy.n, 0) AS free
                FROM name LEFT JOIN {breakers.table} b USING (target)
                LEFT JOIN unnest($8::text[], $9::int[]) AS busy(target, n) USING (target)
                WHERE target IS NOT NULL AND (target = ANY($7::text[])
                    OR (coalesce(b.failures, 0) < $6 AND (b.retry_at IS NULL OR b.retry_at <= $1)))),
            due AS (
                SELECT one.id, one.lease FROM room CROSS JOIN LATERAL (
                    SELECT id, lease, due_at FROM {self._table}
                    WHERE state = 'waiting' AND {breakers.column} = room.target AND due_at <= $1
                    ORDER BY due_at LIMIT greatest(room.free, 0) FOR UPDATE SKIP LOCKED) AS one
                ORDER BY row_number() OVER (PARTITION BY room.target ORDER BY one.due_at), one.due_at LIMIT $2)
            {self._take()}"""  # noqa: S608 - as in _take

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
            if self._breakers is not None and claim.target is not None:
                await self._breakers.note(
                    connection,
                    claim.target,
                    fate=ended.fate,
                    outcome=ended.outcome,
                    hold_s=ended.hold_s,
                    probe=claim.probe,
                    now=now,
                )
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
        async with self._database.connection() as connection:
            if self._clock.monotonic() - self._counted >= COUNT_S:
                query = f"SELECT count(*) FROM {self._table} WHERE state = 'waiting'"  # noqa: S608 - as in _take
                self.waiting = await connection.fetchval(query)
                self._counted = self._clock.monotonic()
            due = await self._next(connection)
        if due is None:
            return IDLE_S
        return float(min(IDLE_S, max(_LEAST_REST_S, (due - self._clock.now()).total_seconds())))

    async def _next(self, connection: Any) -> datetime | None:
        """Give when the next row can be claimed. A target that has its share under way is left out: its end wakes."""
        found: datetime | None
        if self._breakers is None:
            query = f"SELECT min(due_at) FROM {self._table} WHERE state = 'waiting'"  # noqa: S608 - as in _take
            found = await connection.fetchval(query)
            return found
        query = f"""
            WITH {self._names(self._breakers.column)}
            SELECT min(greatest((SELECT min(due_at) FROM {self._table} t WHERE t.state = 'waiting'
                                 AND t.{self._breakers.column} = name.target), b.retry_at))
            FROM name LEFT JOIN {self._breakers.table} b USING (target)
            LEFT JOIN unnest($1::text[], $2::int[]) AS busy(target, n) USING (target)
            WHERE name.target IS NOT NULL AND coalesce(busy.n, 0) < $3"""  # noqa: S608 - as in _take
        found = await connection.fetchval(query, *self._shares(), self._breakers.parallel)
        return found
