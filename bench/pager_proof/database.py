"""PostgreSQL servers of the proof's own: a few of them, lent to one run at a time, each run with an empty database."""

import asyncio
import contextlib
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import psutil
from tests.support.stores import Postgres

SERVERS: Final = 3


class Server(Postgres):
    """A server that can be ended for good while somebody is still starting it."""

    over = False

    def start(self) -> None:
        """Start it; once it was ended, it does not stay."""
        try:
            super().start()
        finally:
            if self.over:
                self.end()

    def end(self) -> None:
        """Kill it, frozen or not, running or not, and remove its data."""
        self.over = True
        with contextlib.suppress(AssertionError, psutil.NoSuchProcess, subprocess.TimeoutExpired):
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Databases:
    """Servers are started when they are first asked for. Closing ends them all."""

    def __init__(self, folder: Path) -> None:
        """Keep their data in a folder."""
        self._folder = folder
        self._idle: list[Server] = []
        self._made: list[Server] = []
        self._names = itertools.count()
        self._room = asyncio.Semaphore(SERVERS)
        self._making = asyncio.Lock()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[tuple[Server, str]]:
        """Give a server that nobody else uses meanwhile, and the name of an empty database on it."""
        async with self._room:
            server = self._idle.pop() if self._idle else await self._new()
            name = f"run{next(self._names)}"
            sound = False
            try:
                await asyncio.to_thread(server.make_database, name)
                yield server, name
                # A server that was killed forces every file to the disk before it answers again: few files, short wait.
                await asyncio.to_thread(server.drop_database, name)
                sound = True
            finally:
                if sound:
                    self._idle.append(server)
                else:
                    # A run that was cut short may have left it frozen or dead: nobody else is given that.
                    self._made.remove(server)
                    server.end()

    async def close(self) -> None:
        """End the servers and remove what they kept."""
        for server in self._made:
            server.end()

    async def _new(self) -> Server:
        # One after the other: two that are made at once take as long, and what is waited for meanwhile is late.
        async with self._making:
            server = Server(self._folder / f"postgres{next(self._names)}")
            self._made.append(server)
            try:
                await asyncio.to_thread(server.create)
            except BaseException:
                self._made.remove(server)
                server.end()
                raise
            return server
