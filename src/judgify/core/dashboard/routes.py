"""Routes of generated dashboards: asked for, kept, opened, drawn, streamed, removed."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Header, Path, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse

from judgify.core.dashboard import chart, say
from judgify.core.dashboard.generation import Generated, Generator
from judgify.core.dashboard.grammar.spec import Lang
from judgify.core.dashboard.grammar.token import MAX_LENGTH
from judgify.core.dashboard.page import panel_fragment
from judgify.core.dashboard.picture import Draughtsman
from judgify.core.dashboard.store import DashboardStore, Kept
from judgify.core.dashboard.view import View
from judgify.core.dashboard.words import WORDS
from judgify.kit.auth import Principal
from judgify.kit.clock import Clock, iso
from judgify.kit.errors import Denied, NotFound, Unavailable
from judgify.kit.serve import ending
from judgify.kit.web import answer, require

PREFIX: Final = "/api/v2/dashboard"
EVERY_S: Final = 5.0
"""How often a stream sends the panels."""

Reader = Annotated[Principal, require("viewer", "service")]
Maker = Annotated[Principal, require("viewer", "service")]
Id = Annotated[str, Path(pattern=r"^dsh_[0-9a-z]{26}$")]
Spoken = Annotated[Literal["ko", "en"] | None, Query()]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Asked(BaseModel):
    """A request in words, with the answers to questions that it left open."""

    model_config = ConfigDict(extra="forbid")
    request: Annotated[str, Field(min_length=1, max_length=MAX_LENGTH, pattern=r"^[^\x00]*$")]
    lang: Literal["ko", "en"] | None = None
    name: Name | None = None
    answers: Annotated[dict[Annotated[str, Field(max_length=80)], Annotated[str, Field(max_length=100)]],
                       Field(max_length=40)] = {}  # fmt: skip
    save: bool = True


class Renamed(BaseModel):
    """Another name."""

    model_config = ConfigDict(extra="forbid")
    name: Name


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes work with."""

    generator: Generator
    store: DashboardStore
    draughtsman: Draughtsman
    clock: Clock


def add_dashboards(app: FastAPI, desk: Desk) -> None:
    """Add the routes that answer data, pictures and streams; pages are added by `page_routes`."""
    _add_generate(app, desk)
    _add_kept(app, desk)
    _add_pictures(app, desk)


def _add_generate(app: FastAPI, desk: Desk) -> None:
    @app.post(f"{PREFIX}/generate", responses={201: {"description": "The dashboard is kept."}})
    async def generate(
        asked: Asked,
        who: Maker,
        idempotency_key: Annotated[str | None, Header(max_length=100, pattern=r"^[\x21-\x7e]+$")] = None,
    ) -> JSONResponse:
        """Make a dashboard of a request: 201 with its panels, run and checked, or 200 with questions and no panels.

        Send the request again with `answers` (question id → value of a choice). 422 `request-not-understood` names
        the unknown words and gives examples. With `save: false` nothing is kept and the answer is 200.
        """
        made = await desk.generator.generate(asked.request, asked.lang, asked.answers)
        data = generated_data(made)
        if made.questions or not asked.save:
            return JSONResponse(answer(data, desk.clock))
        kept, fresh = await desk.store.create(
            name=asked.name or asked.request[:100], request=asked.request, lang=made.lang, panels=made.panels,
            notes=made.notes, owner=who.subject, key=idempotency_key,
        )  # fmt: skip
        data["dashboard"] = kept.data()
        return JSONResponse(answer(data, desk.clock, durability="database"), 201 if fresh else 200)


def _add_kept(app: FastAPI, desk: Desk) -> None:
    @app.get(f"{PREFIX}/dashboards")
    async def page(
        _: Reader,
        *,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(pattern=r"^dsh_[0-9a-z]{26}$")] = None,
    ) -> dict[str, Any]:
        """List the dashboards, newest first; the built-in one comes first of all."""
        rows = await desk.store.page(limit + 1, cursor)
        more = rows[limit - 1].id if len(rows) > limit else None
        first = [_built_in()] if cursor is None else []
        told = [*first, *(row.data() for row in rows[:limit])]
        return answer(told, desk.clock, pagination={"limit": limit, "next_cursor": more})

    @app.get(PREFIX + "/dashboards/{key}")
    async def read(key: Id, _: Reader, *, lang: Spoken = None) -> JSONResponse:
        """Open a dashboard: every panel's question is run now; 503 when no panel can be filled."""
        kept = await desk.store.read(key)
        views = await desk.generator.open(kept.panels, lang or kept.lang)
        data = {**opened_data(kept, views, lang or kept.lang), "generated_at": iso(desk.clock.now())}
        return JSONResponse(answer(data, desk.clock), headers={"Cache-Control": "no-store"})

    @app.patch(PREFIX + "/dashboards/{key}")
    async def rename(key: Id, wanted: Renamed, who: Reader) -> dict[str, Any]:
        """Rename a dashboard: its owner or an administrator."""
        _demand_owner(await desk.store.read(key), who)
        return answer((await desk.store.rename(key, wanted.name)).data(), desk.clock)

    @app.delete(PREFIX + "/dashboards/{key}")
    async def delete(key: Id, who: Reader) -> dict[str, Any]:
        """Remove a dashboard: its owner or an administrator."""
        _demand_owner(await desk.store.read(key), who)
        await desk.store.delete(key)
        return answer({"id": key, "deleted": True}, desk.clock)

    @app.get(PREFIX + "/dashboards/{key}/stream")
    async def stream(key: Id, _: Reader, *, lang: Spoken = None) -> Response:
        """Stream the panels every five seconds as event `panels`; while none can be filled, event `problem`."""
        kept = await desk.store.read(key)
        chosen: Lang = lang or kept.lang

        async def events() -> AsyncIterator[dict[str, str]]:
            while not ending():
                try:
                    views = await desk.generator.open(kept.panels, chosen)
                except Unavailable as error:
                    yield {"event": "problem", "data": json.dumps(error.problem(None), ensure_ascii=False)}
                else:
                    told = [
                        {"number": one.number, "html": panel_fragment(one, chosen), "chart": one.chart} for one in views
                    ]
                    data = {"generated_at": iso(desk.clock.now()), "panels": told}
                    yield {"event": "panels", "data": json.dumps(data, ensure_ascii=False)}
                await desk.clock.sleep(EVERY_S)

        return EventSourceResponse(events(), ping=15, headers={"Cache-Control": "no-store"})


def _add_pictures(app: FastAPI, desk: Desk) -> None:
    @app.get(PREFIX + "/dashboards/{key}/panels/{number}.{form}", responses={200: {"content": {"image/png": {}}}})
    async def picture(
        key: Id,
        number: Annotated[int, Path(ge=1, le=100)],
        form: Literal["svg", "png"],
        _: Reader,
        *,
        lang: Spoken = None,
        theme: Literal["light", "dark"] = "light",
    ) -> Response:
        """Draw one panel; 404 for one that does not exist or has no chart, with the reason."""
        kept = await desk.store.read(key)
        if number > len(kept.panels):
            raise NotFound(f"this dashboard has {len(kept.panels)} panels")
        chosen: Lang = lang or kept.lang
        [one] = await desk.generator.open(kept.panels[number - 1 : number], chosen)
        return await drawn(desk, one, form, dark=theme == "dark")


async def drawn(desk: Desk, one: View, form: Literal["svg", "png"], *, dark: bool) -> Response:
    """Draw a panel's chart as an answer."""
    if one.chart is None:
        raise NotFound(f"this panel has no picture: {one.text or 'it is a table'}", slug="no-picture")
    spec = chart.picture(one.chart, one.title, one.when, dark=dark)
    body = await desk.draughtsman.draw(spec, form)
    kind = "image/svg+xml" if form == "svg" else "image/png"
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(body, media_type=kind, headers=headers)


def generated_data(made: Generated) -> dict[str, Any]:
    """Give what came of a request as it is answered."""
    if made.questions:
        told = [one.data(made.lang) for one in made.questions]
        return {"status": "questions", "lang": made.lang, "questions": told, "panels": [], "understood_by": "grammar"}
    return {
        "status": "ready",
        "lang": made.lang,
        "understood": made.understood,
        "understood_by": "grammar",
        "questions": [],
        "panels": [one.data() for one in made.views],
        "dashboard": None,
    }


def opened_data(kept: Kept, views: tuple[View, ...], lang: Lang) -> dict[str, Any]:
    """Give an opened dashboard as it is answered."""
    return {
        "status": "ready",
        "lang": lang,
        "understood": say.understood(kept.panels, kept.notes, lang),
        "dashboard": kept.data(),
        "panels": [one.data() for one in views],
    }


def _demand_owner(kept: Kept, who: Principal) -> None:
    if who.subject != kept.owner and not who.has("admin"):
        raise Denied(f"only {kept.owner}, who made this dashboard, or an administrator may change it")


def _built_in() -> dict[str, Any]:
    return {
        "id": "judgments",
        "built_in": True,
        "title": {lang: words["title"] for lang, words in WORDS.items()},
        "html": f"{PREFIX}/judgments.html",
        "data": f"{PREFIX}/judgments.json",
        "stream": f"{PREFIX}/judgments/stream",
    }
