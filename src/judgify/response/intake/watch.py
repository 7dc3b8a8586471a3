"""All of the engine's own senses together: probes, the supervisor's events, the metrics window. One sink hears them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Self

from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger
from judgify.kit.settings import Settings
from judgify.kit.supervisor_types import Event
from judgify.response.guide.catalogue import Service
from judgify.response.guide.schema import Guide
from judgify.response.intake.part import PartTurn, PartWatch
from judgify.response.intake.probe import HttpProbe, Look, PostgresProbe, Probe, RedisProbe
from judgify.response.intake.prober import Prober, Target
from judgify.response.intake.threshold import ThresholdWatch
from judgify.response.intake.track import Thresholds, Turn
from judgify.response.joining import BLAMES
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.model import Check, Signal
from judgify.response.ports import Orchestrator, SignalSink

log = get_logger("judgify.response.watch")

_EVENTS_EVERY_S: Final = 0.5
_REVIVE_AFTER: Final = 3
_RESTART_GRACE: Final = timedelta(seconds=30)
_NOTICING: Final = timedelta(seconds=10)
"""How long after a planned restart of a service what depends on it may still find it gone."""
_REPEAT_EVERY: Final = timedelta(minutes=1)
_ENGINE: Final = "engine"
_PLANNED_KINDS: Final = frozenset({"started", "restarted", "rolled-back", "scaled", "env-changed", "defined"})
_PROBE_SIGNALS: Final = {"down": "live", "not-ready": "ready", "unhealthy": "health"}
_ASKING_S: Final = 1.0


def targets(guide: Guide, settings: Settings, clock: Clock) -> dict[str, Target]:
    """Build the probes of every service in the catalogue that this installation runs; Redis only where it is on."""
    found: dict[str, Target] = {}
    for name, service in guide.services.items():
        if not service.probes or (name == "redis" and not settings.redis_enabled):
            continue
        limits = {probe.check: probe.threshold for probe in service.probes}
        found[name] = Target(
            name,
            _probe(name, service, settings, clock),
            min(probe.interval_s for probe in service.probes),
            Thresholds(limits.get("live", 2), limits.get("ready", 3), limits.get("health", 3)),
        )
    return found


def _probe(name: str, service: Service, settings: Settings, clock: Clock) -> Probe:
    kinds = {probe.kind for probe in service.probes}
    timeout_s = min(probe.timeout_s for probe in service.probes)
    if "postgres" in kinds or service.unit == "postgres":
        host, port = _address(settings.database_url, 5432)
        return PostgresProbe(settings.database_url, host, port, clock, timeout_s=timeout_s)
    if "redis" in kinds or service.unit == "redis":
        host, port = _address(settings.redis_url, 6379)
        return RedisProbe(host, port, clock, timeout_s=timeout_s)
    # The gateway's /health speaks for the whole platform; its own check is that it answers.
    return HttpProbe(settings.url(service.unit), clock, timeout_s=timeout_s, speaks_for_all=name == "gateway")


def _address(url: str, default_port: int) -> tuple[str, int]:
    from urllib.parse import urlsplit  # noqa: PLC0415 - once, at the start

    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or default_port


class Watch:
    """Looks, listens and tells the sink.

    Every look at a service becomes a `Check`, every turn for the worse a `Signal` of our own; an exit that the
    supervisor tells of makes the service looked at in the same moment. A unit that a person stopped, and one that a
    person restarted a moment ago and that has not come back since, raises nothing until that excuse has run out. A dead
    supervisor is started again.
    """

    def __init__(
        self,
        guide: Guide,
        settings: Settings,
        clock: Clock,
        *,
        orchestrator: Orchestrator,
        metrics: ScrapedMetrics,
        sink: SignalSink,
    ) -> None:
        """Prepare; nothing is looked at before `run`."""
        self._guide = guide
        self._orchestrator = orchestrator
        self._metrics = metrics
        self._sink = sink
        self._clock = clock
        self._thresholds = ThresholdWatch(guide.intake.metrics, metrics, self._returned_at)
        self._parts = PartWatch()
        self._told: dict[tuple[str, str], datetime] = {}
        self._excused: dict[str, Turn] = {}
        self._planned: dict[str, Event] = {}
        self._exits: dict[str, datetime] = {}
        self._suspect = False
        self.prober: Final = Prober(
            targets(guide, settings, clock), clock, on_turn=self._on_turn, on_look=self._on_look
        )

    async def __aenter__(self) -> Self:
        """Open the prober's own listener."""
        await self.prober.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what the probes hold."""
        await self.prober.__aexit__()

    async def run(self) -> None:
        """Watch for ever; a sense that fails is logged and taken up again, and the others go on."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kept_up("probes", self.prober.run))
            group.create_task(self._kept_up("metrics", self._metrics.run))
            group.create_task(self._kept_up("unit events", self._follow_events))
            group.create_task(self._kept_up("thresholds", self._follow_thresholds))

    async def _kept_up(self, name: str, sense: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await sense()
            except Exception:  # the boundary: one failing sense must not blind the others
                log.exception("a sense failed and is taken up again", sense=name)
            await self._clock.sleep(1.0)

    # probes

    async def _on_look(self, service: str, look: Look, at: datetime) -> None:
        self._sink.check(Check(service=service, ok=look.good, at=at, detail=look.detail))
        self._tell_suspicion()
        for part in self._parts.look(service, look):
            await self._tell_part(part, at)
        turn = self._excused.get(service)
        if turn is None:
            return
        if self.prober.condition(service) != turn.condition:
            del self._excused[service]
        elif await self._excuse_of(turn) is None:
            del self._excused[service]
            await self._raise(turn)

    async def _tell_part(self, turn: PartTurn, at: datetime) -> None:
        now = self._clock.now()
        text = f"/health: {turn.part} down" if turn.down else f"/health: {turn.part} is down no more"
        try:
            await self._sink.signal(
                Signal(
                    id=new_id("sig"),
                    service=turn.service,
                    signal=turn.signal,
                    source="metrics",
                    status="firing" if turn.down else "resolved",
                    own=True,
                    text=text,
                    observed_at=min(at, now),
                    received_at=now,
                )
            )
        except Exception:
            self._parts.tell_again(turn)
            raise

    async def _on_turn(self, turn: Turn) -> None:
        self._tell_suspicion()
        if turn.condition == "good":
            log.info("service answers", of=turn.service, before=turn.before)
            return
        excuse = await self._excuse_of(turn)
        if excuse is not None:
            log.info("planned, so nothing is raised", of=turn.service, condition=turn.condition, excuse=excuse)
            self._excused[turn.service] = turn
            return
        await self._raise(turn)

    async def _raise(self, turn: Turn) -> None:
        service = self._guide.service(turn.service)
        check = _PROBE_SIGNALS[turn.condition]
        name = next((probe.signal for probe in service.probes if probe.check == check), "service_down")
        exited = self._exits.get(service.unit)
        since = turn.since
        # The exit that the supervisor saw is the earlier evidence of the same fault, if it is not an old one.
        if turn.condition == "down" and exited is not None and timedelta() <= since - exited < timedelta(seconds=30):
            since = exited
        now = self._clock.now()
        signal = Signal(
            id=new_id("sig"),
            service=turn.service,
            signal=name,
            source="probe",
            own=True,
            text=turn.look.detail[:500],
            labels=self._blames(turn),
            observed_at=min(since, now),
            received_at=now,
        )
        try:
            await self._sink.signal(signal)
        except Exception:
            # A turn is seen once; what could not be made durable is told again with the next look.
            self._excused[turn.service] = turn
            raise

    def _blames(self, turn: Turn) -> dict[str, str]:
        """Name the dependency that a living service says is down, the first of the order of recovery."""
        needs = self._guide.roots_behind(turn.service, reflected=False)
        named = [name for name in self._guide.services if name in needs and turn.look.parts.get(name) == "down"]
        return {BLAMES: named[0]} if turn.look.live and named else {}

    def _tell_suspicion(self) -> None:
        suspect = self.prober.suspect
        if suspect != self._suspect:
            self._suspect = suspect
            self._sink.suspect_probes("the prober cannot reach its own listener" if suspect else None)

    async def _excuse_of(self, turn: Turn) -> str | None:
        """Say why a turn is no surprise, or None: planned for the service itself, or for what it depends on.

        A restart of the database makes its dependents not ready for a moment; a process of theirs that is gone is never
        its doing.
        """
        excuse = await self._excuse(turn.service)
        if excuse is not None or turn.condition == "down":
            return excuse
        for name in sorted(self._guide.roots_behind(turn.service, reflected=False)):
            behind = self._guide.service(name).unit
            event = self._planned.get(behind)
            if event is None or self._clock.now() - event.time >= _RESTART_GRACE:
                continue
            back = self.prober.good_at(name)
            # Once it is back, what depends on it gets a little time to notice.
            if back is None or back <= event.time or self._just_back(name, event.time):
                return f"{behind}: {event.kind} by {event.by}"
        return None

    def _just_back(self, service: str, since: datetime) -> bool:
        returned = self.prober.returned_at(service)
        return returned is None or returned <= since or self._clock.now() - returned < _NOTICING

    async def _excuse(self, service: str) -> str | None:
        """Say why a failing service is no surprise, or None."""
        name = self._guide.service(service).unit
        try:
            async with asyncio.timeout(_ASKING_S):
                unit = await self._orchestrator.unit(name)
        except (JudgifyError, TimeoutError):
            return None
        event = self._planned.get(name)
        if unit.desired == "stopped" and unit.state == "stopped":
            return f"stopped by {event.by}" if event is not None and event.kind == "stopped" else "stopped on request"
        if event is None or event.kind not in _PLANNED_KINDS or unit.state not in {"running", "starting"}:
            return None
        good_at = self.prober.good_at(service)
        over = good_at is not None and good_at > event.time  # it had come back: what fails now is something new
        recent = self._clock.now() - event.time < _RESTART_GRACE
        return f"{event.kind} by {event.by}" if recent and not over else None

    # the supervisor's events

    async def _follow_events(self) -> None:
        after: int | None = None
        silent = 0
        while True:
            try:
                if after is None:
                    newest = await self._orchestrator.events(after=-1, limit=200)
                    after = newest[-1].id if newest else 0
                    for event in newest:
                        self._note(event)
                else:
                    for event in await self._orchestrator.events(after=after, limit=200):
                        after = event.id
                        self._note(event)
                        self._act_on(event)
                silent = 0
            except JudgifyError as error:
                silent += 1
                if silent == _REVIVE_AFTER:
                    log.warning("the orchestrator is silent", reason=error.detail)
                    silent = 0
                    await self._revive()
            await self._clock.sleep(_EVENTS_EVERY_S)

    async def _revive(self) -> None:
        try:
            if not await self._orchestrator.alive():
                await self._orchestrator.revive()
        except (JudgifyError, OSError):
            log.exception("the orchestrator could not be started again")

    def _note(self, event: Event) -> None:
        if event.kind == "exited":
            self._exits[event.unit] = event.time
        elif event.by != _ENGINE and event.kind in _PLANNED_KINDS | {"stopped"}:
            self._planned[event.unit] = event

    def _act_on(self, event: Event) -> None:
        service = self._guide.service_of_unit(event.unit)
        if service is not None and event.kind in {"exited", "unhealthy"}:
            self.prober.nudge(service)

    # thresholds

    async def _follow_thresholds(self) -> None:
        while True:
            await self._clock.sleep(5.0)
            now = self._clock.now()
            for crossing in self._thresholds.look(now):
                key = (crossing.service, crossing.rule.signal)
                if key in self._told and now - self._told[key] < _REPEAT_EVERY:
                    continue
                self._told[key] = now
                await self._sink.signal(
                    Signal(
                        id=new_id("sig"),
                        service=crossing.service,
                        signal=crossing.rule.signal,
                        value=round(crossing.value, 4),
                        source="metrics",
                        own=True,
                        text=f"{crossing.rule.measure} {crossing.value:.3g} > {crossing.rule.above:g}",
                        observed_at=crossing.since,
                        received_at=now,
                    )
                )
            for service, name in self._thresholds.calmed(now):
                self._told.pop((service, name), None)
                await self._call_over(service, name, now)

    async def _call_over(self, service: str, name: str, now: datetime) -> None:
        signal = Signal(
            id=new_id("sig"),
            service=service,
            signal=name,
            source="metrics",
            status="resolved",
            own=True,
            text="back below its threshold",
            observed_at=now,
            received_at=now,
        )
        try:
            await self._sink.signal(signal)
        except Exception:
            self._thresholds.tell_again(service, name)
            raise

    def _returned_at(self, service: str) -> datetime | None:
        """Give when a service, or anything whose failure its figures show, last came back."""
        behind = {service, *self._guide.roots_behind(service, reflected=True)}
        moments = [at for name in behind if (at := self.prober.returned_at(name)) is not None]
        return max(moments, default=None)
