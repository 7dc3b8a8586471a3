"""Many schedules, several at a time; what came of each."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.pager_proof import world
from bench.pager_proof.checker import Figures, Violation, check
from bench.pager_proof.database import Databases
from bench.pager_proof.engine import Nursery
from bench.pager_proof.record import Record
from bench.pager_proof.run import Run
from bench.pager_proof.schedule import Family, Schedule, plan
from judgify.kit.clock import SystemClock
from judgify.response.guide.loader import default_guide_dir


@dataclass(frozen=True, slots=True)
class Result:
    """One run that was carried out and checked."""

    schedule: Schedule
    record: Record
    violations: tuple[Violation, ...]
    figures: Figures
    took_s: float
    kept: Path | None
    """The folder of a run that did not hold, for whoever looks into it."""


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder through which PostgreSQL may pass, which runs as another account where this one is root."""
    with tempfile.TemporaryDirectory(prefix="judgify-proof-guide-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def carry_out(
    seeds: Sequence[int],
    *,
    family: Family | None = None,
    mutant: str = "",
    at_once: int = 8,
    keep: bool = False,
    until: Callable[[Result], bool] = lambda _: False,
) -> list[Result]:
    """Run the schedules of these seeds, `at_once` side by side; stops early once `until` says so of a result."""
    results: list[Result] = []
    clock = SystemClock()
    waiting = list(reversed(seeds))
    with open_folder() as folder:
        databases = Databases(folder)
        nursery = Nursery(world.write(folder, default_guide_dir()))
        await nursery.open()

        async def worker() -> None:
            while waiting:
                schedule = plan(waiting.pop(), family)
                began = clock.monotonic()
                async with AsyncExitStack() as stack:
                    database = await stack.enter_async_context(databases.lent()) if schedule.postgres else None
                    run = Run(schedule, nursery, mutant=mutant, database=database)
                    record = await run.carry_out()
                violations, figures = check(record)
                bad = bool(violations) and keep
                kept = run.folder if bad else None
                result = Result(schedule, record, tuple(violations), figures, clock.monotonic() - began, kept)
                if not bad:
                    run.discard()
                results.append(result)
                if until(result):
                    waiting.clear()

        try:
            await asyncio.gather(*(worker() for _ in range(at_once)))
        finally:
            await nursery.close()
            await databases.close()
    return results
