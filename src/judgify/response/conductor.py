"""The loop that pays what the store says is owed: pages, runbooks, recovery, phases, documents. All of it resumable.

Nothing is remembered here that the store does not know: whatever is to be done follows from what was committed, so a
restarted engine goes on where the last one was.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from judgify.kit.errors import Conflict
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger
from judgify.response import calling, operation_entry, paging
from judgify.response import timeline as t
from judgify.response.delivery import Deliveries
from judgify.response.desk import Desk, Work
from judgify.response.duty import Duty
from judgify.response.engine import Engine, stop_runs, take_back
from judgify.response.figures import Figures
from judgify.response.incident import Incident
from judgify.response.journal import EngineStarted
from judgify.response.model import UNSETTLED, RunbookRun, Signal
from judgify.response.policy import StepDue
from judgify.response.ports import RunHost, Runner
from judgify.response.reception import withdraw_all
from judgify.response.recovery import Recovered, recovered
from judgify.response.reminder import Reminders
from judgify.response.scribe import Scribe

log = get_logger("judgify.response.conductor")
LONGEST_SLEEP_S: Final = 1.0
"""The loop looks at least this often, so that nothing hangs on one missed waking."""
FAULTS_MAX: Final = 5
MOMENT: Final = timedelta(milliseconds=1)
"""A step is late after its deadline, not at it."""


class Conductor:
    """Ticks whenever something is due, or was committed."""

    def __init__(
        self,
        desk: Desk,
        engine: Engine,
        deliveries: Deliveries,
        scribe: Scribe,
        figures: Figures,
        *,
        runner: Runner,
        host: RunHost,
    ) -> None:
        """Conduct an engine."""
        self._desk = desk
        self._engine = engine
        self._deliveries = deliveries
        self._scribe = scribe
        self._figures = figures
        self._runner = runner
        self._host = host
        self._reminders = Reminders(desk)
        self._duty = Duty(desk)
        self._rolling: frozenset[str] = frozenset()
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._faults: dict[str, int] = {}
        self.leads: Callable[[], bool] = lambda: True
        """Whether this engine does what only one may do; with others on its store, while it holds the lead."""
        self.completed_at: datetime | None = None
        """When the loop last went through without a fault in its due rows."""

    async def start(self) -> None:
        """Take up what an earlier engine left."""
        due = await self._deliveries.start()

        def work(job: Work) -> None:
            unsettled = len(job.tx.incidents(states=tuple(sorted(UNSETTLED)), limit=1_000))
            job.journal(EngineStarted(unsettled=unsettled, due_pages=due, runs=len(job.tx.runs(active=True))))

        await self._desk.command(work)

    async def run(self) -> None:
        """Tick until cancelled; beside it pages go out as soon as they are durable."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliveries.run(), name="pages")
            while True:
                began = self._desk.clock.monotonic()
                deadline = await self.tick()
                took_s = self._desk.clock.monotonic() - began
                wait_s = LONGEST_SLEEP_S
                if deadline is not None:
                    wait_s = min(wait_s, max(0.01, (deadline - self._desk.clock.now()).total_seconds()))
                await self._desk.clock.wait(self._desk.wake, wait_s)
                # What a look costs is rested twice: paperwork never takes what pages need. Alone it takes milliseconds.
                await self._desk.clock.sleep(min(LONGEST_SLEEP_S, 2 * took_s))

    async def stop(self) -> None:
        """End what is under way; everything goes on after the next start."""
        await self._deliveries.stop()
        self._scribe.cancel()
        for task in list(self._runs.values()):
            task.cancel()
        await asyncio.gather(*self._runs.values(), return_exceptions=True)

    async def tick(self, *, finish: bool = False) -> datetime | None:
        """Do everything that is due; with `finish` wait for its end. Gives the next known deadline, or None."""
        self._desk.wake.clear()
        due: list[int] = []

        async def pages() -> None:
            due.append(await self._deliveries.begin())

        good = await self._stage("pages", pages)
        await self._deliveries.urgent()
        incidents: list[Incident] = []

        async def look() -> None:
            incidents.extend(
                await self._desk.ask(lambda tx: tx.incidents(states=tuple(sorted(UNSETTLED)), limit=1_000))
            )

        good &= await self._stage("look", look)
        if not self.leads():
            self._followed(incidents, due, good=good)
            return None
        await self._stage("approvals", self._lapse)
        await self._stage("duty", lambda: self._duty.begin(incidents))
        await self._stage("lives", lambda: self._live(incidents))
        await self._stage("runs", self._advance)
        await self._stage("scribe", self._scribe.begin)
        await self._stage("checklists", lambda: self._overdue(incidents))
        await self._stage("reminders", self._reminders.begin)
        await self._stage("subscriptions", self._engine.subscriptions.sweep)
        await self._stage("rollouts", self._after_rollouts)
        if good:
            self.completed_at = self._desk.clock.now()
            self._figures.looked(incidents, due[0] if due else 0, self.completed_at)
        if finish:
            await self._deliveries.finish()
            await self._scribe.finish()
            while self._runs:
                await asyncio.wait(list(self._runs.values()))
        if self._desk.wake.is_set():
            return self._desk.clock.now()  # something was committed meanwhile: look again at once
        moments: list[datetime] = []

        async def following() -> None:
            moments.extend(await self._next(incidents))

        await self._stage("deadlines", following)
        return min(moments, default=None)

    def _followed(self, incidents: Sequence[Incident], due: Sequence[int], *, good: bool) -> None:
        """End a look of an engine that does not lead: it sends pages, and leaves the rest to whoever does."""
        for task in list(self._runs.values()):
            task.cancel()  # the leader takes the runbook up where it is written that it was
        self._scribe.cancel()
        if good:
            self.completed_at = self._desk.clock.now()
            self._figures.looked(incidents, due[0] if due else 0, self.completed_at)

    async def _stage(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except Exception:  # boundary: one fault must not end the loop
            self._figures.faults.labels(name).inc()
            log.exception("stage failed", stage=name)
            return False
        return True

    async def _lapse(self) -> None:
        now = self._desk.clock.now()
        waiting = await self._desk.ask(lambda tx: tx.approvals(waiting=True))
        late = [approval.id for approval in waiting if approval.lapses_at <= now]
        if not late:
            return

        def work(job: Work) -> None:
            for approval_id in late:
                approval = job.tx.approval(approval_id)
                if approval is None or approval.state not in {"waiting", "granted"}:
                    continue
                job.tx.save_approval(approval.model_copy(update={"state": "lapsed"}))
                if approval.incident_id is not None:
                    job.append(approval.incident_id, operation_entry.ApprovalLapsed(approval_id=approval_id))

        await self._desk.command(work)

    async def _live(self, incidents: Sequence[Incident]) -> None:
        """Recovery, resolution and phases: what the clock and the checks change about an incident by themselves."""
        now = self._desk.clock.now()
        policy = self._desk.policy
        for incident in incidents:
            found = recovered(incident, self._engine.checks, policy.hold_s(incident.drill), now)
            if isinstance(found, Recovered):
                await self._desk.command(lambda job, i=incident, f=found: _recover(job, i.id, f))  # type: ignore[misc]
                continue
            if self._steady(incident, now):
                await self._desk.command(lambda job, i=incident: _resolve(job, i.id))  # type: ignore[misc]
                continue
            phase = policy.phase(incident.started_at, incident.recovered_at, now)
            if phase > incident.phase:
                await self._desk.command(lambda job, i=incident, p=phase: _phase(job, i.id, p))  # type: ignore[misc]

    async def _overdue(self, incidents: Sequence[Incident]) -> None:
        """Tell once of every step of the first 15 minutes that ran out of its time (guide 3.1)."""
        now = self._desk.clock.now()
        for incident in incidents:
            if not incident.ongoing or incident.merged_into is not None:
                continue
            for step in self._desk.policy.open_steps(incident, now):
                if step.late and step.id not in incident.overdue:
                    await self._desk.command(lambda job, i=incident, s=step: _step_is_late(job, i.id, s))  # type: ignore[misc]

    def _steady(self, incident: Incident, now: datetime) -> bool:
        if incident.state != "recovered" or incident.recovered_at is None:
            return False
        if now - incident.recovered_at < timedelta(seconds=self._desk.policy.resolve_after_s()):
            return False
        # After a restart the checks must have spoken again before the engine says that it is steady.
        return all(self._engine.checks.good_since(service, now) is not None for service in incident.service_names())

    async def _advance(self) -> None:
        now = self._desk.clock.now()
        for run in await self._desk.ask(lambda tx: tx.runs(active=True)):
            if run.id not in self._runs and await self._ready(run, now):
                task = asyncio.create_task(self._work(run), name=f"run-{run.id}")
                self._runs[run.id] = task
                task.add_done_callback(partial(self._ended, run.id))

    def _ended(self, run_id: str, _: "asyncio.Task[None]") -> None:
        self._runs.pop(run_id, None)
        self._desk.wake.set()

    async def _ready(self, run: RunbookRun, now: datetime) -> bool:
        if run.state != "waiting" or run.due_at <= now:
            return True
        if run.waiting_for is None:
            return False
        return (await self._host.approval(run.waiting_for)).state != "waiting"

    async def _work(self, run: RunbookRun) -> None:
        try:
            advanced = await self._runner.advance(run, self._host)
            self._faults.pop(run.id, None)
        except Conflict as error:
            if error.type_slug == "run-stopped":
                return
            advanced = self._fault(run, error)
        except Exception as error:  # noqa: BLE001 - boundary: a fault in a runbook must not end the engine
            advanced = self._fault(run, error)

        async def save() -> None:
            await self._desk.command(lambda job: _save_run(job, advanced))

        await self._stage("runs", save)

    def _fault(self, run: RunbookRun, error: Exception) -> RunbookRun:
        log.error("runbook failed", run=run.id, runbook=run.runbook, exc_info=error)
        faults = self._faults[run.id] = self._faults.get(run.id, 0) + 1
        if faults >= FAULTS_MAX:
            return run.model_copy(update={"state": "failed", "outcome": f"{type(error).__name__}: {error}"})
        later = self._desk.clock.now() + timedelta(seconds=2.0 * faults)
        return run.model_copy(update={"state": "waiting", "due_at": later, "waiting_for": None})

    async def _after_rollouts(self) -> None:
        """When a planned rollout has ended and its service still fails, that is a signal after all."""
        now = self._desk.clock.now()
        rolling = frozenset(r.service for r in await self._desk.ask(lambda tx: tx.rollouts(now)))
        ended, self._rolling = self._rolling - rolling, rolling
        for service in ended:
            check = self._engine.checks.last(service)
            if check is not None and not check.ok:
                await self._engine.signal(
                    Signal(
                        id=new_id("sig"),
                        service=service,
                        signal="service_down",
                        source="probe",
                        own=True,
                        text=f"still failing after its planned rollout: {check.detail}",
                        observed_at=check.at,
                        received_at=now,
                    )
                )

    async def _next(self, incidents: Sequence[Incident]) -> list[datetime]:
        """Give the moments at which the clock alone makes something due."""
        now = self._desk.clock.now()
        policy = self._desk.policy

        page = await self._desk.ask(lambda tx: tx.next_page_due())
        approvals = await self._desk.ask(lambda tx: tx.approvals(waiting=True))
        runs = await self._desk.ask(lambda tx: tx.runs(active=True))
        moments = [page] if page is not None else []
        moments += [approval.lapses_at for approval in approvals]
        moments += [run.due_at for run in runs if run.state == "waiting"]
        moments += self._duty.moments(incidents)
        for incident in incidents:
            found = recovered(incident, self._engine.checks, policy.hold_s(incident.drill), now)
            if isinstance(found, datetime):
                moments.append(found)
            if incident.ongoing:
                steps = policy.open_steps(incident, now)
                moments += [s.deadline + MOMENT for s in steps if not s.late and s.id not in incident.overdue]
            if incident.recovered_at is not None:
                moments.append(incident.recovered_at + timedelta(seconds=policy.resolve_after_s()))
        return moments


def _recover(job: Work, incident_id: str, found: Recovered) -> None:
    incident = job.incident(incident_id)
    if not incident.ongoing:
        return
    event = t.RecoveryObserved(restored_at=found.restored_at, held_s=found.held_s, services=found.services)
    incident = job.append(incident_id, event)
    withdraw_all(job, incident, "recovery is verified")
    stop_runs(job, incident, "recovery is verified")
    if incident.phase != 3:
        job.append(incident_id, t.PhaseEntered(phase=3, reason="recovered"))


def _resolve(job: Work, incident_id: str) -> None:
    incident = job.incident(incident_id)
    if incident.state == "recovered":
        minutes = job.policy.resolve_after_s() / 60
        job.append(incident_id, t.IncidentResolved(reason=f"steady for {minutes:g} min after recovery"))


def _step_is_late(job: Work, incident_id: str, step: StepDue) -> None:
    incident = job.incident(incident_id)
    if not incident.ongoing or step.id in incident.overdue:
        return
    job.append(incident_id, t.ChecklistOverdue(step=step.id, missing=step.missing))
    # Those who were paged first hear of it; nobody is woken for a checklist.
    planned = [
        row.model_copy(update={"kind": "notice", "row": f"checklist:{step.id}", "due_at": job.now})
        for row in job.duty.pages(incident.severity, incident.key.root, job.now)
        if row.kind == "page" and row.due_at <= job.now and not row.wakes
    ]
    text = {lang: f"{step.title[lang]} - {step.missing_text[lang]}" for lang in step.title}
    payload = {"checklist": step.id, "text": text}
    rows = paging.rows(incident_id, planned, job.now)
    job.save_pages([page.model_copy(update={"payload": payload}) for page in rows])


def _phase(job: Work, incident_id: str, phase: int) -> None:
    if job.incident(incident_id).phase < phase:
        job.append(incident_id, t.PhaseEntered(phase=phase, reason="clock"))


def _save_run(job: Work, advanced: RunbookRun) -> None:
    known = job.tx.run(advanced.id)
    if known is None or known.state == "stopped":
        return
    job.tx.save_run(advanced)
    if advanced.state == "failed" and advanced.incident_id is not None and known.state != "failed":
        entries = job.tx.entries(advanced.incident_id)
        told = any(isinstance(e.event, t.RunbookFinished) and e.event.run_id == advanced.id for e in entries)
        if not told:
            event = t.RunbookFinished(run_id=advanced.id, outcome="failed", reason=advanced.outcome)
            job.append(advanced.incident_id, event)
            calling.gave_up(job, advanced, advanced.outcome)
            take_back(job, advanced.incident_id, advanced.id)
