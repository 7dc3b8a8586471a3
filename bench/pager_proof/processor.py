"""How long processes were ready to run and got no processor: the kernel's own figure, where there is one (Linux)."""

import contextlib
import os
from collections.abc import Iterable
from typing import Final

from judgify.kit.clock import SystemClock

FRESH_S: Final = 0.04
_CLOCK: Final = SystemClock()


class Wanting:
    """Adds up, over processes that come and go."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._known: dict[str, int] = {}
        self._total = 0

    def seconds(self, pids: Iterable[int]) -> float:
        """Give the seconds so far, all threads of these processes taken together."""
        for pid in pids:
            folder = f"/proc/{pid}/task"
            with contextlib.suppress(OSError), os.scandir(folder) as threads:
                for thread in threads:
                    self._add(f"{folder}/{thread.name}/schedstat")
        return self._total / 1e9

    def _add(self, path: str) -> None:
        # This is asked some hundred times a second: plain calls, no objects for paths.
        with contextlib.suppress(OSError, IndexError):
            handle = os.open(path, os.O_RDONLY)
            try:
                waited = int(os.read(handle, 100).split()[1])
            finally:
                os.close(handle)
            self._total += waited - self._known.get(path, 0)
            self._known[path] = waited


class Own:
    """This program's own waiting, read once for all runs that ask at about the same moment."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._wanting = Wanting()
        self._read_at = 0.0
        self._seconds = 0.0

    def seconds(self) -> float:
        """Give the seconds so far, at most `FRESH_S` old."""
        now = _CLOCK.monotonic()
        if now - self._read_at > FRESH_S:
            self._read_at = now
            self._seconds = self._wanting.seconds([os.getpid()])
        return self._seconds
