"""How many tokens may be spent: in a day of UTC over all processes, remembered by the database; and in one judgment."""

import asyncio
from contextlib import suppress
from datetime import date
from typing import Final, Protocol

import asyncpg

from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.judgment.llm")
FLUSH_S: Final = 1.0
FOLLOW_S: Final = 30.0
"""Seconds after which what other processes spent is asked for also when nothing was spent here."""
_ADD: Final = """
    INSERT INTO judgment.llm_usage (day, tokens) VALUES ($1, $2)
    ON CONFLICT (day) DO UPDATE SET tokens = judgment.llm_usage.tokens + $2 RETURNING tokens
"""


class Ledger(Protocol):
    """Where spent tokens are remembered."""

    async def add(self, day: date, tokens: int) -> int:
        """Add tokens to a day, and give the day's total."""
        ...


class DatabaseLedger:
    """Tokens by day in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Use a database whose schema is `judgment`."""
        self._database = database

    async def add(self, day: date, tokens: int) -> int:
        """Add tokens to a day, and give the day's total; `Unavailable` without the database."""
        async with self._database.transaction(timeout_s=1) as connection:
            total: int = await connection.fetchval(_ADD, day, tokens)
        return total


class Budget:
    """The day's budget. What is being spent is held back until it is known, so that many at once cannot overspend."""

    def __init__(self, limit: int, ledger: Ledger, clock: Clock) -> None:
        """Allow `limit` tokens a day; 0 means no limit."""
        self.limit: Final = limit
        self._ledger = ledger
        self._clock = clock
        self._day = clock.now().date()
        self._known = 0
        self._unsaved = 0
        self._held = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to remember; the day's total so far is read first."""
        self._task = asyncio.create_task(self._run(), name="token budget")

    async def close(self) -> None:
        """Remember what is left, and end."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            await self.save()

    @property
    def spent(self) -> int:
        """Tokens of today that are known to be spent."""
        self._turn_day()
        return self._known + self._unsaved

    @property
    def used_up(self) -> bool:
        """Whether nothing is left of the day."""
        return bool(self.limit) and self.spent >= self.limit

    def hold(self, tokens: int) -> bool:
        """Hold tokens back for one try; False when the day has not that many left."""
        if self.limit and self.spent + self._held + tokens > self.limit:
            return False
        self._held += tokens
        return True

    def settle(self, held: int, spent: int) -> None:
        """Let go of what was held, and count what was spent."""
        self._turn_day()
        self._held -= held
        self._unsaved += spent

    async def save(self) -> bool:
        """Write down what was spent since, and learn what all processes spent today; False when that must wait."""
        self._turn_day()
        day, tokens = self._day, self._unsaved
        try:
            total = await self._ledger.add(day, tokens)
        except (Unavailable, TimeoutError, asyncpg.PostgresError, OSError) as error:
            log.debug("the token budget is not written down for now", reason=type(error).__name__)
            return False
        if day == self._day:
            self._unsaved -= tokens
            self._known = total
        return True

    def _turn_day(self) -> None:
        today = self._clock.now().date()
        if today != self._day:
            # What midnight left unsaved is forgotten: the day that it belongs to limits nothing any more.
            self._day, self._known, self._unsaved = today, 0, 0

    async def _run(self) -> None:
        waited = FOLLOW_S
        while True:
            if (self._unsaved or waited >= FOLLOW_S) and await self.save():
                waited = 0.0
            await self._clock.sleep(FLUSH_S)
            waited += FLUSH_S
