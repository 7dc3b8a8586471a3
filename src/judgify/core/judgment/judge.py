"""From a request to a judged execution: workflow, method, verdict, record, orders. No I/O besides the cache's."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from judgify.core.contracts.wire import ActionRequest, ExecutionRecord, JudgmentRequest
from judgify.core.judgment.cache import Cached, WorkflowCache
from judgify.core.judgment.feedback_store import Calibrations
from judgify.core.judgment.llm.advisor import Advised, Advisor, by_rules
from judgify.core.judgment.row import Row, id_from_key, row_of
from judgify.kit.clock import Clock, iso
from judgify.kit.errors import Invalid, Malformed
from judgify.kit.ids import is_id, new_id

MAX_CONTEXT: Final = 64 * 1024
MAX_KEY: Final = 200
_INPUT: Final = msgspec.json.Decoder(float_hook=Decimal)
_REQUEST: Final = msgspec.json.Decoder(JudgmentRequest)


@dataclass(frozen=True, slots=True)
class Execution:
    """A judged request that is not kept yet."""

    record: ExecutionRecord
    row: Row


class Judge:
    """Judges requests by the cached workflows."""

    def __init__(self, cache: WorkflowCache, clock: Clock, advisor: Advisor, calibrations: Calibrations) -> None:
        """Judge by what `cache` holds; `advisor` brings in the model where a request and its workflow want it."""
        self._cache = cache
        self._clock = clock
        self._advisor = advisor
        self._calibrations = calibrations

    def engines(self) -> dict[str, Any]:
        """Tell which engines there are, and whether they can judge."""
        model = self._advisor.inquirer.about()
        usable = model["available"]
        return {
            "rule": {"enabled": True, "available": True},
            "llm": model,
            "hybrid": {
                "enabled": True,
                "available": True,
                "degraded": not usable,
                "uses": ["rule", "llm"] if usable else ["rule"],
            },
        }

    async def execute(self, request: JudgmentRequest, subject: str, *, until: float | None = None) -> Execution:
        """Judge one request; `until` is the moment at which a batch gives up on the model.

        Raises:
            Malformed, Invalid: the request says something that cannot be done.
            NotFound, Unavailable: the workflow is not active, or cannot be fetched.
        """
        cached = await self._workflow(request)
        given = _read_input(request)
        started = self._clock.monotonic()
        judged = cached.plan.judge(given)
        if request.method == "rule":
            advised = by_rules(judged)
        else:
            advised = await self._advisor.advise(
                request.method,
                cached.plan,
                judged,
                bytes(request.input_data),
                calibration=self._calibrations.of(cached.id),
                until=until,
            )
        spent = (self._clock.monotonic() - started) * 1000
        record = self._record(request, cached, advised, subject, spent)
        return Execution(record, row_of(record, _orders(record, cached, request, given)))

    async def key_of(self, request: JudgmentRequest) -> str | None:
        """Give the id that the request's idempotency key stands for; None without a key."""
        if request.idempotency_key is None:
            return None
        return id_from_key((await self._workflow(request)).id, request.idempotency_key)

    async def find(self, workflow: str) -> Cached:
        """Give an active workflow by id or name; `NotFound` and `Unavailable` as for a judgment."""
        number = workflow if is_id(workflow, "wfl") else None
        return await self._cache.get(number=number, name=None if number else workflow)

    async def _workflow(self, request: JudgmentRequest) -> Cached:
        names = [name for name in (request.workflow_name, request.name) if name is not None]
        if len(names) + (request.workflow_id is not None) != 1:
            raise Invalid("name the workflow once: by workflow_id or by workflow_name")
        return await self._cache.get(number=request.workflow_id, name=names[0] if names else None)

    def _record(
        self,
        request: JudgmentRequest,
        cached: Cached,
        advised: Advised,
        subject: str,
        spent: float,
    ) -> ExecutionRecord:
        judged = advised.judged
        key = request.idempotency_key
        return ExecutionRecord(
            id=new_id("exe") if key is None else id_from_key(cached.id, key),
            created_at=iso(self._clock.now()),
            workflow_id=cached.id,
            workflow_name=cached.name,
            workflow_version=cached.version,
            method=request.method,
            method_used=advised.by,
            verdict=judged.verdict,
            result=judged.result,
            confidence=advised.confidence,
            basis=advised.basis,
            degraded=advised.degraded,
            notes=list(advised.notes),
            outputs=judged.outputs,
            causes=judged.causes,
            explanation=judged.explanation,
            trace=judged.trace,
            time_ms=round(spent, 3),
            life_safety=cached.plan.document.life_safety,
            subject=subject,
            input_data=request.input_data,
            context=request.context,
            idempotency_key=key,
            calibration=advised.calibration,
            rules=advised.rules,
            llm=advised.llm,
        )


def read_request(body: bytes) -> JudgmentRequest:
    """Read the body of a request to judge one input; unknown fields are refused."""
    request: JudgmentRequest = read_json(body, _REQUEST)
    return request


def read_json(body: bytes, decoder: Any) -> Any:
    """Decode a body: what is not JSON is `Malformed`, what is not of the form `Invalid` with the path."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from None
    except ArithmeticError:
        raise Invalid("a number's exponent is beyond what can be computed with") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not valid JSON: {str(error)[:200]}") from None


def _read_input(request: JudgmentRequest) -> dict[str, Any]:
    key = request.idempotency_key
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isprintable()):
        raise Invalid(f"idempotency_key: 1 to {MAX_KEY} printable characters")
    if len(bytes(request.context)) > MAX_CONTEXT:
        raise Invalid(f"context: at most {MAX_CONTEXT:,} bytes")
    read_json(bytes(request.context), _INPUT)
    given = read_json(bytes(request.input_data), _INPUT)
    if not isinstance(given, dict):
        raise Invalid("input_data: a JSON object of named values is needed")
    return given


def _orders(
    record: ExecutionRecord, cached: Cached, request: JudgmentRequest, given: dict[str, Any]
) -> list[ActionRequest]:
    if record.verdict != "matched" or not request.options.act:
        return []
    return [
        action.order(record, index, given)
        for index, action in enumerate(cached.plan.actions)
        if action.follows(record.result)
    ]
