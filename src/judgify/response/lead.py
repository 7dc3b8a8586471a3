"""Engines side by side on one store: all of them take signals and send pages, one of them leads.

What must be done once is done by the leader alone: probing, runbooks, recovery, phases, checklists, documents,
canaries. The lead is a lease in the store; an engine that stood still finds it gone before it does anything else. Lease
and presence are written and read in the store's clock, which all engines share, whatever their own clocks show.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from judgify.kit.clock import iso
from judgify.kit.errors import JudgifyError
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger
from judgify.response.desk import Desk, Work
from judgify.response.engine import Engine
from judgify.response.kept import Kept
from judgify.response.model import Signal

log = get_logger("judgify.response.lead")
LEASE: Final = timedelta(seconds=12)
RENEW_S: Final = 2.0
"""The lease is renewed, and the engine's presence written, this often."""
MARGIN_S: Final = 2.0
"""The leader stops this long before its lease ends, so that two never lead."""
SILENT: Final = timedelta(seconds=20)
"""An engine that has not written its presence for so long is silent: its twin pages for it."""
LEAD, ENGINE_KIND = "engine-lead", "engine"


class Lead:
    """Whether this engine leads, and whether the others are there."""

    def __init__(self, desk: Desk, engine: Engine, name: str) -> None:
        """Take part under a name."""
        self._desk = desk
        self._engine = engine
        self._name = name
        self._until = 0.0

    @property
    def held(self) -> bool:
        """Whether this engine leads at this moment, by time that also passes while a process stands still."""
        return self._desk.clock.monotonic() < self._until

    async def run(self) -> None:
        """Keep the lease and the presence, and watch the others; until cancelled, then leave in good order."""
        try:
            while True:
                await self.look()
                await self._desk.clock.sleep(RENEW_S)
        finally:
            self._until = 0.0
            with suppress(JudgifyError):
                await self._desk.command(self._leave)

    async def look(self) -> None:
        """Renew or take the lease, write the presence, and raise a signal for a twin that has fallen silent."""
        began = self._desk.clock.monotonic()
        led = self.held
        leads, silent = await self._desk.command(self._take, quiet=True)
        self._until = began + LEASE.total_seconds() - MARGIN_S if leads else 0.0
        if led != self.held:
            log.info("this engine leads" if self.held else "another engine leads", engine=self._name)
            self._desk.wake.set()
        for name in silent:
            log.error("an engine is silent", engine=name)
            await self._engine.signal(_silence(name, self._desk.clock.now()))

    async def only(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` while this engine leads."""
        while True:
            if not self.held:
                await self._desk.clock.sleep(0.25)
                continue
            task = asyncio.create_task(work(), name=f"only-leader-{self._name}")
            try:
                while not task.done() and self.held:
                    await self._desk.clock.sleep(0.25)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled() and (fault := task.exception()) is not None:
                log.error("what the leader does failed and begins anew", exc_info=fault)
                await self._desk.clock.sleep(1.0)

    def _now(self, job: Work) -> datetime:
        """Give the moment by the store's clock."""
        beside = self._desk.store.beside
        return job.now + timedelta(seconds=(0.0 if beside is None else beside.ahead_s) or 0.0)

    def _take(self, job: Work) -> tuple[bool, list[str]]:
        now = self._now(job)
        lease = job.tx.kept(LEAD, LEAD)
        free = lease is None or lease.owner == self._name or _ended(lease, now)
        if free:
            # Not `until`: what is swept out by that goes by the clock of whoever sweeps.
            job.tx.keep(Kept(kind=LEAD, id=LEAD, owner=self._name, body={"until": iso(now + LEASE)}))
        job.tx.keep(Kept(kind=ENGINE_KIND, id=self._name, body={"seen": iso(now)}))
        silent = []
        for other in job.tx.all_kept(ENGINE_KIND):
            gone = other.body.get("left") or other.body.get("told")
            if other.id != self._name and not gone and now - datetime.fromisoformat(other.body["seen"]) > SILENT:
                job.tx.keep(other.model_copy(update={"body": {**other.body, "told": True}}))
                silent.append(other.id)
        return free, silent

    def _leave(self, job: Work) -> None:
        lease = job.tx.kept(LEAD, LEAD)
        if lease is not None and lease.owner == self._name:
            job.tx.drop(LEAD, LEAD)
        job.tx.keep(Kept(kind=ENGINE_KIND, id=self._name, body={"seen": iso(self._now(job)), "left": True}))


def _ended(lease: Kept, now: datetime) -> bool:
    """Tell whether a lease is over; one that an earlier release wrote said when in another place."""
    until = datetime.fromisoformat(lease.body["until"]) if "until" in lease.body else lease.until
    return until is None or until <= now


def _silence(name: str, now: datetime) -> Signal:
    return Signal(
        id=new_id("sig"),
        service=f"engine:{name}",
        signal="alert_missing",
        source="probe",
        own=True,
        text=f"the response engine {name} is silent; this one goes on alone",
        observed_at=now,
        received_at=now,
    )
