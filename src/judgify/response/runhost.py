"""What a runbook runner may ask of the engine, and the only way in which it writes (see `ports.RunHost`)."""

from datetime import timedelta

from judgify.kit.clock import Clock
from judgify.kit.errors import Conflict, NotFound
from judgify.kit.ids import new_id
from judgify.response import calling, operation_entry, paging
from judgify.response import timeline as t
from judgify.response.desk import Desk, Work
from judgify.response.engine import Engine, take_back
from judgify.response.incident import Incident
from judgify.response.model import (
    UNSETTLED,
    Approval,
    AutomationState,
    Check,
    OperationRun,
    RenderedOperation,
    RunbookRun,
)


class EngineRunHost:
    """The engine as a runner sees it. Every call that writes is one transaction."""

    def __init__(self, desk: Desk, engine: Engine) -> None:
        """Stand before an engine and its desk."""
        self._desk = desk
        self._engine = engine

    @property
    def clock(self) -> Clock:
        """The clock."""
        return self._desk.clock

    async def incident(self, incident_id: str) -> Incident:
        """Give the incident as it is now."""
        return await self._desk.incident(incident_id)

    async def unsettled(self) -> list[Incident]:
        """Give all incidents that are not resolved."""
        return await self._desk.ask(lambda tx: tx.incidents(states=tuple(sorted(UNSETTLED)), limit=1_000))

    async def record(self, run: RunbookRun, *events: t.Event) -> None:
        """Append events and save the run. `Conflict` when it was stopped meanwhile and wants to begin something.

        What had begun before it was stopped may still be told to its end.
        """

        def work(job: Work) -> None:
            known = job.tx.run(run.id)
            stopped = known is not None and known.state == "stopped"
            if stopped and any(isinstance(event, operation_entry.OperationStarted) for event in events):
                raise Conflict(f"the run was stopped: {known.outcome if known else ''}", slug="run-stopped")
            if run.incident_id is not None and events:
                incident = job.append(run.incident_id, *events, actor=run.asked_by)
                first = next(
                    (e for e in events if isinstance(e, operation_entry.OperationFinished) and e.result.ok), None
                )
                if first is not None and "emergency_action_done" not in incident.checklist:
                    detail = first.result.detail or first.operation_id
                    how = "machine" if run.asked_by.kind == "engine" else "person"
                    done = {"item": "emergency_action_done", "how": how, "detail": detail}
                    job.append(run.incident_id, t.ChecklistDone.model_validate(done), actor=run.asked_by)
            elif events and run.step is not None:
                # Asked for by hand without an incident (guide 3.2): the engine's own timeline tells it.
                job.journal(*events, actor=run.asked_by)
            ended = next((e for e in events if isinstance(e, t.RunbookFinished) and e.outcome != "done"), None)
            if ended is not None:
                calling.gave_up(job, run, ended.reason, ended.reasons)
            if run.incident_id is not None and any(isinstance(event, t.RunbookFinished) for event in events):
                take_back(job, run.incident_id, run.id)
            if not stopped:
                job.tx.save_run(run)

        await self._desk.command(work)

    async def ask(self, run: RunbookRun, step: str, rendered: RenderedOperation, needed: int) -> Approval:
        """Ask for approval; the same rendering asked again gives the request that stands, or was refused."""

        def work(job: Work) -> Approval:
            for known in job.tx.approvals():
                same = (known.run_id, known.digest) == (run.id, rendered.digest)
                # What was refused in a run is not asked for again in it.
                if same and known.state_at(job.now) in {"waiting", "granted", "rejected"}:
                    return known
            approval = Approval(
                id=new_id("apr"),
                incident_id=run.incident_id,
                run_id=run.id,
                step=step,
                rendered=rendered,
                digest=rendered.digest,
                needed=needed,
                asked_by=run.asked_by,
                asked_at=job.now,
                lapses_at=job.now + timedelta(seconds=job.policy.approval_lapses_s()),
            )
            job.tx.save_approval(approval)
            if run.incident_id is not None:
                incident = job.append(
                    run.incident_id, operation_entry.ApprovalRequested(approval=approval), actor=run.asked_by
                )
                self._tell(job, incident, approval)
            return approval

        return await self._desk.command(work)

    @staticmethod
    def _tell(job: Work, incident: Incident, approval: Approval) -> None:
        """Tell those who were paged first that something waits for them."""
        planned = [
            row.model_copy(update={"kind": "notice", "row": "approval", "due_at": job.now})
            for row in job.duty.pages(incident.severity, incident.key.root, job.now)
            if row.kind == "page" and row.due_at <= job.now
        ]
        payload = {
            "approval": approval.id,
            "needed": approval.needed,
            "text": dict(approval.rendered.will),
            "command": approval.rendered.command,
        }
        pages = paging.rows(incident.id, planned, job.now)
        job.save_pages([page.model_copy(update={"payload": payload}) for page in pages])

    async def approval(self, approval_id: str) -> Approval:
        """Give an approval with its state as of now."""
        now = self._desk.clock.now()
        approval = await self._desk.ask(lambda tx: tx.approval(approval_id))
        if approval is None:
            raise NotFound(f"there is no request for approval {approval_id!r}")
        return approval.model_copy(update={"state": approval.state_at(now)})

    async def use_approval(self, approval_id: str, digest: str) -> bool:
        """Take a granted approval for exactly this digest; True once."""

        def work(job: Work) -> bool:
            approval = job.tx.approval(approval_id)
            if approval is None or approval.digest != digest or approval.state_at(job.now) != "granted":
                return False
            job.tx.save_approval(approval.model_copy(update={"state": "used"}))
            return True

        return await self._desk.command(work)

    async def automation(self) -> AutomationState:
        """Give the hold switch."""
        return await self._desk.ask(lambda tx: tx.automation())

    async def recent_operations(self, unit: str | None, within_s: float) -> list[tuple[str, OperationRun]]:
        """Give operations started within that time on a unit (None: all), oldest first, with their incident."""
        since = self._desk.clock.now() - timedelta(seconds=within_s)
        incidents = await self._desk.ask(lambda tx: tx.incidents(limit=200))
        found = [
            (incident.id, operation)
            for incident in incidents
            for operation in incident.operations
            if operation.started_at >= since and (unit is None or operation.rendered.operation.unit == unit)
        ]
        return sorted(found, key=lambda item: item[1].started_at)

    async def probes_suspect(self) -> str | None:
        """Say why our own probes cannot be trusted now, or None."""
        return self._engine.suspect

    def check(self, service: str) -> Check | None:
        """Give the newest answer of our own check of a service."""
        return self._engine.checks.last(service)
