"""The PostgreSQL store: one writer at a time among all engines; commands that wait together are committed together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import asyncpg

from judgify.kit import db
from judgify.kit.clock import Clock, SystemClock
from judgify.kit.errors import JudgifyError, Unavailable
from judgify.kit.log import get_logger
from judgify.response.ports import Tx
from judgify.response.stores.group import GroupWriter
from judgify.response.stores.postgres.beside import OtherEngines
from judgify.response.stores.postgres.link import FAULTS, Link, told
from judgify.response.stores.postgres.skew import Skew
from judgify.response.stores.postgres.tx import PostgresTx

log = get_logger("judgify.response.store")
T = TypeVar("T")
SCHEMA: Final = "response"
WRITER: Final = 0x6A7564676966
"""Key of the advisory lock that a transaction which writes holds: engines take turns, as threads do on SQLite."""
_BEGIN: Final = f"BEGIN; SELECT pg_advisory_xact_lock({WRITER})"
_LOOK: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresStore:
    """See `ports.Store`. Two engines may use one database; each has a name of its own.

    A connection that broke is opened again by the next command. What had not been committed then never happened; a
    commit whose answer was lost may have happened, and its command is told `store-unavailable` all the same.
    """

    def __init__(self, url: str, *, engine: str = "engine", clock: Clock | None = None) -> None:
        """Use the database at `url` for the engine of this name."""
        self._url = url
        self.engine = engine
        self.where = shown(url)
        self.skew = Skew(clock or SystemClock())
        self._writer = Link(url, f"judgify-response-{engine}")
        self._reader = Link(url, f"judgify-response-{engine}-read")
        self._beside = OtherEngines(url, engine, self.where, self.skew, lambda: self._writer.pid)
        self._group = GroupWriter("store-write", _Door(self, self._writer), SystemClock().monotonic)
        self._read_thread = ThreadPoolExecutor(1, thread_name_prefix="store-read")
        self._open = False

    @property
    def beside(self) -> OtherEngines:
        """How the other engines on this database are heard."""
        return self._beside

    async def open(self) -> None:
        """Open and migrate forward; idempotent. `Unavailable` when the database cannot be used."""
        if not self._open:
            await self._in(self._group.thread, self._migrate)
            await self._beside.open()
            self._open = True

    async def close(self) -> None:
        """Close after the running transactions."""
        self._open = False
        await self._beside.close()
        await self._in(self._read_thread, self._reader.close)
        await self._in(self._group.thread, self._writer.close)
        self._read_thread.shutdown()
        self._group.thread.shutdown()

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction; whatever it raises undoes all of it and is raised here."""
        self._check_open()
        return await self._group.do(work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent state."""
        self._check_open()
        return await self._in(self._read_thread, lambda: self._look(work))

    def _check_open(self) -> None:
        if not self._open:
            raise Unavailable("the engine's store is not open", slug="store-unavailable")

    @staticmethod
    async def _in(thread: ThreadPoolExecutor, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, job)

    def _migrate(self) -> None:
        try:
            link = self._writer
            link.wait(db.migrate(_One(link.connection), SCHEMA, __package__ or ""))
            for name, wanted in (("fsync", "on"), ("full_page_writes", "on")):
                if (found := link.fetch(f"SHOW {name}")[0][0]) != wanted:
                    log.error("the engine's database may lose what it confirmed", setting=name, value=found)
            self.compare(link)
        except FAULTS as error:
            self._writer.drop()
            raise told(error, self.where) from error
        except JudgifyError as error:
            self._writer.drop()
            raise Unavailable(
                f"the engine's database {self.where}: {error.detail}", slug="store-unavailable"
            ) from error

    def compare(self, link: Link) -> None:
        """Compare the database's clock with the engine's, if that is due."""
        if self.skew.due:
            self.skew.take(link.fetch("SELECT clock_timestamp()")[0][0])

    def _look(self, work: Callable[[Tx], T]) -> T:
        link = self._reader
        try:
            begun(link, _LOOK)
            self.compare(link)
            result = work(PostgresTx(link, self.skew, self.engine))
            committed(link)
        except BaseException as error:
            undone(link)
            raise told(error, self.where) from error
        return result


class _Door:
    """See `group.Door`."""

    def __init__(self, store: PostgresStore, link: Link) -> None:
        self._store = store
        self._link = link
        self._marked = False

    def begin(self) -> None:
        self._marked = False
        begun(self._link, _BEGIN)
        self._store.compare(self._link)

    def tx(self) -> Tx:
        return PostgresTx(self._link, self._store.skew, self._store.engine)

    def mark(self) -> None:
        self._link.execute("RELEASE SAVEPOINT command; SAVEPOINT command" if self._marked else "SAVEPOINT command")
        self._marked = True

    def back(self) -> bool:
        if not self._link.in_transaction:
            return False
        self._link.execute("ROLLBACK TO SAVEPOINT command")
        return True

    def commit(self) -> None:
        committed(self._link)

    def undo(self) -> None:
        undone(self._link)

    def fault(self, error: BaseException) -> BaseException:
        return told(error, self._store.where)


def begun(link: Link, statement: str) -> None:
    """Begin a transaction; a connection that broke since the last one is replaced, once.

    Not so within it: an engine that stood still would go on with what it read before, outside of any transaction.
    """
    link.within = False
    stood = link.opened
    try:
        link.execute(statement)
    except FAULTS as error:
        link.drop()
        # What the server itself refused it would refuse again, such as a turn that did not come in time.
        if not stood or isinstance(error, (TimeoutError, asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)):
            raise
        link.execute(statement)
    link.within = True


def committed(link: Link) -> None:
    """Commit. A transaction in which a statement had failed unheard is undone by PostgreSQL, and that is an error."""
    status = link.command("COMMIT")
    link.within = False
    if status != "COMMIT":
        raise Unavailable("a statement had failed, so nothing was written", slug="store-unavailable")


def undone(link: Link) -> None:
    """Undo what is open on a connection; one that cannot even do that is given up, and the server undoes it."""
    try:
        if link.in_transaction:
            link.execute("ROLLBACK")
    except FAULTS:
        link.drop()
    finally:
        link.within = False


class _One:
    """A pool of one connection, for the migrations."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        yield self._connection


def shown(url: str) -> str:
    """Give an address without its password: host:port/database."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"
