"""Where a burst waits: bodies as they came, durable before they are answered, folded into incidents right after.

A few signals at a time are taken into their incidents within the request. In a burst that would make senders wait for
thousands of decisions; their bodies are written down as they are instead, many in one commit, and taken afterwards, in
the order in which they came. What a dead engine left behind is taken by the next one, or by its twin. What cannot be
taken is set aside: it holds up nothing, stays written down, is counted, a person is told, and every start tries again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from judgify.kit.errors import JudgifyError, Unavailable
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger
from judgify.response.arrival import ARRIVAL, ASIDE, BATCH, Arrival, Bundle, Read, bundle_of, bundled, lines, row_of
from judgify.response.desk import Work
from judgify.response.engine import Engine
from judgify.response.kept import Kept
from judgify.response.model import Signal
from judgify.response.ports import Tx

log = get_logger("judgify.response.inbox")
CROWD: Final = 8
"""So many senders waiting for the engine at the same moment are a burst."""
GROUP: Final = 500
"""Bodies that are written down in one transaction."""
MAX_WAITING: Final = 200_000
"""Signals that may wait to be taken; a sender beyond that is asked to send later."""
MAX_BYTES: Final = 256 * 1024 * 1024
READ_ONCE: Final = 20_000
"""While fewer signals wait, what reading a body gave is kept until it is taken; beyond that it is read again."""
QUIET_S: Final = 0.03
"""While bodies still come in, taking waits for a pause of this length ..."""
PATIENCE_S: Final = 0.5
"""... but never longer than this."""
ORPHANED: Final = timedelta(seconds=30)
"""A body that another engine wrote down and has not taken for so long is taken by whoever finds it."""
ASIDE_KEPT: Final = timedelta(days=365)
"""How long what cannot be taken is kept; a person was told of it."""
RETRY_S: Final = 1.0
Settled = Callable[[JudgifyError | None], None]
"""Told once a body is durable (None), or that nothing of it was kept, and why."""


class _Taken(Exception):
    """The row of a bundle is gone: it was taken by another engine, and this transaction must not count it again."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        super().__init__(bundle.id)


class Inbox:
    """Keeps bodies until their signals are taken. `start` before the first, `run` for ever."""

    def __init__(self, engine: Engine, read: Read, *, most: int = MAX_WAITING, most_bytes: int = MAX_BYTES) -> None:
        """Give signals to an engine; at most so many signals, in so many bytes, wait."""
        self._engine = engine
        self._desk = engine.desk
        self._read = read
        self._most, self._most_bytes = most, most_bytes
        self._owner = new_id("eng")
        self._coming: deque[tuple[Arrival, Settled]] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._pending: deque[Bundle] = deque()
        self._more = asyncio.Event()
        self._last = 0.0
        self._looked: datetime | None = None
        self.waiting = 0
        """Signals that are durable, or about to be, and not taken yet."""
        self._bytes = 0
        self.aside = 0
        """Signals that could not be taken and are kept for a person."""

    @property
    def busy(self) -> bool:
        """Whether a body is better written down than taken at once."""
        return self.waiting > 0 or self._engine.waiting >= CROWD

    async def start(self) -> None:
        """Take up what an engine that is gone had written down, and try again what no engine could take so far."""
        await self._adopt(self._desk.clock.now() + timedelta(days=1))
        for kept in await self._desk.ask(lambda tx: tx.all_kept(ASIDE)):
            bundle = bundle_of(kept, self._read)
            if bundle is not None:
                self._wait(bundle)

    async def put(
        self, form: str, body: bytes, count: int, sender: str, signals: Callable[[datetime], Sequence[Signal]]
    ) -> None:
        """Return once the body is durable; `Unavailable` when too much waits already, or the store fails: not kept."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settled(error: JudgifyError | None) -> None:
            if done.done():
                return  # whoever sent it has gone
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
                done.exception()  # a sender that has gone asks for it no more

        self.offer(form, body, count, sender, signals, settled=settled)
        await done

    def offer(
        self,
        form: str,
        body: bytes,
        count: int,
        sender: str,
        signals: Callable[[datetime], Sequence[Signal]],
        *,
        settled: Settled,
    ) -> None:
        """Have a body written down, with whatever else comes; `settled` hears of it, from the event loop.

        `Unavailable` at once, nothing being kept and `settled` never called, when too much waits already.
        """
        if self.waiting + count > self._most or self._bytes + len(body) > self._most_bytes:
            raise Unavailable(
                f"{self.waiting} signals wait to be taken; send again a little later",
                slug="intake-full",
                retry_after_s=5,
            )
        now, read = self._desk.clock.now(), self._read
        arrival = Arrival(
            form,
            body,
            now,
            sender,
            count,
            # What was read of a body takes several times its room.
            (lambda: signals(now)) if self.waiting < READ_ONCE else (lambda: read(form, body, now, sender)),
        )
        self._coming.append((arrival, settled))
        self.waiting += count
        self._bytes += len(body)
        self._last = self._desk.clock.monotonic()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="arrivals")

    async def _write(self) -> None:
        while self._coming:
            group = [self._coming.popleft() for _ in range(min(len(self._coming), GROUP))]
            bundles = list(bundled(arrival for arrival, _ in group))
            try:
                await self._desk.store.write(lambda tx, b=bundles: self._keep(tx, b))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - boundary: each sender gets the answer
                self._refuse(group, error)
                continue
            self._last = self._desk.clock.monotonic()
            self._pending.extend(bundles)
            for _, settled in group:
                _answered(settled, None)
            self._more.set()

    def _refuse(self, group: Sequence[tuple[Arrival, Settled]], error: Exception) -> None:
        if not isinstance(error, JudgifyError):
            log.error("arrivals could not be kept", exc_info=error)
        told = error if isinstance(error, JudgifyError) else Unavailable("nothing was kept")
        for arrival, settled in group:
            self.waiting -= arrival.count
            self._bytes -= len(arrival.text)
            _answered(settled, told)

    def _keep(self, tx: Tx, bundles: Sequence[Bundle]) -> None:
        for bundle in bundles:
            tx.keep(row_of(bundle, self._owner))

    def _wait(self, bundle: Bundle) -> None:
        self._pending.append(bundle)
        self.waiting += bundle.count
        self._bytes += bundle.size
        self._more.set()

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
            await self._adopt(now - ORPHANED)
            await self._look_aside()
            self._looked = now
        while self._pending:
            await self._pause()
            batch = self._batch()
            try:
                await self._take(batch)
            except _Taken as taken:
                # By a twin, to whom it seemed left behind: it counts once.
                self._done([taken.bundle])
                self._pending.extendleft(one for one in reversed(batch) if one is not taken.bundle)
            except Unavailable as error:
                await self._later(batch, error)
            except Exception:  # noqa: BLE001 - boundary: one of them is at fault, and the others must not wait for it
                await self._apart(batch)
            else:
                self._done(batch)

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

    def _done(self, batch: Sequence[Bundle]) -> None:
        for bundle in batch:
            self.waiting -= bundle.count
            self._bytes -= bundle.size

    async def _later(self, batch: Sequence[Bundle], error: Unavailable) -> None:
        log.warning("arrivals wait: the store does not take them", reason=error.detail)
        self._pending.extendleft(reversed(batch))
        await self._desk.clock.sleep(RETRY_S)

    def _batch(self) -> list[Bundle]:
        batch = [self._pending.popleft()]
        size = batch[0].count
        while self._pending and size + self._pending[0].count <= BATCH and self._pending[0].where == batch[0].where:
            batch.append(self._pending.popleft())
            size += batch[-1].count
        return batch

    async def _take(self, batch: Sequence[Bundle]) -> None:
        signals = [signal for bundle in batch for arrival in bundle.arrivals for signal in arrival.signals()]

        def settled(work: Work) -> None:
            for bundle in batch:
                if not work.tx.drop(bundle.where, bundle.id):
                    raise _Taken(bundle)

        await self._engine.take(signals, settled)

    # -- what cannot be taken ----------------------------------------------------------------------------------------

    async def _apart(self, batch: Sequence[Bundle]) -> None:
        """Take what can be taken of a batch, and set the rest aside."""
        for place, bundle in enumerate(batch):
            try:
                await self._one(bundle)
            except Unavailable as error:
                # What was taken of this one already folds when it is taken again.
                await self._later(batch[place:], error)
                return
            self._done([bundle])

    async def _one(self, bundle: Bundle) -> None:
        if await self._desk.ask(lambda tx: tx.kept(bundle.where, bundle.id)) is None:
            return
        bad: list[Arrival] = []
        faults: list[Exception] = []
        for arrival in bundle.arrivals:
            found = await self._alone(arrival)
            if found:
                bad.append(arrival)
                faults += found
        if not bad:
            await self._desk.store.write(lambda tx: tx.drop(bundle.where, bundle.id))
            return
        log.error("signals cannot be taken and are set aside", kept_as=bundle.id, count=len(faults), exc_info=faults[0])
        body: dict[str, object] = {"arrivals": lines(bad), "fault": type(faults[0]).__name__}
        await self._set_aside(bundle.id, bundle.where, body, len(faults))

    async def _alone(self, arrival: Arrival) -> list[Exception]:
        """Take what can be taken of one body; give what is wrong with each signal that was not."""
        try:
            signals = arrival.signals()
        except Exception as error:  # noqa: BLE001 - boundary: a person must hear of what cannot be taken
            return [error] * max(1, arrival.count)
        faults: list[Exception] = []
        for signal in signals:  # by itself: one that is at fault spoils no other
            try:
                await self._engine.take([signal])
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - boundary: see above
                faults.append(error)
        return faults

    async def _set_aside(self, key: str, where: str, body: dict[str, object], count: int) -> None:
        now = self._desk.clock.now()

        def work(tx: Tx) -> bool:
            known = tx.kept(ASIDE, key)
            told = known is not None and known.body.get("told") is True
            kept = {**body, "signals": count, "told": told}
            tx.keep(Kept(kind=ASIDE, id=key, until=now + ASIDE_KEPT, body=kept))
            if where != ASIDE:
                tx.drop(where, key)
            return told

        if not await self._desk.store.write(work):
            await self._tell(key, count)
        await self._count_aside()

    async def _tell(self, key: str, count: int) -> None:
        """Tell a person once of what was set aside; what fails here is tried again with the next look."""
        now = self._desk.clock.now()
        signal = Signal(
            id=new_id("sig"),
            service="unknown",
            signal="alerts_unreadable",
            value=float(count),
            source="generic",
            text=f"{count} signals were accepted and cannot be taken in; they are kept as {key}",
            observed_at=now,
            received_at=now,
            fingerprint=f"unreadable|{key}",
        )

        def told(work: Work) -> None:
            known = work.tx.kept(ASIDE, key)
            if known is not None:
                work.tx.keep(known.model_copy(update={"body": {**known.body, "told": True}}))

        try:
            await self._engine.take([signal], told)
        except Unavailable:
            raise
        except Exception:  # boundary: telling must not hold up what can be taken
            log.exception("nobody could be told of signals that cannot be taken", kept_as=key)

    async def _look_aside(self) -> None:
        for kept in await self._count_aside():
            if kept.body.get("told") is not True:
                await self._tell(kept.id, _signals(kept))

    async def _count_aside(self) -> list[Kept]:
        found = await self._desk.ask(lambda tx: tx.all_kept(ASIDE))
        self.aside = sum(_signals(kept) for kept in found)
        return found

    # -- what others left behind -------------------------------------------------------------------------------------

    async def _adopt(self, before: datetime) -> None:
        found = await self._desk.ask(lambda tx: tx.all_kept(ARRIVAL))
        known = {bundle.id for bundle in self._pending}
        for kept in found:
            if kept.id in known or kept.owner == self._owner:
                continue
            bundle = bundle_of(kept, self._read)
            if bundle is None:
                await self._set_aside(kept.id, ARRIVAL, {"row": kept.body, "fault": "unreadable row"}, 1)
            elif bundle.arrivals[0].at <= before:
                self._wait(bundle)


def _answered(settled: Settled, error: JudgifyError | None) -> None:
    try:
        settled(error)
    except Exception:  # boundary: one sender who cannot be answered keeps no other from the answer
        log.exception("a sender could not be answered")


def _signals(kept: Kept) -> int:
    count = kept.body.get("signals")
    return count if isinstance(count, int) else 1
