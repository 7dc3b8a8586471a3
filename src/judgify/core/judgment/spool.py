"""The local spool: executions on this machine's disk while the database cannot take them.

One line per execution (see `row`), in segments. A segment belongs to the process that holds its lock, so several
judging processes share the folder, and one that starts takes over what a dead one left. Every call blocks on the disk:
call it in a thread, one at a time; the class locks against itself.
"""

import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from judgify.core.judgment.row import Row, TornLine, from_line, to_line
from judgify.kit.errors import Unavailable
from judgify.kit.files import sync_folder, write_atomic
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger

log = get_logger("judgify.judgment.spool")
MAX_BYTES: Final = 512 * 1024 * 1024
"""Bytes that all segments together may take."""
MIN_FREE: Final = 32 * 1024 * 1024
"""Bytes that are left free on the disk."""
SEGMENT_BYTES: Final = 16 * 1024 * 1024
NEARLY_FULL: Final = 0.8


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that this process holds the lock of and that takes no more lines."""

    path: Path
    descriptor: int


class Spool:
    """A bounded queue of rows on the disk; a row is in it once `append` has returned, whatever happens next."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, min_free: int = MIN_FREE) -> None:
        """Describe the spool; the folder is made when it is first used."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._min_free = min_free
        self._lock = threading.Lock()
        self._open: Segment | None = None
        self._written = 0
        self._wanted = 1
        self._index: dict[str, tuple[Path, int, int]] = {}

    def append(self, rows: list[Row]) -> list[bool]:
        """Put rows on the disk: all of them, flushed, or none; tell of each whether it was new.

        A row with an idempotency key whose id this process has spooled already is not written again.

        Raises:
            Unavailable: slug `spool-full` when the bound or the disk is reached, `spool-broken` when the disk refuses.
        """
        with self._lock:
            fresh: list[bool] = []
            seen: set[str] = set()
            for row in rows:
                fresh.append(row.input_sha256 is None or not (row.id in seen or row.id in self._index))
                seen.add(row.id)
            rows = [row for row, new in zip(rows, fresh, strict=True) if new]
            lines = [to_line(row) for row in rows]
            size = sum(map(len, lines))
            self._wanted = min(map(len, lines), default=1)
            self._refuse_overflow(size)
            try:
                segment = self._writable()
                start = self._written
                _write_all(segment.descriptor, b"".join(lines))
                os.fdatasync(segment.descriptor)
            except OSError as error:
                self._abandon()
                raise Unavailable(
                    f"neither the database nor the spool {self._folder} can keep this: {error.strerror}",
                    slug="spool-broken",
                    retry_after_s=5,
                ) from error
            for row, line in zip(rows, lines, strict=True):
                self._index[row.id] = (segment.path, start, len(line))
                start += len(line)
            self._written = start
        return fresh

    def set_aside(self, row: Row) -> None:
        """Keep a row that the database refuses for good, for a person to look at."""
        folder = self._folder / "refused"
        folder.mkdir(mode=0o700, exist_ok=True)
        write_atomic(folder / f"{row.id}.line", to_line(row))

    def find(self, number: str) -> Row | None:
        """Give a spooled row by its execution id, from whichever process's segment."""
        place = self._index.get(number)
        if place is not None:
            path, start, length = place
            try:
                with path.open("rb") as file:
                    file.seek(start)
                    return from_line(file.read(length).rstrip(b"\n"))
            except (FileNotFoundError, TornLine):
                return None
        mark = number.encode()
        mine = {entry[0] for entry in self._index.values()}
        for path in self._segments():
            if path in mine:
                continue
            for row in _rows(path, mark):
                if row.id == number:
                    return row
        return None

    def take(self) -> Segment | None:
        """Give the oldest segment that no living process writes to; this process's own is closed for it.

        The segment stays locked: hand it to `rows` and then to `remove`, or to `give_back`.
        """
        with self._lock:
            if self._open is not None and self._written:
                closed, self._open = self._open, None
                return closed
            for path in self._segments():
                if self._open is not None and path == self._open.path:
                    continue
                segment = _claim(path)
                if segment is not None:
                    return segment
        return None

    @staticmethod
    def rows(segment: Segment) -> Iterator[Row]:
        """Read a segment's whole lines; a torn one was never answered for, and is passed over."""
        return _rows(segment.path, None)

    def remove(self, segment: Segment) -> None:
        """Forget a segment whose rows are all in the database."""
        with self._lock:
            segment.path.unlink(missing_ok=True)
            sync_folder(self._folder)
            os.close(segment.descriptor)
            self._index = {key: place for key, place in self._index.items() if place[0] != segment.path}

    @staticmethod
    def give_back(segment: Segment) -> None:
        """Let go of a segment that could not be written to the database."""
        os.close(segment.descriptor)

    def size(self) -> int:
        """Give the bytes that all segments take."""
        return sum(_size(path) for path in self._segments())

    def state(self) -> Literal["ok", "degraded", "down"]:
        """Tell how the spool is: `ok`, `degraded` when nearly full, `down` when it could not keep a row now."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = shutil.disk_usage(self._folder).free
        except OSError:
            return "down"
        used = self.size()
        # Room for the smallest row that was last asked for: a spool that refuses all is down, with bytes to spare.
        wanted = self._wanted
        if (
            used + wanted > self._max_bytes
            or free - wanted < self._min_free
            or not os.access(self._folder, os.W_OK | os.X_OK)
        ):
            return "down"
        return "degraded" if used > NEARLY_FULL * self._max_bytes else "ok"

    def close(self) -> None:
        """Close this process's segment; an empty one is removed."""
        with self._lock:
            if self._open is not None:
                if not self._written:
                    self._open.path.unlink(missing_ok=True)
                os.close(self._open.descriptor)
                self._open = None

    def _refuse_overflow(self, size: int) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = shutil.disk_usage(self._folder).free
        except OSError as error:
            raise Unavailable(
                f"the database is away and the spool {self._folder} cannot be used: {error.strerror}",
                slug="spool-broken",
                retry_after_s=5,
            ) from error
        if self.size() + size > self._max_bytes or free - size < self._min_free:
            raise Unavailable(
                "the database is away and the local spool is full; bring the database back, or free disk space",
                slug="spool-full",
                retry_after_s=5,
            )

    def _writable(self) -> Segment:
        if self._open is not None and self._written < SEGMENT_BYTES:
            return self._open
        if self._open is not None:
            # Full. Letting go of the lock makes it anybody's to drain.
            os.close(self._open.descriptor)
        path = self._folder / f"{new_id('seg')}.log"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sync_folder(self._folder)
        self._open, self._written = Segment(path, descriptor), 0
        return self._open

    def _abandon(self) -> None:
        # After a failed write or flush nothing is known about the file's end: cut it back, and write to another.
        if self._open is not None:
            try:
                os.ftruncate(self._open.descriptor, self._written)
            except OSError:
                log.warning("a spool segment keeps a torn end", path=self._open.path.name)
            os.close(self._open.descriptor)
            self._open = None

    def _segments(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if path.name.endswith(".log"))
        except OSError:
            return []


def _rows(path: Path, mark: bytes | None) -> Iterator[Row]:
    try:
        with path.open("rb") as file:
            for line in file:
                if mark is not None and mark not in line:
                    continue
                try:
                    yield from_line(line.rstrip(b"\n"))
                except TornLine:
                    log.warning("a torn line of the spool is passed over", path=path.name, bytes=len(line))
    except FileNotFoundError:
        return


def _claim(path: Path) -> Segment | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    if not path.exists():  # drained by another process between the listing and the lock
        os.close(descriptor)
        return None
    return Segment(path, descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
