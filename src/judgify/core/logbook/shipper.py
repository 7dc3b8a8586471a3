"""Shipping the units' own log files into the database, each line exactly once: offset and lines in one transaction."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg

from judgify.core.logbook.line import LEVELS, Line
from judgify.core.logbook.partition import Partitions, day_of
from judgify.core.logbook.unit_file import Chunk, Offset, read_chunk
from judgify.core.logbook.unit_log import has_long_entries, read_unit_line, service_of
from judgify.core.logbook.writer import copy_rows, take_turn
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics

log = get_logger("judgify.logging")
INTERVAL_S: Final = 0.5


class Shipper:
    """Follows every `*.log` in a folder. Several replicas may run: the row of a file's offset lets one of them work."""

    def __init__(
        self, folder: Path, database: Database, partitions: Partitions, clock: Clock, metrics: Metrics
    ) -> None:
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
        metrics.gauge(
            "judgify_logging_unshipped_bytes", "Bytes of the units' log files that wait to be shipped."
        ).set_function(lambda: self.unshipped_bytes)
        metrics.gauge(
            "judgify_logging_shipping_late_seconds", "Seconds since all log files had been looked at without an error."
        ).set_function(self.late_s)
        self._shipped = metrics.counter("judgify_logging_shipped_lines_total", "Lines shipped from units' log files.")
        self._lost = metrics.counter(
            "judgify_logging_lost_bytes_total", "Bytes of units' log files that were freed before they were shipped."
        )

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
            chunk = await asyncio.to_thread(
                read_chunk,
                file,
                offsets.get(file.name, Offset()),
                joined=has_long_entries(service_of(file.name)),
            )
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
        lines = [*_losses(name, before, chunk, now), *(read_unit_line(text, service, now) for text in chunk.lines)]
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
        self._shipped.inc(len(lines))
        self._lost.inc(chunk.lost)


def _losses(name: str, before: Offset | None, chunk: Chunk, now: datetime) -> list[Line]:
    """Give the lines that say what of a file will never be shipped."""
    unit = service_of(name)
    told: list[tuple[str, int]] = []
    if chunk.lost:
        told.append((f"{chunk.lost} bytes of log of unit {unit} were lost to the bound", chunk.lost))
    if chunk.anew and before is not None:
        words = (
            f"the log file of unit {unit} was replaced; what the one before held after byte {before.position} is lost"
        )
        told.append((words, 0))
    return [
        Line(now, LEVELS["WARNING"], "logging", words, None, {"file": name, "unit": unit, "lost_bytes": lost})
        for words, lost in told
    ]
