"""How a step proves itself: its own condition must hold within its time."""

from judgify.kit.errors import JudgifyError
from judgify.response.guide.procedure import RecoverStep, SetEnv, UnsetEnv
from judgify.response.runbook.diagnose import Senses

_EVERY_S = 0.25


async def verify(step: RecoverStep, senses: Senses) -> tuple[bool, str]:
    """Ask until the step's condition holds or its time is out; gives whether it holds, and what was seen last."""
    clock = senses.clock
    began = clock.monotonic()
    while True:
        try:
            good, seen = await _holds(step, senses)
        except JudgifyError as error:
            good, seen = False, error.detail
        spent = clock.monotonic() - began
        if good:
            return True, f"{step.verify.kind} of {step.verify.target} after {spent:.1f} s"
        if spent >= step.verify.within_s:
            return False, f"{step.verify.kind} of {step.verify.target} not within {step.verify.within_s:g} s: {seen}"
        await clock.sleep(_EVERY_S)


async def _holds(step: RecoverStep, senses: Senses) -> tuple[bool, str]:
    kind = step.verify.kind
    if kind in {"live", "ready", "health"}:
        look = await senses.prober.check(step.verify.target)
        if _wants_read_only(step) and look.good and look.health != "degraded":
            return False, "the database still takes writes"
        answers = {"live": look.live is True, "ready": look.live is True and look.ready is True, "health": look.good}
        return answers[kind], look.detail
    if kind == "traffic":
        state = await senses.orchestrator.traffic()
        return state.blocked == (step.operation.kind == "block_traffic"), "blocked" if state.blocked else "open"
    unit = await senses.orchestrator.unit(senses.guide.service(step.verify.target).unit)
    if kind == "replicas":
        living = sum(instance.exited_at is None for instance in unit.instances)
        wanted = getattr(step.operation, "replicas", unit.replicas)
        return living == wanted and unit.healthy is not False, f"{living} of {wanted} run"
    return _environment(step, unit.env)


def _wants_read_only(step: RecoverStep) -> bool:
    # That the variable is set and the server runs is no proof: only the server itself knows whether it takes writes.
    operation = step.operation
    return isinstance(operation, SetEnv) and (operation.name, operation.value) == ("POSTGRES_READ_ONLY", "true")


def _environment(step: RecoverStep, env: dict[str, str]) -> tuple[bool, str]:
    operation = step.operation
    if isinstance(operation, SetEnv):
        given = env.get(operation.name)
        return (given == operation.value if operation.value is not None else given is not None), f"it is {given}"
    if isinstance(operation, UnsetEnv):
        return operation.name not in env, f"it is {env.get(operation.name)}"
    return True, ""
