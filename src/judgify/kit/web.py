"""The HTTP app of a service: live, ready, health, metrics, problem+json, request ids, body limit, authentication."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from judgify import __version__
from judgify.kit import auth
from judgify.kit.clock import Clock, iso
from judgify.kit.errors import (
    KINDS,
    PROBLEM_CONTENT_TYPE,
    Invalid,
    JudgifyError,
    Malformed,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from judgify.kit.head import HeadMiddleware
from judgify.kit.log import request_id_var
from judgify.kit.metrics import CONTENT_TYPE, Metrics
from judgify.kit.middleware import MAX_BODY, ServiceMiddleware
from judgify.kit.settings import Settings

State = Literal["ok", "degraded", "down"]
OPEN_PATHS: Final = ("/live", "/ready", "/health", "/metrics")
"""Paths that answer without a credential; they tell states and numbers only."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a service can do its job, and its parts. `down` answers 503, `ok` and `degraded` 200."""

    status: State
    parts: Mapping[str, State] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What the app factory needs to know of a service."""

    name: str
    settings: Settings
    clock: Clock
    metrics: Metrics
    health: Callable[[], Awaitable[Health]]
    ready: Callable[[], Awaitable[bool]]
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None
    max_body: int = MAX_BODY
    title: str = ""
    authenticate: Callable[[Request], Awaitable[auth.Principal]] | None = None
    """Another way in than service tokens; None means service tokens only."""
    strict_query: bool = True
    """Refuse query parameters that a route does not declare: a misspelt filter must not answer with everything."""


def create_app(spec: ServiceSpec) -> FastAPI:
    """Build the app. Routes added to it are documented at /openapi.json; every error is problem+json.

    Health is also answered at /api/v2/<name>/health, as the guide's 2.2 calls it.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if spec.lifespan is None:
            yield
            return
        async with spec.lifespan(app):
            yield

    app = FastAPI(
        title=spec.title or f"Judgify {spec.name}",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(_refuse_unknown_parameters)] if spec.strict_query else [],
    )
    app.state.spec = spec
    app.add_middleware(HeadMiddleware)
    app.add_middleware(ServiceMiddleware, metrics=spec.metrics, clock=spec.clock, max_body=spec.max_body)
    _add_probes(app, spec)
    app.add_exception_handler(JudgifyError, _on_judgify_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    return app


def _refuse_unknown_parameters(request: Request) -> None:
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not route.include_in_schema:
        return
    known = _query_names(route.dependant)
    for name in request.query_params:
        if name not in known:
            raise Invalid(f"there is no parameter {name[:60]!r} here; known are {', '.join(sorted(known)) or 'none'}")


def _query_names(dependant: Dependant) -> set[str]:
    names = {parameter.alias for parameter in dependant.query_params}
    return names.union(*(_query_names(inner) for inner in dependant.dependencies))


def _add_probes(app: FastAPI, spec: ServiceSpec) -> None:
    @app.get("/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "ok", "service": spec.name}

    @app.get("/ready", include_in_schema=False)
    async def ready() -> JSONResponse:
        good = await spec.ready()
        body = {"status": "ok" if good else "down", "service": spec.name}
        return JSONResponse(body, 200 if good else 503)

    async def health() -> JSONResponse:
        report = await spec.health()
        body = {"status": report.status, "service": spec.name, "parts": dict(report.parts)}
        return JSONResponse(body, 503 if report.status == "down" else 200)

    app.add_api_route("/health", health, include_in_schema=False)
    app.add_api_route(f"/api/v2/{spec.name}/health", health, include_in_schema=False)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(spec.metrics.render(), media_type=CONTENT_TYPE)


async def principal(request: Request) -> auth.Principal:
    """Authenticate a request by its service token, or as the service itself decides; `Unauthenticated` otherwise."""
    spec: ServiceSpec = request.app.state.spec
    if spec.authenticate is not None:
        return await spec.authenticate(request)
    token = auth.bearer(request.headers.get("authorization"))
    if token is None:
        raise Unauthenticated("this service answers the gateway and other services only; call it through the gateway")
    return auth.verify(spec.settings.service_secret, token, spec.clock)


Caller = Annotated[auth.Principal, Depends(principal)]
"""A route's parameter of this type makes it refuse callers without a credential."""


def require(*roles: str) -> Any:
    """Give a dependency that lets pass who holds one of the roles (see `auth.Principal.has`)."""

    async def check(who: Caller) -> auth.Principal:
        who.demand(*roles)
        return who

    return Depends(check)


def answer(
    data: Any,
    clock: Clock,
    *,
    durability: str | None = None,
    pagination: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Wrap a successful answer: `{data, meta{timestamp, request_id, version, durability?, pagination?}}`."""
    meta: dict[str, Any] = {
        "timestamp": iso(clock.now()),
        "request_id": request_id_var.get(),
        "version": __version__,
    }
    if durability is not None:
        meta["durability"] = durability
    if pagination is not None:
        meta["pagination"] = dict(pagination)
    return {"data": data, "meta": meta}


def problem_response(error: JudgifyError) -> JSONResponse:
    """Turn an error into its problem+json answer, with Retry-After where a retry makes sense."""
    headers = {}
    if isinstance(error, TooMany | Unavailable):
        headers["Retry-After"] = str(error.fields.get("retry_after_s", 1))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    body = error.problem(request_id_var.get())
    return JSONResponse(body, error.status, headers=headers, media_type=PROBLEM_CONTENT_TYPE)


async def _on_judgify_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, JudgifyError):  # pragma: no cover - Starlette dispatches by class
        raise error
    return problem_response(error)


async def _on_validation_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):  # pragma: no cover - Starlette dispatches by class
        raise error
    entries = error.errors()
    if any(entry["type"] == "json_invalid" for entry in entries):
        return problem_response(Malformed("the body is not valid JSON"))
    # The input itself is left out: it may hold a secret, and it may be large.
    errors = [
        {"path": ".".join(map(str, _inside(entry["loc"]))), "message": entry["msg"], "kind": entry["type"]}
        for entry in entries
    ]
    first = errors[0]
    return problem_response(Invalid(f"{first['path']}: {first['message']}", errors=errors[:50]))


def _inside(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Leave out FastAPI's own first word (`body`, `query` …) where a field's name follows."""
    return location[1:] if len(location) > 1 and location[0] in {"body", "query", "path", "header"} else location


async def _on_http_exception(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # pragma: no cover - Starlette dispatches by class
        raise error
    kind = KINDS.get(error.status_code)
    body: dict[str, Any]
    if error.status_code == 400:
        # The framework's own word for a body that it cannot read: nested too deeply, not UTF-8, an endless number.
        body = Malformed("the body is not valid JSON").problem(request_id_var.get())
    elif kind is not None:
        body = kind().problem(request_id_var.get())
    else:
        body = JudgifyError(str(error.detail), slug="http").problem(request_id_var.get())
        body |= {"status": error.status_code, "title": str(error.detail)}
    return JSONResponse(body, error.status_code, headers=error.headers, media_type=PROBLEM_CONTENT_TYPE)
