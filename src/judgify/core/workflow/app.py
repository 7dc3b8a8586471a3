"""HTTP face of the workflow service: create, version, activate, list, read, simulate; and what judging fetches."""

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from fastapi import FastAPI, Query, Request, Response

from judgify.core.contracts.advice import advice_warnings
from judgify.core.contracts.plan import Plan, compile_document, read_document
from judgify.core.contracts.problem import DocumentError
from judgify.core.contracts.review import review
from judgify.core.workflow.example import install_examples
from judgify.core.workflow.store import ENCODER, WorkflowStore
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Invalid, Malformed, Unavailable
from judgify.kit.log import get_logger
from judgify.kit.metrics import Metrics
from judgify.kit.outgoing import declare_pool_usage
from judgify.kit.settings import Settings
from judgify.kit.web import Health, ServiceSpec, answer, create_app, require

PREFIX: Final = "/api/v2/workflow/workflows"
MAX_PAGE: Final = 200
log = get_logger("judgify.workflow")
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)

Reader = Annotated[Principal, require("viewer", "service")]
Changer = Annotated[Principal, require("commander", "service")]
Sibling = Annotated[Principal, require("service")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


class Simulation(msgspec.Struct, forbid_unknown_fields=True):
    """Judge without keeping anything: a stored version, or a document that was never stored."""

    input_data: dict[str, Any]
    version: int | None = None
    document: Any = None


class Activation(msgspec.Struct, forbid_unknown_fields=True):
    """Which version is to judge."""

    version: int


class Json(Response):
    """A JSON answer written by msgspec, which keeps raw parts as they are and decimals exact."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Write the answer."""
        return ENCODER.encode(content)


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Build the service; it starts without the database and reports it down."""
    metrics = Metrics("workflow")
    database = Database(settings.database_url, "workflow", "judgify.core.workflow", clock=clock)
    store = WorkflowStore(database, clock)
    declare_pool_usage(metrics, database)

    async def health() -> Health:
        alive = await database.alive()
        return Health("ok" if alive else "down", {"database": "ok" if alive else "down"})

    async def ready() -> bool:
        return database.opened.is_set() and await database.alive()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        database.start()
        installer = install_examples(store, database.opened)
        yield
        await installer.close()
        await database.close()

    app = create_app(ServiceSpec("workflow", settings, clock, metrics, health, ready, lifespan=lifespan))
    _add_changes(app, store, clock, settings)
    _add_reads(app, store, clock)
    _add_simulation(app, store, clock)
    _add_internal(app, store, clock)
    return app


def _add_changes(app: FastAPI, store: WorkflowStore, clock: Clock, settings: Settings) -> None:
    async def told(plan: Plan) -> dict[str, Any]:
        # A model may be connected tomorrow, a gap closed with the next version: it is taken, and its author told.
        found = advice_warnings(plan.document, enabled=settings.enable_llm_engine, model=settings.llm_model)
        return {
            "warnings": [problem.to_dict() for problem in found],
            "analysis": await asyncio.to_thread(review, plan),
        }

    @app.post(PREFIX)
    async def create(request: Request, who: Changer, *, activate: bool = False) -> Response:
        plan = await _compiled(await _body(request))
        made = await store.create(plan.document, who.subject, activate=activate)
        log.info("workflow created", workflow=made["name"], id=made["id"], by=who.subject, active=activate)
        return _one(made | await told(plan), clock, 201)

    @app.post(PREFIX + "/{key}/versions")
    async def add_version(
        request: Request,
        key: str,
        who: Changer,
        expected_version: Annotated[int | None, Query(ge=1)] = None,
    ) -> Response:
        plan = await _compiled(await _body(request))
        made = await store.add_version(
            _key(key), plan.document, who.subject, expected=expected_version, revision=_if_match(request)
        )
        log.info("workflow version added", workflow=made["name"], version=made["latest_version"], by=who.subject)
        return _one(await store.read(made["id"], made["latest_version"]) | await told(plan), clock, 201)

    @app.post(PREFIX + "/{key}/activate")
    async def activate(request: Request, key: str, who: Changer) -> Response:
        wanted = _typed(await _body(request), Activation)
        made = await store.activate(_key(key), wanted.version, who.subject, revision=_if_match(request))
        log.info("workflow activated", workflow=made["name"], version=wanted.version, by=who.subject)
        return _one(made | {"analysis": await _reviewed(made["document"])}, clock)

    @app.post(PREFIX + "/{key}/deactivate")
    async def deactivate(request: Request, key: str, who: Changer) -> Response:
        made = await store.activate(_key(key), None, who.subject, revision=_if_match(request))
        log.info("workflow deactivated", workflow=made["name"], by=who.subject)
        return _one(made, clock)


def _add_reads(app: FastAPI, store: WorkflowStore, clock: Clock) -> None:
    @app.get(PREFIX)
    async def page(
        _: Reader,
        *,
        name: Annotated[str | None, Query(max_length=100)] = None,
        active: bool | None = None,
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(pattern=r"^wfl_[0-9a-z]{26}$")] = None,
    ) -> Response:
        rows = await store.page(name=_text(name), active=active, limit=limit + 1, after=cursor)
        more = rows[limit - 1]["id"] if len(rows) > limit else None
        return Json(answer(rows[:limit], clock, pagination={"limit": limit, "next_cursor": more}))

    @app.get(PREFIX + "/{key}")
    async def read(key: str, _: Reader) -> Response:
        return _one(await store.read(_key(key)), clock)

    @app.get(PREFIX + "/{key}/versions")
    async def versions(
        key: str, _: Reader, limit: Limit = 50, cursor: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None
    ) -> Response:
        rows = await store.versions(_key(key), limit + 1, cursor)
        more = rows[limit - 1]["version"] if len(rows) > limit else None
        return Json(answer(rows[:limit], clock, pagination={"limit": limit, "next_cursor": more}))

    @app.get(PREFIX + "/{key}/versions/{version}")
    async def read_version(key: str, version: int, _: Reader) -> Response:
        return _one(await store.read(_key(key), _version(version)), clock)


def _add_simulation(app: FastAPI, store: WorkflowStore, clock: Clock) -> None:
    @app.post(PREFIX + "/simulate")
    async def simulate_document(request: Request, _: Reader) -> Response:
        wanted = _typed(await _body(request), Simulation)
        if wanted.document is None or wanted.version is not None:
            raise Invalid("document: give the document to simulate, and no version")
        return await _simulated(await _compiled(wanted.document), wanted.input_data, clock)

    @app.post(PREFIX + "/{key}/simulate")
    async def simulate(request: Request, key: str, _: Reader) -> Response:
        wanted = _typed(await _body(request), Simulation)
        if wanted.document is not None:
            raise Invalid(f"document: simulate a document at {PREFIX}/simulate")
        version = None if wanted.version is None else _version(wanted.version)
        found = await store.read(_key(key), version)
        plan = await _compiled(_DECODER.decode(found["document"]))
        return await _simulated(plan, wanted.input_data, clock)


def _add_internal(app: FastAPI, store: WorkflowStore, clock: Clock) -> None:
    @app.get("/internal/workflows/active", include_in_schema=False)
    async def active(request: Request, _: Sibling) -> Response:
        rows = await store.active()
        tag = hashlib.sha256(ENCODER.encode(rows)).hexdigest()[:32]
        return _tagged(request, tag, answer(rows, clock))

    @app.get("/internal/workflows/{key}", include_in_schema=False)
    async def active_document(request: Request, key: str, _: Sibling) -> Response:
        found = await store.read(_key(key))
        if found["active_version"] is None:
            raise Unavailable(f"the workflow {key!r} has no active version", slug="workflow-inactive")
        data = {name: found[name] for name in ("id", "name", "version", "sha256", "document")}
        return _tagged(request, found["sha256"][:32], answer(data, clock))


def _tagged(request: Request, tag: str, content: Any) -> Response:
    headers = {"ETag": f'"{tag}"'}
    if request.headers.get("if-none-match") == f'"{tag}"':
        return Response(status_code=304, headers=headers)
    return Json(content, headers=headers)


async def _compiled(raw: Any) -> Plan:
    # In a thread: thousands of rules take a second, during which /live and the active workflows must go on.
    return await asyncio.to_thread(lambda: compile_document(read_document(raw)))


async def _reviewed(document: Any) -> dict[str, Any] | None:
    try:
        plan = await _compiled(_DECODER.decode(document))
    except DocumentError:
        # Kept by an earlier release whose checks were others: it judges or not, but is not told about here.
        return None
    return await asyncio.to_thread(review, plan)


async def _simulated(plan: Plan, given: dict[str, Any], clock: Clock) -> Response:
    started = clock.monotonic()
    judged = await asyncio.to_thread(plan.judge, given)
    spent = round((clock.monotonic() - started) * 1000, 3)
    actions = [
        {"index": index, "type": action.rule.type, "name": action.rule.name}
        for index, action in enumerate(plan.actions)
        if judged.verdict == "matched" and action.follows(judged.result)
    ]
    data = {name: getattr(judged, name) for name in judged.__dataclass_fields__}
    return Json(answer(data | {"actions": actions, "time_ms": spent, "stored": False}, clock))


def _one(found: dict[str, Any], clock: Clock, status: int = 200) -> Response:
    return Json(answer(found, clock), status, headers={"ETag": f'"{found["revision"]}"'})


async def _body(request: Request) -> Any:
    raw = await request.body()
    try:
        return _DECODER.decode(raw)
    except ArithmeticError:
        raise Invalid("a number's exponent is beyond what can be computed with") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not valid JSON: {str(error)[:200]}") from None


def _typed(raw: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        known = ", ".join(kind.__struct_fields__)
        raise Invalid(f"{error}; known fields: {known}") from None


def _key(key: str) -> str:
    return _text(unicodedata.normalize("NFC", key)) or ""


def _text(text: str | None) -> str | None:
    # PostgreSQL has no form for NUL in a text; nothing has such a name.
    return None if text is None else text.replace("\x00", "\ufffd")


def _version(version: int) -> int:
    if not 1 <= version <= 2**31 - 1:
        raise Invalid("version: a whole number from 1 on")
    return version


def _if_match(request: Request) -> int | None:
    given = request.headers.get("if-match")
    if given is None or given == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"?([0-9]{1,9})"?', given)
    if found is None:
        raise Invalid("If-Match: give the ETag of the workflow as it was read, a number in quotes")
    return int(found[1])
