"""One turn of work on one run: from where it was saved to its end or its next wait."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from judgify.kit.clock import iso
from judgify.kit.ids import new_id
from judgify.kit.log import get_logger
from judgify.response.guide.base import Text
from judgify.response.guide.condition import applies
from judgify.response.guide.procedure import DiagnoseStep, RecoverStep, Runbook
from judgify.response.guide.schema import Guide
from judgify.response.incident import Incident
from judgify.response.model import ENGINE, Finding, OperationResult, OperationRun, RenderedOperation, RunbookRun
from judgify.response.operation_entry import OperationFinished, OperationStarted, OperationVerified
from judgify.response.ports import RunHost
from judgify.response.runbook.diagnose import Diagnosis, Senses
from judgify.response.runbook.operation import not_available, perform, render
from judgify.response.runbook.policy import Decision, Request, decide, halted
from judgify.response.runbook.situation import Surveyor
from judgify.response.runbook.verify import verify
from judgify.response.timeline import FindingRecorded, RunbookFinished, StepSkipped

log = get_logger("judgify.response.runbook")

_JUST_SEEN: Final = timedelta(seconds=1.5)
_SOON: Final = timedelta(seconds=1)
_LATER: Final = timedelta(seconds=3)
_NOTHING_HELPED: Final = Text(
    ko="런북의 어떤 단계도 서비스를 되살리지 못했습니다", en="no step of the runbook restored the service"
)
_SETTLE_S: Final = 8.0
"""Seconds after a verified step within which the service's own check has to turn good for the step to be the cure."""


class Work:
    """Holds a run while it is worked on. Everything that is worth keeping is saved before the next thing is done."""

    def __init__(
        self,
        run: RunbookRun,
        host: RunHost,
        book: Runbook,
        *,
        senses: Senses,
        diagnosis: Diagnosis,
        surveyor: Surveyor,
    ) -> None:
        """Take up a run where it was saved."""
        self._run = run
        self._host = host
        self._book = book
        self._senses = senses
        self._diagnosis = diagnosis
        self._surveyor = surveyor

    @staticmethod
    def shown(step: RecoverStep, guide: Guide) -> dict[str, Any]:
        """Give what a person sees of a step before it is done."""
        rendered = render(step, guide)
        return {
            "step": step.id,
            "title": {"ko": step.title.ko, "en": step.title.en},
            "risk": step.risk,
            "will": dict(rendered.will),
            "command": rendered.command,
            "digest": rendered.digest,
            "not_available": not_available(rendered.operation),
        }

    async def go(self) -> RunbookRun:
        """Work until the run ends or waits."""
        if self._run.step is not None:
            return await self._by_hand(self._run.step)
        if self._run.dry_run:
            return await self._rehearse()
        if not self._memory("diagnosed"):
            await self._diagnose()
        return await self._recover()

    # diagnosis

    async def _diagnose(self) -> None:
        orchestrator = self._senses.orchestrator
        # Without it nothing could be found out about the unit, and nothing done.
        if not await orchestrator.alive():
            await orchestrator.revive()
        findings = await self._diagnosis.run(self._book.diagnose, self._run.service)
        self._keep(diagnosed=True, facts=_facts(findings), ill=await self._is_ill())
        await self._host.record(self._run, *(FindingRecorded(finding=finding) for finding in findings))

    async def _diagnose_again(self) -> None:
        """After a step that did not help, look again; only what changed goes onto the timeline."""
        known: Mapping[str, Any] = self._memory("facts") or {}
        findings = await self._diagnosis.run(self._book.diagnose, self._run.service)
        news = [f for f in findings if any(known.get(name) != value for name, value in f.facts.items())]
        self._keep(facts={**known, **_facts(findings)})
        await self._host.record(self._run, *(FindingRecorded(finding=finding) for finding in news))

    async def _is_ill(self, *, fresh: bool = False) -> bool:
        """Whether the service's own check fails: then a good check, and nothing less, is the cure.

        A look of a moment ago that failed is believed, since asking a frozen service again costs a whole timeout; that
        it is well is only ever concluded from a look taken now.
        """
        if self._run.service not in self._senses.prober.services:
            return False
        last = None if fresh or self._memory("acted") else self._senses.prober.last(self._run.service)
        if last is not None and not last[0].good and self._host.clock.now() - last[1] < _JUST_SEEN:
            return True
        return not (await self._senses.prober.check(self._run.service)).good

    # recovery

    async def _recover(self) -> RunbookRun:
        while True:
            incident = await self._incident()
            ended = await self._over(incident)
            if ended is not None:
                return ended
            if self._memory("cured"):
                return await self._finish("done", "the service's own check is good again")
            if self._memory("operation"):
                await self._finish_operation(self._step_of(self._memory("operation")["step"]))
                continue
            if self._run.cursor >= len(self._book.recover) and not self._turn_to_doubtful():
                return await self._nothing_left()
            halt = await self._halted(incident)
            if halt is not None:
                return await self._finish("stopped", halt.reason)
            waiting = await self._take(self._book.recover[self._run.cursor], incident)
            if waiting is not None:
                return waiting

    async def _over(self, incident: Incident | None) -> RunbookRun | None:
        if incident is not None and incident.merged_into is not None:
            return await self._finish("stopped", f"the incident became part of {incident.merged_into}")
        if incident is not None and not incident.ongoing:
            return await self._finish("done", "the incident has recovered")
        if self._memory("operation") or not self._memory("ill") or await self._is_ill():
            return None
        return await self._finish("done", "the service's own check is good again")

    async def _halted(self, incident: Incident | None) -> Decision | None:
        """What ends automation for this service whatever the next step is; persons go on by hand."""
        if self._memory("approval"):
            return None
        situation = await self._surveyor.survey(self._run, self._host, incident, self._memory("facts") or {})
        return halted(situation, self._senses.guide.automation)

    async def _take(self, step: RecoverStep, incident: Incident | None) -> RunbookRun | None:
        """Take one step as far as it goes now; gives the waiting or ended run, or None to go on."""
        rendered = render(step, self._senses.guide)
        facts = {**(self._memory("facts") or {})}
        if incident is not None:
            facts["failure_class"] = incident.key.failure_class
        fits = applies(step.when, facts)
        if self._put_off(step, doubtful=fits.verdict == "unknown"):
            return None
        refusal: str | Text | None = not_available(rendered.operation)
        if fits.verdict == "no":
            refusal = Text(ko="적용 조건에 해당하지 않음", en=f"does not apply: {fits.reason}"[:500])
        if refusal is not None:
            await self._skip(step, refusal)
            return None
        approval_id: str | None = self._memory("approval")
        if approval_id is not None:
            return await self._after_asking(step, rendered, approval_id, incident)
        request = _request(step, rendered)
        decision = decide(
            request, await self._surveyor.survey(self._run, self._host, incident, facts), self._senses.guide.automation
        )
        if decision.answer == "run" and fits.verdict == "unknown":
            # A condition that cannot be evaluated is a person's decision, never a default.
            reason = decision.reason.model_copy(
                update={"en": f"cannot be told whether it applies: {fits.reason}"[:500]}
            )
            decision = replace(decision, answer="ask", approvals=max(1, step.approvals), reason=reason)
        if decision.answer == "run" and getattr(step.operation, "target", self._run.service) != self._run.service:
            # What the policy was told is this service's situation; another service's unit is not touched on it.
            decision = replace(decision, answer="ask", approvals=max(1, step.approvals))
        return await self._follow(step, rendered, decision)

    def _put_off(self, step: RecoverStep, *, doubtful: bool) -> bool:
        """Whether this step is passed over for now.

        A step whose condition cannot be evaluated is offered to people, but only after all that surely apply were
        taken: a question that nobody answers must not keep the next good step waiting.
        """
        doubts: list[str] = self._memory("doubts") or []
        if self._memory("doubtful_turn"):
            passed = step.id not in doubts
        else:
            passed = doubtful
            if doubtful:
                self._keep(doubts=[*doubts, step.id])
        if passed:
            self._run = self._run.model_copy(update={"cursor": self._run.cursor + 1})
        return passed

    async def _nothing_left(self) -> RunbookRun:
        if self._memory("ill"):
            return await self._finish("failed", _NOTHING_HELPED)
        return await self._finish("done", "the service's own check is good, and no further step surely applies")

    def _turn_to_doubtful(self) -> bool:
        # Nobody is asked to act on a service that is well, only because something about it is not known.
        if self._memory("doubtful_turn") or not self._memory("doubts") or not self._memory("ill"):
            return False
        self._keep(doubtful_turn=True)
        self._run = self._run.model_copy(update={"cursor": 0})
        return True

    async def _follow(
        self, step: RecoverStep, rendered: RenderedOperation, decision: Decision, approval_id: str | None = None
    ) -> RunbookRun | None:
        match decision.answer:
            case "run":
                await self._operate(step, rendered, approval_id)
                return None
            case "ask":
                approval = await self._host.ask(self._run, step.id, rendered, decision.approvals)
                self._keep(approval=approval.id)
                return await self._wait(decision, waiting_for=approval.id)
            case "wait":
                return await self._wait(decision, step=step)
            case "stop":
                return await self._finish("stopped", decision.reason)
            case _:
                await self._skip(step, decision.reason)
                return None

    async def _after_asking(
        self, step: RecoverStep, rendered: RenderedOperation, approval_id: str, incident: Incident | None
    ) -> RunbookRun | None:
        approval = await self._host.approval(approval_id)
        state = approval.state_at(self._host.clock.now())
        if state == "waiting":
            return await self._save_waiting(approval_id, _LATER)
        if state == "granted":
            request = replace(_request(step, rendered), approved=True)
            facts = self._memory("facts") or {}
            situation = await self._surveyor.survey(self._run, self._host, incident, facts)
            decision = decide(request, situation, self._senses.guide.automation)
            if decision.answer == "wait":
                return await self._save_waiting(approval_id, _SOON)
            if await self._host.use_approval(approval_id, rendered.digest):
                self._keep(approval=None)
                await self._operate(step, rendered, approval_id)
                return None
            state = "not valid for this operation any more"
        self._keep(approval=None)
        await self._skip(step, f"its approval was {state}")
        return None

    # doing it

    async def _operate(self, step: RecoverStep, rendered: RenderedOperation, approval_id: str | None) -> None:
        """Make the operation durable; `_finish_operation` then sends it, now or after a restart of the engine."""
        by = self._run.asked_by if self._run.step is not None else ENGINE
        operation = OperationRun(
            id=new_id("op"),
            run_id=self._run.id,
            step=step.id,
            rendered=rendered,
            approval_id=approval_id,
            by=by,
            started_at=self._host.clock.now(),
        )
        self._keep(
            operation={"id": operation.id, "step": step.id, "started_at": iso(operation.started_at), "sent": False}
        )
        with self._surveyor.floor.act(self._run.id, self._run.service, rendered.operation.unit):
            await self._host.record(self._run, OperationStarted(operation=operation))
            await self._finish_operation(step)

    async def _finish_operation(self, step: RecoverStep) -> bool:
        """Send the saved operation (again), verify it, and move on to the next step unless it cured the service."""
        saved: Mapping[str, Any] | None = self._memory("operation")
        if saved is None:
            return bool(self._memory("cured"))
        rendered = render(step, self._senses.guide)
        clock = self._host.clock
        began = clock.monotonic()
        if not saved["sent"]:
            result = await self._send(step, rendered, str(saved["id"]))
            self._keep(operation={**saved, "sent": True, "ok": result.ok})
            finished = OperationFinished(operation_id=saved["id"], result=result, took_s=clock.monotonic() - began)
            await self._host.record(self._run, finished)
            saved = self._memory("operation")
        good, detail = (False, "the operation was not carried out")
        self._surveyor.floor.watch(self._run.id)
        if saved and saved["ok"]:
            good, detail = await verify(step, self._senses)
        cured = good and await self._settled()
        self._keep(operation=None, acted=True, cured=cured)
        if not cured:
            self._run = self._run.model_copy(update={"cursor": self._run.cursor + 1})
        operation_id = str(saved["id"]) if saved else ""
        await self._host.record(self._run, OperationVerified(operation_id=operation_id, ok=good, detail=detail))
        if not cured and self._run.step is None:
            await self._diagnose_again()
        return cured

    async def _send(self, step: RecoverStep, rendered: RenderedOperation, operation_id: str) -> OperationResult:
        by = self._run.asked_by.name if self._run.step is not None else ENGINE.name
        reason = f"{self._run.incident_id or 'no incident'}: {self._book.id}/{step.id}"
        try:
            async with asyncio.timeout(step.time_limit_s):
                return await perform(
                    self._senses.orchestrator, rendered.operation, by=by, reason=reason, operation_id=operation_id
                )
        except TimeoutError:
            # It may have been carried out all the same; the verification will tell.
            return OperationResult(
                ok=True, detail=f"no answer within {step.time_limit_s:g} s; looking whether it was done"
            )

    async def _settled(self) -> bool:
        """Whether the service is cured: its own check turns good soon, where that was what failed."""
        if not self._memory("ill"):
            return True
        deadline = self._host.clock.monotonic() + _SETTLE_S
        while await self._is_ill(fresh=True):
            if self._host.clock.monotonic() >= deadline:
                return False
            await self._host.clock.sleep(0.25)
        return True

    # by hand, and only for show

    async def _by_hand(self, step_id: str) -> RunbookRun:
        step = self._book.step(step_id)
        if step is None:
            return await self._finish("failed", f"the runbook {self._book.id} has no step {step_id!r}")
        if isinstance(step, DiagnoseStep):
            finding = await self._diagnosis.one(step, self._run.service)
            await self._host.record(self._run, FindingRecorded(finding=finding))
            return await self._finish("done", finding.text[:500] or "read")
        rendered = render(step, self._senses.guide)
        if self._run.dry_run:
            return await self._finish("done", rendered.will["en"], rehearsal=[self.shown(step, self._senses.guide)])
        refusal = not_available(rendered.operation)
        if refusal is not None:
            return await self._finish("failed", refusal)
        return await self._by_hand_now(step, rendered)

    async def _by_hand_now(self, step: RecoverStep, rendered: RenderedOperation) -> RunbookRun:
        incident = await self._incident()
        waiting: RunbookRun | None = None
        if not self._memory("operation") and not self._memory("acted"):
            approval_id: str | None = self._memory("approval")
            if approval_id is not None:
                waiting = await self._after_asking(step, rendered, approval_id, incident)
            else:
                situation = await self._surveyor.survey(self._run, self._host, incident, {})
                request = replace(_request(step, rendered), by_person=True)
                waiting = await self._follow(step, rendered, decide(request, situation, self._senses.guide.automation))
        if waiting is not None:
            return waiting
        good = await self._finish_operation(step)
        if not self._memory("acted"):
            return await self._finish("stopped", "the step was not taken")
        return await self._finish("done" if good else "failed", "verified" if good else "it could not be verified")

    async def _rehearse(self) -> RunbookRun:
        steps = [self.shown(step, self._senses.guide) for step in self._book.recover]
        return await self._finish("done", f"{len(steps)} steps shown, nothing done", rehearsal=steps)

    # saving

    def _memory(self, name: str) -> Any:
        return self._run.memory.get(name)

    def _keep(self, **values: Any) -> None:
        self._run = self._run.model_copy(update={"memory": {**self._run.memory, **values}})

    def _step_of(self, step_id: str) -> RecoverStep:
        return next(step for step in self._book.recover if step.id == step_id)

    async def _incident(self) -> Incident | None:
        return None if self._run.incident_id is None else await self._host.incident(self._run.incident_id)

    async def _skip(self, step: RecoverStep, reason: str | Text) -> None:
        cursor = self._run.cursor + 1
        self._run = self._run.model_copy(update={"cursor": cursor, "waiting_for": None})
        self._keep(waiting_rule=None)
        told = _told(reason)
        await self._host.record(self._run, StepSkipped(run_id=self._run.id, step=step.id, **told))

    async def _wait(
        self, decision: Decision, *, step: RecoverStep | None = None, waiting_for: str | None = None
    ) -> RunbookRun:
        """Wait, and say why once: the same reason again is no news."""
        news = decision.rule != self._memory("waiting_rule")
        self._keep(waiting_rule=decision.rule)
        events = []
        if news and step is not None:
            told = _told(decision.reason)
            events.append(StepSkipped(run_id=self._run.id, step=step.id, waits=True, **told))
        return await self._save_waiting(waiting_for, _LATER if waiting_for else _SOON, *events)

    async def _save_waiting(self, waiting_for: str | None, pause: timedelta, *events: StepSkipped) -> RunbookRun:
        due = self._host.clock.now() + pause
        self._run = self._run.model_copy(update={"state": "waiting", "waiting_for": waiting_for, "due_at": due})
        await self._host.record(self._run, *events)
        return self._run

    async def _finish(self, outcome: Any, reason: str | Text, **memory: Any) -> RunbookRun:
        self._keep(**memory)
        told = _told(reason)
        update = {"state": outcome, "outcome": told["reason"], "waiting_for": None}
        self._run = self._run.model_copy(update=update)
        await self._host.record(self._run, RunbookFinished(run_id=self._run.id, outcome=outcome, **told))
        log.info("runbook ended", run=self._run.id, runbook=self._book.id, outcome=outcome, reason=told["reason"])
        return self._run


def _told(reason: str | Text) -> dict[str, Any]:
    if isinstance(reason, Text):
        return {"reason": reason.en[:500], "reasons": {"ko": reason.ko[:500], "en": reason.en[:500]}}
    return {"reason": reason[:500]}


def _request(step: RecoverStep, rendered: RenderedOperation) -> Request:
    return Request(rendered.operation.kind, rendered.operation.unit, step.risk, step.approvals)


def _facts(findings: list[Finding]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for finding in findings:
        facts |= finding.facts
    return facts
