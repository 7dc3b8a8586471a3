"""From a step of the guide to an operation: written out for people first, then performed, its undo kept."""

from collections.abc import Mapping
from typing import Any, Final

from judgify.kit.errors import Invalid, JudgifyError, Unavailable
from judgify.kit.secrets import mask
from judgify.kit.supervisor_types import Change
from judgify.response.guide.procedure import RecoverOperation, RecoverStep
from judgify.response.guide.schema import Guide
from judgify.response.model import Lang, Operation, OperationResult, RenderedOperation
from judgify.response.ports import Orchestrator

GATEWAY: Final = "gateway"

_WILL: Final[Mapping[str, tuple[str, str]]] = {
    "start": ("{label} 시작 (유닛 {unit})", "Start {label} (unit {unit})"),
    "stop": ("{label} 중지 (유닛 {unit})", "Stop {label} (unit {unit})"),
    "restart": ("{label} 재시작 (유닛 {unit})", "Restart {label} (unit {unit})"),
    "rollback": (
        "{label} 롤백: 정상이었던 가장 최근의 다른 릴리스로 되돌림 (유닛 {unit})",
        "Roll {label} back to the newest other release that had been healthy (unit {unit})",
    ),
    "scale": (
        "{label} 인스턴스를 {replicas}개로 조정 (유닛 {unit})",
        "Run {replicas} instances of {label} (unit {unit})",
    ),
    "set_limits": (
        "{label} 한도 변경: 메모리 {memory_mib}MiB, CPU {cpu_millis}m (유닛 {unit})",
        "Set the limits of {label} to {memory_mib} MiB memory and {cpu_millis}m CPU (unit {unit})",
    ),
    "set_env": (
        "{label}에 {name}={shown} 설정 후 재시작 (유닛 {unit})",
        "Set {name}={shown} on {label} and restart it (unit {unit})",
    ),
    "unset_env": (
        "{label}에서 {name} 설정 제거 후 재시작 (유닛 {unit})",
        "Remove {name} from {label} and restart it (unit {unit})",
    ),
    "block_traffic": (
        "입구에서 모든 요청에 503으로 응답 (Retry-After {retry_after_s}초, 헬스체크 제외)",
        "Answer 503 to all requests at the entrance (Retry-After {retry_after_s} s; health still answers)",
    ),
    "unblock_traffic": ("트래픽 차단 해제", "Let traffic in again"),
    "restore_backup": (
        "{label} 백업 복구 (백업 날짜: {backup_date}): 그 이후의 데이터는 사라짐",
        "Restore {label} from the backup of {backup_date}: what was written since is lost",
    ),
    "switch_primary": ("{label} 주 서버 전환: {to}", "Make {to} the primary of {label}"),
    "edit_config": (
        "{label} 설정을 정상이었던 마지막 리비전으로 되돌린 후 재시작",
        "Put the configuration of {label} back to that of the newest healthy revision and restart it",
    ),
}

_NOT_HERE: Final[Mapping[str, str]] = {
    "restore_backup": "restoring a backup is not available on this machine as an operation; nothing was done",
    "switch_primary": "there is no replica on this machine to switch to; nothing was done",
    "edit_config": "there is no configuration map on this machine; the configuration is the unit's environment",
}


def operation_of(step: RecoverOperation, guide: Guide) -> Operation:
    """Give the typed operation of a step: its unit from the catalogue, its arguments from the guide alone."""
    arguments = step.model_dump(mode="json", exclude={"kind", "target"}, exclude_none=True)
    target = getattr(step, "target", GATEWAY)
    return Operation(kind=step.kind, unit=guide.service(target).unit, arguments=arguments)


def render(step: RecoverStep, guide: Guide) -> RenderedOperation:
    """Write out what a step will do, in both languages, with its kubectl equivalent; the same each time."""
    operation = operation_of(step.operation, guide)
    service = guide.service(getattr(step.operation, "target", GATEWAY))
    values = {**operation.arguments, "unit": operation.unit}
    values["memory_mib"] = int(operation.arguments.get("memory_bytes", 0)) // (1024 * 1024)
    values["shown"] = operation.arguments.get("value") or operation.arguments.get("secret") or ""
    ko, en = _WILL[operation.kind]
    will: dict[Lang, str] = {
        "ko": ko.format(**values, label=service.label.ko),
        "en": en.format(**values, label=service.label.en),
    }
    return RenderedOperation(operation=operation, risk=step.risk, will=will, command="\n".join(step.kubectl))


def not_available(operation: Operation) -> str | None:
    """Say why this machine cannot do an operation at all, or None. Asked before anybody is bothered for an approval."""
    if operation.kind == "set_env" and "secret" in operation.arguments:
        return (
            "a secret is never put into a unit's environment on this machine; give it to `judgify up` as a variable "
            "instead; nothing was done"
        )
    return _NOT_HERE.get(operation.kind)


async def perform(
    orchestrator: Orchestrator, operation: Operation, *, by: str, reason: str, operation_id: str
) -> OperationResult:
    """Do it once. A dead orchestrator is started again and asked again under the same id; every failure is a result."""
    refusal = not_available(operation)
    if refusal is not None:
        return OperationResult(ok=False, changed=False, detail=refusal)
    call = _Call(orchestrator, operation, by, reason, operation_id)
    try:
        try:
            return await call.run()
        except Unavailable:
            if not await orchestrator.revive():
                raise
            return await call.run()
    except JudgifyError as error:
        return OperationResult(ok=False, changed=False, detail=mask(error.detail))


class _Call:
    def __init__(
        self, orchestrator: Orchestrator, operation: Operation, by: str, reason: str, operation_id: str
    ) -> None:
        self._orchestrator = orchestrator
        self._operation = operation
        self._tag = {"by": by, "reason": reason, "operation_id": operation_id}

    async def run(self) -> OperationResult:
        operation, tag = self._operation, self._tag
        if operation.kind == "block_traffic":
            before = await self._orchestrator.traffic()
            await self._orchestrator.block_traffic(int(operation.arguments["retry_after_s"]), **tag)
            undo = None if before.blocked else Operation(kind="unblock_traffic", unit=operation.unit)
            return OperationResult(ok=True, changed=not before.blocked, undo=undo)
        if operation.kind == "unblock_traffic":
            before = await self._orchestrator.traffic()
            await self._orchestrator.unblock_traffic(**tag)
            again = {"retry_after_s": before.retry_after_s}
            undo = Operation(kind="block_traffic", unit=operation.unit, arguments=again) if before.blocked else None
            return OperationResult(ok=True, changed=before.blocked, undo=undo)
        change = await self._unit()
        return OperationResult(ok=True, changed=change.changed, detail=_detail(change), undo=_undo(operation, change))

    async def _unit(self) -> Change:
        world, unit, tag, given = self._orchestrator, self._operation.unit, self._tag, self._operation.arguments
        kind = self._operation.kind
        plain = {"start": world.start, "stop": world.stop, "restart": world.restart, "rollback": world.roll_back}
        if kind in plain:
            change = await plain[kind](unit, **tag)
        elif kind == "scale":
            change = await world.scale(unit, int(given["replicas"]), **tag)
        elif kind == "set_limits":
            memory, cpu = given.get("memory_bytes"), given.get("cpu_millis")
            change = await world.set_limits(unit, memory_bytes=memory, cpu_millis=cpu, **tag)
        elif kind == "set_env":
            values = given["set"] if "set" in given else {given["name"]: given["value"]}
            change = await world.set_env(unit, values, given.get("unset") or (), **tag)
        elif kind == "unset_env":
            change = await world.set_env(unit, {}, (given["name"],), **tag)
        else:
            raise Invalid(f"an operation {kind!r} is not known here")
        return change


def _detail(change: Change) -> str:
    unit = change.unit
    return mask(change.detail or f"{unit.name}: {unit.state}, release {unit.release}, revision {unit.revision}")


def _undo(operation: Operation, change: Change) -> Operation | None:
    """Give the operation that reverses this one, from what the orchestrator says was there before."""
    if not change.changed:
        return None
    arguments: dict[str, Any]
    match operation.kind:
        case "start":
            return Operation(kind="stop", unit=operation.unit)
        case "scale":
            arguments = {"replicas": change.previous.get("replicas", 1)}
            return Operation(kind="scale", unit=operation.unit, arguments=arguments)
        case "set_limits":
            arguments = {key: value for key, value in change.previous.items() if value is not None}
            return Operation(kind="set_limits", unit=operation.unit, arguments=arguments) if arguments else None
        case "set_env" | "unset_env":
            arguments = {"set": change.previous.get("set", {}), "unset": change.previous.get("unset", [])}
            return Operation(kind="set_env", unit=operation.unit, arguments=arguments)
        case _:
            return None
