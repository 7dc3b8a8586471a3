"""A clock that nobody can set: deadlines keep their distance whatever happens to the machine's time of day."""

import asyncio
import contextlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from judgify.kit.clock import Clock, SystemClock, iso, parse
from judgify.kit.errors import Invalid
from judgify.kit.files import write_atomic

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Machine(Clock, Protocol):
    """What this clock is made of: the time of day, which may be set, and the time since the start, which cannot."""

    def since_boot(self) -> float:
        """Give seconds since the machine started."""
        ...


class SteadyClock:
    """The time of day as it was when first asked, carried on by the time since the machine started.

    Guarantees that the difference of two readings is the time that passed between them, over a restart of the process
    too, as long as the machine itself was not restarted: the beginning is kept in a file. After a restart of the
    machine, or where that file cannot be read, the machine's time of day is believed anew.
    """

    def __init__(self, note: Path, machine: Machine | None = None, boot: str | None = None) -> None:
        """Keep the beginning in the file `note`; `boot` names this run of the machine (default: the system's own)."""
        self._note = note
        self.machine: Machine = machine or SystemClock()
        """The machine's own clock, by which the world outside goes."""
        self._boot = _boot_id() if boot is None else boot
        began = self._noted()
        self._began = self._told() if began is None else began
        self._kept = began is not None
        self._keep()

    def now(self) -> datetime:
        """Give the present moment, aware, in UTC."""
        return self._began + timedelta(seconds=self.machine.since_boot())

    def monotonic(self) -> float:
        """Give seconds that only grow."""
        return self.machine.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return once that many seconds have passed."""
        await self.machine.sleep(seconds)

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> bool:
        """Return True as soon as the event is set, False when the time ran out first."""
        return await self.machine.wait(event, timeout_s)

    def ahead_s(self) -> float:
        """Give by how many seconds the machine's time of day is ahead of this clock: how far it was set since."""
        self._keep()
        return (self.machine.now() - self.now()).total_seconds()

    def follow(self) -> None:
        """Believe the machine's time of day again. Only for a moment at which nothing has a deadline."""
        self._began, self._kept = self._told(), False
        self._keep()

    def _told(self) -> datetime:
        return self.machine.now() - timedelta(seconds=self.machine.since_boot())

    def _noted(self) -> datetime | None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, Invalid):
            document = json.loads(self._note.read_text(encoding="utf-8"))
            if self._boot and document["boot"] == self._boot:
                return parse(str(document["began"]))
        return None

    def _keep(self) -> None:
        if self._kept:
            return
        # A disk that is full now has room later; until then this process keeps the time by itself.
        with contextlib.suppress(OSError):
            document = {"boot": self._boot, "began": iso(self._began)}
            write_atomic(self._note, json.dumps(document).encode())
            self._kept = True


def outside(clock: Clock) -> Clock:
    """Give the clock that others go by: what they sign and date is checked in the machine's time of day."""
    return clock.machine if isinstance(clock, SteadyClock) else clock


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return ""
