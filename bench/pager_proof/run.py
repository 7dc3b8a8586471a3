"""One schedule carried out: alerts in, people who acknowledge, faults at their moments; gives what was seen."""

import asyncio
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from tests.support.stores import Postgres

from bench.pager_proof import checker, world
from bench.pager_proof.disk import Disk
from bench.pager_proof.engine import START_S, Door, Life, Nursery, begin, port
from bench.pager_proof.orders import Orders
from bench.pager_proof.processor import Own, Wanting
from bench.pager_proof.record import Accepted, Acked, Arrival, Record, Window
from bench.pager_proof.schedule import Ack, Alert, Schedule, Spell, TroubleKind
from bench.pager_proof.sinks import Sinks
from judgify.kit.clock import SystemClock
from judgify.kit.secrets import NAMES, ensure_secret

API: Final = "/api/v2/response"
AGAIN_S: Final = 0.05
"""A sender that got no answer tries again after this."""
GIVE_UP_S: Final = 40.0
"""Longer than any run that holds its promises."""
QUIET_S: Final = 0.8
"""How long a run goes on after the last message that was owed, for one that was not."""
LIMIT_S: Final = 75.0
"""A run that takes longer than this, beginning and end included, is ended and has failed."""
ENDED_S: Final = 5.0
"""A process that was killed is gone within this time."""
FOR_EVER: Final = 1e9
_CLOCK: Final = SystemClock()


class Run:
    """A schedule at work in a folder of its own."""

    def __init__(
        self,
        schedule: Schedule,
        nursery: Nursery,
        own: Own,
        *,
        mutant: str = "",
        database: tuple[Postgres, str] | None = None,
    ) -> None:
        """Prepare; `mutant` names what is broken on purpose, `database` is a server and an empty database on it."""
        self._own = own
        self.record = Record()
        self.folder = Path(tempfile.mkdtemp(prefix="judgify-proof-"))
        self._plan = schedule
        self._nursery = nursery
        self._mutant = mutant
        self._database = database
        self._zero = _CLOCK.monotonic()
        self._sinks = Sinks(self.now, self._trouble, self._arrived)
        self._lives: list[Life] = []
        self._starts = 0
        self._sends = 0
        self._over = False
        self._longer_s = 0.0
        self._mending = False
        self._disk = Disk(self.folder / "home" / "response", tmpfs=schedule.tmpfs) if schedule.fulls else None

    @property
    def log(self) -> Path:
        """Where the engines' words are."""
        return self.folder / "engine.log"

    def now(self) -> float:
        """Give seconds since the first engine was ready."""
        return _CLOCK.monotonic() - self._zero

    async def carry_out(self) -> Record:
        """Run it to its end; never raises for what an engine does."""
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._open()
            tasks = [asyncio.create_task(self._named(work)) for work in self._works()]
            await self._end()
        finally:
            self._over = True
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                await self._close()
        return self.record

    def discard(self) -> None:
        """Remove what the run wrote."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # beginning and end

    async def _open(self) -> None:
        home = self.folder / "home"
        home.mkdir()
        for name in NAMES:
            ensure_secret(home, name)
        self._door = Door(ensure_secret(home, "cli_token"))
        (self.folder / "time").write_text("+0", encoding="ascii")
        if self._disk is not None:
            self._disk.open()
        await self._sinks.open()
        self._environ = {
            "JUDGIFY_HOME": str(home),
            "JUDGIFY_PORT_BASE": "9",
            "JUDGIFY_EGRESS_ALLOW": "127.0.0.1",
            "JUDGIFY_PAGE_URL": f"http://127.0.0.1:{self._sinks.http_port}/page",
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / "time"),
        }
        if self._database is not None:
            server, name = self._database
            self._environ["JUDGIFY_RESPONSE_DATABASE_URL"] = server.url_of(name)
        await self._live(port())
        if self._plan.pair:
            await self._live(port(), second=True)
        self._zero = _CLOCK.monotonic()
        for life in self._lives:
            self._is_up(life)

    async def _close(self) -> None:
        self.record.ended_at = self.now()
        for life in self._lives:
            life.signal(signal.SIGKILL)
        try:
            async with asyncio.timeout(ENDED_S):
                for life in self._lives:
                    await life.ended.wait()
        except TimeoutError:
            self.record.faults.append(f"an engine did not end within {ENDED_S:g} s of its kill -9")
        finally:
            for life in self._lives:
                life.close()
            await self._sinks.close()
            if self._disk is not None:
                self._disk.close()
        end = self.record.ended_at
        self.record.up = [Window(one.start, min(one.end, end), what=one.what) for one in self.record.up]

    def _works(self) -> Iterator[Callable[[], Awaitable[None]]]:
        yield lambda: self._keep(self._lives[0])
        yield self._watch_the_processor
        accepted = [asyncio.Event() for _ in self._plan.alerts]
        yield from (partial(self._send, alert, accepted[index]) for index, alert in enumerate(self._plan.alerts))
        yield from (partial(self._acknowledge, ack, accepted[ack.alert]) for ack in self._plan.acks)
        yield from (partial(self._kill, at) for at in self._plan.kills)
        yield from (partial(self._jump, jump.at, jump.by_s) for jump in self._plan.jumps)
        yield from (partial(self._stall, spell) for spell in self._plan.stalls)
        yield from (partial(self._full, spell) for spell in self._plan.fulls)
        yield from (partial(self._freeze, spell, self._lives[0]) for spell in self._plan.freezes)
        yield from (partial(self._away, spell) for spell in self._plan.away)
        self.record.troubles += [
            Window(one.at, one.at + one.for_s, one.sink, one.kind) for one in self._plan.troubles if one.kind != "slow"
        ]
        if self._plan.twin is not None:
            yield self._twin

    async def _named(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - boundary: what the harness cannot do fails the run, not the series
            self.record.faults.append(f"the harness: {type(error).__name__}: {error}")

    async def _end(self) -> None:
        """Return when nothing is owed any more, or nothing can come in time any more."""
        last_fault = max(
            (
                *(one.end for one in self.record.troubles),
                *self._plan.kills,
                *(one.at for one in self._plan.jumps),
                *(one.at + one.for_s for one in (*self._plan.stalls, *self._plan.fulls, *self._plan.freezes)),
                *(one.at + one.for_s for one in self._plan.away),
            ),
            default=0.0,
        )
        quiet_from = 0.0
        while self.now() < GIVE_UP_S + self._longer_s:
            await _CLOCK.sleep(0.05)
            now = self.now()
            done = len(self.record.accepted) == len(self._plan.alerts) and len(self.record.acked) == len(
                self._plan.acks
            )
            if not done or now < last_fault or self._mending or checker.waiting(self.record, now):
                quiet_from = now
                if done and not self._mending and self._hopeless(now):
                    return
                continue
            # What was acknowledged must stay silent for a while, and late repeats must have time to come.
            if now - quiet_from > QUIET_S:
                return

    def _hopeless(self, now: float) -> bool:
        due = max(one.answered_at for one in self.record.accepted) + world.LAST_S
        troubles = max((one.end for one in self.record.troubles if one.end < FOR_EVER), default=0.0)
        start = max((one.start for one in self.record.up), default=0.0)
        last = max(due, troubles + checker.SETTLE_S, start)
        return now > last + 2 * world.BOUND_S + self.record.starved_s(last, now)

    async def _watch_the_processor(self) -> None:
        """Note how long engines and this program are ready to run and get no processor."""
        wanting = Wanting()
        while True:
            engines = wanting.seconds(life.pid for life in self._lives if not life.ended.is_set())
            self.record.starved.append((self.now(), engines + self._own.seconds()))
            await asyncio.sleep(0.05)

    # engines

    async def _live(self, number: int, *, second: bool = False) -> Life:
        crash = None
        if not second:
            planned = self._plan.crashes[self._starts : self._starts + 1]
            self._starts += 1
            crash = planned[0] if planned else None
        orders = Orders(
            smtp_port=self._sinks.smtp_port,
            crash=None if crash is None else (crash.what, crash.number, crash.when),
            pages_flag=str(self._disk.flag) if self._disk is not None and not self._disk.tmpfs else "",
            together=self._plan.twin is not None,
            mutant=self._mutant,
        )
        self._sends = 0
        environ = self._environ | {"JUDGIFY_ENGINE": "second" if second else "first"}
        life = await begin(self._nursery, environ, orders, self.log, number)
        self._lives.append(life)
        began = _CLOCK.monotonic()
        while not life.ended.is_set() and _CLOCK.monotonic() - began < START_S:
            status, _ = await self._door.call(number, "GET", "/ready")
            if status == 200:
                break
            await asyncio.sleep(0.02)
        return life

    async def _keep(self, life: Life) -> None:
        """Start the engine again whenever it ended, as the supervisor does."""
        deaths = 0
        while True:
            await life.ended.wait()
            self._is_down(life)
            if self._over:
                return
            down = self._plan.down_s[min(deaths, len(self._plan.down_s) - 1)]
            deaths += 1
            await asyncio.sleep(down)
            life = await self._live(life.port)
            self._is_up(life)

    def _is_up(self, life: Life) -> None:
        if not life.ended.is_set():
            self.record.up.append(Window(self.now(), FOR_EVER, what=str(life.pid)))

    def _is_down(self, life: Life) -> None:
        """Note that an engine died or was frozen: what it had under way may come again."""
        now = self.now()
        self.record.takeovers += 1
        if self._plan.pair:
            # What it had claimed is the other one's when its lease is over, and not before.
            self.record.troubles.append(Window(now, now + world.LEASE_S, what="claimed by an engine that is gone"))
        self.record.up = [
            Window(one.start, now, what=one.what) if one.what == str(life.pid) and one.end > now else one
            for one in self.record.up
        ]

    async def _twin(self) -> None:
        """Freeze the first engine, let a second one take over at once, and wake the first one later."""
        spell = self._plan.twin or Spell(0.0, 0.0)
        await self._until(spell.at)
        frozen = asyncio.create_task(self._freeze(Spell(0.0, spell.for_s), self._lives[0]))
        second = await self._live(port(), second=True)
        self._is_up(second)
        await frozen

    # what people and programs do

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self.now()))

    def _ports(self) -> list[int]:
        """Give the engines to try, the newest first."""
        return list(dict.fromkeys(life.port for life in reversed(self._lives)))

    async def _send(self, alert: Alert, done: asyncio.Event) -> None:
        await self._until(alert.at)
        body = {"service": alert.service, "signal": "odd_thing", "severity": "critical", "fingerprint": alert.service}
        for _ in range(alert.copies):
            tried_at = self.now()
            while True:
                for number in self._ports():
                    status, answer = await self._door.call(number, "POST", f"{API}/signals", body)
                    if status == 202:
                        break
                else:
                    await asyncio.sleep(AGAIN_S)
                    continue
                break
            incident = answer["data"][0]["incident_id"]
            known = next((one for one in self.record.accepted if one.service == alert.service), None)
            if known is None or known.incident != incident:
                self.record.accepted.append(Accepted(alert.service, incident, tried_at, self.now()))
        done.set()

    async def _acknowledge(self, ack: Ack, accepted: asyncio.Event) -> None:
        await accepted.wait()
        await asyncio.sleep(ack.after_s)
        service = self._plan.alerts[ack.alert].service
        incident = next(one.incident for one in self.record.accepted if one.service == service)
        asked_at = self.now()
        while True:
            for number in self._ports():
                path = f"{API}/incidents/{incident}/ack"
                status, _ = await self._door.call(number, "POST", path, {})
                if status == 200:
                    self.record.acked.append(Acked(incident, asked_at, self.now()))
                    return
            await asyncio.sleep(AGAIN_S)

    def _trouble(self, sink: str) -> TroubleKind | None:
        now = self.now()
        return next(
            (one.kind for one in self._plan.troubles if one.sink == sink and one.at <= now < one.at + one.for_s), None
        )

    def _arrived(self, arrival: Arrival) -> None:
        self.record.arrivals.append(arrival)
        self._sends += 1
        crash = self._plan.crashes[self._starts - 1] if self._starts <= len(self._plan.crashes) else None
        if crash is not None and (crash.what, crash.when, crash.number) == ("send", "inside", self._sends):
            self._first().signal(signal.SIGKILL)

    # faults

    async def _kill(self, at: float) -> None:
        await self._until(at)
        self._first().signal(signal.SIGKILL)

    def _first(self) -> Life:
        """Give the newest life of the engine that faults are for."""
        return next(life for life in reversed(self._lives) if life.port == self._lives[0].port)

    async def _jump(self, at: float, by_s: float) -> None:
        await self._until(at)
        path = self.folder / "time"
        moved = float(path.read_text(encoding="ascii")) + by_s
        # In one step: an engine that reads an empty file would complain about it.
        scratch = path.with_suffix(".new")
        scratch.write_text(f"{moved:+.0f}", encoding="ascii")
        scratch.replace(path)

    async def _stall(self, spell: Spell) -> None:
        """Stop the server's processes, or hold the file's only write lock."""
        await self._until(spell.at)
        if self._database is not None:
            start = self.now()
            try:
                self._database[0].freeze()
                await asyncio.sleep(spell.for_s)
            finally:
                self._database[0].thaw()
            self.record.troubles.append(Window(start, self.now(), what="stalled"))
            return
        path = self.folder / "home" / "response" / "response.db"
        connection = sqlite3.connect(path, isolation_level=None, timeout=0.0)
        try:
            while True:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    break
                except sqlite3.OperationalError:
                    await asyncio.sleep(0.005)
            start = self.now()
            await asyncio.sleep(spell.for_s)
            connection.execute("ROLLBACK")
            self.record.troubles.append(Window(start, self.now(), what="stalled"))
        finally:
            connection.close()

    async def _away(self, spell: Spell) -> None:
        """Shut the server down as `immediate` does, in the middle of whatever it is at, and start it again."""
        await self._until(spell.at)
        if self._database is not None:
            start = self.now()
            self._mending = True
            await asyncio.to_thread(self._database[0].kill)
            await asyncio.sleep(spell.for_s)
            await asyncio.to_thread(self._database[0].start)
            self._mending = False
            self._longer_s += self.now() - start
            self.record.troubles.append(Window(start, self.now(), what="the database was away"))

    async def _full(self, spell: Spell) -> None:
        await self._until(spell.at)
        start = self.now()
        if self._disk is not None:
            self._disk.fill()
            await asyncio.sleep(spell.for_s)
            self._disk.relieve()
        self.record.troubles.append(Window(start, self.now(), what="full"))

    async def _freeze(self, spell: Spell, life: Life) -> None:
        await self._until(spell.at)
        start = self.now()
        life.signal(signal.SIGSTOP)
        self._is_down(life)
        await asyncio.sleep(spell.for_s)
        life.signal(signal.SIGCONT)
        self._is_up(life)
        self.record.frozen.append(Window(start, self.now()))
