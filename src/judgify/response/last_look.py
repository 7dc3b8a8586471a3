"""The last look before a send, where other engines work on the store: the claim and its incident as they are there.

An acknowledgement that another engine took is not known in this process at once. So a page that is about to go out is
asked for in the store, together with all others that are about to at the same moment, in one statement. A store that
cannot be asked holds up no page for long: whoever cannot be sure pages, as long as the claim's lease lasts.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from judgify.kit.errors import Unavailable
from judgify.kit.log import get_logger
from judgify.response.desk import Desk
from judgify.response.hold import Hold
from judgify.response.incident import Incident

log = get_logger("judgify.response.delivery")
AHEAD: Final = timedelta(milliseconds=5)
"""The store is asked this long before the page is due, so that its answer is there when the moment comes."""
FRESH_S: Final = 0.05
"""An answer is believed this long; a message that did not go out by then asks again."""
ANSWER_S: Final = 0.5
"""How long an answer may take. One that took longer (this process stood still, say) is asked for once more."""
ASKED: Final = 2
AWAY_S: Final = 1.0
"""A store that did not answer is not asked again for this long: every page would wait for nothing."""


class LastLook:
    """Asks for all pages that are about to go out; where no other engine can be, there is nothing to ask."""

    def __init__(self, desk: Desk, learn: Callable[[Sequence[Incident]], None], unsure: Callable[[int], None]) -> None:
        """Tell `learn` what incidents have become, and `unsure` how many pages went unasked."""
        self._desk = desk
        self._learn = learn
        self._unsure = unsure
        self._waiting: list[tuple[Hold, asyncio.Future[None]]] = []
        self._asking: asyncio.Task[None] | None = None
        self._away_until: float | None = None

    @property
    def ahead(self) -> timedelta:
        """How long before its moment a page should be asked for."""
        return timedelta(0) if self._desk.store.beside is None else AHEAD

    def fresh(self, hold: Hold) -> bool:
        """Tell whether the last answer about a page is new enough to send on."""
        if self._desk.store.beside is None:
            return True
        return hold.confirmed is not None and self._desk.clock.monotonic() - hold.confirmed <= FRESH_S

    async def take(self, hold: Hold) -> None:
        """Let the page know what the store says of it, or that it does not answer."""
        if self._desk.store.beside is None:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((hold, done))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all(), name="last-look")
        await done

    async def stop(self) -> None:
        """Drop a question that is under way; nobody waits for it any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                sure = await self._ask([hold for hold, _ in batch])
            except Exception:  # boundary: a fault here must hold up no page
                log.exception("the last look into the store failed")
                sure = False
            now = self._desk.clock.monotonic()
            for hold, done in batch:
                hold.confirmed = now
                if not done.done():
                    done.set_result(None)
            if not sure:
                self._unsure(len(batch))

    async def _ask(self, holds: Sequence[Hold]) -> bool:
        """Give whether the store has said how these claims stand, just now."""
        beside, clock = self._desk.store.beside, self._desk.clock
        if beside is None or (self._away_until is not None and clock.monotonic() < self._away_until):
            return beside is None
        held = {hold.page.id: 0 if hold.incident is None else hold.incident.last_seq for hold in holds}
        for _ in range(ASKED):
            began = clock.monotonic()
            try:
                async with asyncio.timeout(ANSWER_S):
                    found = await beside.claims(held)
            except (Unavailable, TimeoutError) as error:
                self._is_away(error)
                return False
            for hold in holds:
                hold.hear(found.get(hold.page.id))
            self._learn([standing.incident for standing in found.values() if standing.incident is not None])
            if clock.monotonic() - began <= ANSWER_S:
                if self._away_until is not None:
                    log.info("pages are looked up in the store again before they are sent")
                self._away_until = None
                return True
        return False

    def _is_away(self, error: Exception) -> None:
        if self._away_until is None:
            reason = getattr(error, "detail", "") or "no answer in time"
            log.warning("pages are sent without a last look into the store, which does not answer", reason=reason)
        self._away_until = self._desk.clock.monotonic() + AWAY_S
