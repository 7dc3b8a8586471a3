"""Five ways to break the engine. Each must make the proof fail; none of them is in the product."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from bench.pager_proof.graft import graft
from bench.pager_proof.mutant_names import MUTANTS as NAMES
from judgify.kit.steady import SteadyClock
from judgify.response import claim, delivery, hold, outbox, paging

_WIDE_S: Final = 1.0
"""How long the broken engine waits at most, before it commits, for the send that should have come after."""


def send_before_commit() -> None:
    """Hand a page over first, and make the claim durable afterwards."""
    deliveries: Any = delivery.Deliveries
    take, run = deliveries.take, deliveries.run

    async def running(self: Any) -> None:
        self.loop_of_mine = asyncio.get_running_loop()
        await run(self)

    def hasty(self: Any, job: Any, pages: Any) -> Any:
        taken = take(self, job, pages)
        if taken:
            self.loop_of_mine.call_soon_threadsafe(self.send, taken, self._desk.clock.monotonic())
            _sent(self, len(taken))
        return []

    graft(deliveries, "run", running)
    graft(deliveries, "take", hasty)


def _sent(deliveries: Any, number: int) -> None:
    """Wait, in the store's thread, until as many tries as were begun have ended."""
    until = time.monotonic() + _WIDE_S
    before = len(deliveries._under_way)  # noqa: SLF001 - the mutant is a part of what it breaks
    begun = False
    while time.monotonic() < until:
        now = len(deliveries._under_way)  # noqa: SLF001 - same
        begun = begun or now >= before + number
        if begun and all(hold.sent for hold in list(deliveries._holds.values())):  # noqa: SLF001 - same
            time.sleep(0.2)  # the receiver reads it meanwhile
            return
        time.sleep(0.005)


def forget_the_fence() -> None:
    """Send what somebody else may have by now, and let whoever comes late record an outcome, too."""

    def anybodys(job: Any, claimed: Any) -> Any:
        page = job.tx.page(claimed.id)
        gone = page is None or page.state == "withdrawn"
        return None if gone else page.model_copy(update={"state": "claimed", "token": claimed.token})

    graft(delivery, "still_mine", anybodys)
    graft(claim, "still_mine", anybodys)
    graft(hold.Hold, "over", lambda *_: False)
    graft(hold.Hold, "look", lambda *_: None)


def drop_the_unknown_state() -> None:
    """Take an outcome that was never learnt for a delivery."""
    tried: Any = outbox.tried

    def sure(page: Any, outcome: Any, now: Any) -> Any:
        known = "sent" if outcome.outcome == "unknown" else outcome.outcome
        return tried(page, outcome.model_copy(update={"outcome": known}), now)

    graft(outbox, "tried", sure)


def ignore_a_clock_jump() -> None:
    """Believe the machine's clock, whatever it was set to."""

    def believed(self: SteadyClock) -> Any:
        return self.machine.now()

    graft(SteadyClock, "now", believed)


def skip_replan_after_acknowledge() -> None:
    """Acknowledge, and leave what is planned as it was, now and whenever a row is looked at again."""
    owed: Any = paging.still_owed

    def whatever_was_said(page: Any, incident: Any) -> Any:
        reason = owed(page, incident)
        return None if reason == "acknowledged" else reason

    graft(paging, "on_acknowledge", lambda *_: ([], []))
    graft(paging, "still_owed", whatever_was_said)


MUTANTS: Final[dict[str, Callable[[], None]]] = dict(
    zip(
        NAMES,
        (
            send_before_commit,
            forget_the_fence,
            drop_the_unknown_state,
            ignore_a_clock_jump,
            skip_replan_after_acknowledge,
        ),
        strict=True,
    )
)
