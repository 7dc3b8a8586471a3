"""An incident told entry by entry, for tests: the timeline as the engine would write it, and what it folds to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from judgify.response import operation_entry as o
from judgify.response import timeline as t
from judgify.response.fold import fold
from judgify.response.incident import Incident
from judgify.response.journal import AutomationSwitched, DrillFinished
from judgify.response.model import (
    ENGINE,
    ActionItem,
    Actor,
    Approval,
    AutomationState,
    Finding,
    IncidentKey,
    Lang,
    Operation,
    OperationResult,
    OperationRun,
    RenderedOperation,
    RootCause,
    Scope,
    Signal,
    Vote,
)

START = datetime(2026, 11, 22, 5, 30, 3, tzinfo=UTC)
"""14:30:03 in Seoul."""
MINSU = Actor(kind="person", name="minsu")
JIWON = Actor(kind="person", name="jiwon")
ID = "INC-2026-0007"


@dataclass
class Tale:
    """Entries in order; `at` seconds after the start."""

    entries: list[t.Entry] = field(default_factory=list)

    def add(self, at: float, event: t.Event, actor: Actor = ENGINE) -> "Tale":
        """Tell one thing more."""
        number = len(self.entries) + 1
        moment = START + timedelta(seconds=at)
        self.entries.append(t.Entry(number=number, incident_id=ID, seq=number, at=moment, actor=actor, event=event))
        return self

    @property
    def incident(self) -> Incident:
        """What it amounts to."""
        return fold(self.entries)


def signal(service: str = "judgment", name: str = "service_down", **fields: Any) -> Signal:
    """Make a signal; by default our own probe's about the judgment service, 1.2 s before the start."""
    given: dict[str, Any] = {
        "id": f"sig-{service}-{name}",
        "service": service,
        "signal": name,
        "source": "probe",
        "own": True,
        "observed_at": START - timedelta(seconds=1.2),
        "received_at": START,
    }
    return Signal(**{**given, **fields})


def opened(first: Signal | None = None, **fields: Any) -> t.IncidentOpened:
    """Open an incident; by default the judgment service is down."""
    first = first or signal()
    given: dict[str, Any] = {
        "id": ID,
        "key": IncidentKey(root=first.service, failure_class="service"),
        "title": "Judgment Service 장애",
        "severity": "P1",
        "rule": "judgment-down",
        "reason": "Judgment Service 장애",
        "signal": first,
        "started_at": START,
    }
    return t.IncidentOpened(**{**given, **fields})


def rendered(kind: str = "start", unit: str = "judgment") -> RenderedOperation:
    """Make an operation as it is shown."""
    return RenderedOperation(
        operation=Operation(kind=kind, unit=unit),
        risk="guarded",
        will={"ko": f"{unit} 유닛에 {kind} 실행", "en": f"{kind} the unit {unit}"},
        command=f"kubectl rollout restart deployment/{unit}-service -n judgify-prod",
    )


def operation(key: str = "ope-1", *, step: str = "start", by: Actor = ENGINE) -> OperationRun:
    """Make an operation under way."""
    return OperationRun(id=key, run_id="run-1", step=step, rendered=rendered(step), by=by, started_at=START)


def approval(key: str = "apr-1", needed: int = 1) -> Approval:
    """Make a request for approval of a rollback."""
    shown = rendered("rollback")
    return Approval(
        id=key,
        incident_id=ID,
        run_id="run-1",
        step="rollback",
        rendered=shown,
        digest=shown.digest,
        needed=needed,
        asked_by=ENGINE,
        asked_at=START,
        lapses_at=START + timedelta(minutes=15),
    )


def delivered(person: str = "dev-lead", outcome: str = "sent", **fields: Any) -> t.PageDelivered:
    """Tell of one try of a page."""
    given: dict[str, Any] = {
        "page_id": f"pag-{person}",
        "kind": "page",
        "person": person,
        "role": "owner",
        "channel": "mailbox",
        "row": "0-15",
        "outcome": outcome,
    }
    return t.PageDelivered(**{**given, **fields})


def impact(*, final: bool = True, measured: bool = True) -> dict[str, Any]:
    """Give an impact as the engine keeps it."""
    if not measured:
        return {"final": final, "measured": False, "lines": []}

    def line(key: str, unit: str, before: float | None, during: float | None, **more: Any) -> dict[str, Any]:
        return {"key": key, "group": "users", "unit": unit, "before": before, "during": during, **more}

    return {
        "final": final,
        "measured": True,
        "lines": [
            line("active_users", "", 12.0, 9.0, verdict="no-target", target=None),
            line("error_percentage", "%", 0.05, 12.345, verdict="no-target", target=None),
            line("unfinished_requests", "", None, 4.0, verdict="no-target", target=None),
            line("judgments", "", 1500.0, 300.0, verdict="no-target", target=None),
            line("dashboards", "", None, None, verdict="no-target", target=None),
            line("api_calls", "", 2000.0, 800.0, verdict="no-target", target=None),
            line("sla_availability_percentage", "%", 100.0, 40.0, verdict="missed", target=99.9),
            line("sla_p95_ms", "ms", 80.0, 120.5, verdict="met", target=500.0),
        ],
    }


def judgment_down() -> Tale:
    """Tell the whole way: down, paged, acknowledged, started again, verified, resolved, written up, closed."""
    tale = Tale()
    tale.add(0, opened()).add(0, t.PhaseEntered(phase=1, reason="opened"))
    tale.add(0, t.ResponderNamed(person="dev-lead", role="owner", reason="owner of the service"))
    tale.add(0.3, delivered("dev-lead")).add(0.3, delivered("devops-lead"))
    tale.add(0.3, delivered("cto", kind="report"))
    tale.add(0.4, t.RunbookStarted(run_id="run-1", runbook="judgment", service="judgment"))
    finding = Finding(id="fin-1", step="pods", title="서비스 상태 확인", at=START)
    tale.add(0.6, t.FindingRecorded(finding=finding))
    scope = Scope(at=START, units_down=("judgment",), units={"judgment": "exited", "gateway": "running"})
    tale.add(1, t.ScopeCaptured(scope=scope)).add(1, t.ImpactMeasured(impact=impact(final=False)))
    tale.add(1, t.ChecklistDone(item="scope_attached", how="machine", detail="judgment"))
    tale.add(2, o.OperationStarted(operation=operation()))
    tale.add(4, o.OperationFinished(operation_id="ope-1", result=OperationResult(ok=True), took_s=2.0))
    tale.add(5, o.OperationVerified(operation_id="ope-1", ok=True))
    tale.add(5, t.RunbookFinished(run_id="run-1", outcome="done", reason="verified"))
    text: dict[Lang, str] = {"ko": "공지", "en": "announcement"}
    tale.add(6, t.AnnouncementSent(audience="internal", text=text))
    tale.add(40, t.IncidentAcknowledged(via="console"), MINSU)
    tale.add(66, t.RecoveryObserved(restored_at=START + timedelta(seconds=5.8), held_s=60, services=("judgment",)))
    tale.add(70, t.ImpactMeasured(impact=impact()))
    tale.add(100, t.NoteAdded(text="로그에서 OOM 확인"), MINSU)
    tale.add(200, t.IncidentResolved(reason="정상"), MINSU)
    cause = RootCause(
        text="메모리 누수로 인한 OOM Kill",
        fix_now="안정 버전 v1.9.0 유지",
        fix_short="메모리 누수 버그 수정\n배포 전 프로파일링",
        fix_long="메모리 프로파일링 강화",
        went_well=("롤백 절차 정상 수행",),
        went_wrong=("이미지 Pull 지연",),
    )
    tale.add(300, t.RootCauseRecorded(root_cause=cause), MINSU)
    item = ActionItem(
        id="act-1",
        incident_id=ID,
        text="메모리 누수 수정",
        owner="dev-team",
        due=datetime(2026, 11, 28, 15, 0, tzinfo=UTC),
        horizon="week",
        created_at=START,
    )
    tale.add(310, t.ActionAdded(action=item), MINSU)
    other = item.model_copy(update={"id": "act-2", "text": "Canary 배포 구현", "owner": "hyejin", "horizon": "month"})
    tale.add(311, t.ActionAdded(action=other), MINSU)
    tale.add(400, t.ActionDone(action_id="act-1"), JIWON)
    return tale.add(500, t.IncidentClosed(), MINSU)


def bad_night() -> Tale:
    """Tell everything else that can be on a timeline, most of it going wrong."""
    tale = Tale()
    first = signal("unheard-of", "odd_thing", source="person", own=False, observed_at=START, text="이상합니다")
    tale.add(
        0, opened(first, declared_by=MINSU, known=False, severity="P2", rule="unknown", reason="모르는 신호"), MINSU
    )
    tale.add(1, t.LifeAtRiskDeclared(reason="declared so"), MINSU)
    tale.add(2, t.SignalJoined(signal=signal("gateway", source="alertmanager", own=False), reason="joins"))
    tale.add(3, t.SignalsCounted(count=10))
    tale.add(4, t.SignalCleared(service="gateway", signal="service_down", source="alertmanager"))
    key = IncidentKey(root="unheard-of", failure_class="service")
    event = t.IncidentRerooted(
        previous=key, key=IncidentKey(root="database", failure_class="service"), title="x", reason="deeper"
    )
    tale.add(5, event)
    tale.add(6, t.SeverityChanged(previous="P2", severity="P0", rule="person", reason="모두 영향"), MINSU)
    tale.add(7, delivered("ops-lead", "refused", detail="no such mailbox"))
    tale.add(8, delivered("somebody", "unknown", channel="#alerts-critical"))
    tale.add(9, t.RunbookStarted(run_id="run-1", runbook="database", service="database", dry_run=True))
    tale.add(9, t.RunbookStarted(run_id="run-2", runbook="no-such-book", service="database"))
    tale.add(10, t.FindingRecorded(finding=Finding(id="f", step="x", title="디스크 확인", at=START, failed=True)))
    tale.add(11, t.StepSkipped(run_id="run-1", step="restart", reason="on hold"))
    tale.add(11, t.StepSkipped(run_id="run-2", step="restart", reason="no such book"))
    held = AutomationState(held=True, reason="확인 중", by=MINSU, since=START)
    tale.add(12, AutomationSwitched(state=held), MINSU).add(13, AutomationSwitched(state=AutomationState()), MINSU)
    tale.add(14, o.ApprovalRequested(approval=approval("apr-1", 2))).add(
        14, o.ApprovalRequested(approval=approval("apr-2"))
    )
    tale.add(
        15,
        o.ApprovalVoted(approval_id="apr-1", vote=Vote(actor=MINSU, at=START, approve=True), state="waiting"),
        MINSU,
    )
    tale.add(
        16,
        o.ApprovalVoted(approval_id="apr-1", vote=Vote(actor=JIWON, at=START, approve=False), state="rejected"),
        JIWON,
    )
    tale.add(17, o.ApprovalLapsed(approval_id="apr-2"))
    tale.add(18, o.OperationStarted(operation=operation("ope-9", step="odd", by=MINSU)))
    tale.add(
        19,
        o.OperationFinished(operation_id="ope-9", result=OperationResult(ok=False, detail="refused by the supervisor")),
    )
    tale.add(20, o.OperationFinished(operation_id="ope-8", result=OperationResult(ok=True, changed=False)))
    tale.add(21, o.OperationVerified(operation_id="ope-9", ok=False, detail="still down"))
    tale.add(22, t.RunbookFinished(run_id="run-1", outcome="failed", reason="no step is left"))
    tale.add(22, t.RunbookFinished(run_id="run-2", outcome="stopped", reason="by hand"))
    planned = t.PlannedPage(
        id="p", kind="page", person="ops-lead", role="team-lead", channel="mailbox", row="15-30", due_at=START
    )
    tale.add(23, t.PagesPlanned(pages=(planned,), reason="opened"))
    tale.add(24, t.PagesWithdrawn(page_ids=("p",), reason="acknowledged"))
    tale.add(25, t.ScopeCaptured(scope=Scope(at=START, units={"gateway": "running"})))
    tale.add(26, t.ScopeCaptured(scope=Scope(at=START, missing=("units",))))
    tale.add(27, t.ImpactMeasured(impact=impact(measured=False)))
    tale.add(28, t.ChecklistDone(item="announced", how="person"), MINSU)
    tale.add(28, t.ChecklistDone(item="no-such-item", how="person"), MINSU)
    tale.add(29, t.MitigationStarted(reason="by hand"), MINSU)
    tale.add(30, t.IncidentAssigned(person="hyejin"), MINSU)
    tale.add(31, t.EntryCorrected(seq=3, text="오타"), MINSU)
    tale.add(32, t.ActionDone(action_id="act-lost"), MINSU)
    tale.add(33, DrillFinished(drill_id="drl-1", report={}))
    tale.add(40, t.RecoveryObserved(restored_at=START + timedelta(seconds=30), held_s=10, services=("gateway",)))
    tale.add(50, t.IncidentReopened(reason="again", signal=signal("gateway")))
    tale.add(55, t.IncidentReopened(reason="not over"), MINSU)
    tale.add(60, o.ApprovalRequested(approval=approval("apr-3")))
    tale.add(16 * 60, o.ApprovalLapsed(approval_id="apr-3"))
    tale.add(16 * 60, t.DocumentWritten(kind="log", lang="ko", path="x", digest="0"))
    return tale.add(24 * 3600, t.IncidentAcknowledged(via="cli"), JIWON)
