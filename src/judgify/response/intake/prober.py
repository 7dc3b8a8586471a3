"""One prober task for each service of the catalogue, and the prober's doubt about itself."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from judgify.kit.clock import Clock
from judgify.kit.errors import NotFound
from judgify.kit.log import get_logger
from judgify.response.intake.probe import Look, Probe
from judgify.response.intake.track import Condition, Thresholds, Track, Turn
from judgify.response.slo import Outage

log = get_logger("judgify.response.prober")

_AGAIN_S: Final = 0.3
"""Pause before a failed look is repeated: two looks in a row decide, so the second should not take long."""
_SELF_TIMEOUT_S: Final = 0.5
_SUSPECT_FOR: Final = timedelta(seconds=10)
_KEEP_OUTAGES: Final = 2_000

OnTurn = Callable[[Turn], Awaitable[None]]
OnLook = Callable[[str, Look, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Target:
    """What to look at, and how often."""

    service: str
    probe: Probe
    interval_s: float = 1.0
    thresholds: Thresholds = field(default_factory=Thresholds)


class SelfListener:
    """A listener of the prober's own on the loopback: while it cannot be reached, no other failure means anything."""

    def __init__(self, clock: Clock) -> None:
        """Begin closed."""
        self._clock = clock
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def reachable(self) -> bool:
        """Tell whether a connection to the own listener is answered at once."""
        if self._server is None or not self._server.sockets:
            return False
        port = self._server.sockets[0].getsockname()[1]
        try:
            async with asyncio.timeout(_SELF_TIMEOUT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    return await reader.read(2) == b"ok"
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"ok")
            await writer.drain()
        writer.close()


class Prober:
    """Looks at every service in its own rhythm and tells of every look and of every turn.

    A killed process is noticed within an interval and the short pause of the second look; a frozen one within an
    interval and two timeouts. While the prober cannot reach itself, failed looks count for nothing and `suspect` is
    true for ten seconds after.
    """

    def __init__(self, targets: Mapping[str, Target], clock: Clock, *, on_turn: OnTurn, on_look: OnLook) -> None:
        """Prepare to look at the targets, by service."""
        self._targets = dict(targets)
        self._clock = clock
        self._on_turn = on_turn
        self._on_look = on_look
        self._tracks = {name: Track(name, target.thresholds) for name, target in self._targets.items()}
        self._nudges = {name: asyncio.Event() for name in self._targets}
        self._outages: dict[str, deque[Outage]] = {name: deque(maxlen=_KEEP_OUTAGES) for name in self._targets}
        self._first: dict[str, datetime] = {}
        self._returned: dict[str, datetime] = {}
        self._doubt_until: datetime | None = None
        self._listener = SelfListener(clock)

    async def __aenter__(self) -> Self:
        """Open the own listener."""
        await self._listener.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the listener and what the probes hold."""
        await self._listener.close()
        for target in self._targets.values():
            await target.probe.close()

    @property
    def suspect(self) -> bool:
        """Whether the prober could not reach itself within the last ten seconds."""
        return self._doubt_until is not None and self._clock.now() < self._doubt_until

    @property
    def services(self) -> tuple[str, ...]:
        """The services that are looked at."""
        return tuple(self._targets)

    def condition(self, service: str) -> Condition:
        """Give what a service is, as of its last look; `unknown` before the first and for another name."""
        track = self._tracks.get(service)
        return track.condition if track is not None else "unknown"

    def last(self, service: str) -> tuple[Look, datetime] | None:
        """Give the last look that counted, with its moment."""
        track = self._tracks.get(service)
        if track is None or track.last is None or track.last_at is None:
            return None
        return track.last, track.last_at

    def good_at(self, service: str) -> datetime | None:
        """Give the moment of the last look that found a service good, or None."""
        track = self._tracks.get(service)
        return None if track is None else track.good_at

    def returned_at(self, service: str) -> datetime | None:
        """Give the moment at which a service last turned from bad to good, or None when it never did."""
        return self._returned.get(service)

    def outages(self, service: str) -> tuple[Outage, ...]:
        """Give the stretches in which a service was down, as far as this process saw them."""
        return tuple(self._outages.get(service, ()))

    def observed_since(self, service: str) -> datetime | None:
        """Give the moment of the first look at a service."""
        return self._first.get(service)

    def nudge(self, service: str) -> None:
        """Have a service looked at now, on other evidence that it is gone; a name that is not probed is passed over."""
        event = self._nudges.get(service)
        if event is not None:
            event.set()

    async def check(self, service: str) -> Look:
        """Look now, outside the rhythm; for verifying a step. The answer counts for nothing else.

        Raises:
            NotFound: the service is not probed.
        """
        target = self._targets.get(service)
        if target is None:
            raise NotFound(f"no probe looks at {service!r}")
        return await target.probe.look()

    async def run(self) -> None:
        """Look for ever."""
        async with asyncio.TaskGroup() as group:
            for name in self._targets:
                group.create_task(self._follow(name), name=f"probe-{name}")

    async def _follow(self, name: str) -> None:
        target, track, nudge = self._targets[name], self._tracks[name], self._nudges[name]
        while True:
            started = self._clock.monotonic()
            nudge.clear()
            await self.step(name)
            spent = self._clock.monotonic() - started
            pause = _AGAIN_S if track.suspicious else max(0.05, target.interval_s - spent)
            await self._clock.wait(nudge, pause)

    async def step(self, name: str) -> None:
        """Look once at a service and tell of it."""
        began = self._clock.now()
        try:
            look = await self._targets[name].probe.look()
        except Exception:  # the boundary: a fault of a probe of ours says nothing about the service
            log.exception("a probe failed", of=name)
            look = Look(None, detail="the probe itself failed")
        well = True
        if look.late or not look.live:
            well = not look.late and await self._listener.reachable()
            if not well:
                self._doubt_until = self._clock.now() + _SUSPECT_FOR
                log.warning("the prober doubts itself", of=name, seen=look.detail)
        self._first.setdefault(name, began)
        turn = self._tracks[name].add(look, began, prober_well=well)
        if turn is not None:
            self._note_outage(turn)
            if turn.condition == "good" and turn.before != "unknown":
                self._returned[name] = turn.at
            await self._guarded(self._on_turn(turn), name)
        if well:
            await self._guarded(self._on_look(name, look, began), name)

    def _note_outage(self, turn: Turn) -> None:
        ring = self._outages[turn.service]
        if turn.condition == "down":
            ring.append(Outage(turn.since))
        elif turn.before == "down" and ring and ring[-1].end is None:
            ring[-1] = Outage(ring[-1].start, turn.at)

    async def _guarded(self, telling: Awaitable[None], name: str) -> None:
        # The boundary between looking and what others do with it: their fault must not stop the looking.
        try:
            await telling
        except Exception:
            log.exception("what was seen could not be handed on", of=name)
