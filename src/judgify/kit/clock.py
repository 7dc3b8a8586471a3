"""Time as a value: the only module that reads the wall clock. Stored in UTC, shown in Asia/Seoul, zone named."""

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from judgify.kit.errors import Invalid

SEOUL: Final = ZoneInfo("Asia/Seoul")


class Clock(Protocol):
    """What code may know about time. Wall time for records, monotonic time for durations."""

    def now(self) -> datetime:
        """Give the present moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Give seconds that only grow; the difference of two readings is a duration."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once that many seconds have passed on this clock."""
        ...

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> bool:
        """Return True as soon as the event is set, False when the time ran out first."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Give the present moment, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that may

    def monotonic(self) -> float:
        """Give seconds that only grow."""
        return time.monotonic()

    def since_boot(self) -> float:
        """Give seconds since the machine started, its sleep included where the system tells; nobody can set them."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return once that many seconds have passed."""
        await asyncio.sleep(max(0.0, seconds))

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> bool:
        """Return True as soon as the event is set, False when the time ran out first."""
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return event.is_set()
        return True


class FakeClock:
    """A clock that moves only when told to; for stories and simulations."""

    def __init__(self, start: datetime) -> None:
        """Begin at an aware moment; a naive one is refused."""
        if start.tzinfo is None:
            raise Invalid("a clock needs an aware moment to start at")
        self._now = start.astimezone(UTC)
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Give the moment that the story has reached."""
        return self._now

    def monotonic(self) -> float:
        """Give the seconds the story has lasted."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Return once `advance` has moved that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), future))
        await future

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> bool:
        """Return True as soon as the event is set, False when the story passed the time first."""
        if timeout_s is None:
            await event.wait()
            return True
        waiter = asyncio.ensure_future(event.wait())
        sleeper = asyncio.ensure_future(self.sleep(timeout_s))
        try:
            await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
            sleeper.cancel()
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        """Move forward, waking sleepers in the order of their deadlines, each at its own moment."""
        target = self._elapsed + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, future = heapq.heappop(self._sleepers)
            self._move_to(due)
            if not future.done():
                future.set_result(None)
            await _settle()
        self._move_to(target)
        await _settle()

    def _move_to(self, elapsed: float) -> None:
        self._now += timedelta(seconds=elapsed - self._elapsed)
        self._elapsed = elapsed


async def _settle() -> None:
    # Tasks woken by a tick wake others in turn; a bounded number of turns lets such a chain run out.
    for _ in range(50):
        await asyncio.sleep(0)


def iso(moment: datetime) -> str:
    """Write a moment for the wire: UTC, microseconds, trailing Z. A naive moment is refused."""
    if moment.tzinfo is None:
        raise Invalid("a moment without a time zone cannot be written")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse(text: str, naive: tzinfo = SEOUL) -> datetime:
    """Read an ISO 8601 moment; one without an offset is taken in `naive`. Gives UTC; raises `Invalid`."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid(f"{text!r} is not a moment like 2026-01-31T14:30:00+09:00") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=naive)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(f"{text!r} lies outside the years 1 to 9999 of UTC") from error


def show(moment: datetime, zone: ZoneInfo = SEOUL) -> str:
    """Write a moment for people: `2026-01-31 14:30:00 KST`."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
