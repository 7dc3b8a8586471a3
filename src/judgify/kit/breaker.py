"""A circuit breaker for each target, kept in the database: shared by all workers, and there after a restart.

The owning schema's migration makes one table with `target text PRIMARY KEY`, `failures int NOT NULL`,
`retry_at timestamptz`, `last_outcome text`, `changed_at timestamptz NOT NULL`. No row means closed.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from judgify.kit.clock import iso

Fate = Literal["alive", "ailing", "untouched"]
"""What a try says of its target: it answered, it failed, or it was not asked."""
THRESHOLD: Final = 5
"""Failures in a row that open a breaker."""
OPEN_S: Final = 1.0
MAX_OPEN_S: Final = 10.0


def open_s(failures: int, jitter: float | None = None) -> float:
    """Give the seconds a breaker stays open after so many failures: doubling from 1 s to 10 s, up to half taken off.

    `jitter` (0.0 to 1.0) fixes the chance for a test.
    """
    full = min(MAX_OPEN_S, OPEN_S * 2.0 ** min(max(0, failures - THRESHOLD), 30))
    chance = random.random() if jitter is None else jitter  # noqa: S311 - spreads load, guards nothing
    return full * (0.5 + chance / 2)


@dataclass(frozen=True, slots=True)
class Breakers:
    """The breakers of an outbox: which column of it names the target, and the table that holds their state.

    Closed: up to `parallel` tries at once in one worker. Open, after `THRESHOLD` failures in a row: none, until
    `retry_at`. Then half-open: one try by one worker; an answer closes the breaker, a failure opens it for longer.
    A target that asked to be left alone for a while (`hold_s`) gets no try in that time, and stays closed.
    """

    table: str
    column: str = "target"
    parallel: int = 8

    async def take_probes(self, connection: Any, outbox: str, now: datetime, lease_s: float) -> list[str]:
        """Take the one try of every half-open target that has a due row; nobody else gets it before the lease ends."""
        query = f"""
            UPDATE {self.table} AS b SET retry_at = $2 WHERE failures >= $3 AND retry_at <= $1 AND EXISTS (
                SELECT 1 FROM {outbox} t WHERE t.state = 'waiting' AND t.{self.column} = b.target AND t.due_at <= $1)
            RETURNING target"""  # noqa: S608 - table and column names are ours
        rows = await connection.fetch(query, now, now + timedelta(seconds=lease_s), THRESHOLD)
        return [row["target"] for row in rows]

    async def give_back(self, connection: Any, targets: list[str], now: datetime) -> None:
        """Return tries that were taken and not used."""
        if targets:
            query = f"UPDATE {self.table} SET retry_at = $2 WHERE target = ANY($1)"  # noqa: S608 - as above
            await connection.execute(query, targets, now)

    async def note(
        self, connection: Any, target: str, *, fate: Fate, outcome: str, hold_s: float, probe: bool, now: datetime
    ) -> None:
        """Write down what a try said of its target.

        Failures of tries that were under way when the breaker opened do not open it for longer.
        """
        if fate == "ailing":
            failed = f"""
                INSERT INTO {self.table} AS b (target, failures, last_outcome, changed_at) VALUES ($1, 1, $2, $3)
                ON CONFLICT (target) DO UPDATE SET failures = b.failures + 1, last_outcome = $2, changed_at = $3
                WHERE b.failures < $4 OR $5 RETURNING failures"""  # noqa: S608 - as above
            failures = await connection.fetchval(failed, target, outcome, now, THRESHOLD, probe)
            if failures is not None and failures >= THRESHOLD:
                hold_s = max(hold_s, open_s(failures))
        elif fate == "alive":
            await connection.execute(f"DELETE FROM {self.table} WHERE target = $1", target)  # noqa: S608 - as above
        if hold_s > 0:
            held = f"""
                INSERT INTO {self.table} AS b (target, failures, retry_at, last_outcome, changed_at)
                VALUES ($1, 0, $2, $3, $4)
                ON CONFLICT (target) DO UPDATE SET retry_at = $2, last_outcome = $3, changed_at = $4"""  # noqa: S608 - as above
            await connection.execute(held, target, now + timedelta(seconds=hold_s), outcome, now)
        elif probe and fate == "untouched":
            await self.give_back(connection, [target], now)

    async def states(self, connection: Any, now: datetime) -> list[dict[str, Any]]:
        """List the targets that are not simply closed, by name."""
        rows = await connection.fetch(f"SELECT * FROM {self.table} ORDER BY target")  # noqa: S608 - as above
        return [_told(row, now) for row in rows]


def state_of(failures: int, retry_at: datetime | None, now: datetime) -> Literal["closed", "held", "open", "half-open"]:
    """Name the state of a breaker: `held` is closed, and asked to be left alone for a while."""
    later = retry_at is not None and retry_at > now
    if failures >= THRESHOLD:
        return "open" if later else "half-open"
    return "held" if later else "closed"


def _told(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "target": row["target"],
        "state": state_of(row["failures"], row["retry_at"], now),
        "failures": row["failures"],
        "retry_at": None if row["retry_at"] is None else iso(row["retry_at"]),
        "last_outcome": row["last_outcome"],
        "changed_at": iso(row["changed_at"]),
    }
