"""Delays that grow with every wrong password for one account from one address; shared through Redis, else in memory.

The delay belongs to account and address together: who hammers an account delays himself, never its owner elsewhere.
"""

import math
from collections import OrderedDict
from typing import Any, Final

from judgify.core.gateway.door import RedisDoor
from judgify.core.gateway.limit import MAX_KEYS
from judgify.kit.clock import Clock
from judgify.kit.errors import TooMany

FREE: Final = 5
"""Wrong passwords in a row that cost nothing: people mistype."""
FIRST_S: Final = 1
"""The first delay in seconds; each one after it is twice as long."""
LONGEST_S: Final = 900
FORGET_S: Final = 3600
"""After so long without an attempt, all is as at first."""

# One step, so that attempts made at the same moment count one after the other. Gives back the milliseconds to wait.
# An attempt that is refused does not count: what has to be waited for does not grow while waiting.
_BEGIN: Final = """
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local held = redis.call('HMGET', KEYS[1], 'count', 'until')
local count, wait = tonumber(held[1]) or 0, (tonumber(held[2]) or 0) - now
if wait > 0 then return wait end
count = count + 1
local delay = 0
if count >= tonumber(ARGV[1]) then
  delay = math.min(tonumber(ARGV[3]), tonumber(ARGV[2]) * 2 ^ math.min(20, count - tonumber(ARGV[1])))
end
redis.call('HSET', KEYS[1], 'count', count, 'until', now + delay * 1000)
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[4]) * 1000)
return 0
"""


def delay_s(count: int) -> float:
    """Give the delay after so many wrong passwords in a row: nothing, then `FIRST_S`, twice as long each time."""
    return 0.0 if count < FREE else float(min(LONGEST_S, FIRST_S * 2 ** min(20, count - FREE)))


class Lockout:
    """Counts attempts before the password is looked at, so that many at once gain nothing; a right one clears."""

    def __init__(self, door: RedisDoor, clock: Clock) -> None:
        """Use Redis through its door, and memory where that gives nothing."""
        self._door = door
        self._clock = clock
        self._memory: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def begin(self, key: str) -> None:
        """Count an attempt, or raise `TooMany` with the seconds to wait."""

        async def ask(client: Any) -> Any:
            return await client.eval(_BEGIN, 1, f"judgify:lockout:{key}", FREE, FIRST_S, LONGEST_S, FORGET_S)

        # Both count: where Redis goes away, what this process knows goes on.
        answer = await self._door.use(ask)
        wait_s = self._count(key)
        if answer is not None:
            wait_s = int(answer) / 1000
        if wait_s > 0:
            after = max(1, math.ceil(wait_s))
            raise TooMany(f"too many wrong passwords from here; wait {after} s", retry_after_s=after)

    async def passed(self, key: str) -> None:
        """The password was right: forget what was counted."""
        self._memory.pop(key, None)
        await self._door.use(lambda client: client.delete(f"judgify:lockout:{key}"))

    def _count(self, key: str) -> float:
        now = self._clock.monotonic()
        count, until = self._memory.get(key, (0, now))
        if until > now:
            return until - now
        if now - until > FORGET_S:
            count = 0
        self._memory[key] = (count + 1, now + delay_s(count + 1))
        self._memory.move_to_end(key)
        if len(self._memory) > MAX_KEYS:
            self._memory.popitem(last=False)
        return 0.0
