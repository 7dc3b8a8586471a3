"""The door to Redis: calls have a short time limit, a failure closes it until Redis was heard; all works without."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from judgify.kit.log import get_logger

log = get_logger("judgify.gateway.redis")
TIMEOUT_S: Final = 0.25
PING_S: Final = 0.4
MAX_CONNECTIONS: Final = 32
T = TypeVar("T")


class RedisDoor:
    """Gives None for everything while Redis is away or switched off; callers have a slower way that works."""

    def __init__(self, url: str | None) -> None:
        """Take an address, or None where `REDIS_ENABLED=false`."""
        self._open = True
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self._client: Any = None
        if url is not None:
            self._client = redis.Redis.from_url(
                url,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                max_connections=2 * MAX_CONNECTIONS,
                decode_responses=True,
                health_check_interval=0,
                # Once more at once, for a connection that a restart left stale; the library's own waits add up.
                retry=Retry(NoBackoff(), 1),
                client_name="judgify-gateway",
            )

    @property
    def enabled(self) -> bool:
        """Whether there is an address at all."""
        return self._client is not None

    @property
    def usable(self) -> bool:
        """Whether Redis would be asked right now."""
        return self._client is not None and self._open

    async def use(self, work: Callable[[Any], Awaitable[T]]) -> T | None:
        """Run a piece of work with the client; None when it could not be done, without saying so to the caller."""
        if self._client is None or not self._open:
            return None
        try:
            async with self._turns:
                return await work(self._client)
        except (RedisError, OSError, TimeoutError) as error:
            self._close(error)
            return None

    async def alive(self) -> bool:
        """Ask for a sign of life; only this opens a closed door, so that no request waits for a dead Redis."""
        if self._client is None:
            return False
        try:
            # Well below the second that whoever asks for the health of the whole waits.
            async with asyncio.timeout(PING_S):
                good = bool(await self._client.ping())
        except (RedisError, OSError, TimeoutError) as error:
            self._close(error)
            return False
        if good and not self._open:
            log.info("redis answers again")
            self._open = True
        return good

    async def fragmentation(self) -> float | None:
        """Give Redis's memory fragmentation ratio, or None."""
        info = await self.use(lambda client: client.info("memory"))
        value = info.get("mem_fragmentation_ratio") if isinstance(info, dict) else None
        return float(value) if isinstance(value, int | float) else None

    def _close(self, error: Exception) -> None:
        if self._open:
            log.warning("redis does not answer; working without it", reason=type(error).__name__)
        self._open = False

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
