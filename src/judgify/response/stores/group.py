"""Commands that wait together are committed together: the disk is waited for once, and a bad one fails alone."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from judgify.kit.log import get_logger
from judgify.response.ports import Tx

log = get_logger("judgify.response.store")
T = TypeVar("T")
MOST: Final = 128
"""Commands of one transaction."""
LONGEST_S: Final = 0.02
"""Once a transaction has lasted this long it takes no further command: the first one waits for its commit."""


class Job:
    """One command that waits; afterwards what it gave or what it raised."""

    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Callable[[Tx], Any], future: "asyncio.Future[Any]") -> None:
        """Wait with `work`; `future` is told."""
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None


class Door(Protocol):
    """How a group is run on one connection, from one thread. Every method may raise what `fault` explains."""

    def begin(self) -> None:
        """Begin a transaction that may write."""
        ...

    def tx(self) -> Tx:
        """Give a new view of the transaction that is open."""
        ...

    def mark(self) -> None:
        """Remember this point of the transaction, and no earlier one."""
        ...

    def back(self) -> bool:
        """Undo everything since the mark; False when the database has undone the whole transaction by itself."""
        ...

    def commit(self) -> None:
        """Make everything durable."""
        ...

    def undo(self) -> None:
        """Undo the whole transaction, as far as there is one. Never raises."""
        ...

    def fault(self, error: BaseException) -> BaseException:
        """Give the error that whoever gave the command is told."""
        ...


class Undone(Exception):
    """The database has undone the whole transaction on account of one command."""


def run_group(door: Door, jobs: Sequence[Job], monotonic: Callable[[], float]) -> int:
    """Run jobs in one transaction as far as time allows; give how many are settled. A job may be run a second time.

    When the group cannot be committed as a whole, each is run by itself, so that each has an answer of its own.
    """
    if len(jobs) == 1:
        _alone(door, jobs[0])
        return 1
    until = monotonic() + LONGEST_S
    done = 0
    try:
        door.begin()
        for job in jobs:
            door.mark()
            job.error = None
            try:
                job.result = job.work(door.tx())
            except BaseException as error:  # boundary: whatever a command raises is its own answer
                job.error = door.fault(error)
                if not door.back():
                    raise Undone from error
            done += 1
            if monotonic() >= until:
                break
        door.commit()
    except Exception:  # noqa: BLE001 - boundary: each command learns its own fate
        door.undo()
        done = max(done, 1)
        for job in jobs[:done]:
            _alone(door, job)
    return done


def _alone(door: Door, job: Job) -> None:
    job.error = None
    try:
        door.begin()
        job.result = job.work(door.tx())
        door.commit()
    except BaseException as error:  # noqa: BLE001 - boundary: whatever a command raises is its own answer
        door.undo()
        job.error = door.fault(error)


class GroupWriter:
    """One thread that runs whatever commands wait, group by group, in the order in which they came."""

    def __init__(self, name: str, door: Door, monotonic: Callable[[], float]) -> None:
        """Run groups through a door."""
        self.thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._door = door
        self._monotonic = monotonic
        self._waiting: deque[Job] = deque()
        self._lock = threading.Lock()
        self._busy = False

    async def do(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction; return once that is durable, or raise what it raised."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(Job(work, future))
            begin, self._busy = not self._busy, True
        if begin:
            self.thread.submit(self._drain)
        return await future

    def _drain(self) -> None:
        while True:
            with self._lock:
                jobs = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                if not jobs:
                    self._busy = False
                    return
            try:
                done = run_group(self._door, jobs, self._monotonic)
            except BaseException as error:  # boundary: whatever it is, those who wait are told, and others go on
                log.exception("a group of commands failed")
                done = len(jobs)
                for job in jobs:
                    job.error = error
            with self._lock:
                self._waiting.extendleft(reversed(jobs[done:]))
            # A loop that is closed has nobody left who waits.
            with suppress(RuntimeError):
                jobs[0].future.get_loop().call_soon_threadsafe(_settle, jobs[:done])


def _settle(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)
