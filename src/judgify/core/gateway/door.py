"""The door to Redis: calls have a short time limit, a failure closes it for a second, and nothing depends on it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import redis.asyncio as redis
from redis.exceptions import RedisError

from judgify.kit.clock import Clock
from judgify.kit.log import get_logger

log = get_logger("judgify.gateway.redis")
TIMEOUT_S: Final = 0.25
RETRY_S: Final = 1.0
T = TypeVar("T")


class RedisDoor:
    """Gives None for everything while Redis is away or switched off; callers have a slower way that works."""

    def __init__(self, url: str | None, clock: Clock) -> None:
        """Take an address, or None where `REDIS_ENABLED=false`."""
        self._clock = clock
        self._closed_until = 0.0
        self._up = True
        self._client: Any = None
        if url is not None:
            self._client = redis.Redis.from_url(
                url,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                max_connections=32,
                decode_responses=True,
                health_check_interval=0,
                client_name="judgify-gateway",
            )

    @property
    def enabled(self) -> bool:
        """Whether there is an address at all."""
        return self._client is not None

    async def use(self, work: Callable[[Any], Awaitable[T]]) -> T | None:
        """Run a piece of work with the client; None when it could not be done, without saying so to the caller."""
        if self._client is None or self._clock.monotonic() < self._closed_until:
            return None
        try:
            result = await work(self._client)
        except (RedisError, OSError, TimeoutError) as error:
            self._closed_until = self._clock.monotonic() + RETRY_S
            if self._up:
                log.warning("redis does not answer; working without it", reason=type(error).__name__)
            self._up = False
            return None
        if not self._up:
            log.info("redis answers again")
            self._up = True
        return result

    async def alive(self) -> bool:
        """Ask for a sign of life, even while the door is closed."""
        self._closed_until = 0.0
        return await self.use(lambda client: client.ping()) is True

    async def fragmentation(self) -> float | None:
        """Give Redis's memory fragmentation ratio, or None."""
        info = await self.use(lambda client: client.info("memory"))
        value = info.get("mem_fragmentation_ratio") if isinstance(info, dict) else None
        return float(value) if isinstance(value, int | float) else None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
