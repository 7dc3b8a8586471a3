"""Puts the response engine together: the only module that picks adapters."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from fastapi import FastAPI

from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics
from judgify.kit.settings import Settings
from judgify.kit.steady import SteadyClock, outside
from judgify.notify import Toolkit
from judgify.notify.reference import resolve
from judgify.response import guard, slo
from judgify.response.accounts import Accounts
from judgify.response.alone import alone
from judgify.response.api.app import engine_app
from judgify.response.api.parts import Channels, Response
from judgify.response.capture import Capturer
from judgify.response.conductor import Conductor
from judgify.response.delivery import Deliveries
from judgify.response.desk import Desk
from judgify.response.documents.writer import GuideDocuments
from judgify.response.engine import Engine
from judgify.response.figures import Figures
from judgify.response.guide.intake import HeartbeatEntry
from judgify.response.guide.loader import default_guide_dir
from judgify.response.guide.schema import Guide
from judgify.response.guide_policy import GuidePolicy
from judgify.response.heart import Heart
from judgify.response.impact import Targets
from judgify.response.inbox import Inbox
from judgify.response.incident import Incident
from judgify.response.intake.form import Form, forms
from judgify.response.intake.watch import Watch
from judgify.response.last_guide import open_guide
from judgify.response.lead import Lead
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.model import Lang, Signal
from judgify.response.news import News
from judgify.response.office import Office
from judgify.response.oncall_desk import OnCallDesk
from judgify.response.orchestrators.local import LocalOrchestrator
from judgify.response.outlet import Outlets
from judgify.response.pager.channels import reference
from judgify.response.policy import Policy
from judgify.response.ports import Documents, Pager, Runner, Store
from judgify.response.runbook.diagnose import Senses
from judgify.response.runbook.runner import BookRunner
from judgify.response.runhost import EngineRunHost
from judgify.response.scribe import Scribe, Shelf
from judgify.response.slack_setup import Slack
from judgify.response.store_choice import chosen_store, lock_file, opened
from judgify.response.subscription import Subscriptions
from judgify.response.watchman import Heartbeats

log = get_logger("judgify.response")


Loop = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The engine without a world around it: what stories and bootstrap share."""

    desk: Desk
    engine: Engine
    office: Office
    accounts: Accounts
    conductor: Conductor
    scribe: Scribe
    figures: Figures
    heartbeats: Heartbeats
    inbox: Inbox

    async def start(self) -> None:
        """Take up what an earlier engine left; the store is open."""
        await self.conductor.start()
        await self.heartbeats.start()
        await self.inbox.start()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The engine with its HTTP app; serving the app runs it."""

    app: FastAPI
    core: Core
    guide: Guide


def assemble(
    *,
    store: Store,
    policy: Policy,
    clock: Clock,
    figures: Figures,
    pager: Pager,
    capturer: Capturer,
    documents: Documents,
    runner: Runner,
    shelf: Shelf | None,
    links: tuple[str, str] = ("", ""),
    heartbeats: Sequence[HeartbeatEntry] = (),
    ways: Mapping[str, Form] | None = None,
) -> Core:
    """Put the engine together on given ports; `links` are the key and the address of the links that subscribers get."""
    desk = Desk(store, policy, clock)
    secret, address = links
    # Without a key of the installation's own the links of one process open nothing in another.
    engine = Engine(desk, runner.plan, Subscriptions(desk, secret=secret or new_id("key"), address=address))
    deliveries = Deliveries(desk, pager, figures)
    scribe = Scribe(desk, engine, capturer, documents, shelf)
    host = EngineRunHost(desk, engine)
    conductor = Conductor(desk, engine, deliveries, scribe, figures, runner=runner, host=host)
    return Core(
        desk=desk,
        engine=engine,
        office=Office(desk),
        accounts=Accounts(desk),
        conductor=conductor,
        scribe=scribe,
        figures=figures,
        heartbeats=Heartbeats(engine, heartbeats),
        inbox=_inbox(engine, figures, ways or {}),
    )


class _LateSink:
    """The engine's face towards the probes: the probes are needed to build the runner, which the engine needs."""

    engine: Engine

    async def signal(self, signal: Signal) -> str | None:
        self.engine.desk.wake.set()
        return await self.engine.signal(signal)

    def check(self, result: Any) -> None:
        self.engine.check(result)

    def suspect_probes(self, reason: str | None) -> None:
        self.engine.suspect_probes(reason)


def build(settings: Settings, clock: Clock | None = None) -> Built:
    """Build the engine for this installation. Raises `GuideError` for a guide that cannot be used and never could."""
    folder = settings.home / "response"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = clock or SteadyClock(folder / "clock.json")
    guide, mistakes = open_guide(settings.guide_dir or default_guide_dir(), folder)
    policy = GuidePolicy(guide)
    metrics = Metrics("response")
    orchestrator = LocalOrchestrator(settings, clock)
    scraped = ScrapedMetrics({name: settings.url(name) for name in _scraped(guide)}, clock)
    sink = _LateSink()
    watch = Watch(guide, settings, clock, orchestrator=orchestrator, metrics=scraped, sink=sink)
    senses = Senses(
        guide=guide, settings=settings, clock=clock, orchestrator=orchestrator, prober=watch.prober, metrics=scraped
    )
    runner = BookRunner(senses)
    kit = Toolkit(clock=outside(clock), folder=folder, environ=settings.environ, allow=settings.egress_allow)
    outlets = Outlets(guide, kit, settings, metrics, clock=clock)
    documents = GuideDocuments(guide)
    store = chosen_store(settings, folder, clock)
    ways = forms(guide)
    core = assemble(
        store=store,
        policy=policy,
        clock=clock,
        figures=Figures(metrics),
        pager=outlets.sender,
        capturer=Capturer(orchestrator, scraped, _targets(guide)),
        documents=documents,
        runner=runner,
        shelf=Shelf(folder / "documents"),
        links=(settings.service_secret, outlets.console),
        heartbeats=guide.intake.heartbeats,
        ways=ways,
    )
    sink.engine = core.engine
    slack = Slack(guide, kit, settings.home, engine=core.engine, accounts=core.accounts)
    budget = _budget(guide, watch, clock)
    heart = _heart(settings, clock, core.conductor, metrics)
    lead = _lead(settings, core)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with alone(lock_file(settings, folder)):
            async with _running():
                yield

    @asynccontextmanager
    async def _running() -> AsyncIterator[None]:
        await opened(store, clock)
        await core.start()
        loops: list[Loop] = [
            core.conductor.run,
            core.inbox.run,
            core.heartbeats.run,
            lambda: guard.figures(core.desk, core.figures, clock, budget),
            lambda: guard.steadiness(core.desk, core.figures, clock),
            *_beside(core, store),
        ]
        loops += _once(lead, watch.run, outlets.watcher(core.engine).run)
        loops += [*slack.loops(), *([heart.run] if heart is not None else [])]
        async with watch:
            tasks = [
                asyncio.create_task(_for_ever(loop, clock), name=f"engine-{index}") for index, loop in enumerate(loops)
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await core.conductor.stop()
                await slack.desk.finish()
        await outlets.close()
        await orchestrator.close()
        await store.close()

    parts = Response(
        engine=core.engine,
        office=core.office,
        accounts=core.accounts,
        desk=core.desk,
        policy=policy,
        figures=core.figures,
        scribe=core.scribe,
        documents=documents,
        orchestrator=orchestrator,
        clock=clock,
        runbooks=_runbooks(guide, runner),
        forms=ways,
        inbox=core.inbox,
        heartbeats=core.heartbeats,
        guide=guide,
        routing_keys=lambda: _routing_keys(guide, settings),
        console_address=outlets.console,
        oncall=OnCallDesk(core.desk, guide),
        started_at=clock.now(),
        slack=slack.intake,
        acknowledging=outlets.intake(core.desk),
        channels=Channels(outlets.desk(heart), outlets.verification(core.desk)),
    )
    app = engine_app(
        parts,
        settings,
        metrics,
        completed_at=lambda: core.conductor.completed_at,
        guide_good=not mistakes,
        lifespan=lifespan,
    )
    app.state.scraped = scraped
    return Built(app=app, core=core, guide=guide)


def _heart(settings: Settings, clock: Clock, conductor: Conductor, metrics: Metrics) -> Heart | None:
    if settings.heartbeat_url is None:
        return None
    return Heart(settings.heartbeat_url, clock, lambda: conductor.completed_at, settings.heartbeat_method, metrics)


def _lead(settings: Settings, core: Core) -> Lead | None:
    """Give this engine's part in the lead, where others may work on its store."""
    if settings.response_database_url is None:
        return None
    lead = Lead(core.desk, core.engine, settings.engine_name)
    core.conductor.leads = lambda: lead.held
    return lead


def _beside(core: Core, store: Store) -> list[Loop]:
    """Give what hears of other engines on the store and compares its clock, where there may be others."""
    beside = store.beside
    if beside is None:
        return []
    return [News(core.desk, beside).run, lambda: guard.database_clock(beside, core.figures, core.desk.clock)]


def _once(lead: Lead | None, *loops: Loop) -> list[Loop]:
    """Give loops that only one engine may run at a time."""
    if lead is None:
        return list(loops)
    return [lead.run, *(partial(lead.only, loop) for loop in loops)]


async def _for_ever(loop: Loop, clock: Clock) -> None:
    while True:
        try:
            await loop()
        except Exception:  # boundary: a loop that fails begins anew; cancellation passes through
            log.exception("a loop of the engine failed and begins anew")
        await clock.sleep(1.0)


def _inbox(engine: Engine, figures: Figures, ways: Mapping[str, Form]) -> Inbox:
    inbox = Inbox(engine, lambda name, body, at, sender: ways[name].signals(ways[name].read(body), at, sender))
    figures.waiting.set_function(lambda: inbox.waiting)
    figures.aside.set_function(lambda: inbox.aside)
    return inbox


def _routing_keys(guide: Guide, settings: Settings) -> list[tuple[str, str]]:
    """Give the keys of the guide's senders; one whose secret is not there lets nobody in."""
    found = []
    for sender in guide.intake.senders:
        with suppress(JudgifyError, OSError, ValueError):
            found.append((resolve(reference(sender.key, settings.home) or "", settings.environ), sender.service))
    return found


def _targets(guide: Guide) -> Targets:
    return Targets(guide.sla.availability_percent, guide.sla.p95_ms, guide.sla.error_percent)


def _scraped(guide: Guide) -> list[str]:
    return [name for name, service in guide.services.items() if not service.store]


def _budget(guide: Guide, watch: Watch, clock: Clock) -> guard.Budget:
    entrance = next(iter(guide.services))

    def budget(incidents: Sequence[Incident], first: datetime | None) -> tuple[float | None, float | None]:
        """Availability of the entrance over the budget's days, and the used share of the error budget.

        This engine's probes tell of what they saw; of the time before, the incidents on record do, since `first`.
        """
        now = clock.now()
        start = now - timedelta(days=guide.sla.budget_days)
        seen = watch.prober.observed_since(entrance)
        outages = [*slo.outages_on_record(incidents, entrance, seen), *watch.prober.outages(entrance)]
        since = None if seen is None else min(first or seen, seen)
        availability = slo.availability_percentage(outages, start, now, since)
        return availability, slo.error_budget_consumption(availability, guide.sla.availability_percent)

    return budget


def _runbooks(guide: Guide, runner: BookRunner) -> Callable[[Lang], list[dict[str, Any]]]:
    def listed(lang: Lang) -> list[dict[str, Any]]:
        return [
            {
                "id": book.id,
                "service": book.service,
                "title": book.title.of(lang),
                "guide": book.guide,
                "not_in_guide": book.not_in_guide,
                "dangerous": book.dangerous,
                "symptoms": [symptom.of(lang) for symptom in book.symptoms],
                "steps": [*(step.id for step in book.diagnose), *(step.id for step in book.recover)],
                "diagnose": [step.model_dump(mode="json") for step in book.diagnose],
                "recover": [dict(step) for step in runner.rehearse(book)],
            }
            for book in guide.runbooks.values()
        ]

    return listed
