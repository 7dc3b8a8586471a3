"""The engine's HTTP app, made around an engine that is put together already."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final

from fastapi import FastAPI

from judgify.kit.metrics import Metrics
from judgify.kit.settings import Settings
from judgify.kit.steady import outside
from judgify.kit.web import Health, ServiceSpec, State, create_app
from judgify.response.api import acknowledge, alerts, channel, heartbeat, incident, service, slack
from judgify.response.api import oncall as on_call
from judgify.response.api.express import Express
from judgify.response.api.lane import Lane
from judgify.response.api.parts import Response
from judgify.response.api.signin import Signin

MAX_BODY: Final = 4 * 1024 * 1024
"""Largest body of a request; the ways in of alerts have a limit of their own."""
FRESH: Final = timedelta(seconds=10)
"""The engine is healthy while its due-row loop has completed within this time."""


def engine_app(
    parts: Response,
    settings: Settings,
    metrics: Metrics,
    *,
    completed_at: Callable[[], datetime | None],
    guide_good: bool = True,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """Make the app; `lifespan` runs the engine while it is served.

    `completed_at` tells when the due-row loop last completed. `guide_good` is False while an earlier guide is used
    because the given one has mistakes: the engine is degraded then, and pages all the same.
    """

    async def health() -> Health:
        completed = completed_at()
        fresh = completed is not None and parts.clock.now() - completed <= FRESH
        rows: State = "ok" if fresh else "down"
        guide: State = "ok" if guide_good else "degraded"
        return Health(guide if fresh else "down", {"due-rows": rows, "guide": guide})

    async def ready() -> bool:
        return completed_at() is not None

    signin = Signin(settings, outside(parts.clock), parts.accounts, keys=parts.routing_keys)
    spec = ServiceSpec(
        name="response",
        settings=settings,
        clock=parts.clock,
        metrics=metrics,
        health=health,
        ready=ready,
        lifespan=lifespan,
        max_body=MAX_BODY,
        title="Judgify response engine",
        authenticate=signin.principal,
        strict_query=False,  # the language is asked for by `?lang=` on every route, and pages are mounted beside
    )
    app = create_app(spec)
    app.state.signin = signin
    app.state.response = parts
    app.state.express = Express(parts, signin, metrics)
    routers = (incident.router, service.router, service.open_router, slack.router)
    for router in (*routers, acknowledge.router, channel.router, alerts.router, heartbeat.router):
        app.include_router(router)
    for router in (on_call.router, on_call.open_router):
        app.include_router(router)
    # Added last, it stands before everything else: a storm of alerts passes through nothing that it does not need.
    app.add_middleware(Lane, parts=parts, signin=signin, metrics=metrics)
    return app
