"""The list of events: numbered without gaps, kept on disk, and waited for by whoever wants the next one."""

import asyncio
from typing import Any

from judgify.kit.clock import Clock
from judgify.kit.log import get_logger
from judgify.kit.supervisor_types import Event, EventKind
from judgify.supervisor.store import MAX_EVENTS, DiskState

_log = get_logger("judgify.supervisor.journal")


class Journal:
    """Events of all units. An event is on the disk before `add` returns."""

    def __init__(self, disk: DiskState, clock: Clock) -> None:
        """Go on where the events on the disk end."""
        self._disk = disk
        self._clock = clock
        self._events = disk.load_events()
        self._last = self._events[-1].id if self._events else 0
        self._news = asyncio.Event()

    def add(self, unit: str, kind: EventKind, by: str, reason: str, /, **detail: Any) -> Event:
        """Note an event, and wake those who wait for one."""
        self._last += 1
        event = Event(id=self._last, time=self._clock.now(), unit=unit, kind=kind, by=by, reason=reason, detail=detail)
        self._events.append(event)
        try:
            self._disk.append_event(event)
            if len(self._events) > MAX_EVENTS:
                self._events = self._events[-MAX_EVENTS // 2 :]
                self._disk.rewrite_events(self._events)
        except OSError as error:
            # A full disk must not stop the restart of the engine, which is what will report the full disk.
            _log.exception("event not kept on disk", error=str(error), kind=kind, unit=unit)
        _log.info("event", unit=unit, kind=kind, by=by, reason=reason, detail=detail)
        self._news.set()
        self._news = asyncio.Event()
        return event

    def after(self, number: int, limit: int) -> list[Event]:
        """Up to ``limit`` events with an id above ``number``, oldest first; below zero means the newest ones."""
        if number < 0:
            return self._events[-limit:]
        return [event for event in self._events if event.id > number][:limit]

    async def wait_after(self, number: int, limit: int, wait_s: float) -> list[Event]:
        """As `after`, but when there are none yet, wait for the next one for so many seconds."""
        news = self._news
        found = self.after(number, limit)
        if found or wait_s <= 0:
            return found
        await self._clock.wait(news, wait_s)
        return self.after(number, limit)
