"""Pages of dashboards for browsers: the list, a request that is tried, a kept dashboard; and the files they use."""

from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Query, Request
from fastapi.responses import FileResponse, Response

from judgify.core.dashboard import page, say
from judgify.core.dashboard.grammar.spec import Lang
from judgify.core.dashboard.picture import FONTS
from judgify.core.dashboard.routes import PREFIX, Desk, Id, Reader, Spoken, drawn
from judgify.core.dashboard.words import choose
from judgify.kit.errors import Invalid, JudgifyError, NotFound
from judgify.kit.log import request_id_var

STATIC: Final = {
    "vega.min.js": "text/javascript",
    "vega-lite.min.js": "text/javascript",
    "vega-interpreter.js": "text/javascript",
    "Pretendard-Regular.otf": "font/otf",
    "vega-util.js": "text/javascript",
    "dashboard.js": "text/javascript",
}
Text = Annotated[str, Query(max_length=500, pattern=r"^[^\x00]*$")]
Answers = Annotated[list[Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]] | None, Query(max_length=40)]


def add_pages(app: FastAPI, desk: Desk) -> None:
    """Add the pages. An error is a page too, in the reader's language."""

    @app.get(f"{PREFIX}/dashboards.html", include_in_schema=False)
    async def listed(request: Request, _: Reader, *, lang: Spoken = None) -> Response:
        chosen = choose(lang, request.headers.get("accept-language"))
        try:
            kept = await desk.store.page(100, None)
            problem = ""
        except JudgifyError as error:
            kept, problem = [], error.detail
        return page.render_list(kept, problem, chosen)

    @app.get(f"{PREFIX}/ask.html", include_in_schema=False)
    async def ask(request: Request, _: Reader, *, q: Text = "", a: Answers = None, lang: Spoken = None) -> Response:
        chosen = choose(lang, request.headers.get("accept-language"))
        if not q.strip():
            return page.render_list(await desk.store.page(100, None), "", chosen)
        try:
            made = await desk.generator.generate(q, chosen, _answers(a))
        except JudgifyError as error:
            return page.render_problem(error, q, chosen)
        return page.render_asked(q, a or [], made, chosen)

    @app.get(PREFIX + "/ask/{number}.{form}", include_in_schema=False)
    async def asked_picture(
        number: int, form: Literal["svg", "png"], _: Reader, *, q: Text = "", a: Answers = None, lang: Spoken = None
    ) -> Response:
        made = await desk.generator.generate(q, lang, _answers(a))
        if not 1 <= number <= len(made.views):
            raise NotFound("there is no such panel")
        return await drawn(desk, made.views[number - 1], form, dark=False)

    _add_opened(app, desk)


def _add_opened(app: FastAPI, desk: Desk) -> None:
    @app.get(PREFIX + "/dashboards/{key}.html", include_in_schema=False)
    async def opened(request: Request, key: Id, _: Reader, *, lang: Spoken = None) -> Response:
        accepted = request.headers.get("accept-language")
        try:
            kept = await desk.store.read(key)
            chosen: Lang = lang or kept.lang
            views = await desk.generator.open(kept.panels, chosen)
        except JudgifyError as error:
            return page.render_failure(error.detail, request_id_var.get(), choose(lang, accepted), error.status)
        return page.render_dashboard(kept, views, say.understood(kept.panels, kept.notes, chosen), chosen)

    @app.get(PREFIX + "/static/{name}", include_in_schema=False)
    async def static(name: str, _: Reader) -> Response:
        if name not in STATIC:
            raise NotFound("there is no such file")
        folder = FONTS if (FONTS / name).is_file() else FONTS.parent
        return FileResponse(folder / name, media_type=STATIC[name], headers={"Cache-Control": "private, max-age=3600"})


def _answers(given: list[str] | None) -> dict[str, Any]:
    found = {}
    for one in given or []:
        key, colon, value = one.partition(":")
        if not colon:
            raise Invalid("a: an answer is written question:choice")
        found[key] = value
    return found
