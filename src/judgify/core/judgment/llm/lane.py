"""How many may be with the model at once, and how many may wait: a slow model holds up no more than that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class LaneFull(Exception):
    """As many wait as may; the rules answer at once."""


class Lane:
    """Places at the model."""

    def __init__(self, places: int, waiting: int) -> None:
        """Give `places` at once; at most `waiting` more may stand in line."""
        self._places = asyncio.Semaphore(places)
        self._limit = waiting
        self.inside = 0
        self.waiting = 0

    @asynccontextmanager
    async def enter(self, *, timeout_s: float, patient: bool = False) -> AsyncIterator[None]:
        """Hold a place. A patient caller, whose own number is bounded, may wait however long the line is.

        Raises:
            LaneFull: too many wait, or no place became free in time.
        """
        if timeout_s <= 0 or (self._places.locked() and self.waiting >= self._limit and not patient):
            raise LaneFull
        self.waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._places.acquire()
        except TimeoutError:
            raise LaneFull from None
        finally:
            self.waiting -= 1
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
            self._places.release()
