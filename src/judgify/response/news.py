"""What other engines on the store commit, told within this one as if it had been committed here.

A row that is due earlier wakes the loop of due rows; a timeline that grew stops the pages that are not owed any more,
reaches whoever listens (the console's live pages), and wakes the conductor. Nothing depends on it: whatever is not
heard is seen at the next look, a second later at most.
"""

import asyncio
from datetime import datetime
from typing import Final

from judgify.response.desk import Desk
from judgify.response.ports import Beside

PAGE: Final = 500
"""Entries that are read at a time."""
PAUSE_S: Final = 0.01
"""Between two readings: what comes in a burst is read together."""


class News:
    """Listens for an engine whose store has others on it."""

    def __init__(self, desk: Desk, beside: Beside) -> None:
        """Tell `desk`."""
        self._desk = desk
        self._beside = beside
        self._grown = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled."""
        self._desk.heard = max(self._desk.heard, await self._desk.ask(lambda tx: tx.last_number()))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beside.news(self._hear), name="news")
            group.create_task(self._read(), name="news-read")

    def _hear(self, due: datetime | None) -> None:
        if due is None:
            self._grown.set()
        elif self._desk.sender is not None:
            self._desk.sender.expect(due)

    async def _read(self) -> None:
        while True:
            await self._grown.wait()
            self._grown.clear()
            since = self._desk.heard
            entries = await self._desk.ask(lambda tx, since=since: tx.entries_after(since, PAGE))  # type: ignore[misc]
            if len(entries) == PAGE:
                self._grown.set()
            fresh = [entry for entry in entries if entry.number > self._desk.heard]
            grown = dict.fromkeys(entry.incident_id for entry in fresh if entry.incident_id is not None)
            found = await self._desk.ask(lambda tx, ids=tuple(grown): [tx.incident(one) for one in ids])  # type: ignore[misc]
            self._desk.tell(fresh, [incident for incident in found if incident is not None])
            await self._desk.clock.sleep(PAUSE_S)
