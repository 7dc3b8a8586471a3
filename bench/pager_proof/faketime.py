"""The library that lies about the time of day, made fit for Python: only the time of day is faked, no wait is.

libfaketime also stands in for `pthread_cond_timedwait` and shifts waits on the monotonic clock with it, whatever it was
told about that clock. Python's threads hand over to each other by such waits: with the clock set forward they spin,
with it set back they sleep. So the copy that is loaded here does not offer that function.
"""

import struct
import sys
from pathlib import Path
from typing import Final

_WAITS: Final = (b"pthread_cond_timedwait", b"pthread_cond_init", b"pthread_cond_destroy")
_ELF64_LITTLE: Final = b"\x7fELF\x02\x01"
_STRING_TABLE: Final = 3
_ALLOCATED: Final = 2


def shipped() -> Path | None:
    """Give the installed library, or None."""
    for folder in map(Path, sys.path):
        found = folder / "libfaketime" / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
        if found.is_file():
            return found
    return None


def fit() -> bool:
    """Tell whether this machine's clock can be lied about: the library is there and of a kind that can be made fit."""
    library = shipped()
    return library is not None and library.read_bytes()[: len(_ELF64_LITTLE)] == _ELF64_LITTLE


def environ(folder: Path) -> dict[str, str]:
    """Put a fit copy into a folder and give the variables that load it; empty where there is no such library."""
    library = shipped()
    if library is None or not fit():
        return {}
    content = library.read_bytes()
    copy = folder / "libfaketime.so.1"
    copy.write_bytes(_without_waits(content))
    return {
        "LD_PRELOAD": str(copy),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_RESET": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _without_waits(content: bytes) -> bytes:
    """Rename what the library must not offer, in the one table of names that the loader reads."""
    start, size = _dynamic_names(content)
    names = content[start : start + size]
    for name in _WAITS:
        names = names.replace(b"\0" + name + b"\0", b"\0" + b"-" * len(name) + b"\0")
    return content[:start] + names + content[start + size :]


def _dynamic_names(content: bytes) -> tuple[int, int]:
    table = struct.unpack_from("<Q", content, 0x28)[0]
    width, count = struct.unpack_from("<HH", content, 0x3A)
    for index in range(count):
        _, kind, flags, _, offset, size = struct.unpack_from("<IIQQQQ", content, table + index * width)
        if kind == _STRING_TABLE and flags & _ALLOCATED:
            return offset, size
    return 0, 0
