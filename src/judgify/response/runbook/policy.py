"""The automation policy: may this recovery operation run now, by itself, after whose approval, or not at all. Pure.

It says no more than "Recovery by itself" of the product's semantics and the guide's automation.yaml do; every answer
names its rule and gives a reason in both languages, so that a step that was not taken explains itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from judgify.response.guide.base import SeverityName, Text
from judgify.response.guide.procedure import AutomationFile, Risk

Answer = Literal["run", "ask", "wait", "refuse", "stop"]
"""run: by itself, now. ask: so many persons. wait: ask the policy again soon. refuse: not this step. stop: automation
ends for this incident, and people are called."""

Rule = Literal[
    "by-itself",
    "approved",
    "asked-by-person",
    "needs-approval",
    "needs-two-approvals",
    "held",
    "probes-suspect",
    "not-confirmed",
    "unit-alive",
    "unit-unknown",
    "waits-for-dependency",
    "waits-for-priority",
    "one-unit-at-a-time",
    "operations-spent",
    "times-spent",
    "database-exits",
    "disk-full",
    "corruption",
    "no-earlier-release",
]


@dataclass(frozen=True, slots=True)
class Done:
    """An operation that was started before: on which unit, what, when, and in which incident."""

    unit: str
    operation: str
    at: datetime
    incident_id: str | None
    by_itself: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """The operation that a runbook step wants done."""

    operation: str
    unit: str
    risk: Risk
    approvals: int
    by_person: bool = False
    """A person asked for this very step; the guards that hold automation back do not hold people back."""
    approved: bool = False
    """As many persons as were needed have allowed exactly this operation."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the policy looks at. Moments are aware; None is "not known"."""

    now: datetime
    incident_id: str | None
    severity: SeverityName
    confirmed: bool
    """Our own probe has seen the fault."""
    running: bool | None
    """Whether the unit runs: None when the orchestrator could not say."""
    live: bool | None = None
    """Whether the unit passes /live (or its handshake): a living one is not restarted for a dependency's fault."""
    held: str | None = None
    probes_suspect: str | None = None
    dependencies_down: tuple[str, ...] = ()
    before_it: tuple[str, ...] = ()
    """Services of this incident that are down, can be acted on, and come first in the order of guide 1.2."""
    busy_unit: str | None = None
    """Another unit on which an operation is under way."""
    history: Sequence[Done] = field(default_factory=tuple)
    release_changed_at: datetime | None = None
    earlier_release_healthy: bool = False
    is_database: bool = False
    exits: Sequence[datetime] = field(default_factory=tuple)
    """When this unit ended by itself."""
    disk_full: bool = False
    corruption: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says. `approvals` is how many persons are needed where the answer is `ask`."""

    answer: Answer
    rule: Rule
    reason: Text
    approvals: int = 0


_TOUCHES_UNIT: Final = frozenset({"start", "restart", "rollback"})


def decide(request: Request, now: Situation, rules: AutomationFile) -> Decision:
    """Say what may be done about one requested operation, in this situation, under the guide's rules."""
    alone = request.operation in _TOUCHES_UNIT and not request.by_person and not request.approved
    return (
        (halted(now, rules) if alone else None)
        or _asked_or_approved(request, now)
        or _hold_back(now, rules)
        or _order(now)
        or _impossible(request, now)
        or _spent(now, rules)
        or _by_itself(request, now, rules)
        or _ask(request)
    )


def halted(now: Situation, rules: AutomationFile) -> Decision | None:
    """Say whether automation ends here because data is in danger; None otherwise. For the database only."""
    if not now.is_database:
        return None
    if now.corruption:
        return _stop("corruption", "데이터 손상 메시지가 있어 자동 복구를 멈춥니다", "its log speaks of corruption")
    if now.disk_full:
        return _stop("disk-full", "디스크가 가득 차 자동 복구를 멈춥니다", "its disk is full")
    window = timedelta(minutes=rules.database_exits_minutes)
    recent = [moment for moment in now.exits if now.now - moment <= window]
    if len(recent) >= rules.database_exits_stop:
        return _stop(
            "database-exits",
            f"데이터베이스가 {rules.database_exits_minutes}분 안에 {len(recent)}번 종료되어 자동 복구를 멈춥니다",
            f"the database ended {len(recent)} times within {rules.database_exits_minutes} minutes",
        )
    return None


def _stop(rule: Rule, ko: str, en: str) -> Decision:
    return Decision("stop", rule, Text(ko=ko, en=f"automation stops: {en}"))


def _asked_or_approved(request: Request, now: Situation) -> Decision | None:
    if now.busy_unit is not None and (request.by_person or request.approved):
        return _busy(now.busy_unit)
    if request.approved:
        return Decision("run", "approved", Text(ko="승인되었습니다", en="it was approved"))
    if request.by_person and request.risk != "dangerous":
        return Decision("run", "asked-by-person", Text(ko="담당자가 요청했습니다", en="a person asked for it"))
    return _ask(request) if request.by_person else None


def _hold_back(now: Situation, rules: AutomationFile) -> Decision | None:
    if now.held is not None:
        return Decision(
            "wait", "held", Text(ko=f"자동 복구가 보류 중입니다: {now.held}", en=f"automation is on hold: {now.held}")
        )
    if now.probes_suspect is not None:
        text = Text(
            ko=f"자체 점검을 믿을 수 없습니다: {now.probes_suspect}", en=f"probes in doubt: {now.probes_suspect}"
        )
        return Decision("wait", "probes-suspect", text)
    if rules.own_probe_must_confirm and not now.confirmed:
        text = Text(
            ko="외부 신호뿐이며 자체 점검이 확인하지 못했습니다",
            en="only an outside signal says so; our own probe does not",
        )
        return Decision("wait", "not-confirmed", text)
    return None


def _order(now: Situation) -> Decision | None:
    if now.dependencies_down:
        names = ", ".join(now.dependencies_down)
        text = Text(ko=f"먼저 복구되어야 합니다: {names}", en=f"it waits for what it depends on: {names}")
        return Decision("wait", "waits-for-dependency", text)
    if now.before_it:
        names = ", ".join(now.before_it)
        text = Text(ko=f"우선순위가 앞선 서비스가 있습니다: {names}", en=f"first by the order of 1.2: {names}")
        return Decision("wait", "waits-for-priority", text)
    return _busy(now.busy_unit) if now.busy_unit is not None else None


def _busy(unit: str) -> Decision:
    text = Text(ko=f"한 번에 한 유닛만 조치합니다: {unit}", en=f"one unit at a time: {unit} is being acted on")
    return Decision("wait", "one-unit-at-a-time", text)


def _spent(now: Situation, rules: AutomationFile) -> Decision | None:
    done = sum(entry.by_itself and entry.incident_id == now.incident_id for entry in now.history)
    if now.incident_id is None or done < rules.operations_per_incident:
        return None
    text = Text(
        ko=f"이 장애에서 자동 조치 {done}회를 모두 사용했습니다", en=f"all {done} operations of this incident are spent"
    )
    return Decision("ask", "operations-spent", text, approvals=1)


def _by_itself(request: Request, now: Situation, rules: AutomationFile) -> Decision | None:
    """Find the rule that lets the engine act alone; None when none does, so that persons are asked."""
    rule = next((one for one in rules.by_itself if one.operation == request.operation), None)
    if rule is None or request.risk == "dangerous" or now.severity not in rule.severities:
        return None
    refusal = _unfit(request, now, rules)
    if refusal is not None:
        return refusal
    if rule.per_minutes is None:
        before = [entry for entry in now.history if entry.incident_id == now.incident_id]
    else:
        since = now.now - timedelta(minutes=rule.per_minutes)
        before = [entry for entry in now.history if entry.at > since]
    times = sum(e.by_itself and e.unit == request.unit and e.operation == request.operation for e in before)
    if times >= rule.times:
        text = Text(
            ko=f"자동 {request.operation} 허용 횟수({rule.times}회)를 사용했습니다",
            en=f"{request.operation} by itself was done {times} of {rule.times} times",
        )
        return Decision("ask", "times-spent", text, approvals=max(1, request.approvals))
    return Decision("run", "by-itself", Text(ko="자동화 정책이 허용합니다", en="the automation policy allows it"))


def _impossible(request: Request, now: Situation) -> Decision | None:
    """What cannot help whoever allows it: nobody is asked about it."""
    if now.running is None and request.operation in _TOUCHES_UNIT:
        text = Text(ko="유닛 상태를 알 수 없습니다", en="the orchestrator cannot say whether the unit runs")
        return Decision("wait", "unit-unknown", text)
    if request.operation == "start" and now.running:
        text = Text(ko="유닛이 이미 실행 중입니다", en="the unit runs already")
        return Decision("refuse", "unit-alive", text)
    if request.operation == "rollback" and not now.earlier_release_healthy:
        text = Text(ko="정상이었던 이전 릴리스가 없습니다", en="no earlier release had been healthy")
        return Decision("refuse", "no-earlier-release", text)
    return None


def _unfit(request: Request, now: Situation, rules: AutomationFile) -> Decision | None:
    """Whether the operation does not fit what the unit is in; persons may still want it, so they are asked."""
    if request.operation == "restart" and now.live:
        text = Text(
            ko="/live가 정상인 유닛은 재시작하지 않습니다", en="the unit is alive; restarting it would not help"
        )
        return Decision("ask", "unit-alive", text, approvals=max(1, request.approvals))
    if request.operation == "rollback":
        window = timedelta(minutes=rules.rollback_if_release_changed_minutes)
        changed = now.release_changed_at
        if changed is None or now.now - changed > window:
            minutes = rules.rollback_if_release_changed_minutes
            text = Text(ko=f"최근 {minutes}분 안에 배포가 없었습니다", en=f"no release within {minutes} minutes")
            return Decision("ask", "no-earlier-release", text, approvals=max(1, request.approvals))
    return None


def _ask(request: Request) -> Decision:
    if request.risk == "dangerous":
        text = Text(
            ko="데이터를 잃을 수 있어 두 사람의 승인이 필요합니다", en="it can lose data: two persons must allow it"
        )
        return Decision("ask", "needs-two-approvals", text, approvals=2)
    return Decision(
        "ask",
        "needs-approval",
        Text(ko="한 사람의 승인이 필요합니다", en="one person must allow it"),
        approvals=max(1, request.approvals),
    )
