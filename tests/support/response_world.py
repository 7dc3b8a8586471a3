"""The response engine in a world of our making: a clock that we move, checks that we answer, pages that are kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from judgify.kit.clock import SEOUL, FakeClock
from judgify.kit.ids import new_id
from judgify.kit.metrics import Metrics
from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.bootstrap import Core, assemble
from judgify.response.capture import Capturer
from judgify.response.figures import Figures
from judgify.response.guide.loader import default_guide_dir, load_guide
from judgify.response.guide.schema import Guide
from judgify.response.guide_policy import GuidePolicy
from judgify.response.impact import Targets
from judgify.response.incident import Incident
from judgify.response.intake.form import forms
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.model import (
    Actor,
    Check,
    Delivery,
    DocumentKind,
    Finding,
    Lang,
    Operation,
    OperationResult,
    OperationRun,
    Page,
    RenderedOperation,
    Risk,
    RunbookRun,
    Signal,
)
from judgify.response.orchestrators.memory import MemoryOrchestrator
from judgify.response.ports import RunHost, Store
from judgify.response.scribe import Shelf
from judgify.response.stores.memory import MemoryStore, Tables
from judgify.response.stores.sqlite import SqliteStore

WEDNESDAY = datetime(2026, 3, 4, 10, 0, tzinfo=SEOUL)
MINSU = Actor(kind="person", name="minsu")
JIWON = Actor(kind="person", name="jiwon")
CLI = Actor(kind="cli", name="cli", detail="root")
STEP_S = 5.0


@cache
def default_guide() -> Guide:
    return load_guide(default_guide_dir())


@dataclass
class KeepingPager:
    """Keeps what it is given; answers as told."""

    sent: list[Page] = field(default_factory=list)
    answer: Callable[[Page], Delivery] = lambda _: Delivery(outcome="sent")

    def prepares(self, _: Page) -> bool:
        return False

    async def deliver(self, page: Page, incident: Incident | None) -> Delivery:
        delivery = self.answer(page)
        if delivery.outcome == "sent":
            self.sent.append(page)
        return delivery


def rendered(unit: str = "judgment", kind: str = "restart", risk: Risk = "guarded") -> RenderedOperation:
    return RenderedOperation(
        operation=Operation(kind=kind, unit=unit),
        risk=risk,
        will={"ko": f"{unit} 재시작", "en": f"restart {unit}"},
        command=f"kubectl rollout restart deployment/{unit}-service -n judgify-prod",
    )


@dataclass
class ScriptedRunner:
    """A runbook of two steps: look, then restart; `needed` approvals before it acts, 0 for none."""

    needed: int = 0
    risk: Risk = "guarded"
    performed: list[str] = field(default_factory=list)
    fault: Exception | None = None

    def plan(self, service: str) -> str | None:
        return service if service in default_guide().services else None

    async def advance(self, run: RunbookRun, host: RunHost) -> RunbookRun:
        if self.fault is not None:
            raise self.fault
        now = host.clock.now()
        if run.cursor == 0:
            found = Finding(
                id=new_id("fnd"), step="unit", title="unit", text="exited", facts={"state": "exited"}, at=now
            )
            run = run.model_copy(update={"cursor": 1, "state": "running"})
            await host.record(run, t.FindingRecorded(finding=found))
        operation = rendered(run.service, risk=self.risk)
        approval_id = None
        if self.needed:
            approval = await host.ask(run, "restart", operation, self.needed)
            approval_id = approval.id
            if approval.state == "waiting":
                waiting = {"state": "waiting", "waiting_for": approval.id, "due_at": approval.lapses_at}
                return run.model_copy(update=waiting)
            if approval.state != "granted" or not await host.use_approval(approval.id, operation.digest):
                run = run.model_copy(update={"state": "failed", "outcome": approval.state})
                await host.record(run, t.RunbookFinished(run_id=run.id, outcome="failed", reason=approval.state))
                return run
        began = OperationRun(
            id=new_id("op"),
            run_id=run.id,
            step="restart",
            rendered=operation,
            approval_id=approval_id,
            by=run.asked_by,
            started_at=now,
        )
        await host.record(run, o.OperationStarted(operation=began))
        self.performed.append(run.service)
        done = OperationResult(ok=True, detail="restarted")
        run = run.model_copy(update={"state": "done", "outcome": "restarted"})
        await host.record(
            run,
            o.OperationFinished(operation_id=began.id, result=done),
            o.OperationVerified(operation_id=began.id, ok=True),
            t.RunbookFinished(run_id=run.id, outcome="done", reason="restarted"),
        )
        return run


class PlainDocuments:
    """Every entry on a line: enough to see what a document was written from."""

    def render(self, kind: DocumentKind, lang: Lang, incident: Incident, entries: Sequence[t.Entry]) -> str:
        return "\n".join([f"# {kind} {lang} {incident.id}", *(entry.event.type for entry in entries)])

    def sentences(self, lang: Lang, incident: Incident, entries: Sequence[t.Entry]) -> list[str]:
        return [entry.event.type for entry in entries]


class World:
    """An engine, its store, and everything around it. `crash` ends the engine and starts another on the same store."""

    def __init__(
        self, folder: Path, *, sqlite: bool = False, start: datetime = WEDNESDAY, guide: Guide | None = None
    ) -> None:
        self.guide = guide or default_guide()
        self.ways = forms(self.guide)
        self.clock = FakeClock(start)
        self.folder = folder
        self.sqlite = sqlite
        self.tables = Tables()
        self.pager = KeepingPager()
        self.runner = ScriptedRunner()
        self.orchestrator = MemoryOrchestrator(self.clock)
        for service in default_guide().services.values():
            self.orchestrator.define(service.unit)
        self.good: dict[str, bool] = {}
        self.policy = GuidePolicy(self.guide)
        self.store: Store
        self.core: Core

    async def up(self) -> "World":
        self.store = SqliteStore(self.folder / "response.db") if self.sqlite else MemoryStore(self.tables)
        await self.store.open()
        self.core = assemble(
            store=self.store,
            policy=self.policy,
            clock=self.clock,
            figures=Figures(Metrics("response")),
            pager=self.pager,
            capturer=Capturer(self.orchestrator, ScrapedMetrics({}, self.clock), Targets()),
            documents=PlainDocuments(),
            runner=self.runner,
            shelf=Shelf(self.folder / "documents"),
            heartbeats=self.guide.intake.heartbeats,
            ways=self.ways,
        )
        await self.core.start()
        return self

    async def down(self) -> None:
        await self.core.conductor.stop()
        await self.store.close()

    async def crash(self) -> None:
        """As far as the store can tell, this is what kill -9 does: nothing is written at the end."""
        await self.down()
        await self.up()

    async def tick(self) -> datetime | None:
        """Let the engine do everything that is due now, and what follows from it."""
        self.look()
        deadline = await self.core.conductor.tick(finish=True)
        for _ in range(20):
            if deadline is None or deadline > self.clock.now():
                break
            deadline = await self.core.conductor.tick(finish=True)
        return deadline

    def look(self) -> None:
        for service, ok in self.good.items():
            self.core.engine.check(Check(service=service, ok=ok, at=self.clock.now()))

    async def passing(self, seconds: float, *, step_s: float = STEP_S) -> None:
        """Let time pass; the engine is called when it says that something is due, and when the checks have answered.

        They do so every `step_s` seconds; a long one shows that the engine itself knows when it is wanted.
        """
        end = self.clock.now() + timedelta(seconds=seconds)
        while True:
            deadline = await self.tick()
            left = (end - self.clock.now()).total_seconds()
            if left <= 0:
                return
            until = left if deadline is None else (deadline - self.clock.now()).total_seconds()
            await self.clock.advance(min(left, step_s, max(until, 0.001)))

    async def fails(self, service: str, signal: str = "service_down", **fields: Any) -> str | None:
        """Our own probe sees a service fail."""
        if signal == "service_down":
            self.good[service] = False
        return await self.send(service, signal, source="probe", own=True, **fields)

    def works(self, *services: str) -> None:
        for service in services:
            self.good[service] = True

    async def send(self, service: str, signal: str, **fields: Any) -> str | None:
        now = self.clock.now()
        values = {"source": "alertmanager", "observed_at": now, "received_at": now, **fields}
        return await self.core.engine.signal(
            Signal.model_validate({"id": new_id("sig"), "service": service, "signal": signal, **values})
        )

    async def incident(self, incident_id: str | None) -> Incident:
        assert incident_id is not None
        return await self.core.desk.incident(incident_id)

    async def types(self, incident_id: str | None) -> list[str]:
        entries = await self.core.desk.ask(lambda tx: tx.entries(incident_id))
        return [entry.event.type for entry in entries]

    async def pages(self, incident_id: str | None) -> list[Page]:
        return await self.core.desk.ask(lambda tx: tx.pages(incident_id))

    def told(self, kind: str = "page") -> set[str]:
        """Who was told so far."""
        return {page.person for page in self.pager.sent if page.kind == kind}


def utc(year: int, *rest: int) -> datetime:
    return datetime(year, *rest, tzinfo=UTC)  # type: ignore[misc,arg-type]
