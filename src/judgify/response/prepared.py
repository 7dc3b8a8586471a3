"""What is done for a page before it is durable: disk and receiver are waited for at the same time.

A page that a command plans is rendered, and its receiver connected to, while the command's transaction is on its way to
the disk. No byte of it goes out before that is durable; comes the transaction to nothing, so does the page.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from judgify.notify.fence import Fenced
from judgify.response.hold import Hold

AHEAD_S: Final = 0.05
"""How long other pages wait at most until those that wake somebody were handed over."""


@dataclass(slots=True)
class Prepared(Hold):
    """A claim whose transaction is not known to be durable yet."""

    void: bool = False
    """Whether the transaction came to nothing: there is no such page."""
    _known: asyncio.Event = field(default_factory=asyncio.Event)

    def committed(self) -> None:
        """Let it go out: its transaction is durable."""
        self._known.set()

    def undone(self) -> None:
        """Let it never go out: its transaction came to nothing."""
        self.void = True
        self._known.set()

    async def settled(self) -> None:
        """Return once it is durable; raise `Fenced` when it never will be."""
        await self._known.wait()
        if self.void:
            raise Fenced("the transaction that planned it came to nothing")


class Ahead:
    """Lets pages wait a moment for those that wake somebody."""

    def __init__(self) -> None:
        """Nothing is ahead."""
        self._ahead: set[str] = set()
        self._none = asyncio.Event()
        self._none.set()

    def add(self, page_ids: set[str]) -> None:
        """These go first."""
        self._ahead |= page_ids
        if self._ahead:
            self._none.clear()

    def one(self, page_id: str) -> None:
        """This one was handed over, or will not be."""
        self._ahead.discard(page_id)
        if not self._ahead:
            self._none.set()

    async def wait(self) -> None:
        """Return once nothing is ahead, after `AHEAD_S` in any case."""
        if self._none.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(AHEAD_S):
                await self._none.wait()
