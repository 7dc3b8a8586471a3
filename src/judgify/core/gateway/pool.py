"""The connections to one upstream: kept alive, reused newest first, closed when idle, never shared by two requests."""

import asyncio
from collections import deque
from typing import Final

from judgify.core.gateway.config import Address, GatewayConfig
from judgify.core.gateway.connection import Connection
from judgify.core.gateway.failure import BadGateway, GatewayTimeout
from judgify.kit.clock import Clock

SWEEP_S: Final = 5.0


class Pool:
    """Opens connections on demand; how many there are at once is bounded by the upstream's admission."""

    def __init__(self, name: str, address: Address, config: GatewayConfig, clock: Clock) -> None:
        """Describe the upstream; nothing is opened yet."""
        self.name = name
        self.address = address
        host = f"[{address.host}]" if ":" in address.host else address.host
        self.host_header = f"{host}:{address.port}".encode("latin-1")
        self._config = config
        self._clock = clock
        self._idle: deque[Connection] = deque()
        self._all: set[Connection] = set()

    @property
    def idle(self) -> int:
        """How many connections wait for a request."""
        return len(self._idle)

    @property
    def open(self) -> int:
        """How many connections there are, idle or at work."""
        return len(self._all)

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """Give an open connection, a kept one if there is a good one and `fresh` is not asked for.

        Raises `BadGateway` when the upstream refuses, `GatewayTimeout` when it does not take the connection in time.
        """
        now = self._clock.monotonic()
        while self._idle and not fresh:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < self._config.idle_connection_s:
                connection.used_before = True
                return connection
            self.discard(connection)
        return await self._connect()

    def release(self, connection: Connection) -> None:
        """Take a connection back after its exchange: kept when it is reusable, else closed."""
        if connection.finish():
            connection.idle_since = self._clock.monotonic()
            self._idle.append(connection)
        else:
            self.discard(connection)

    def discard(self, connection: Connection) -> None:
        """Close a connection for good."""
        self._all.discard(connection)
        connection.abort()

    def sweep(self) -> None:
        """Close connections that were idle for too long or were closed by the upstream."""
        now = self._clock.monotonic()
        keep: deque[Connection] = deque()
        for connection in self._idle:
            if connection.usable and now - connection.idle_since < self._config.idle_connection_s:
                keep.append(connection)
            else:
                self.discard(connection)
        self._idle = keep

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._all):
            self.discard(connection)
        self._idle.clear()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._config.connect_timeout_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop), self.address.host, self.address.port
                )
        except TimeoutError:
            raise GatewayTimeout(
                f"the {self.name} service took no connection within {self._config.connect_timeout_s:g} s",
                slug="upstream-connect-timeout",
                upstream=self.name,
            ) from None
        except OSError as error:
            raise BadGateway(
                f"the {self.name} service refuses connections ({type(error).__name__}); it is probably not running",
                slug="upstream-refused",
                upstream=self.name,
            ) from None
        self._all.add(connection)
        return connection
