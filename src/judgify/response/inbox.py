"""Where a burst waits: bodies as they came, durable before they are answered, folded into incidents right after.

A few signals at a time are taken into their incidents within the request. In a burst that would make senders wait for
thousands of decisions; their bodies are written down as they are instead, many in one commit, and taken afterwards, in
the order in which they came. What a dead engine left behind is taken by the next one, or by its twin.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from judgify.kit.clock import iso
from judgify.kit.errors import JudgifyError, TooMany, Unavailable
from judgify.kit.ids import light_id, new_id
from judgify.kit.log import get_logger
from judgify.response.desk import Work
from judgify.response.engine import Engine
from judgify.response.kept import Kept
from judgify.response.model import Signal
from judgify.response.ports import Tx

log = get_logger("judgify.response.inbox")
KIND: Final = "arrival"
BATCH: Final = 250
"""Signals that are taken in one transaction: short enough that a page's own commit waits little for it."""
CROWD: Final = 8
"""So many senders waiting for the engine at the same moment are a burst."""
GROUP: Final = 500
"""Bodies that are written down in one transaction."""
MAX_WAITING: Final = 200_000
"""Signals that may wait to be taken; a sender beyond that is asked to send later."""
MAX_BYTES: Final = 256 * 1024 * 1024
QUIET_S: Final = 0.03
"""While bodies still come in, taking waits for a pause of this length ..."""
PATIENCE_S: Final = 0.5
"""... but never longer than this."""
ORPHANED: Final = timedelta(seconds=30)
"""A body that another engine wrote down and has not taken for so long is taken by whoever finds it."""
RETRY_S: Final = 1.0
Read = Callable[[str, bytes, datetime, str], Sequence[Signal]]
"""Gives the signals of a body, by the name of its form, the moment at which it came and the sender's service."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A body on its way: `document` is what reading it gave, so that it need not be read twice."""

    form: str
    text: bytes
    at: datetime
    sender: str
    count: int
    signals: Callable[[], Sequence[Signal]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Bodies that were written down together, as one row: they are taken together, and the row goes with that."""

    id: str
    arrivals: tuple[Arrival, ...]

    @property
    def count(self) -> int:
        """How many signals are in it."""
        return sum(arrival.count for arrival in self.arrivals)


class Inbox:
    """Keeps bodies until their signals are taken. `start` before the first, `run` for ever."""

    def __init__(self, engine: Engine, read: Read) -> None:
        """Give signals to an engine."""
        self._engine = engine
        self._desk = engine.desk
        self._read = read
        self._owner = new_id("eng")
        self._coming: deque[tuple[Arrival, asyncio.Future[None]]] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._pending: deque[Bundle] = deque()
        self._more = asyncio.Event()
        self._last = 0.0
        self._looked: datetime | None = None
        self.waiting = 0
        """Signals that are durable, or about to be, and not taken yet."""
        self._bytes = 0

    @property
    def busy(self) -> bool:
        """Whether a body is better written down than taken at once."""
        return self.waiting > 0 or self._engine.waiting >= CROWD

    async def start(self) -> None:
        """Take up what an engine that is gone had written down."""
        await self._adopt(self._desk.clock.now() + timedelta(days=1))

    async def put(
        self, form: str, body: bytes, count: int, sender: str, signals: Callable[[datetime], Sequence[Signal]]
    ) -> None:
        """Return once the body is durable; `TooMany` when too much waits already, nothing is kept then."""
        if self.waiting + count > MAX_WAITING or self._bytes + len(body) > MAX_BYTES:
            raise TooMany(f"{self.waiting} signals wait to be taken; send again a little later", retry_after_s=5)
        now = self._desk.clock.now()
        arrival = Arrival(form, body, now, sender, count, lambda: signals(now))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._coming.append((arrival, done))
        self.waiting += count
        self._bytes += len(body)
        self._last = self._desk.clock.monotonic()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="arrivals")
        await done

    async def _write(self) -> None:
        while self._coming:
            group = [self._coming.popleft() for _ in range(min(len(self._coming), GROUP))]
            bundles = list(_bundled(arrival for arrival, _ in group))
            try:
                await self._desk.store.write(lambda tx, b=bundles: self._keep(tx, b))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - boundary: each sender gets the answer
                self._refuse(group, error)
                continue
            self._last = self._desk.clock.monotonic()
            self._pending.extend(bundles)
            for _, done in group:
                if not done.done():
                    done.set_result(None)
            self._more.set()

    def _refuse(self, group: Sequence[tuple[Arrival, "asyncio.Future[None]"]], error: Exception) -> None:
        for arrival, done in group:
            self._settled(arrival)
            if not done.done():
                done.set_exception(error if isinstance(error, JudgifyError) else Unavailable("nothing was kept"))
                done.exception()  # a sender that has gone asks for it no more
        if not isinstance(error, JudgifyError):
            log.error("arrivals could not be kept", exc_info=error)

    def _keep(self, tx: Tx, bundles: Sequence[Bundle]) -> None:
        for bundle in bundles:
            rows = [[one.form, one.text.decode(), one.sender, iso(one.at), one.count] for one in bundle.arrivals]
            tx.keep(Kept(kind=KIND, id=bundle.id, owner=self._owner, body={"arrivals": rows}))

    def _settled(self, arrival: Arrival) -> None:
        self.waiting -= arrival.count
        self._bytes -= len(arrival.text)

    async def run(self) -> None:
        """Take what waits, in its order, until cancelled."""
        while True:
            await self.sweep()
            await self._desk.clock.wait(self._more, RETRY_S)

    async def sweep(self) -> None:
        """Take everything that waits now, and now and then what nobody else takes."""
        self._more.clear()
        now = self._desk.clock.now()
        if self._looked is None or now - self._looked > ORPHANED:
            self._looked = now
            await self._adopt(now - ORPHANED)
        while self._pending:
            await self._pause()
            batch = self._batch()
            try:
                await self._take(batch)
            except Exception as error:  # noqa: BLE001 - boundary: nothing is dropped, it is tried again
                if isinstance(error, Unavailable):
                    log.warning("arrivals wait: the store does not take them", reason=error.detail)
                    self._pending.extendleft(reversed(batch))
                    await self._desk.clock.sleep(RETRY_S)
                    continue
                # One of them is at fault; the others must not wait for it.
                for bundle in batch:
                    await self._alone(bundle)
                continue
            for bundle in batch:
                self._done(bundle)

    async def _pause(self) -> None:
        # Senders wait for the disk; what they sent can wait for them a moment.
        clock = self._desk.clock
        until = clock.monotonic() + PATIENCE_S
        while clock.monotonic() < until:
            writing = self._writing is not None and not self._writing.done()
            left = QUIET_S if writing else self._last + QUIET_S - clock.monotonic()
            if left <= 0:
                return
            await clock.sleep(left)

    def _done(self, bundle: Bundle) -> None:
        for arrival in bundle.arrivals:
            self._settled(arrival)

    def _batch(self) -> list[Bundle]:
        batch = [self._pending.popleft()]
        size = batch[0].count
        while self._pending and size + self._pending[0].count <= BATCH:
            batch.append(self._pending.popleft())
            size += batch[-1].count
        return batch

    async def _take(self, batch: Sequence[Bundle]) -> None:
        signals = [signal for bundle in batch for arrival in bundle.arrivals for signal in arrival.signals()]

        def settled(work: Work) -> None:
            for bundle in batch:
                work.tx.drop(KIND, bundle.id)

        await self._engine.take(signals, settled)

    async def _alone(self, bundle: Bundle) -> None:
        """Take what can be taken of a bundle; a person hears of the rest, which stays written down."""
        bad = 0
        for arrival in bundle.arrivals:
            try:
                await self._engine.take(arrival.signals())
            except Exception:  # boundary: a person must hear of what cannot be taken
                log.exception("signals cannot be taken", bundle=bundle.id, form=arrival.form)
                bad += arrival.count
        if bad:
            await self._tell(bundle, bad)
        else:
            await self._desk.store.write(lambda tx: tx.drop(KIND, bundle.id))
        self._done(bundle)

    async def _tell(self, bundle: Bundle, bad: int) -> None:
        now = self._desk.clock.now()
        signal = Signal(
            id=new_id("sig"),
            service="unknown",
            signal="alerts_unreadable",
            value=float(bad),
            source="generic",
            text=f"{bad} signals were accepted and cannot be taken in; they are kept as {bundle.id}",
            observed_at=now,
            received_at=now,
            fingerprint=f"unreadable|{bundle.id}",
        )
        await self._engine.take([signal])

    async def _adopt(self, before: datetime) -> None:
        found = await self._desk.ask(lambda tx: tx.all_kept(KIND))
        known = {bundle.id for bundle in self._pending}
        for kept in found:
            if kept.id in known or kept.owner == self._owner:
                continue
            bundle = Bundle(kept.id, tuple(self._again(row) for row in kept.body["arrivals"]))
            if bundle.arrivals[0].at > before:
                continue
            self._pending.append(bundle)
            self.waiting += bundle.count
            self._bytes += sum(len(arrival.text) for arrival in bundle.arrivals)
        if self._pending:
            self._more.set()

    def _again(self, row: Sequence[Any]) -> Arrival:
        form, text, sender, at = str(row[0]), str(row[1]).encode(), str(row[2]), datetime.fromisoformat(str(row[3]))
        return Arrival(form, text, at, sender, int(row[4]), lambda: self._read(form, text, at, sender))


def _bundled(arrivals: Iterable[Arrival]) -> Iterator[Bundle]:
    """Put bodies together, as many as are taken in one transaction anyway."""
    mine: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        if mine and size + arrival.count > BATCH:
            yield Bundle(light_id("arr"), tuple(mine))
            mine, size = [], 0
        mine.append(arrival)
        size += arrival.count
    yield Bundle(light_id("arr"), tuple(mine))
