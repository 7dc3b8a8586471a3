"""PostgreSQL: a pool that outlives an outage, and migrations that run by themselves, forward only."""

import asyncio
import hashlib
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import resources
from typing import Any, Final

import asyncpg

from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError, Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.db")
RETRY_S: Final = 0.5
MIGRATION_S: Final = 3600.0
"""Seconds that one migration may take: an index over millions of rows outlasts what a request may wait for."""
CONNECTION_ERRORS: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # A connection on which the server's farewell has arrived, and not yet its end, refuses the next statement so.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""What a call raises when the database is away, starting, stopping or read-only, as against a mistake of ours."""


class Database:
    """One service's door to PostgreSQL: opens in the background, migrates its own schema, reports whether it is up.

    A service starts without the database and reports it down; it is used again as soon as it is back.
    """

    def __init__(
        self, url: str, schema: str, package: str, *, clock: Clock, max_size: int = 10, command_timeout_s: float = 10
    ) -> None:
        """Describe the pool; `start` opens it. `package` holds `migrations/NNNN_name.sql` for `schema`."""
        self._url = url
        self._schema = schema
        self._package = package
        self._clock = clock
        self._max_size = max_size
        self._command_timeout_s = command_timeout_s
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opened = asyncio.Event()
        self._opener: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to open the pool in the background."""
        self._opener = asyncio.create_task(self._open(), name=f"open {self._schema} database")

    async def close(self) -> None:
        """End the opening and close the connections; waits at most five seconds for running statements."""
        if self._opener is not None:
            self._opener.cancel()
            with suppress(asyncio.CancelledError):
                await self._opener
        if self._pool is not None:
            try:
                async with asyncio.timeout(5):
                    await self._pool.close()
            except (TimeoutError, *CONNECTION_ERRORS):
                self._pool.terminate()

    @property
    def opened(self) -> asyncio.Event:
        """An event that is set once the pool is open and the schema is up to date."""
        return self._opened

    @asynccontextmanager
    async def connection(self, timeout_s: float = 3) -> AsyncIterator[Any]:
        """Lend a connection; `Unavailable` when the database cannot be reached, also in mid-use."""
        if self._pool is None or not self._opened.is_set():
            raise Unavailable("the database is not reachable yet", slug="database-unavailable")
        try:
            async with self._pool.acquire(timeout=timeout_s) as connection:
                yield connection
        except JudgifyError:
            raise
        except CONNECTION_ERRORS as error:
            raise Unavailable(
                f"the database cannot serve: {type(error).__name__}", slug="database-unavailable"
            ) from error

    @asynccontextmanager
    async def transaction(self, timeout_s: float = 3) -> AsyncIterator[Any]:
        """Lend a connection inside one transaction: all of it happens or none."""
        async with self.connection(timeout_s) as connection, connection.transaction():
            yield connection

    async def alive(self) -> bool:
        """Ask the database a trivial question; False when it does not answer within a second."""
        try:
            async with asyncio.timeout(1), self.connection(timeout_s=1) as connection:
                await connection.fetchval("SELECT 1")
        except (TimeoutError, Unavailable):
            return False
        return True

    def usage(self) -> float:
        """Give the share of the pool's connections in use, 0.0 to 1.0; NaN while there is no pool to measure."""
        if self._pool is None:
            return math.nan
        return (self._pool.get_size() - self._pool.get_idle_size()) / self._max_size

    async def _open(self) -> None:
        warned = False
        while True:
            try:
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        self._url,
                        min_size=1,
                        max_size=self._max_size,
                        command_timeout=self._command_timeout_s,
                        timeout=3,
                        server_settings={"application_name": f"judgify-{self._schema}", "timezone": "UTC"},
                    )
                await migrate(self._pool, self._schema, self._package)
            except (*CONNECTION_ERRORS, asyncpg.PostgresError) as error:
                if not warned:
                    log.warning("database not open yet", schema=self._schema, reason=type(error).__name__)
                    warned = True
                await self._clock.sleep(RETRY_S)
            else:
                self._opened.set()
                log.info("database open", schema=self._schema)
                return


async def migrate(pool: Any, schema: str, package: str) -> list[int]:
    """Apply the migrations that a schema lacks, each in its own transaction, and give their numbers.

    Several processes may call this at once: an advisory lock lets one work. A migration that was changed after it
    was applied, or a database newer than the program, is an error that names it; nothing is ever undone. Where nothing
    is missing nothing is written, so that a service can start on a database that is read-only for the time being.
    """
    wanted = _migrations(package)
    applied: list[int] = []
    async with pool.acquire() as connection:
        if await connection.fetchval("SELECT to_regclass($1)", f'"{schema}".schema_version') is not None:
            present = await _present(connection, schema)
            _refuse_drift(schema, wanted, present)
            if wanted.keys() == present.keys():
                return applied
        key = int.from_bytes(hashlib.sha256(schema.encode()).digest()[:7], "big")
        await connection.execute("SELECT pg_advisory_lock($1)", key)
        try:
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            await connection.execute(
                f'CREATE TABLE IF NOT EXISTS "{schema}".schema_version (number int PRIMARY KEY, name text NOT NULL, '
                "sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            present = await _present(connection, schema)
            _refuse_drift(schema, wanted, present)
            for number, (name, sql) in sorted(wanted.items()):
                if number in present:
                    continue
                async with connection.transaction():
                    await connection.execute(f'SET LOCAL search_path TO "{schema}", public')
                    await connection.execute(sql, timeout=MIGRATION_S)
                    await connection.execute(
                        f'INSERT INTO "{schema}".schema_version (number, name, sha256) VALUES ($1, $2, $3)',  # noqa: S608 - ours
                        number,
                        name,
                        hashlib.sha256(sql.encode()).hexdigest(),
                    )
                applied.append(number)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", key)
    return applied


async def _present(connection: Any, schema: str) -> dict[int, str]:
    rows = await connection.fetch(f'SELECT number, sha256 FROM "{schema}".schema_version')  # noqa: S608 - ours
    return {row["number"]: row["sha256"] for row in rows}


def _refuse_drift(schema: str, wanted: dict[int, tuple[str, str]], present: dict[int, str]) -> None:
    for number, digest in present.items():
        if number not in wanted:
            raise JudgifyError(f"schema {schema} has migration {number}, which this release does not know: it is newer")
        name, sql = wanted[number]
        if hashlib.sha256(sql.encode()).hexdigest() != digest:
            raise JudgifyError(f"migration {name} of schema {schema} was changed after it had been applied")


def _migrations(package: str) -> dict[int, tuple[str, str]]:
    folder = resources.files(package) / "migrations"
    found: dict[int, tuple[str, str]] = {}
    for entry in folder.iterdir():
        if entry.name.endswith(".sql"):
            found[int(entry.name.split("_", 1)[0])] = (entry.name, entry.read_text(encoding="utf-8"))
    return found
