"""One connection to PostgreSQL, used from one thread as if it were synchronous; it opens itself again."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import asyncpg
import uvloop

from judgify.kit.errors import Unavailable

T = TypeVar("T")
CONNECT_S: Final = 3.0
STATEMENT_S: Final = 6.0
"""A statement that takes longer is ended, by the server and, should that hang, a little later by us."""
IDLE_S: Final = 3.0
"""A transaction in which nothing happens this long is ended by the server: its engine is frozen, others must go on."""
GUARDS: Final = {
    "timezone": "UTC",
    "search_path": "response, public",
    "synchronous_commit": "on",
    "statement_timeout": f"{STATEMENT_S:g}s",
    "lock_timeout": f"{STATEMENT_S:g}s",
    "idle_in_transaction_session_timeout": f"{IDLE_S:g}s",
    # A server whose client has gone in the middle of a statement notices it, and lets go of its locks.
    "client_connection_check_interval": "1s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "jit": "off",
}
FAULTS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What the driver raises; everything else is a mistake of ours."""


class Link:
    """A connection and the event loop that it lives in. Made anywhere, used from one thread only."""

    def __init__(self, url: str, name: str) -> None:
        """Describe the connection; the first use opens it. `name` is what the server's lists show."""
        self._url = url
        self._name = name
        self._loop: Any = None
        self._connection: Any = None
        self.within = False
        """Whether a transaction was begun and not ended: what is left of it must not run on another connection."""

    @property
    def connection(self) -> Any:
        """The asyncpg connection. Raises what `FAULTS` names when the database cannot be reached."""
        if self.within and not self.opened:
            raise asyncpg.InterfaceError("the connection broke in the middle of a transaction")
        if not self.opened:
            self._connection = self.wait(
                asyncpg.connect(
                    self._url,
                    timeout=CONNECT_S,
                    command_timeout=STATEMENT_S + 1,
                    server_settings={**GUARDS, "application_name": self._name},
                )
            )
        return self._connection

    def wait(self, answer: Awaitable[T]) -> T:
        """Return what an awaitable of the driver gives."""
        if self._loop is None:
            self._loop = uvloop.new_event_loop()
        try:
            found: T = self._loop.run_until_complete(answer)
        except (TimeoutError, OSError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            # Nobody knows in which state this leaves the connection.
            self.drop()
            raise
        return found

    @property
    def opened(self) -> bool:
        """Whether there is a connection, which may have broken unseen."""
        return self._connection is not None and not self._connection.is_closed()

    @property
    def pid(self) -> int | None:
        """The server's number of this connection, by which others know who told them something; None without one."""
        connection = self._connection
        return None if connection is None or connection.is_closed() else int(connection.get_server_pid())

    def command(self, statement: str) -> str:
        """Execute a statement without values, or several; give the word that the server answers the last one with."""
        status: str = self.wait(self.connection.execute(statement))
        return status

    def execute(self, statement: str, *values: Any) -> int:
        """Execute a statement, or several without values; give the number of rows that the last one changed."""
        status: str = self.wait(self.connection.execute(statement, *values))
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    def fetch(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Give all rows."""
        rows: Sequence[Sequence[Any]] = self.wait(self.connection.fetch(statement, *values))
        return rows

    def fetch_each(self, statement: str, values: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """Execute a statement for each set of values, in one trip, and give the rows that they returned."""
        rows: Sequence[Sequence[Any]] = self.wait(self.connection.fetchmany(statement, values))
        return rows

    def execute_each(self, statement: str, values: Sequence[Sequence[Any]]) -> None:
        """Execute a statement for each set of values, in one trip."""
        self.wait(self.connection.executemany(statement, values))

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on a connection that still stands."""
        connection = self._connection
        return self.opened and bool(connection.is_in_transaction())

    def drop(self) -> None:
        """Give the connection up without asking the server; the next use opens another. Never raises."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*FAULTS):
                connection.terminate()
                # The loop needs a turn to close the socket.
                self._loop.run_until_complete(asyncio.sleep(0))

    def close(self) -> None:
        """End the connection in good order, within a second, and the loop with it. Never raises."""
        if self._connection is not None and not self._connection.is_closed():
            with suppress(*FAULTS):
                self.wait(self._connection.close(timeout=1))
        self.drop()
        if self._loop is not None:
            self._loop.close()
            self._loop = None


def told(error: BaseException, where: str) -> BaseException:
    """Give an error in the words of the store, if it is the driver's; others come back as they are."""
    if isinstance(error, asyncpg.DiskFullError):
        return Unavailable(
            f"the disk of the engine's database {where} is full: nothing was written; make room, the engine goes on "
            "by itself",
            slug="store-full",
            retry_after_s=5,
        )
    if isinstance(error, FAULTS):
        reason = str(error) or type(error).__name__
        return Unavailable(
            f"the engine's database {where} cannot be used: {reason}", slug="store-unavailable", retry_after_s=2
        )
    return error
