"""`bad-release`: a release that leaks memory is rolled out; the fault is the moment its memory crosses the limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from judgify.drill import judge
from judgify.drill.act import Act, Struck, until
from judgify.drill.doors import Doors, Say
from judgify.drill.leak import MIB
from judgify.drill.load import Load
from judgify.drill.scenario import Scenario
from judgify.drill.undo import Undo
from judgify.kit.errors import Conflict, Unavailable
from judgify.kit.supervisor_types import UnitSpec

BAD: Final = "v2.0.0-leak"
HEADROOM: Final = 96 * MIB
"""How much more than now the unit may use, before the bad release is rolled out."""
_RATE_MIB: Final = 24
_GOOD_S: Final = 2.0
"""Seconds in which the new release judges rightly before it begins to leak."""
_LOOK_S: Final = 0.02
_CROSSED_WITHIN_S: Final = 40.0


@dataclass(slots=True)
class _Seen:
    before: str = ""
    limit: int = 0
    crossed_at: int = 0
    go: Path | None = None


class BadRelease(Act):
    """Defines the leaking release over the running one, as a deployment would, and waits for its memory to cross."""

    _spec: UnitSpec

    def __init__(self, scenario: Scenario, doors: Doors, undo: Undo, say: Say) -> None:
        """See `Act`."""
        super().__init__(scenario, doors, undo, say)
        self._seen = _Seen()

    async def prepare(self) -> None:
        """Give the unit a memory limit that the running release keeps."""
        supervisor, name = self.doors.supervisor, self.scenario.unit
        unit = await supervisor.unit(name)
        if unit.release == BAD:
            raise Conflict(f"{name} runs {BAD} already; roll it back before a drill")
        self._spec = await supervisor.spec(name)
        pid = unit.pid
        if pid is None:
            raise Conflict(f"the unit {name} does not run; start it first: judgify up")
        limit = unit.limits.memory_bytes or resident(pid) + HEADROOM
        self._seen.before, self._seen.limit = unit.release, limit
        self.undo.definition(self._spec, BAD)
        self.undo.limits(name, unit.limits.memory_bytes)
        await supervisor.set_limits(name, memory_bytes=limit, reason="drill: bad-release")

    async def strike(self, load: Load) -> Struck:
        """Roll out the release, and give the moment at which its memory crossed the limit."""
        clock, supervisor, name = self.doors.clock, self.doors.supervisor, self.scenario.unit
        self._seen.go = self.doors.settings.home / "drills" / f"leak-{clock.now():%H%M%S%f}"
        self.undo.file(self._seen.go)
        *python, module = self._spec.command
        leaking = ("judgify.drill.leak", "--mib-per-s", str(_RATE_MIB), "--when", str(self._seen.go))
        command = (*python, *leaking, module)
        spec = self._spec.model_copy(update={"command": command, "release": BAD})
        change = await supervisor.define(spec, reason=f"drill: release {BAD}", restart=True, wait_s=30)
        pid = change.unit.pid
        if not change.healthy or pid is None:
            raise Unavailable(f"{BAD} did not become healthy, so that it could not do harm; it was taken back")
        self.say(f"released {BAD} over {self._seen.before}; it is healthy")
        await self._good_for_a_while(load)
        self.say(f"it begins to leak, {_RATE_MIB} MiB/s")
        self._seen.go.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._seen.go.touch()
        deadline = clock.monotonic() + _CROSSED_WITHIN_S
        while (used := resident(pid)) <= self._seen.limit:
            if clock.monotonic() > deadline:
                raise Unavailable(f"{BAD} did not reach its limit; it was taken back")
            if used:
                self._seen.crossed_at = used
            elif not psutil.pid_exists(pid):
                break  # it was killed between two looks: that moment is the nearest one known
            await clock.sleep(_LOOK_S)
        mono, at = clock.monotonic(), clock.now()
        self._seen.crossed_at = max(used, self._seen.crossed_at)
        words = f"{self._seen.crossed_at / MIB:.0f} MiB, limit {self._seen.limit / MIB:.0f} MiB"
        return Struck(mono, at, f"memory of {name} {BAD} crossed its limit ({words})")

    async def _good_for_a_while(self, load: Load) -> None:
        clock = self.doors.clock

        async def good() -> bool:
            now = clock.monotonic()
            return judge.steady(load.samples, now - 0.5 - _GOOD_S, now - 0.5, 1.0)

        await until(good, self.doors, f"{BAD} did not judge rightly")

    async def verdict(self, load: Load, struck: Struck, operations: Sequence[str]) -> list[str]:
        """The cure must be the older release: rolled back, not started again into the same leak."""
        del load
        unit = await self.doors.supervisor.unit(self.scenario.unit)
        events = await self.doors.supervisor.events(after=-1, limit=200)
        found = []
        if unit.release != self._seen.before:
            found.append(f"the unit runs {unit.release}, not the release before, {self._seen.before}")
        by_number = {known.number: known.release for known in unit.revisions}
        running = {by_number.get(one.revision) for one in unit.instances if one.exited_at is None}
        if running != {self._seen.before}:
            found.append(f"the processes run {running}, not {self._seen.before}")
        if list(operations) != ["rollback"]:
            found.append(f"the engine did {', '.join(operations) or 'nothing'}, where one rollback is the cure")
        ends = [one for one in events if one.unit == unit.name and one.kind == "exited" and one.time >= struck.at]
        if not any(str(one.detail.get("reason", "")).startswith("out of memory") for one in ends):
            found.append("the supervisor did not end the unit for its memory")
        return found

    def figures(self) -> dict[str, Any]:
        """Give the releases and the figures of the memory."""
        return {
            "bad_release": BAD,
            "release_before": self._seen.before,
            "limit_mib": round(self._seen.limit / MIB),
            "memory_mib": round(self._seen.crossed_at / MIB),
        }


def resident(pid: int) -> int:
    """Give the resident memory in bytes of a process and its descendants; 0 when it has ended."""
    try:
        process = psutil.Process(pid)
        total = int(process.memory_info().rss)
        for child in process.children(recursive=True):
            total += int(child.memory_info().rss)
    except psutil.Error:
        return 0
    return total
