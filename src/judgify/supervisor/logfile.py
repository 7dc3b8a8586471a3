"""Log files of units: their processes append to them by themselves, so here they are only read and kept small."""

import os
import shutil
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 20 * 1024 * 1024
"""Above this a log is copied to ``<name>.1`` and emptied."""

_BLOCK: Final = 64 * 1024
_MAX_TAIL: Final = 4 * 1024 * 1024


def path_of(home: Path, unit: str, index: int) -> Path:
    """Where an instance of a unit writes; the first one has the unit's plain name."""
    return home / "logs" / (f"{unit}.log" if index == 0 else f"{unit}-{index}.log")


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, oldest first; a missing log is empty. Reads 4 MiB at most."""
    try:
        size = path.stat().st_size
    except OSError:
        return []
    wanted: list[bytes] = []
    with path.open("rb") as file:
        start = size
        block = b""
        while start > 0 and block.count(b"\n") <= lines and len(block) < _MAX_TAIL:
            step = min(_BLOCK, start)
            start -= step
            file.seek(start)
            block = file.read(step) + block
        wanted = block.splitlines()[-lines:]
    return [line.decode("utf-8", errors="replace") for line in wanted]


def rotate(path: Path, limit: int = MAX_BYTES) -> bool:
    """Copy a log that has grown too large aside and empty it; true when that happened.

    The writer keeps its file open in append mode and goes on in the emptied file. Lines written between the copy and
    the emptying are lost: that is the price of not having the writer's help.
    """
    try:
        if path.stat().st_size <= limit:
            return False
    except OSError:
        return False
    scratch = path.with_name(f"{path.name}.1.new")
    shutil.copyfile(path, scratch)
    scratch.chmod(0o600)
    scratch.replace(path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)
    return True
