"""Watches the channels: canaries, own incidents of channels that fail, pages that go another way, and the way back.

A channel that fails is a monitoring alert that is missing (guide 1.1, P2): an incident of its own, which recovers by
itself once pages get through again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

from judgify.kit.ids import new_id
from judgify.kit.log import get_logger
from judgify.response import paging, rerouting
from judgify.response import timeline as t
from judgify.response.channel_book import Book
from judgify.response.channel_health import Health, canary_due
from judgify.response.desk import Work
from judgify.response.engine import Engine
from judgify.response.guide.schema import Guide
from judgify.response.kept import Kept
from judgify.response.model import Check, Page, Severity, Signal
from judgify.response.policy import PlannedRow

log = get_logger("judgify.response.channels")
SERVICE: Final = "channel:"
"""Before a channel's name, where the incident of a service has the service's."""
KEPT: Final = "channel"
LOOK_S: Final = 1.0
CHECK_S: Final = 5.0
SWEEP_S: Final = 600.0
RELEASE: Final = timedelta(hours=1)
"""Pages that a failing channel put off are due by then at the latest, so all of them are found."""
MOST: Final = 1_000

WHY: Final = {
    "unauthorized": "자격 증명을 거절합니다. 키나 토큰을 고치세요",
    "gone": "주소가 더는 없습니다. 채널 주소를 고치세요",
    "misconfigured": "설정이나 비밀 값을 쓸 수 없습니다",
    "address-refused": "호출할 수 없는 주소입니다 (JUDGIFY_EGRESS_ALLOW)",
    "redirected": "다른 주소로 넘깁니다. 채널 주소를 고치세요",
}
"""What somebody must do about a refusal that does not change by itself; the incident's text."""


class Carrier(Protocol):
    """What sends canaries (implemented by the pager)."""

    @property
    def canaries(self) -> Mapping[str, float]:
        """Give the channels that carry canaries, with the seconds between two."""
        ...

    async def canary(self, channel: str) -> None:
        """Send one canary and write what came of it into the book."""
        ...


class ChannelWatcher:
    """The loop beside the conductor that keeps an eye on the channels."""

    def __init__(self, engine: Engine, book: Book, carrier: Carrier, guide: Guide) -> None:
        """Watch for an engine."""
        self._engine = engine
        self._desk = engine.desk
        self._book = book
        self._carrier = carrier
        self._guide = guide
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._told: set[str] = set()
        """Channels whose incident may be open: our own checks of them are told to the engine."""
        self._checked: float | None = None
        self._swept: float | None = None

    async def start(self) -> None:
        """Take up what an earlier process knew."""
        for kept in await self._desk.ask(lambda tx: tx.all_kept(KEPT)):
            self._told.add(kept.id)
            health = Health.model_validate({**kept.body, "channel": kept.id})
            if not health.well:
                self._book.restore(health)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self.start()
        try:
            while True:
                await self.look()
                await self._desk.clock.wait(self._book.woken, LOOK_S)
        finally:
            for task in self._under_way.values():
                task.cancel()

    async def look(self) -> None:
        """Do everything that is due now. A fault in one part holds up no other."""
        self._book.woken.clear()
        for part in (self._turns, self._reroute, self._canaries, self._checks, self._sweep):
            await self._part(part)

    async def finish(self) -> None:
        """Wait for canaries that are under way (for stories)."""
        while self._under_way:
            await asyncio.wait(list(self._under_way.values()))

    @staticmethod
    async def _part(work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:  # boundary: the next look takes it up again
            log.exception("watching the channels failed", part=getattr(work, "__name__", ""))

    # -- turns -------------------------------------------------------------------------------------------------------

    async def _turns(self) -> None:
        for before, now in self._book.take_turned():
            told = {"channel": now.channel, "state": now.state, "reason": now.reason, "detail": now.detail}
            (log.info if now.well else log.error)("a channel turned", **told)
            self._told.add(now.channel)
            await self._desk.command(partial(_keep, health=now))
            if now.well:
                await self._desk.command(partial(_release, channel=now.channel))
            elif before.well or now.state == "refusing":
                await self._engine.signal(self._signal(now))

    def _signal(self, health: Health) -> Signal:
        label = self._guide.channels[health.channel].label.ko
        why = WHY.get(health.reason, f"전달 목표({self._book.watch.objective_percent:g} %)를 지키지 못합니다")
        now = self._desk.clock.now()
        return Signal(
            id=new_id("sig"),
            service=f"{SERVICE}{health.channel}",
            signal="alert_missing",
            source="probe",
            own=True,
            labels={"channel": health.channel, "reason": health.reason},
            text=f"{label}: {why} ({health.reason}: {health.detail})"[:1_000],
            observed_at=health.tries[0].at if health.tries and not health.tries[0].good else health.since or now,
            received_at=now,
            fingerprint=f"{SERVICE}{health.channel}",
        )

    async def _checks(self) -> None:
        """Tell the engine how the channels are, so that their incidents recover by themselves."""
        moment = self._desk.clock.monotonic()
        if self._checked is not None and moment - self._checked < CHECK_S:
            return
        self._checked = moment
        for name in self._told:
            health = self._book.health(name)
            # A channel that the guide has no more, or that is switched off, fails nobody.
            ok = health is None or health.well
            detail = "" if health is None else f"{health.state} {health.reason}".strip()
            self._engine.check(Check(service=f"{SERVICE}{name}", ok=ok, at=self._desk.clock.now(), detail=detail))

    # -- pages that do not get out -----------------------------------------------------------------------------------

    async def _reroute(self) -> None:
        for page in self._book.take_stuck():
            await self._desk.command(partial(self._other_way, page_id=page.id))

    def _other_way(self, job: Work, *, page_id: str) -> None:
        page = job.tx.page(page_id)
        incident = None if page is None or page.incident_id is None else job.tx.incident(page.incident_id)
        if page is None or incident is None or not rerouting.needs(page, incident) or not paging.of_the_incident(page):
            return
        unwell = {health.channel for health in self._book.all() if not health.well}
        # What stays on this machine reaches nobody who does not look.
        pages = [
            one
            for one in job.tx.pages(incident.id)
            if one.created_at >= incident.begun_at and not job.policy.local_channel(one.channel)
        ]
        quiet = job.policy.quiet(incident.severity, job.now)
        others = self._others(page, incident.severity, quiet=quiet)
        forward, channels = rerouting.reroute(page, pages, others, unwell, job.now)
        planned: list[PlannedRow] = rerouting.detours(page, channels, self._wakes, job.now)
        fresh = paging.rows(incident.id, planned, job.now)
        if forward or fresh:
            job.save_pages([*forward, *fresh])
            reason = f"channel {page.channel} does not get through: another way at once"
            job.append(incident.id, t.PagesPlanned(pages=paging.told([*forward, *fresh]), reason=reason))

    def _others(self, page: Page, severity: Severity, *, quiet: bool) -> list[str]:
        """Give the channels that may page this person for this severity, real ones only, in the guide's order."""
        return [
            name
            for name, channel in self._guide.channels.items()
            if channel.enabled
            and "page" in channel.kinds
            and severity in channel.severities
            and self._book.health(name) is not None
            and not (quiet and channel.wakes)
            and (channel.roles is None or page.role in channel.roles)
        ]

    def _wakes(self, channel: str) -> bool:
        return self._guide.channels[channel].wakes

    # -- canaries ----------------------------------------------------------------------------------------------------

    async def _canaries(self) -> None:
        now = self._desk.clock.now()
        for name, every_s in self._carrier.canaries.items():
            health = self._book.health(name)
            if health is None or name in self._under_way or not canary_due(health, every_s, now):
                continue
            task = asyncio.create_task(self._carrier.canary(name), name=f"canary-{name}")
            self._under_way[name] = task
            task.add_done_callback(partial(self._carried, name))

    def _carried(self, name: str, task: "asyncio.Task[None]") -> None:
        self._under_way.pop(name, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("a canary failed by a fault of our own", channel=name, exc_info=task.exception())

    async def _sweep(self) -> None:
        moment = self._desk.clock.monotonic()
        if self._swept is not None and moment - self._swept < SWEEP_S:
            return
        self._swept = moment
        await self._desk.command(lambda job: job.tx.sweep_kept(job.now))


def _keep(job: Work, *, health: Health) -> None:
    body: dict[str, Any] = health.model_dump(mode="json", exclude={"channel", "tries"})
    job.tx.keep(Kept(kind=KEPT, id=health.channel, body=body))


def _release(job: Work, *, channel: str) -> None:
    """What a channel put off while it failed is due now that it is back."""
    owed = job.tx.owed_pages(job.now + RELEASE, MOST)
    job.save_pages(
        [
            page.model_copy(update={"due_at": job.now})
            for page in owed
            if page.channel == channel and page.state == "due" and page.attempt > 0 and page.due_at > job.now
        ]
    )
