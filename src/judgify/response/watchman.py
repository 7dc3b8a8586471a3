"""Listens for dead man's switches: takes beats, and notices silence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from judgify.kit.errors import Conflict, NotFound
from judgify.kit.log import get_logger
from judgify.response import heartbeat
from judgify.response.desk import Work
from judgify.response.engine import Engine
from judgify.response.guide.intake import HeartbeatEntry
from judgify.response.heartbeat import Heartbeat
from judgify.response.reception import beat

log = get_logger("judgify.response.heartbeat")
LOOK_S: Final = 1.0
"""Silence is noticed at most this long after it counts."""
MAX_HEARTBEATS: Final = 1_000


class Heartbeats:
    """The engine's dead man's switches. Silence counts while an engine listens: see `heartbeat`."""

    def __init__(self, engine: Engine, entries: Sequence[HeartbeatEntry]) -> None:
        """Listen for those that the guide names, and for those that are registered."""
        self._engine = engine
        self._desk = engine.desk
        self._entries = tuple(entries)
        self._since: datetime | None = None

    async def start(self) -> None:
        """Begin to listen: what the guide names is known from now on; what it names no more is forgotten."""
        self._since = self._desk.clock.now()

        def work(job: Work) -> None:
            named = {entry.name for entry in self._entries}
            for kept in job.tx.all_kept(heartbeat.KIND):
                if heartbeat.of_kept(kept).source == "guide" and kept.id not in named:
                    job.tx.drop(heartbeat.KIND, kept.id)
            for entry in self._entries:
                heartbeat.save(job, heartbeat.of_entry(entry, heartbeat.load(job, entry.name), job.now))

        await self._desk.command(work)

    async def beat(self, name: str) -> Heartbeat:
        """Take a beat; durable when this returns. `NotFound` when nobody knows the name."""
        return await self._desk.command(lambda job: beat(job, name))

    async def all(self) -> list[Heartbeat]:
        """Give every heartbeat, by name."""
        found = await self._desk.ask(lambda tx: tx.all_kept(heartbeat.KIND))
        return [heartbeat.of_kept(kept) for kept in found]

    async def register(self, name: str, *, every_s: float, grace_s: float, service: str) -> Heartbeat:
        """Make or change a heartbeat that the guide does not name; `Conflict` for one that it does."""

        def work(job: Work) -> Heartbeat:
            known = heartbeat.load(job, name)
            if known is not None and known.source == "guide":
                raise Conflict(f"the heartbeat {name!r} is the guide's; change intake.yaml")
            if known is None and len(job.tx.all_kept(heartbeat.KIND)) >= MAX_HEARTBEATS:
                raise Conflict(f"there are {MAX_HEARTBEATS} heartbeats; forget some first")
            base = known or Heartbeat(name=name, every_s=every_s, known_at=job.now)
            made = base.model_copy(update={"every_s": every_s, "grace_s": grace_s, "service": service})
            heartbeat.save(job, made)
            return made

        return await self._desk.command(work)

    async def forget(self, name: str) -> None:
        """Forget a registered heartbeat; `NotFound` when there is none, `Conflict` for the guide's own."""

        def work(job: Work) -> None:
            known = heartbeat.load(job, name)
            if known is None:
                raise NotFound(f"there is no heartbeat {name[:60]!r}")
            if known.source == "guide":
                raise Conflict(f"the heartbeat {name!r} is the guide's; take it out of intake.yaml")
            job.tx.drop(heartbeat.KIND, name)

        await self._desk.command(work)

    async def look(self) -> None:
        """Tell of every heartbeat whose silence counts by now, each once."""
        if self._since is None:
            await self.start()
        since = self._since or self._desk.clock.now()
        now = self._desk.clock.now()
        for one in await self.all():
            due = one.missing_at(since)
            if due is not None and due <= now:
                log.warning("heartbeat missing", heartbeat=one.name)
                await self._engine.fall_silent(one.name, since)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await self._desk.clock.sleep(LOOK_S)
