"""Many schedules, several at a time; what came of each. No run and no series goes on for ever."""

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.pager_proof import world
from bench.pager_proof.checker import check
from bench.pager_proof.database import SERVERS, Databases
from bench.pager_proof.engine import Nursery
from bench.pager_proof.outcome import Job, Outcome, failed, outcome
from bench.pager_proof.processor import Own
from bench.pager_proof.run import LIMIT_S, Run
from bench.pager_proof.schedule import plan
from judgify.kit.clock import SystemClock
from judgify.response.guide.loader import default_guide_dir

CLOSING_S: Final = 30.0
"""A run that is ended for its time has this long to end its engines and to give its database back."""
_CLOCK: Final = SystemClock()


class OutOfTime(Exception):
    """A series was ended for its time; the message says how much of it was carried out."""


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder through which PostgreSQL may pass, which runs as another account where this one is root."""
    folder = Path(tempfile.mkdtemp(prefix="judgify-proof-guide-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Series:
    """A fork server and databases, and the runs that are carried out with them."""

    def __init__(self, nursery: Nursery, databases: Databases, *, keep: bool) -> None:
        """Keep the folders of runs that do not hold, where `keep` says so."""
        self._nursery = nursery
        self._databases = databases
        self._keep = keep
        self._own = Own()
        self._plain: list[Job] = []
        self._stored: list[Job] = []
        self._lent = 0
        self._numbers = itertools.count()
        self._under_way: dict[int, tuple[Job, float]] = {}

    async def carry_out(
        self,
        jobs: Sequence[Job],
        *,
        at_once: int,
        limit_s: float,
        told: Callable[[Outcome], None] = lambda _: None,
        wanted: Callable[[Job], bool] = lambda _: True,
    ) -> list[Outcome]:
        """Carry out these runs, `at_once` side by side; tell of each, and leave out what is not wanted any more.

        Whatever a run does, it has an outcome: one that cannot be carried out, or takes too long, has failed.

        Raises:
            OutOfTime: not all was done within `limit_s`; what was done has been told.
        """
        outcomes: list[Outcome] = []
        self._plain = [job for job in reversed(jobs) if not plan(job.seed, job.family).postgres]
        self._stored = [job for job in reversed(jobs) if plan(job.seed, job.family).postgres]

        def done(result: Outcome) -> None:
            outcomes.append(result)
            told(result)

        async def worker() -> None:
            while (job := self._next(wanted)) is not None:
                stored = plan(job.seed, job.family).postgres
                self._lent += stored
                try:
                    done(await self._one(job))
                finally:
                    self._lent -= stored

        workers = [asyncio.create_task(worker()) for _ in range(at_once)]
        try:
            over, going_on = await asyncio.wait(workers, timeout=limit_s, return_when=asyncio.FIRST_EXCEPTION)
            for one in over:
                one.result()
            if going_on:
                cut, left = self._cut(), len(self._plain) + len(self._stored)
                await _ended(workers)
                count = f"{len(outcomes)} of {len(jobs)} runs were carried out within {limit_s:g} s"
                for result in cut:
                    done(result)
                raise OutOfTime(f"{count}; {len(cut)} were under way, {left} not begun")
        finally:
            await _ended(workers)
        return outcomes

    def _next(self, wanted: Callable[[Job], bool]) -> Job | None:
        """Give the next run: as long as a database is free one that needs it, since these take longest."""
        for jobs in (self._stored, self._plain) if self._lent < SERVERS else (self._plain,):
            while jobs:
                job = jobs.pop()
                if wanted(job):
                    return job
        return None

    def _cut(self) -> list[Outcome]:
        now = _CLOCK.monotonic()
        why = "was under way when the series' time was over"
        return [failed(job, why, now - began) for job, began in self._under_way.values()]

    async def _one(self, job: Job) -> Outcome:
        number = next(self._numbers)
        began = _CLOCK.monotonic()
        self._under_way[number] = (job, began)
        run: Run | None = None
        result: Outcome | None = None
        try:
            async with asyncio.timeout(LIMIT_S + CLOSING_S), AsyncExitStack() as stack:
                schedule = plan(job.seed, job.family)
                lent = await stack.enter_async_context(self._databases.lent()) if schedule.postgres else None
                run = Run(schedule, self._nursery, self._own, mutant=job.mutant, database=lent)
                async with asyncio.timeout(LIMIT_S):
                    record = await run.carry_out()
            broken, figures = check(record)
            result = outcome(job, record, broken, figures, _CLOCK.monotonic() - began)
        except TimeoutError:
            result = failed(job, f"took longer than {LIMIT_S:g} s and was ended", _CLOCK.monotonic() - began)
        except Exception as error:  # noqa: BLE001 - boundary: what cannot be carried out fails that run, not the series
            why = f"could not be carried out: {type(error).__name__}: {error}"
            result = failed(job, why, _CLOCK.monotonic() - began)
        finally:
            self._under_way.pop(number)
            keep = self._keep and not job.mutant and (result is None or bool(result.broken))
            if run is not None and not keep:
                run.discard()
        return replace(result, kept=str(run.folder)) if keep and run is not None else result


@asynccontextmanager
async def open_series(*, keep: bool = False) -> AsyncIterator[Series]:
    """Start a fork server; on leaving, end it, its engines and all databases."""
    with open_folder() as folder:
        databases = Databases(folder)
        nursery = Nursery(world.write(folder, default_guide_dir()))
        try:
            await nursery.open()
            yield Series(nursery, databases, keep=keep)
        finally:
            await nursery.close()
            await databases.close()


async def _ended(workers: Sequence[asyncio.Task[None]]) -> None:
    for task in workers:
        task.cancel()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_S):
            await asyncio.gather(*workers, return_exceptions=True)
