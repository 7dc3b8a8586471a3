"""PostgreSQL servers of the proof's own: a few of them, lent to one run at a time, each run with an empty database."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.support.stores import Postgres

SERVERS: Final = 3


class Databases:
    """Servers are started when they are first asked for. Closing ends them all."""

    def __init__(self, folder: Path) -> None:
        """Keep their data in a folder."""
        self._folder = folder
        self._free: asyncio.Queue[Postgres] = asyncio.Queue()
        self._made: list[Postgres] = []
        self._names = itertools.count()
        self._making = asyncio.Lock()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[tuple[Postgres, str]]:
        """Give a server that nobody else uses meanwhile, and the name of an empty database on it."""
        server = await self._one()
        name = f"run{next(self._names)}"
        await asyncio.to_thread(server.make_database, name)
        try:
            yield server, name
        finally:
            # A server that was killed forces every file to the disk before it answers again: few files, short wait.
            await asyncio.to_thread(server.drop_database, name)
            self._free.put_nowait(server)

    async def close(self) -> None:
        """End the servers and remove what they kept."""
        for server in self._made:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(server.stop)

    async def _one(self) -> Postgres:
        async with self._making:
            if self._free.empty() and len(self._made) < SERVERS:
                server = Postgres(self._folder / f"postgres{len(self._made)}")
                self._made.append(server)
                await asyncio.to_thread(server.create)
                return server
        return await self._free.get()
