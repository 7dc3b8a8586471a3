"""Reading on in a unit's log file: whole lines from an offset, through holes and past a file that was replaced.

The file is the spool of the unit's lines: the unit appends, the supervisor frees the oldest part when the file has
grown beyond its bound (a hole: positions do not move, and no line that is written meanwhile is touched), and the
logging service reads. What is freed before it was read is lost; the reader tells how much that was.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

CHUNK: Final = 512 * 1024
"""Bytes of one file that are shipped in one transaction."""
HEAD: Final = 256
"""Bytes at a file's beginning that tell it from another one of the same name; they are never freed."""
_ENTRY: Final = re.compile(rb"\n(?!\t)")


@dataclass(frozen=True, slots=True)
class Offset:
    """How far a file has been read, and the fingerprint of its first `head_length` bytes."""

    position: int = 0
    head: str = ""
    head_length: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines read from a file, and where the next ones begin.

    `rest`: bytes of the file that are still unread. `lost`: bytes before the offset that had been freed unread.
    `anew`: the file is another one than that which was read, and nothing tells what the other one still held.
    """

    lines: tuple[str, ...]
    offset: Offset
    rest: int
    lost: int = 0
    anew: bool = False


def read_chunk(path: Path, offset: Offset, size: int = CHUNK, *, joined: bool = False) -> Chunk:
    """Read the whole lines that follow an offset; blocking. `joined`: a line that begins with a tab goes on with one.

    A file that was copied to `<name>.1` and emptied (as the supervisor does where a file cannot have holes) is read to
    its end in the copy first, then from its own beginning.
    """
    same, length = _matches(path, offset)
    if same:
        return _read(path, offset, size, joined=joined, final=False)
    earlier = path.with_name(f"{path.name}.1")
    copied, copy_length = _matches(earlier, offset)
    if copied and copy_length > offset.position:
        chunk = _read(earlier, offset, size, joined=joined, final=True)
        return Chunk(chunk.lines, chunk.offset, chunk.rest + length, chunk.lost)
    chunk = _read(path, Offset(), size, joined=joined, final=False)
    return Chunk(chunk.lines, chunk.offset, chunk.rest, chunk.lost, anew=not copied and offset.position > 0)


def _matches(path: Path, offset: Offset) -> tuple[bool, int]:
    try:
        length = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(offset.head_length)
    except OSError:
        return False, 0
    return length >= offset.position and _fingerprint(head) == (offset.head or _fingerprint(b"")), length


def _read(path: Path, offset: Offset, size: int, *, joined: bool, final: bool) -> Chunk:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            length = file.seek(0, os.SEEK_END)
            stop = _next_hole(file, offset.position, length)
            file.seek(offset.position)
            data = file.read(min(size, stop - offset.position))
            end = _whole(data, full=len(data) == size, joined=joined)
            if end == 0 and stop < length:
                position = _after_hole(file, stop, length)
                return Chunk((), _offset(position, head), length - position, position - offset.position)
    except OSError:
        return Chunk((), offset, 0)
    if end == 0 and (len(data) == size or final):
        end = len(data)  # a line longer than a chunk is cut, the last of a finished file may lack its newline
    parts = _ENTRY.split(data[:end]) if joined else data[:end].split(b"\n")
    lines = tuple(part.lstrip(b"\x00").decode("utf-8", errors="replace") for part in parts if part.strip(b"\x00 \r\t"))
    position = offset.position + end
    return Chunk(lines, _offset(position, head), length - position)


def _whole(data: bytes, *, full: bool, joined: bool) -> int:
    """Give where the last whole line ends; 0 when there is none."""
    end = data.rfind(b"\n") + 1
    while full and joined and end and data[end : end + 1] in {b"", b"\t"}:
        # What follows goes on with this line, or may do so.
        end = data.rfind(b"\n", 0, end - 1) + 1
    return end


def _next_hole(file: IO[bytes], position: int, length: int) -> int:
    if position >= length or not hasattr(os, "SEEK_HOLE"):
        return length
    return min(length, os.lseek(file.fileno(), position, os.SEEK_HOLE))


def _after_hole(file: IO[bytes], hole: int, length: int) -> int:
    """Give where the first whole line after a hole begins."""
    try:
        start = os.lseek(file.fileno(), hole, os.SEEK_DATA)
    except OSError:  # nothing but the hole follows
        return length
    file.seek(start)
    data = file.read(CHUNK)
    return start + (data.find(b"\n") + 1 or len(data))


def _offset(position: int, head: bytes) -> Offset:
    return Offset(position, _fingerprint(head[:position]), min(len(head), position))


def _fingerprint(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()[:32]
