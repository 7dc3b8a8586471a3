"""Rate limits that several gateways share through Redis; each alone where Redis is away."""

import asyncio
import math
from collections import OrderedDict
from dataclasses import dataclass
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


@dataclass(slots=True)
class _Lease:
    """Tokens that were taken from the shared bucket and may be spent here until a monotonic moment."""

    tokens: int
    until: float
    low: int
    """With this many left, the next ones are asked for before anybody has to wait for them."""


class Throttle:
    """Asks the shared bucket for a few tokens at a time and spends them here, so that Redis is not on every request.

    Of all that ask for one caller's tokens at once, one asks Redis and the others wait for what it brings.
    """

    def __init__(self, door: RedisDoor, clock: Clock) -> None:
        """Use Redis through its door, and memory where that gives nothing."""
        self._door = door
        self._clock = clock
        self._memory = MemoryLimiter()
        self._leases: OrderedDict[str, _Lease] = OrderedDict()
        self._asking: dict[str, asyncio.Task[float | None]] = {}

    async def take(self, key: str, limit: Limit) -> None:
        """Let pass, or raise `TooMany` with the seconds to wait."""
        if limit.rate <= 0:
            return
        wait_s = await self._wait(key, limit)
        if wait_s > 0:
            after = max(1, math.ceil(wait_s))
            raise TooMany(f"more than {limit.rate:g} requests a second; wait {after} s", retry_after_s=after)

    async def _wait(self, key: str, limit: Limit) -> float:
        while not self._from_lease(key, limit, self._clock.monotonic()):
            asked = await asyncio.shield(self._refill(key, limit)) if self._door.usable else None
            if asked is None:
                return self._memory.take(key, limit, self._clock.monotonic())
            if asked > 0:
                return asked
        return 0.0

    def take_now(self, key: str, limit: Limit, now: float) -> bool:
        """Let pass if that can be said without asking anybody; False says nothing about the limit."""
        if limit.rate <= 0 or self._from_lease(key, limit, now):
            return True
        if self._door.usable:
            return False
        return self._memory.take(key, limit, now) <= 0

    def _from_lease(self, key: str, limit: Limit, now: float) -> bool:
        lease = self._leases.get(key)
        if lease is None or lease.tokens < 1 or now > lease.until:
            return False
        lease.tokens -= 1
        if lease.low and lease.tokens <= lease.low and key not in self._asking:
            self._refill(key, limit)
        return True

    def _refill(self, key: str, limit: Limit) -> "asyncio.Task[float | None]":
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.get_running_loop().create_task(self._ask(key, limit))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return task

    async def _ask(self, key: str, limit: Limit) -> float | None:
        """Take tokens from the shared bucket: 0.0 when some came, else the seconds to wait; None without Redis."""
        want = max(1, int(min(limit.burst, limit.rate * LEASE_SHARE)))

        async def ask(client: Any) -> Any:
            return await client.eval(_SCRIPT, 1, f"judgify:limit:{key}", limit.rate, limit.burst, want)

        answer = await self._door.use(ask)
        if answer is None:
            return None
        granted, wait_ms = int(answer[0]), int(answer[1])
        if granted < 1:
            return max(0.001, wait_ms / 1000)
        now = self._clock.monotonic()
        held = self._leases.get(key)
        left = held.tokens if held is not None and now <= held.until else 0
        self._leases[key] = _Lease(left + granted, now + LEASE_S, want // 2)
        self._leases.move_to_end(key)
        if len(self._leases) > MAX_KEYS:
            self._leases.popitem(last=False)
        return 0.0
