"""The engine's memory in SQLite: WAL, synchronous=FULL, one writer; a pager must not depend on a server it watches."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Final, TypeVar

from judgify.kit.clock import SystemClock
from judgify.kit.errors import Unavailable
from judgify.response.ports import Tx
from judgify.response.stores.checkpoint import BACKSTOP_PAGES, Checkpointer
from judgify.response.stores.group import GroupWriter
from judgify.response.stores.sqlite_tx import SqliteTx

T = TypeVar("T")
BUSY_MS: Final = 5_000
_FULL: Final = {sqlite3.SQLITE_FULL}


class SqliteStore:
    """One database file of mode 0600. Writes go through one thread and one connection, reads through another."""

    def __init__(self, path: Path, *, max_pages: int | None = None) -> None:
        """Keep the file at `path`; `max_pages` bounds its size (for tests of a full disk)."""
        self._path = path
        self._max_pages = max_pages
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._checkpointer: Checkpointer | None = None
        self._group = GroupWriter("store-write", _Door(self), SystemClock().monotonic)
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="store-read")

    @property
    def beside(self) -> None:
        """There is no other engine on this store: a file lock sees to it."""
        return None

    async def open(self) -> None:
        """Open and migrate forward; idempotent. `Unavailable` when the file cannot be used."""
        if self._writer is None:
            await self._in(self._group.thread, self._open)

    async def close(self) -> None:
        """Close after the running transactions."""
        await self._in(self._read_thread, self._close_reader)
        await self._in(self._group.thread, self._close_writer)
        self._group.thread.shutdown()
        self._read_thread.shutdown()

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction; whatever it raises undoes all of it and is raised here."""
        return await self._group.do(work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent state."""
        return await self._in(self._read_thread, lambda: self._look(work))

    @staticmethod
    async def _in(thread: ThreadPoolExecutor, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, job)

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made here with its mode, since SQLite gives its -wal and -shm files the mode of the database.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._path.chmod(0o600)
        try:
            writer = self._connect()
            _migrate(writer)
            if self._max_pages is not None:
                writer.execute(f"PRAGMA max_page_count={int(self._max_pages)}")
            writer.execute(f"PRAGMA wal_autocheckpoint={BACKSTOP_PAGES}")
            self._writer, self._reader = writer, self._connect()
            self._reader.execute("PRAGMA query_only=ON")
            self._checkpointer = Checkpointer(self._path, SystemClock().monotonic)
        except sqlite3.Error as error:
            raise _unavailable(error, self._path) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        for pragma in (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _look(self, work: Callable[[Tx], T]) -> T:
        connection = self._reader
        if connection is None:
            raise self.closed()
        try:
            connection.execute("BEGIN")
            try:
                return work(SqliteTx(connection))
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _unavailable(error, self._path) from error

    @staticmethod
    def closed() -> Unavailable:
        """Give the error of a store that is not open."""
        return Unavailable("the engine's store is not open", slug="store-unavailable")

    @property
    def writer(self) -> sqlite3.Connection:
        """The connection that writes; `Unavailable` while the store is not open."""
        if self._writer is None:
            raise self.closed()
        return self._writer

    def committed(self) -> None:
        """A commit is durable; what it wrote can be copied out of the log when the disk is free."""
        if self._checkpointer is not None:
            self._checkpointer.wrote()

    def told(self, error: BaseException) -> BaseException:
        """Give an error in the words of this store, if it is the database's."""
        return _unavailable(error, self._path) if isinstance(error, sqlite3.Error) else error

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _close_writer(self) -> None:
        if self._checkpointer is not None:
            self._checkpointer.close()
            self._checkpointer = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _Door:
    """See `group.Door`."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def begin(self) -> None:
        self._store.writer.execute("BEGIN IMMEDIATE")

    def tx(self) -> Tx:
        return SqliteTx(self._store.writer)

    def mark(self) -> None:
        # A mark of the same name hides the one before, which the commit releases with the rest.
        self._store.writer.execute("SAVEPOINT command")

    def back(self) -> bool:
        # SQLite undoes by itself after some errors (a full disk); then there is nothing left to go back to.
        if not self._store.writer.in_transaction:
            return False
        self._store.writer.execute("ROLLBACK TO command")
        return True

    def commit(self) -> None:
        self._store.writer.execute("COMMIT")
        self._store.committed()

    def undo(self) -> None:
        with suppress(sqlite3.Error, Unavailable):
            if self._store.writer.in_transaction:
                self._store.writer.execute("ROLLBACK")

    def fault(self, error: BaseException) -> BaseException:
        return self._store.told(error)


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
    )
    done = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()[0]
    folder = resources.files("judgify.response.stores") / "migrations"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".sql")), key=lambda item: item.name)
    newest = int(files[-1].name[:4])
    if done > newest:
        raise sqlite3.DatabaseError(f"the store has version {done}, newer than this program's {newest}")
    for item in files:
        version = int(item.name[:4])
        if version > done:
            record = f"INSERT INTO schema_version VALUES ({version}, '{item.name}');"  # noqa: S608 - our own file names
            connection.executescript(f"BEGIN IMMEDIATE;\n{item.read_text(encoding='utf-8')}\n{record}\nCOMMIT;")


def _unavailable(error: sqlite3.Error, path: Path) -> Unavailable:
    if getattr(error, "sqlite_errorcode", None) in _FULL:
        return Unavailable(
            f"the disk under {path} is full: nothing was written; make room, the engine goes on by itself",
            slug="store-full",
            retry_after_s=5,
        )
    return Unavailable(f"the engine's store {path} cannot be used: {error}", slug="store-unavailable")
