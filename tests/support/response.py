"""What tests of the response engine's senses and hands need: a sink that remembers, and a host for runbook runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from judgify.kit.clock import Clock, SystemClock
from judgify.response.guide.loader import default_guide_dir, load_guide
from judgify.response.incident import Incident
from judgify.response.model import (
    ENGINE,
    Affected,
    Approval,
    AutomationState,
    Check,
    IncidentKey,
    OperationRun,
    RenderedOperation,
    RunbookRun,
    Severity,
    Signal,
)
from judgify.response.operation_entry import OperationFinished, OperationStarted
from judgify.response.timeline import Event

GUIDE = load_guide(default_guide_dir())


class RememberingSink:
    """Implements `ports.SignalSink` by keeping what it is told."""

    def __init__(self) -> None:
        self.signals: list[Signal] = []
        self.checks: dict[str, Check] = {}
        self.suspect: str | None = None
        self.news = asyncio.Event()

    async def signal(self, signal: Signal) -> str | None:
        self.signals.append(signal)
        self.news.set()
        return None

    def check(self, result: Check) -> None:
        self.checks[result.service] = result

    def suspect_probes(self, reason: str | None) -> None:
        self.suspect = reason

    def of(self, service: str) -> list[str]:
        return [signal.signal for signal in self.signals if signal.service == service]


def incident_of(service: str, now: datetime, severity: Severity = "P1", **more: Any) -> Incident:
    values: dict[str, Any] = {
        "id": "INC-2026-0001",
        "key": IncidentKey(root=service, failure_class="service"),
        "state": "open",
        "title": "서비스 다운",
        "severity": severity,
        "severity_rule": "judgment-down",
        "severity_reason": "Judgment Service 장애",
        "severity_by": ENGINE,
        "known": True,
        "started_at": now,
        "occurred_at": now,
        "detected_by": "probe",
        "services": (Affected(service=service, since=now, confirmed=True),),
        "signals": (),
        **more,
    }
    return Incident.model_validate(values)


@dataclass
class RememberingHost:
    """Implements `ports.RunHost` in memory: one incident, every event in order, the run as last saved."""

    incident_now: Incident
    clock: Clock = field(default_factory=SystemClock)
    held: AutomationState = field(default_factory=AutomationState)
    suspect: str | None = None
    events: list[Event] = field(default_factory=list)
    saved: RunbookRun | None = None
    approvals: dict[str, Approval] = field(default_factory=dict)
    operations: list[OperationRun] = field(default_factory=list)
    cut_off_after: str | None = None
    """The type of an event after whose saving the engine is killed."""

    async def incident(self, incident_id: str) -> Incident:
        assert incident_id == self.incident_now.id
        return self.incident_now

    async def unsettled(self) -> list[Incident]:
        return [self.incident_now]

    async def record(self, run: RunbookRun, *events: Event) -> None:
        self.saved = RunbookRun.model_validate_json(run.model_dump_json())
        self.events.extend(events)
        for event in events:
            if isinstance(event, OperationStarted):
                self.operations.append(event.operation)
            if self.cut_off_after == event.type:
                self.cut_off_after = None
                raise EngineKilled

    async def ask(self, run: RunbookRun, step: str, rendered: RenderedOperation, needed: int) -> Approval:
        for known in self.approvals.values():
            if known.digest == rendered.digest and known.state == "waiting":
                return known
        now = self.clock.now()
        approval = Approval(
            id=f"apr_{len(self.approvals)}",
            incident_id=run.incident_id,
            run_id=run.id,
            step=step,
            rendered=rendered,
            digest=rendered.digest,
            needed=needed,
            asked_by=run.asked_by,
            asked_at=now,
            lapses_at=now + timedelta(minutes=15),
        )
        self.approvals[approval.id] = approval
        return approval

    def answer(self, approval_id: str, state: str) -> None:
        self.approvals[approval_id] = self.approvals[approval_id].model_copy(update={"state": state})

    async def approval(self, approval_id: str) -> Approval:
        return self.approvals[approval_id]

    async def use_approval(self, approval_id: str, digest: str) -> bool:
        known = self.approvals[approval_id]
        if known.state != "granted" or known.digest != digest:
            return False
        self.answer(approval_id, "used")
        return True

    async def automation(self) -> AutomationState:
        return self.held

    async def recent_operations(self, unit: str | None, within_s: float) -> list[tuple[str, OperationRun]]:
        del within_s
        return [
            (self.incident_now.id, one)
            for one in self.operations
            if unit is None or one.rendered.operation.unit == unit
        ]

    async def probes_suspect(self) -> str | None:
        return self.suspect

    def check(self, service: str) -> Check | None:
        del service
        return None

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def results(self) -> list[OperationFinished]:
        return [event for event in self.events if isinstance(event, OperationFinished)]


class EngineKilled(Exception):
    """The engine's process ended at this point."""


@asynccontextmanager
async def running(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run something for ever beside a test, and end it with the test."""

    async def body() -> None:
        await work()

    task = asyncio.create_task(body())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
