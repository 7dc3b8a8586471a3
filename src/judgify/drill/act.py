"""What one drill does beyond the load: prepare, strike, watch, put back. The plain one kills a unit's processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from judgify.drill import fault, judge
from judgify.drill.doors import Doors, Say
from judgify.drill.judge import Ruling, Sample
from judgify.drill.load import Load
from judgify.drill.scenario import Scenario
from judgify.drill.undo import Undo
from judgify.kit.client import ServiceClient
from judgify.kit.errors import Unavailable

SETTLE_S: Final = 30.0
"""Seconds within which what a drill prepared has to show that it works; else nothing is broken."""


@dataclass(frozen=True, slots=True)
class Struck:
    """When the fault was there, on the monotonic clock and on the wall, and what it is, in words."""

    mono: float
    at: datetime
    text: str


class Act:
    """A drill's own part. The base kills the scenario's unit and lets the load be the judge."""

    def __init__(self, scenario: Scenario, doors: Doors, undo: Undo, say: Say) -> None:
        """Prepare nothing yet. Whatever is changed is noted in `undo` first."""
        self.scenario = scenario
        self.doors = doors
        self.undo = undo
        self.say = say
        self.mended_mono: float | None = None
        """When the drill itself ended the fault, where no step of a runbook does."""

    async def prepare(self) -> None:
        """Change what the drill needs changed, before the load begins."""

    def callers(self) -> Sequence[ServiceClient]:
        """Give the clients that the load asks through, in turn."""
        return (self.doors.gateway,)

    async def steady(self, load: Load) -> None:
        """Wait until what this drill watches besides the load is steady; `Unavailable` when it does not come to be."""

    async def strike(self, load: Load) -> Struck:
        """Break it."""
        del load
        clock = self.doors.clock
        mono, at = clock.monotonic(), clock.now()
        injected = await fault.kill(self.doors.supervisor, self.scenario.unit)
        pids = ", ".join(map(str, injected.pids))
        return Struck(mono, at, f"SIGKILL to {self.scenario.unit} (pid {pids})")

    async def meanwhile(self, struck: Struck, load: Load) -> None:
        """Do what belongs to the fault while the engine works, side by side with the watching."""

    def ruling(self, samples: Sequence[Sample], fault_mono: float) -> Ruling:
        """Say when the fault was felt and when service was back; the load's samples are given."""
        return judge.rule(samples, fault_mono, self.doors.pace.stretch_s)

    async def verdict(self, load: Load, struck: Struck, operations: Sequence[str]) -> list[str]:
        """Say what else fell short, in words; `operations` are the kinds that the engine carried out."""
        del load, struck, operations
        return []

    def executions(self) -> list[str]:
        """Give judgments that were answered besides the load's: they must be found again, too."""
        return []

    def figures(self) -> dict[str, Any]:
        """Give what this drill counted besides, for the report."""
        return {}

    async def close(self) -> None:
        """Let go of connections and tasks; what was changed is put back by the journal."""


async def until(condition: Any, doors: Doors, what: str, within_s: float = SETTLE_S) -> None:
    """Wait for a condition (an async function); `Unavailable` with `what` when it does not hold in time."""
    clock = doors.clock
    deadline = clock.monotonic() + within_s
    while not await condition():
        if clock.monotonic() > deadline:
            raise Unavailable(f"{what}: not within {within_s:g} s; nothing was broken")
        await clock.sleep(0.1)
