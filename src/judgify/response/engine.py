"""The response engine: one handler per command. It decides and commits; what it owes the world the conductor pays."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from judgify.kit.errors import Conflict, Denied, Invalid, JudgifyError, NotFound
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger
from judgify.response import operation_entry, paging, storm
from judgify.response import timeline as t
from judgify.response.acknowledgement import take
from judgify.response.desk import Desk, Work
from judgify.response.incident import Incident
from judgify.response.model import (
    SEVERITIES,
    Actor,
    Approval,
    Check,
    Lang,
    RootCause,
    RunbookRun,
    Severity,
    Signal,
    Vote,
)
from judgify.response.planning import plan_pages
from judgify.response.reception import (
    RunbookOf,
    change_severity,
    fall_silent,
    receive,
    start_run,
    withdraw_all,
)
from judgify.response.recovery import Checks
from judgify.response.rule import decide_vote, missing_to_close, said
from judgify.response.standing import key_of
from judgify.response.subscription import Subscriptions

log = get_logger("judgify.response.engine")
DECLARED: Final = "신고한 사람이 정함"
"""Reason of a severity that came with a person's report; in the record's language, as what people type is."""
EMERGENCY: Final = "emergency"
"""The runbook of guide 3.2, whose steps a person may take before there is an incident."""
BATCH: Final = 500
"""Signals that one transaction takes at most; a storm is many signals per disk write."""

GATHERED: Final = 4
"""From so many signals on, one transaction looks up and writes them together."""


@dataclass(frozen=True, slots=True)
class DeclareIncident:
    """A person says that something is wrong."""

    service: str
    signal: str
    text: str
    severity: Severity | None = None
    life_at_risk: bool = False


class Engine:
    """Handlers of commands. Every one is a single transaction: after a crash it happened wholly or not at all."""

    def __init__(self, desk: Desk, runbook_of: RunbookOf, subscriptions: Subscriptions) -> None:
        """Work at a desk; `runbook_of` gives the runbook of a service, `subscriptions` who outside is told."""
        self.desk = desk
        self.subscriptions = subscriptions
        self.checks = Checks()
        desk.well_since = self.checks.good_since
        self.suspect: str | None = None
        """Why our own probes cannot be trusted now, or None."""
        self._runbook_of = runbook_of
        self._waiting: list[tuple[Signal, asyncio.Future[str | None]]] = []
        self._draining: asyncio.Task[None] | None = None

    # -- signals -----------------------------------------------------------------------------------------------------

    async def signal(self, signal: Signal) -> str | None:
        """Make a signal durable and give its incident's id. Signals that wait together share one transaction."""
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((signal, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain(), name="signals")
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            try:
                results = await self._receive([signal for signal, _ in batch])
            except Exception as error:  # noqa: BLE001 - boundary: each sender gets its own answer
                await self._one_by_one(batch, error)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    _answer(future, result)

    async def _one_by_one(self, batch: list[tuple[Signal, asyncio.Future[str | None]]], error: Exception) -> None:
        if len(batch) == 1:
            _fail(batch[0][1], error)
            return
        for signal, future in batch:
            try:
                _answer(future, (await self._receive([signal]))[0])
            except Exception as reason:  # noqa: BLE001 - boundary: each sender gets its own answer
                _fail(future, reason)

    @property
    def waiting(self) -> int:
        """How many signals wait for a transaction now."""
        return len(self._waiting)

    async def take(self, signals: Sequence[Signal], also: Callable[[Work], None] | None = None) -> list[str | None]:
        """Take many signals in one transaction, and do `also` in it; give the incident of each."""

        def work(job: Work) -> list[str | None]:
            if len(signals) >= GATHERED:
                job.tally.gather([key_of(one) for one in signals], [one.fold_key for one in signals])
            found = [receive(job, signal, self._runbook_of) for signal in signals]
            job.tally.flush()
            if also is not None:
                also(job)
            return found

        return await self.desk.command(work)

    async def fall_silent(self, name: str, listening_since: datetime) -> None:
        """Tell of a heartbeat whose silence counts; nothing when it has come meanwhile."""
        await self.desk.command(lambda job: fall_silent(job, name, listening_since, self._runbook_of))

    async def _receive(self, signals: list[Signal]) -> list[str | None]:
        return await self.take(signals)

    def check(self, result: Check) -> None:
        """Take one answer of our own check of a service."""
        if self.checks.take(result):
            self.desk.wake.set()

    def suspect_probes(self, reason: str | None) -> None:
        """Say that our own probes cannot be trusted (recovery by itself pauses), or with None that they can."""
        if reason != self.suspect:
            log.warning("probes suspect" if reason else "probes trusted again", reason=reason)
        self.suspect = reason

    # -- an incident's life ------------------------------------------------------------------------------------------

    async def declare(self, command: DeclareIncident, actor: Actor) -> Incident:
        """Declare an incident; one that is open already for this service is joined."""
        now = self.desk.clock.now()
        signal = Signal(
            id=new_id("sig"),
            service=command.service,
            signal=command.signal,
            source="person",
            text=command.text,
            observed_at=now,
            received_at=now,
            labels={"by": str(actor)},
            # Every report of a person is an entry of its own.
            fingerprint=new_id("sig"),
        )

        def work(job: Work) -> Incident:
            if job.policy.service(command.service) is None:
                raise Invalid(f"service {command.service!r} is not in the guide's catalogue")
            found = receive(job, signal, self._runbook_of, declared_by=actor)
            if found is None:  # pragma: no cover - a declared signal is never suppressed
                raise Conflict("the report opened nothing")
            incident = job.incident(found)
            opened = incident.signal_count == 1 and incident.signals[0].id == signal.id
            if command.severity is not None and _may_declare(command.severity, incident, opened=opened):
                incident = self._set_severity(job, incident, command.severity, DECLARED, actor)
            if command.life_at_risk and not incident.life_at_risk:
                incident = job.append(found, t.LifeAtRiskDeclared(reason=DECLARED), actor=actor)
            return job.incident(incident.id)

        return await self.desk.command(work)

    async def acknowledge(self, incident_id: str, actor: Actor, via: str = "") -> Incident:
        """Record that a person has taken it: repeats and retries stop on all channels at once. Twice is once.

        The id of a digest (`pg_…`) stands for every incident that the digest named when it was last told, as far as
        they go on; what was folded into it afterwards is told again. Gives the worst of them.
        """
        if not actor.may_acknowledge:
            raise Denied("only a person can acknowledge an incident")

        def work(job: Work) -> Incident:
            page = job.tx.page(incident_id) if incident_id.startswith("pg_") else None
            if page is not None and storm.DIGEST in page.payload:
                named = storm.left(job, page)
                if not named:
                    raise Conflict(f"all that {incident_id} names is held, or over")
                worst, *others = [take(job, one, actor, via).incident for one in named]
                log.info("a digest is acknowledged", page=incident_id, incidents=1 + len(others))
                return worst
            return take(job, _unsettled(job.incident(incident_id)), actor, via).incident

        return await self.desk.command(work)

    async def note(self, incident_id: str, text: str, actor: Actor) -> Incident:
        """Write something on the timeline, as it comes."""
        return await self._append(incident_id, actor, t.NoteAdded(text=said(text)))

    async def correct(self, incident_id: str, seq: int, text: str, actor: Actor) -> Incident:
        """Say that an earlier entry was wrong; it stays, the correction is a new entry."""

        def work(job: Work) -> Incident:
            incident = job.incident(incident_id)
            if not 1 <= seq <= incident.last_seq:
                raise NotFound(f"{incident_id} has no entry {seq}")
            return job.append(incident_id, t.EntryCorrected(seq=seq, text=said(text)), actor=actor)

        return await self.desk.command(work)

    async def assign(self, incident_id: str, person: str, actor: Actor) -> Incident:
        """Give the incident to a person."""
        return await self._append(incident_id, actor, t.IncidentAssigned(person=said(person, 120)))

    async def check_item(self, incident_id: str, item: str, detail: str, actor: Actor) -> Incident:
        """Tick an item of the checklist by hand, named by its id or its fact; `Invalid` names those that there are.

        One that is done stays as it was done first.
        """

        def work(job: Work) -> Incident:
            incident = job.incident(incident_id)
            steps = job.policy.checklist(incident, self.desk.clock.now(), "en")
            facts = {one["id"]: one["fact"] for step in steps for one in step["items"]}
            fact = facts.get(item, item)
            if fact not in facts.values():
                raise Invalid(f"item: there is no {item!r} in the checklist; known are {', '.join(facts)}", path="item")
            if fact in incident.checklist:
                return incident
            return job.append(incident_id, t.ChecklistDone(item=fact, how="person", detail=detail), actor=actor)

        return await self.desk.command(work)

    async def severity(self, incident_id: str, severity: Severity, reason: str, actor: Actor) -> Incident:
        """Override the severity; what is due is planned anew. No signal changes it afterwards."""

        def work(job: Work) -> Incident:
            incident = _unsettled(job.incident(incident_id))
            return self._set_severity(job, incident, severity, said(reason), actor)

        return await self.desk.command(work)

    @staticmethod
    def _set_severity(job: Work, incident: Incident, severity: Severity, reason: str, actor: Actor) -> Incident:
        event = t.SeverityChanged(previous=incident.severity, severity=severity, rule="person", reason=reason)
        return change_severity(job, incident, event, actor)

    async def root_cause(self, incident_id: str, cause: RootCause, actor: Actor) -> Incident:
        """Record the root cause and the fixes; a later one replaces it (the earlier stays on the timeline)."""
        return await self._append(incident_id, actor, t.RootCauseRecorded(root_cause=cause))

    async def resolve(self, incident_id: str, reason: str, actor: Actor) -> Incident:
        """Say that it is over. Whatever is still due of it is withdrawn."""

        def work(job: Work) -> Incident:
            incident = _unsettled(job.incident(incident_id))
            stop_runs(job, incident, "resolved")
            withdraw_all(job, incident, "resolved")
            job.append(incident_id, t.IncidentResolved(reason=said(reason)), actor=actor)
            return _enter_phase(job, incident_id, 3, "resolved")

        return await self.desk.command(work)

    async def reopen(self, incident_id: str, reason: str, actor: Actor) -> Incident:
        """Say that it is not over: pages are planned anew from now."""

        def work(job: Work) -> Incident:
            incident = job.incident(incident_id)
            if incident.ongoing:
                raise Conflict(f"{incident_id} is {incident.state}: it is open already")
            if incident.merged_into is not None:
                raise Conflict(f"{incident_id} was merged into {incident.merged_into}; reopen that one")
            incident = job.append(incident_id, t.IncidentReopened(reason=said(reason)), actor=actor)
            plan_pages(job, incident, "reopened")
            for service in incident.service_names():
                start_run(job, incident_id, service, self._runbook_of)
            return job.incident(incident_id)

        return await self.desk.command(work)

    async def close(self, incident_id: str, actor: Actor) -> Incident:
        """Close a resolved incident. P0 and P1 need root cause, owner and action items: `Conflict` lists what lacks."""

        def work(job: Work) -> Incident:
            incident = job.incident(incident_id)
            if incident.state != "resolved":
                raise Conflict(f"{incident_id} is {incident.state}; only a resolved incident can be closed")
            missing = missing_to_close(incident)
            if missing:
                listed = ", ".join(missing)
                raise Conflict(
                    f"{incident_id} cannot be closed yet; missing: {listed}", slug="incomplete", missing=missing
                )
            return job.append(incident_id, t.IncidentClosed(), actor=actor)

        return await self.desk.command(work)

    # -- approvals ---------------------------------------------------------------------------------------------------

    async def vote(self, approval_id: str, actor: Actor, *, approve: bool, reason: str = "") -> Approval:
        """Answer a request for approval. `Denied` for whom it does not count, `Conflict` when it is over."""

        def work(job: Work) -> Approval:
            approval = job.tx.approval(approval_id)
            if approval is None:
                raise NotFound(f"there is no request for approval {approval_id!r}")
            voted = decide_vote(approval, Vote(actor=actor, at=job.now, approve=approve, reason=reason), job.now)
            job.tx.save_approval(voted)
            if voted.incident_id is not None:
                state = voted.state
                if state not in {"waiting", "granted", "rejected"}:  # pragma: no cover - decide_vote gives no other
                    raise Conflict(f"the request is {state}")
                event = operation_entry.ApprovalVoted(approval_id=approval_id, vote=voted.votes[-1], state=state)
                job.append(voted.incident_id, event, actor=actor)
            return voted

        return await self.desk.command(work)

    # -- asked for by hand -------------------------------------------------------------------------------------------

    async def run_runbook(
        self, runbook: str, service: str, actor: Actor, *, incident_id: str | None, step: str | None, dry_run: bool
    ) -> RunbookRun:
        """Put a runbook, or one step of it, to work for a person.

        Without an incident a dry run is possible, and one emergency action (guide 3.2): told on the engine's timeline.
        """
        if incident_id is None and not dry_run and (step is None or runbook != EMERGENCY):
            raise Invalid("a runbook that acts needs an incident, so that what it does is on its timeline")

        def work(job: Work) -> RunbookRun:
            if incident_id is not None:
                _unsettled(job.incident(incident_id))
            run = RunbookRun(
                id=new_id("run"),
                incident_id=incident_id,
                runbook=runbook,
                service=service,
                step=step,
                dry_run=dry_run,
                asked_by=actor,
                created_at=job.now,
                due_at=job.now,
            )
            job.tx.save_run(run)
            if incident_id is not None:
                started = t.RunbookStarted(run_id=run.id, runbook=runbook, service=service, dry_run=dry_run)
                job.append(incident_id, started, actor=actor)
            return run

        return await self.desk.command(work)

    async def announce(
        self, incident_id: str, audience: str, texts: dict[str, str], actor: Actor, once: str = ""
    ) -> Incident:
        """Send an announcement (guide 3.1 step 3): inside by its channels, to customers by their subscriptions.

        Customers hear from a person only: `Denied` for anybody else. The same `once`, or the same words to the same
        audience, is sent once; asked for again, nothing happens.
        """
        if audience == "customers" and not actor.may_acknowledge:
            raise Denied("customers hear from a commander; nothing was sent")

        def work(job: Work) -> Incident:
            incident = job.incident(incident_id)
            sent = [a for a in incident.announcements if a.audience == audience and a.sent_at is not None]
            if any((once and a.once == once) or a.text == texts for a in sent):
                return incident
            if audience == "customers":
                pages = self.subscriptions.pages(job, incident, texts)
            else:
                planned = job.policy.announcement_pages(incident.severity, audience, job.now)
                pages = [
                    page.model_copy(update={"payload": {"announcement": audience, "text": texts}})
                    for page in paging.rows(incident_id, planned, job.now)
                ]
            job.save_pages(pages)
            event = t.AnnouncementSent.model_validate(
                {"audience": audience, "text": texts, "once": once, "owed": len(pages)}
            )
            incident = job.append(incident_id, event, actor=actor)
            if audience == "customers" and "customers_informed" not in incident.checklist:
                detail = f"status page, {len(pages)} subscribers"
                done = t.ChecklistDone(item="customers_informed", how="person", detail=detail)
                incident = job.append(incident_id, done, actor=actor)
            return incident

        return await self.desk.command(work)

    async def _append(self, incident_id: str, actor: Actor, event: t.Event) -> Incident:
        def work(job: Work) -> Incident:
            job.incident(incident_id)
            return job.append(incident_id, event, actor=actor)

        return await self.desk.command(work)


_STOPPED: Final = {"recovery is verified": "복구가 확인됨", "resolved": "해결로 기록됨"}
"""Why the runbooks of an incident that is over stop, in Korean."""


def stop_runs(job: Work, incident: Incident, reason: str) -> None:
    """Stop the runbooks of an incident that is over, and take back what was asked for."""
    told: dict[Lang, str] = {"ko": _STOPPED.get(reason, reason), "en": reason}
    for run in job.tx.runs(incident.id, active=True):
        job.tx.save_run(run.model_copy(update={"state": "stopped", "outcome": reason}))
        job.append(incident.id, t.RunbookFinished(run_id=run.id, outcome="stopped", reason=reason, reasons=told))
    take_back(job, incident.id)


def take_back(job: Work, incident_id: str, run_id: str | None = None) -> None:
    """Let requests for approval lapse that nobody needs any more, so that nobody grants one who looks later."""
    for approval in job.tx.approvals(waiting=True):
        if approval.incident_id == incident_id and run_id in {None, approval.run_id}:
            job.tx.save_approval(approval.model_copy(update={"state": "lapsed"}))
            job.append(incident_id, operation_entry.ApprovalLapsed(approval_id=approval.id))


def _enter_phase(job: Work, incident_id: str, phase: int, reason: str) -> Incident:
    incident = job.incident(incident_id)
    if incident.phase == phase:
        return incident
    return job.append(incident_id, t.PhaseEntered(phase=phase, reason=reason))


def _may_declare(severity: Severity, incident: Incident, *, opened: bool) -> bool:
    """Tell whether a report's severity counts: one that joins may make an incident worse; to lower it is overriding."""
    if opened:
        return severity != incident.severity
    return SEVERITIES.index(severity) < SEVERITIES.index(incident.severity)


def _unsettled(incident: Incident) -> Incident:
    if incident.state in {"resolved", "closed"}:
        raise Conflict(f"{incident.id} is {incident.state} already")
    return incident


def _answer(future: "asyncio.Future[str | None]", result: str | None) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[str | None]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
    elif not isinstance(error, JudgifyError):
        log.error("signal lost its sender and failed", exc_info=error)
