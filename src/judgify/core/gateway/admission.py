"""A bounded number of requests runs per upstream, a bounded number waits, for a bounded time; the rest is told so."""

import asyncio
from collections import deque
from contextlib import suppress

from judgify.kit.errors import Unavailable


class Admission:
    """First come, first served. Use as `await enter()` … `leave()`."""

    def __init__(self, name: str, *, concurrent: int, queue: int, wait_s: float) -> None:
        """Bound one upstream's running and waiting requests."""
        self._name = name
        self._concurrent = concurrent
        self._queue = queue
        self._wait_s = wait_s
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def depth(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many requests run."""
        return self._running

    def enter_now(self) -> bool:
        """Take a place if one is free and nobody waits for it; `leave` gives it back."""
        if self._waiting or self._running >= self._concurrent:
            return False
        self._running += 1
        return True

    async def enter(self) -> None:
        """Take a place; `Unavailable` at once when the queue is full, or when the wait was too long."""
        if self._running < self._concurrent:
            self._running += 1
            return
        if len(self._waiting) >= self._queue:
            raise self._overloaded("its queue is full")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # The place was handed over in the same moment as the wait ended: pass it on.
                self.leave()
            else:
                with suppress(ValueError):
                    self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise self._overloaded(f"no place came free within {self._wait_s:g} s") from None
            raise

    def leave(self) -> None:
        """Give a place back; the one who waits longest gets it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1

    def _overloaded(self, why: str) -> Unavailable:
        return Unavailable(
            f"the {self._name} service has more requests than it can take: {why}",
            slug="overloaded",
            retry_after_s=1,
            upstream=self._name,
        )
