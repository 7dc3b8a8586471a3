"""Shipping the units' own log files into the database, each line exactly once: offset and lines in one transaction."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from judgify.core.logbook.line import Line
from judgify.core.logbook.partition import Partitions, day_of
from judgify.core.logbook.unit_log import read_unit_line, service_of
from judgify.core.logbook.writer import copy_rows, take_turn
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger

log = get_logger("judgify.logging")
CHUNK: Final = 512 * 1024
"""Bytes of one file that are shipped in one transaction."""
HEAD: Final = 256
"""Bytes at a file's beginning that tell it from another one of the same name."""
INTERVAL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Offset:
    """How far a file has been read, and the fingerprint of its first `head_length` bytes."""

    position: int = 0
    head: str = ""
    head_length: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines read from a file, and where the next ones begin. `rest`: bytes of the file that are still unread."""

    lines: tuple[str, ...]
    offset: Offset
    rest: int


def read_chunk(path: Path, offset: Offset, size: int = CHUNK) -> Chunk:
    """Read the whole lines that follow an offset; blocking.

    A file that was copied to `<name>.1` and emptied (as the supervisor does with a large one) is read to its end in
    the copy first, then from its own beginning.
    """
    same, length = _matches(path, offset)
    if not same:
        earlier = path.with_name(f"{path.name}.1")
        copied, copy_length = _matches(earlier, offset)
        if copied and copy_length > offset.position:
            chunk = _read(earlier, offset, size, final=True)
            return Chunk(chunk.lines, chunk.offset, chunk.rest + length)
        offset = Offset()
    return _read(path, offset, size, final=False)


def _matches(path: Path, offset: Offset) -> tuple[bool, int]:
    try:
        length = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(offset.head_length)
    except OSError:
        return False, 0
    return length >= offset.position and _fingerprint(head) == (offset.head or _fingerprint(b"")), length


def _read(path: Path, offset: Offset, size: int, *, final: bool) -> Chunk:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            length = file.seek(0, 2)
            file.seek(offset.position)
            data = file.read(size)
    except OSError:
        return Chunk((), offset, 0)
    end = data.rfind(b"\n") + 1
    if end == 0 and (len(data) == size or final):
        end = len(data)  # a line longer than a chunk is cut, the last of a finished file may lack its newline
    lines = tuple(part.decode("utf-8", errors="replace") for part in data[:end].split(b"\n") if part.strip())
    position = offset.position + end
    return Chunk(lines, Offset(position, _fingerprint(head[:position]), min(len(head), position)), length - position)


def _fingerprint(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()[:32]


class Shipper:
    """Follows every `*.log` in a folder. Several replicas may run: the row of a file's offset lets one of them work."""

    def __init__(self, folder: Path, database: Database, partitions: Partitions, clock: Clock) -> None:
        """Read files of `folder`; nothing is read before `start`."""
        self._folder = folder
        self._database = database
        self._partitions = partitions
        self._clock = clock
        self._loop: asyncio.Task[None] | None = None
        self._good_at = clock.monotonic()
        self._warned = False
        self.unshipped_bytes = 0
        """Bytes of log files that wait to be shipped, as last seen; for a gauge."""
        self.shipped_lines = 0
        """Lines shipped since the start."""

    def start(self) -> None:
        """Begin to ship in the background."""
        self._loop = asyncio.create_task(self._work(), name="log shipper")

    async def stop(self) -> None:
        """End; what is not shipped yet is shipped at the next start."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop

    def late_s(self) -> float:
        """Give the seconds since everything there was had been shipped without an error."""
        return self._clock.monotonic() - self._good_at

    async def _work(self) -> None:
        await self._database.opened.wait()
        while True:
            try:
                again = await self.turn()
                self._warned = False
            except (Unavailable, asyncpg.PostgresError) as error:
                again = False
                # Said once: this line is itself one that is shipped.
                if not self._warned:
                    log.warning("log files are not being shipped", reason=type(error).__name__)
                self._warned = True
            await self._clock.sleep(0.0 if again else INTERVAL_S)

    async def turn(self) -> bool:
        """Ship one chunk of every file; True when some file has more."""
        files = await asyncio.to_thread(lambda: sorted(self._folder.glob("*.log")))
        offsets = await self._offsets()
        unshipped = 0
        again = False
        for file in files:
            chunk = await asyncio.to_thread(read_chunk, file, offsets.get(file.name, Offset()))
            if chunk.offset != offsets.get(file.name, Offset()):
                await self._ship(file.name, offsets.get(file.name), chunk)
                again = again or chunk.rest > 0
            unshipped += max(0, chunk.rest)
        self.unshipped_bytes = unshipped
        self._good_at = self._clock.monotonic()
        return again

    async def _offsets(self) -> Mapping[str, Offset]:
        async with self._database.connection() as connection:
            rows = await connection.fetch("SELECT file, position, head, head_length FROM logging.file_offset")
        return {row["file"]: Offset(row["position"], row["head"], row["head_length"]) for row in rows}

    async def _ship(self, name: str, before: Offset | None, chunk: Chunk) -> None:
        now = self._clock.now()
        service = service_of(name)
        lines: list[Line] = [read_unit_line(text, service, now) for text in chunk.lines]
        await self._partitions.ensure({day_of(line.time) for line in lines})
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO logging.file_offset (file, position, head, head_length, updated_at) "
                "VALUES ($1, 0, '', 0, $2) ON CONFLICT (file) DO NOTHING",
                name,
                now,
            )
            row = await connection.fetchrow(
                "SELECT position, head, head_length FROM logging.file_offset WHERE file = $1 FOR UPDATE", name
            )
            if Offset(row["position"], row["head"], row["head_length"]) != (before or Offset()):
                return  # another replica was quicker
            first = await take_turn(connection, len(lines))
            records = [(number, *line.row(), now, f"file:{name}") for number, line in enumerate(lines, first)]
            await copy_rows(connection, records, self._partitions)
            await connection.execute(
                "UPDATE logging.file_offset SET position = $2, head = $3, head_length = $4, updated_at = $5 "
                "WHERE file = $1",
                name,
                chunk.offset.position,
                chunk.offset.head,
                chunk.offset.head_length,
                now,
            )
        self.shipped_lines += len(lines)
