"""One partition for each day: made ahead and as needed, dropped by age and by size."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Final

from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.log import get_logger

log = get_logger("judgify.logging")
AHEAD_DAYS: Final = 2
_NAME: Final = re.compile(r"line_(\d{4})(\d\d)(\d\d)")
_LOCK: Final = 0x6A_6C_6F_67  # advisory lock: one process at a time makes or drops partitions


@dataclass(frozen=True, slots=True)
class Retention:
    """How long lines are kept: by age in days, and by the size of all partitions together in bytes."""

    DAYS: ClassVar[int] = 14
    SIZE_MB: ClassVar[int] = 2048

    days: int
    size_bytes: int


class Partitions:
    """Knows which days have a partition."""

    def __init__(self, database: Database, clock: Clock, retention: Retention) -> None:
        """Use a database that the service opens."""
        self._database = database
        self._clock = clock
        self._retention = retention
        self._known: set[date] = set()

    async def ensure(self, days: Iterable[date]) -> None:
        """Make the partitions of these days that are not there."""
        missing = sorted(set(days) - self._known)
        if not missing:
            return
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            for day in missing:
                # Names and bounds are made of a date; nothing of a caller's is in them.
                await connection.execute(
                    f"CREATE TABLE IF NOT EXISTS logging.{name_of(day)} PARTITION OF logging.line "
                    f"FOR VALUES FROM ('{day.isoformat()} 00:00:00+00') "
                    f"TO ('{(day + timedelta(days=1)).isoformat()} 00:00:00+00')"
                )
        self._known.update(missing)

    async def ensure_ahead(self) -> None:
        """Make today's partition and those of the next two days."""
        today = day_of(self._clock.now())
        await self.ensure(today + timedelta(days=number) for number in range(AHEAD_DAYS + 1))

    async def sweep(self) -> list[str]:
        """Drop partitions beyond the retention, oldest first, never today's; give the names of those dropped."""
        today = day_of(self._clock.now())
        oldest = today - timedelta(days=self._retention.days)
        dropped: list[str] = []
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            rows: list[Any] = await connection.fetch(
                "SELECT c.relname AS name, pg_total_relation_size(c.oid) AS size FROM pg_inherits i "
                "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'logging.line'::regclass ORDER BY c.relname"
            )
            total = sum(row["size"] for row in rows)
            for row in rows:
                day = _day(row["name"])
                if day is None or day >= today:
                    continue
                if day < oldest or total > self._retention.size_bytes:
                    await connection.execute(f"DROP TABLE logging.{row['name']}")
                    total -= row["size"]
                    dropped.append(row["name"])
        for name in dropped:
            self._known.discard(_day(name) or today)
        if dropped:
            log.info("old log partitions dropped", partitions=dropped)
        return dropped

    def forget(self) -> None:
        """Forget what is known to be there; after an error that a missing partition may have caused."""
        self._known.clear()


def name_of(day: date) -> str:
    """Give the name of a day's partition."""
    return f"line_{day:%Y%m%d}"


def day_of(moment: datetime) -> date:
    """Give the day (UTC) that a moment's partition is of."""
    return moment.astimezone(UTC).date()


def _day(name: str) -> date | None:
    found = _NAME.fullmatch(name)
    return date(int(found[1]), int(found[2]), int(found[3])) if found else None
