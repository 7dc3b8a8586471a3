"""Dashboards as pages: server-rendered, nothing loaded from elsewhere, readable without JavaScript."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from judgify.core.dashboard.board import Board, share
from judgify.core.dashboard.chart import theme
from judgify.core.dashboard.generation import Generated
from judgify.core.dashboard.say import EXAMPLES
from judgify.core.dashboard.store import Kept
from judgify.core.dashboard.view import View
from judgify.core.dashboard.words import PAGE_WORDS, WORDS, Lang
from judgify.kit.clock import show
from judgify.kit.errors import JudgifyError

PREFIX: Final = "/api/v2/dashboard"
_MAX_RESULT: Final = 80
CHART_WIDTH: Final = 600
CHART_HEIGHT: Final = 120
_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("judgify.core.dashboard"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute in the chart, in the chart's own units."""

    x: float
    y: float
    width: float
    height: float
    text: str


def render(board: Board, lang: Lang) -> HTMLResponse:
    """Render a whole page."""
    nonce = secrets.token_urlsafe(16)
    body = _ENVIRONMENT.get_template("judgments.html.j2").render(**_values(board, lang), nonce=nonce)
    return _response(body, 200, nonce)


def render_fragment(board: Board, lang: Lang) -> HTMLResponse:
    """Render what changes, for the page's own script to put in its place."""
    return _response(_ENVIRONMENT.get_template("board.html.j2").render(**_values(board, lang)), 200, None)


def render_failure(detail: str, request_id: str | None, lang: Lang, status: int = 503) -> HTMLResponse:
    """Render the page that says that there is no dashboard, and why."""
    words = WORDS[lang]
    nonce = secrets.token_urlsafe(16)
    body = _ENVIRONMENT.get_template("failure.html.j2").render(
        words=words, lang=lang, detail=detail, request_id=request_id or "-", nonce=nonce
    )
    return _response(body, status, nonce)


def panel_fragment(view: View, lang: Lang, picture: str = "") -> str:
    """Render one panel, for a page or for its script to put in place."""
    template = _ENVIRONMENT.get_template("panel.html.j2")
    return template.render(view=view, words=PAGE_WORDS[lang], picture=picture)


def render_list(kept: Sequence[Kept], problem: str, lang: Lang) -> HTMLResponse:
    """Render the page on which dashboards are asked for and found."""
    return _whole(
        "list.html.j2", lang, kept=kept, problem=problem, examples=EXAMPLES[lang], show=show, board=WORDS[lang]["title"]
    )


def render_dashboard(kept: Kept, views: Sequence[View], understood: str, lang: Lang) -> HTMLResponse:
    """Render a kept dashboard; its script follows the stream."""
    pictures = {one.number: f"{PREFIX}/dashboards/{kept.id}/panels/{one.number}.svg?lang={lang}" for one in views}
    return _whole(
        "dashboard.html.j2",
        lang,
        title=kept.name,
        request=kept.request,
        understood=understood,
        panels=[(one, panel_fragment(one, lang, pictures[one.number])) for one in views],
        stream=f"{PREFIX}/dashboards/{kept.id}/stream?lang={lang}",
        save=None,
        questions=[],
        address=f"{PREFIX}/dashboards/{kept.id}.html?",
    )


def render_asked(request: str, given: Sequence[str], made: Generated, lang: Lang) -> HTMLResponse:
    """Render what came of a request that is not kept: its panels, or its questions as links that answer them."""
    query = urlencode([("q", request), *(("a", one) for one in given), ("lang", lang)])
    panels = [(one, panel_fragment(one, lang, f"{PREFIX}/ask/{one.number}.svg?{query}")) for one in made.views]
    questions = [
        {
            **one.data(lang),
            "links": [
                (
                    choice.ko if lang == "ko" else choice.en,
                    f"{PREFIX}/ask.html?{query}&" + urlencode({"a": f"{one.id}:{choice.value}"}),
                )
                for choice in one.choices
            ],
        }
        for one in made.questions[:1]
    ]
    answers = dict(one.split(":", 1) for one in given)
    body = {"request": request, "lang": lang, "answers": answers}
    return _whole(
        "dashboard.html.j2",
        lang,
        title=request,
        request=request,
        understood=made.understood,
        panels=panels,
        stream="",
        save={"body": json.dumps(body, ensure_ascii=False), "key": secrets.token_hex(12)} if panels else None,
        questions=questions,
        address=f"{PREFIX}/ask.html?" + urlencode([("q", request), *(("a", one) for one in given)]) + "&",
    )


def render_problem(error: JudgifyError, request: str, lang: Lang) -> HTMLResponse:
    """Render why a request came to nothing, with examples of what can be asked."""
    examples = error.fields.get("examples", EXAMPLES[lang])
    return _whole(
        "problem.html.j2",
        lang,
        status=error.status,
        asked_wrong=error.status == 422,
        request=request,
        detail=error.detail,
        examples=examples,
    )


def _whole(template: str, lang: Lang, *, status: int = 200, **values: Any) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    body = _ENVIRONMENT.get_template(template).render(
        **values,
        lang=lang,
        words=PAGE_WORDS[lang],
        nonce=nonce,
        prefix=PREFIX,
        themes={"light": theme(dark=False), "dark": theme(dark=True)},
    )
    headers = {
        "Content-Security-Policy": f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(body, status, headers=headers)


def bars(totals: list[tuple[str, int]]) -> list[Bar]:
    """Lay the minutes out as bars; the highest one fills the chart, and a minute with anything is always seen."""
    if not totals:
        return []
    highest = max(1, *(count for _, count in totals))
    step = CHART_WIDTH / len(totals)
    laid = []
    for number, (text, count) in enumerate(totals):
        height = 0.0 if count == 0 else max(2.0, CHART_HEIGHT * count / highest)
        laid.append(Bar(round(number * step, 2), round(CHART_HEIGHT - height, 2), round(step * 0.8, 2), height, text))
    return laid


def result_text(value: Any) -> str:
    """Write a result for a table's cell: text as it is, anything else as JSON, cut at 80 characters."""
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_RESULT else text[: _MAX_RESULT - 1] + "…"


def percent(part: int, whole: int) -> str:
    """Write a share as a percentage with one decimal."""
    found = share(part, whole)
    return "–" if found is None else f"{found * 100:.1f} %"


def _values(board: Board, lang: Lang) -> dict[str, Any]:
    totals = [(f"{show(one.minute)[11:16]} · {one.total:,}", one.total) for one in board.summary.per_minute]
    return {
        "board": board,
        "words": WORDS[lang],
        "lang": lang,
        "other": "en" if lang == "ko" else "ko",
        "generated": show(board.generated_at),
        "bars": bars(totals),
        "highest": max((count for _, count in totals), default=0),
        "chart": (CHART_WIDTH, CHART_HEIGHT),
        "percent": percent,
        "result_text": result_text,
        "show": show,
    }


def _response(body: str, status: int, nonce: str | None) -> HTMLResponse:
    allowed = "" if nonce is None else f" style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self';"
    headers = {
        "Content-Security-Policy": f"default-src 'none';{allowed} base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    if status == 503:
        headers["Retry-After"] = "5"
    return HTMLResponse(body, status, headers=headers)
