"""Copies SQLite's write-ahead log into the database between writes, so that no commit waits for it.

SQLite does this by itself inside whichever COMMIT fills the log's thousandth page; that one commit then waits for
the whole copy and for two more flushes of the disk. It might be the commit that a page waits for.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

QUIET_S: Final = 0.03
"""So long no commit came: the disk is free."""
LONGEST_S: Final = 3.0
"""Under a load that never rests, the copy begins after so long all the same."""
BACKSTOP_PAGES: Final = 20_000
"""From this size of the log on (80 MB) SQLite copies inside a commit after all: the log is bounded either way."""


class Checkpointer:
    """A thread with a connection of its own. It never holds up a writer, and a failed copy is tried again later."""

    def __init__(self, path: Path, monotonic: Callable[[], float]) -> None:
        """Begin to wait for `wrote`; the database at `path` is in WAL mode."""
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        self._monotonic = monotonic
        self._woken = threading.Condition()
        self._first: float | None = None
        self._last = 0.0
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="store-checkpoint", daemon=True)
        self._thread.start()

    def wrote(self) -> None:
        """A commit is durable; cheap, for any thread."""
        with self._woken:
            self._last = self._monotonic()
            if self._first is None:
                self._first = self._last
                self._woken.notify()

    def close(self) -> None:
        """End the thread after the copy that runs, and its connection."""
        with self._woken:
            self._ended = True
            self._woken.notify()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while self._due():
            # Busy, a full disk, a database that went away: the log keeps what it has, and commits go on.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _due(self) -> bool:
        """Wait for a moment at which to copy; False at the end."""
        with self._woken:
            while not self._ended:
                if self._first is None:
                    self._woken.wait()
                    continue
                now = self._monotonic()
                left = min(self._last + QUIET_S, self._first + LONGEST_S) - now
                if left <= 0:
                    self._first = None
                    return True
                self._woken.wait(left)
            return False
