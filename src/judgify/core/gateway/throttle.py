"""Rate limits that several gateways share through Redis; each alone where Redis is away."""

import math
from collections import OrderedDict
from typing import Any, Final

from judgify.core.gateway.door import RedisDoor
from judgify.core.gateway.limit import MAX_KEYS, Limit, MemoryLimiter
from judgify.kit.clock import Clock
from judgify.kit.errors import TooMany

LEASE_SHARE: Final = 0.1
"""Part of a second's tokens that one gateway takes from the shared bucket at a time."""
LEASE_S: Final = 1.0

# Gives back how many tokens were granted, and the wait in milliseconds when none were. Redis's own time is used, so
# that gateways on several machines agree. Integer milliseconds keep the arithmetic exact in Lua.
_SCRIPT: Final = """
local rate, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(held[1]) or burst, tonumber(held[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000)
local granted = math.min(want, math.floor(tokens))
local wait = 0
if granted < 1 then granted = 0 wait = math.ceil((1 - tokens) * 1000 / rate) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - granted), 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst * 1000 / rate) + 1000)
return {granted, wait}
"""


class Throttle:
    """Asks the shared bucket for a few tokens at a time and spends them here, so that Redis is not on every request."""

    def __init__(self, door: RedisDoor, clock: Clock) -> None:
        """Use Redis through its door, and memory where that gives nothing."""
        self._door = door
        self._clock = clock
        self._memory = MemoryLimiter()
        self._leases: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def take(self, key: str, limit: Limit) -> None:
        """Let pass, or raise `TooMany` with the seconds to wait."""
        if limit.rate <= 0:
            return
        wait_s = self._from_lease(key, self._clock.monotonic())
        if wait_s is None:
            wait_s = await self._from_redis(key, limit)
        if wait_s is None:
            wait_s = self._memory.take(key, limit, self._clock.monotonic())
        if wait_s > 0:
            after = max(1, math.ceil(wait_s))
            raise TooMany(f"more than {limit.rate:g} requests a second; wait {after} s", retry_after_s=after)

    def take_now(self, key: str, limit: Limit, now: float) -> bool:
        """Let pass if that can be said without asking anybody; False says nothing about the limit."""
        if limit.rate <= 0 or self._from_lease(key, now) is not None:
            return True
        if self._door.usable:
            return False
        return self._memory.take(key, limit, now) <= 0

    def _from_lease(self, key: str, now: float) -> float | None:
        lease = self._leases.get(key)
        if lease is None or lease[0] < 1 or now > lease[1]:
            return None
        self._leases[key] = (lease[0] - 1, lease[1])
        return 0.0

    async def _from_redis(self, key: str, limit: Limit) -> float | None:
        if not self._door.enabled:
            return None
        want = max(1, int(min(limit.burst, limit.rate * LEASE_SHARE)))

        async def ask(client: Any) -> Any:
            return await client.eval(_SCRIPT, 1, f"judgify:limit:{key}", limit.rate, limit.burst, want)

        answer = await self._door.use(ask)
        if answer is None:
            return None
        granted, wait_ms = int(answer[0]), int(answer[1])
        if granted < 1:
            return max(0.001, wait_ms / 1000)
        self._leases[key] = (granted - 1, self._clock.monotonic() + LEASE_S)
        self._leases.move_to_end(key)
        if len(self._leases) > MAX_KEYS:
            self._leases.popitem(last=False)
        return 0.0
