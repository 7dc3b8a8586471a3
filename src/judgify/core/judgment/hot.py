"""The two routes that must be fast, as plain ASGI: one judgment, and a batch of them."""

from abc import ABC, abstractmethod
from collections.abc import MutableMapping
from typing import Any, Final

import msgspec
from starlette.routing import Route

from judgify import __version__
from judgify.core.contracts.wire import NO_CONTEXT, JudgmentOptions, JudgmentRequest, Method
from judgify.core.judgment.desk import Answered, Desk, shown
from judgify.core.judgment.door import Door
from judgify.core.judgment.judge import read_json, read_request
from judgify.core.judgment.row import ENCODER
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock, iso
from judgify.kit.errors import Conflict, Invalid, JudgifyError, NotFound, Unavailable
from judgify.kit.log import request_id_var
from judgify.kit.middleware import Receive, Send

EXECUTE: Final = "/api/v2/judgment/execute"
BATCH: Final = "/api/v2/judgment/execute/batch"
MAX_ITEMS: Final = 1_000
ROLES: Final = ("responder", "service")
Scope = MutableMapping[str, Any]


class BatchItem(msgspec.Struct, forbid_unknown_fields=True):
    """One input of a batch."""

    input_data: msgspec.Raw
    context: msgspec.Raw = NO_CONTEXT
    idempotency_key: str | None = None


class BatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 1,000 inputs for one workflow. Each becomes an execution of its own, or an error of its own."""

    items: list[BatchItem]
    workflow_id: str | None = None
    workflow_name: str | None = None
    name: str | None = None
    method: Method = "rule"
    options: JudgmentOptions = msgspec.field(default_factory=JudgmentOptions)


_BATCH: Final = msgspec.json.Decoder(BatchRequest)


class HotRoute(ABC):
    """What both have in common: who may come in, timing, the envelope."""

    def __init__(self, desk: Desk, door: Door, clock: Clock, path: str) -> None:
        self.desk = desk
        self.door = door
        self.clock = clock
        self.route = Route(path, self, methods=["POST"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; errors are raised for the app to turn into problem+json."""
        scope["route"] = self.route
        started = self.clock.monotonic()
        who = self.door.enter(next((value for key, value in scope["headers"] if key == b"authorization"), None))
        who.demand(*ROLES)
        body = await self.answer(who, await _body(receive))
        self.desk.tally.time(self.clock.monotonic() - started)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @abstractmethod
    async def answer(self, who: Principal, body: bytes) -> bytes:
        """Give the body of the answer."""

    def envelope(self, data: bytes, durability: str) -> bytes:
        """Wrap an answer's data."""
        meta = {
            "timestamp": iso(self.clock.now()),
            "request_id": request_id_var.get(),
            "version": __version__,
            "durability": durability,
        }
        return b'{"data":%s,"meta":%s}' % (data, ENCODER.encode(meta))


class ExecuteRoute(HotRoute):
    """POST /api/v2/judgment/execute: 200 means that the verdict is durable; `meta.durability` says where."""

    async def answer(self, who: Principal, body: bytes) -> bytes:
        """Judge one request."""
        request = read_request(body)
        answered = await self.desk.one(request, who.subject)
        return self.envelope(shown(answered, request.options), answered.durability)


class BatchRoute(HotRoute):
    """POST /api/v2/judgment/execute/batch: one outcome per item, in their order; 503 only when none could be kept."""

    async def answer(self, who: Principal, body: bytes) -> bytes:
        """Judge every item."""
        batch: BatchRequest = read_json(body, _BATCH)
        if not 1 <= len(batch.items) <= MAX_ITEMS:
            raise Invalid(f"items: 1 to {MAX_ITEMS}, not {len(batch.items)}")
        requests = [
            JudgmentRequest(
                input_data=item.input_data,
                workflow_id=batch.workflow_id,
                workflow_name=batch.workflow_name,
                name=batch.name,
                method=batch.method,
                options=batch.options,
                context=item.context,
                idempotency_key=item.idempotency_key,
            )
            for item in batch.items
        ]
        outcomes = await self.desk.many(requests, who.subject)
        shared = _shared(outcomes)
        if shared is not None:
            raise shared
        return self._written(outcomes, batch.options)

    def _written(self, outcomes: list[Answered | JudgifyError], options: JudgmentOptions) -> bytes:
        totals = {"matched": 0, "not_matched": 0, "not_evaluable": 0, "error": 0}
        items: list[bytes] = []
        durability = "database"
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, JudgifyError):
                totals["error"] += 1
                items.append(ENCODER.encode({"index": index, "error": outcome.problem(request_id_var.get())}))
                continue
            totals[outcome.verdict] += 1
            if outcome.durability == "spool":
                durability = "spool"
            mark = f'{{"index":{index},"durability":"{outcome.durability}",'.encode()
            items.append(mark + shown(outcome, options)[1:])
        data = b'{"items":[%s],"totals":%s}' % (b",".join(items), ENCODER.encode(totals))
        return self.envelope(data, durability)


def _shared(outcomes: list[Answered | JudgifyError]) -> JudgifyError | None:
    """Give the error that is the request's own: no such workflow, no model, nowhere to keep anything."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, JudgifyError)]
    if len(errors) < len(outcomes) or len({error.type_slug for error in errors}) > 1:
        return None
    first = errors[0]
    return first if isinstance(first, NotFound | Conflict | Unavailable) or len(outcomes) == 1 else None


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
