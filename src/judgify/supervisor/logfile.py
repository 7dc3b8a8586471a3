"""Log files of units: their processes append to them by themselves, so here they are only read and kept small."""

import ctypes
import os
import shutil
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 20 * 1024 * 1024
"""So much of a log is kept at least; above twice of it the older part is freed."""
BLOCK: Final = 4096
"""Holes begin and end at multiples of this."""

_BLOCK: Final = 64 * 1024
_MAX_TAIL: Final = 4 * 1024 * 1024
_KEEP_SIZE: Final = 1
_PUNCH_HOLE: Final = 2


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
    """Free all but the newest ``limit`` bytes of a log that holds twice as much; true when that happened.

    The part is freed inside the file: it keeps its apparent size, the writer and whoever reads it their places, and
    nothing that is written meanwhile is touched. The first block stays, since it tells this file from another one.
    """
    try:
        found = path.stat()
    except OSError:
        return False
    end = (found.st_size - limit) // BLOCK * BLOCK
    if min(found.st_size, found.st_blocks * 512) <= 2 * limit or end <= BLOCK:
        return False
    if not _free(path, BLOCK, end - BLOCK):
        _set_aside(path)
    return True


def _free(path: Path, start: int, length: int) -> bool:
    """Make a hole; false where the file system or the system has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "fallocate"):
        return False
    libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    with path.open("r+b") as file:
        done: int = libc.fallocate(file.fileno(), _KEEP_SIZE | _PUNCH_HOLE, start, length)
    return done == 0


def _set_aside(path: Path) -> None:
    """Copy it and empty it. Lines written between the two are lost: the price where a file cannot have holes."""
    scratch = path.with_name(f"{path.name}.1.new")
    shutil.copyfile(path, scratch)
    scratch.chmod(0o600)
    scratch.replace(path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)
