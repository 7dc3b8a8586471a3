"""HTTP face of the dashboard service: the list of dashboards, and judgments as page, data and stream."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from sse_starlette import EventSourceResponse

from judgify.core.dashboard import page
from judgify.core.dashboard.source import BoardSource
from judgify.core.dashboard.words import WORDS, choose
from judgify.kit.auth import Principal, service_principal
from judgify.kit.client import ServiceClient
from judgify.kit.clock import Clock
from judgify.kit.errors import Unavailable
from judgify.kit.log import request_id_var
from judgify.kit.metrics import Metrics
from judgify.kit.settings import Settings
from judgify.kit.web import Health, ServiceSpec, State, answer, create_app, require

PREFIX: Final = "/api/v2/dashboard"
EVERY_S: Final = 2.0
"""How often a stream sends the board."""

Reader = Annotated[Principal, require("viewer", "service")]
Minutes = Annotated[int, Query(ge=1, le=1440)]
Language = Annotated[Literal["ko", "en"] | None, Query()]


def build(settings: Settings, clock: Clock) -> FastAPI:
    """Build the service. It needs the judgment service to do its job, and says so in its health."""
    metrics = Metrics("dashboard")
    judgment = ServiceClient(
        settings.url("judgment"),
        clock=clock,
        secret=settings.service_secret,
        principal=service_principal("dashboard"),
        timeout_s=3,
    )
    source = BoardSource(judgment, metrics, clock)

    async def health() -> Health:
        state: State = "ok"
        try:
            await source.board(60)
        except Unavailable:
            state = "down"
        return Health(state, {"judgment": state})

    async def ready() -> bool:
        return True

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await judgment.close()

    app = create_app(ServiceSpec("dashboard", settings, clock, metrics, health, ready, lifespan=lifespan))
    _add_list(app, clock)
    _add_page(app, source)
    _add_data(app, source, clock)
    return app


def _add_list(app: FastAPI, clock: Clock) -> None:
    @app.get(f"{PREFIX}/dashboards")
    async def dashboards(_: Reader) -> dict[str, Any]:
        """List the dashboards."""
        entry = {
            "id": "judgments",
            "title": {lang: words["title"] for lang, words in WORDS.items()},
            "html": f"{PREFIX}/judgments.html",
            "data": f"{PREFIX}/judgments.json",
            "stream": f"{PREFIX}/judgments/stream",
        }
        return answer([entry], clock)


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
            while True:
                try:
                    board = await source.board(minutes)
                except Unavailable as error:
                    yield {"event": "problem", "data": json.dumps(error.problem(None), ensure_ascii=False)}
                else:
                    yield {"event": "board", "data": json.dumps(board.data(), ensure_ascii=False)}
                await clock.sleep(EVERY_S)

        return EventSourceResponse(events(), ping=15, headers={"Cache-Control": "no-store"})
