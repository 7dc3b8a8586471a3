"""The dashboard service put together; and its built-in dashboard, judgments as page, data and stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from sse_starlette import EventSourceResponse

from judgify.core.dashboard import page
from judgify.core.dashboard.board_source import BoardSource
from judgify.core.dashboard.generation import Generator
from judgify.core.dashboard.page_routes import add_pages
from judgify.core.dashboard.picture import Draughtsman
from judgify.core.dashboard.routes import PREFIX, Desk, add_dashboards
from judgify.core.dashboard.source import Sources
from judgify.core.dashboard.store import DashboardStore
from judgify.core.dashboard.words import choose
from judgify.kit.auth import Principal, service_principal
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Unavailable
from judgify.kit.log import request_id_var
from judgify.kit.metrics import Metrics
from judgify.kit.serve import ending
from judgify.kit.settings import Settings
from judgify.kit.web import Health, ServiceSpec, State, answer, create_app, require

EVERY_S: Final = 2.0
"""How often a stream sends the board."""

Reader = Annotated[Principal, require("viewer", "service")]
Minutes = Annotated[int, Query(ge=1, le=1440)]
Language = Annotated[Literal["ko", "en"] | None, Query()]


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Build the service. It needs the judgment service to do its job, and says so in its health.

    `JUDGIFY_FONT_DIR` names a folder with fonts for pictures; without it the shipped one is used.
    """
    metrics = Metrics("dashboard")
    time = metrics.histogram("dashboard_generation_time", "Seconds to generate a dashboard.", ("dashboard",))
    count = metrics.counter(
        "dashboard_generations_total", "Dashboards generated, or not, and why.", ("dashboard", "result")
    )
    database = Database(settings.database_url, "dashboard", "judgify.core.dashboard", clock=clock, max_size=4)
    metrics.gauge(
        "database_connection_pool_usage", "Share of the service's database connections in use, 0 to 1."
    ).set_function(database.usage)
    clients = {name: _client(settings, clock, name) for name in ("judgment", "workflow", "logging", "action")}
    source = BoardSource(clients["judgment"], time, count, clock)
    generator = Generator(Sources(clients, clock), time, count, clock)
    fonts = settings.environ.get("JUDGIFY_FONT_DIR")
    draughtsman = Draughtsman(Path(fonts) if fonts else None, clock)
    desk = Desk(generator, DashboardStore(database, clock), draughtsman, clock)

    async def health() -> Health:
        works, alive = await asyncio.gather(generator.works(), database.alive())
        parts: dict[str, State] = {"judgment": "ok" if works else "down", "database": "ok" if alive else "down"}
        # Without the database dashboards are still made; they cannot be kept or opened.
        return Health("down" if not works else "ok" if alive else "degraded", parts)

    async def ready() -> bool:
        return True

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        database.start()
        yield
        await draughtsman.close()
        for client in clients.values():
            await client.close()
        await database.close()

    app = create_app(ServiceSpec("dashboard", settings, clock, metrics, health, ready, lifespan=lifespan))
    add_pages(app, desk)
    add_dashboards(app, desk)
    _add_page(app, source)
    _add_data(app, source, clock)
    return app


def _client(settings: Settings, clock: Clock, name: str) -> ServiceClient:
    return ServiceClient(
        settings.url(name),
        clock=clock,
        secret=settings.service_secret,
        principal=service_principal("dashboard"),
        timeout_s=3 if name == "judgment" else 6,
    )


def _add_page(app: FastAPI, source: BoardSource) -> None:
    async def html(request: Request, minutes: int, lang: str | None, *, fragment: bool) -> Response:
        chosen = choose(lang, request.headers.get("accept-language"))
        try:
            board = await source.board(minutes)
        except Unavailable as error:
            return page.render_failure(error.detail, request_id_var.get(), chosen)
        return page.render_fragment(board, chosen) if fragment else page.render(board, chosen)

    @app.get(f"{PREFIX}/judgments.html", include_in_schema=False)
    async def judgments_page(
        request: Request, _: Reader, *, minutes: Minutes = 60, lang: Language = None, fragment: bool = False
    ) -> Response:
        return await html(request, minutes, lang, fragment=fragment)

    @app.get(f"{PREFIX}/judgments")
    async def judgments(request: Request, _: Reader, *, minutes: Minutes = 60, lang: Language = None) -> Response:
        """Give the dashboard as a page to browsers (`Accept: text/html`), else as data; 503 when it cannot be."""
        if "text/html" in request.headers.get("accept", ""):
            return await html(request, minutes, lang, fragment=False)
        board = await source.board(minutes)
        return JSONResponse(answer(board.data(), request.app.state.spec.clock), headers={"Cache-Control": "no-store"})


def _add_data(app: FastAPI, source: BoardSource, clock: Clock) -> None:
    @app.get(f"{PREFIX}/judgments.json")
    async def judgments_data(_: Reader, *, minutes: Minutes = 60) -> dict[str, Any]:
        """Give the dashboard as data; 503 when it cannot be generated."""
        return answer((await source.board(minutes)).data(), clock)

    @app.get(f"{PREFIX}/judgments/stream")
    async def judgments_stream(_: Reader, *, minutes: Minutes = 60, lang: Language = None) -> Response:
        """Stream the board every two seconds as event `board`; while it cannot be generated, event `problem`."""
        del lang

        async def events() -> AsyncIterator[dict[str, str]]:
            while not ending():
                try:
                    board = await source.board(minutes)
                except Unavailable as error:
                    yield {"event": "problem", "data": json.dumps(error.problem(None), ensure_ascii=False)}
                else:
                    yield {"event": "board", "data": json.dumps(board.data(), ensure_ascii=False)}
                await clock.sleep(EVERY_S)

        return EventSourceResponse(events(), ping=15, headers={"Cache-Control": "no-store"})
