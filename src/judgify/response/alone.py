"""One engine for one folder: a second one would take over the first one's pages and tell people twice."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from judgify.kit.errors import Conflict


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends; `Conflict` names the process that has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 20).decode("ascii", "replace").strip() or "unknown"
            raise Conflict(f"another engine (process {holder}) works in {path.parent}") from error
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)
