"""One incident: what a responder needs at three in the morning, live by server-sent events, readable without them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from judgify.console.board import persons
from judgify.console.door import PageRoute, Seen, look_up
from judgify.console.figure import charts
from judgify.console.look import HEADERS, Visitor, fragment, lang_of, page
from judgify.console.markdown import rendered
from judgify.kit.ids import new_id
from judgify.response.api import view
from judgify.response.api.incident import drafted
from judgify.response.api.parts import response
from judgify.response.documents.markdown import plain
from judgify.response.documents.record import Record
from judgify.response.documents.story import story
from judgify.response.documents.wording import WORDING
from judgify.response.guide_policy import GuidePolicy
from judgify.response.incident import Incident
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.model import Audience, DocumentKind, Lang
from judgify.response.ports import Tx
from judgify.response.timeline import Entry

router = APIRouter(route_class=PageRoute)
TICK_S: Final = 10.0
"""How often the live part is renewed while nothing happens, so that its clocks go on."""
DOCUMENTS: Final[tuple[DocumentKind, ...]] = ("announcement", "log", "postmortem")


@router.get("/incidents/{incident_id}")
async def show_incident(request: Request, incident_id: str, visitor: Seen) -> Response:
    """Show an incident."""
    parts = response(request)
    values = await _values(request, incident_id)
    metrics = getattr(request.app.state, "scraped", None)
    window = metrics if isinstance(metrics, ScrapedMetrics) else None
    drawn = charts(window, values["incident"], parts.clock.now(), lang_of(request))
    return page(request, "incident.html", visitor, **values, charts=drawn, documents=DOCUMENTS)


async def _values(request: Request, incident_id: str) -> dict[str, Any]:
    parts, lang = response(request), lang_of(request)
    now = parts.clock.now()
    incident = await parts.desk.incident(incident_id)

    def read(tx: Tx) -> dict[str, Any]:
        full = view.incident_full(
            incident,
            now=now,
            lang=lang,
            policy=parts.policy,
            pages=tx.pages(incident_id),
            runs=tx.runs(incident_id),
            signals=tx.signals(incident_id),
        )
        return {"full": full, "entries": tx.entries(incident_id), "automation": tx.automation()}

    found = await parts.desk.ask(read)
    labels = {service["service"]: service["label"] for service in parts.policy.services(lang)}
    books = {book["id"]: book for book in parts.runbooks(lang)}
    book = books.get(next((s["runbook"] for s in parts.policy.services(lang) if s["service"] == incident.key.root), ""))
    emergency = books.get("emergency")
    return {
        **found,
        "incident": incident,
        "lines": _lines(parts.policy, lang, incident, found["entries"]),
        "labels": labels,
        "people": persons(request),
        "books": [each for each in (book, emergency) if each is not None],
        "title_of_step": _titles(found["full"]["runs"], books, lang),
        "why": _why(parts.policy, lang, incident),
        "duty": parts.policy.duty(incident.severity),
        "life": _life(parts.policy, lang),
        "facts": _facts(parts.policy),
        "figures": {key: text.of(lang) for key, text in WORDING.items()},
    }


def _facts(policy: Any) -> dict[str, str]:
    """Give the fact by which each item of the checklist is ticked."""
    if not isinstance(policy, GuidePolicy):
        return {}
    return {item.id: item.done_when for step in policy.guide.checklist.steps for item in step.items}


def _titles(runs: list[dict[str, Any]], books: dict[str, dict[str, Any]], lang: Lang) -> Callable[[str, str], str]:
    """Give the function that names a step of a run by its runbook's own title: ids repeat between runbooks."""
    book_of = {run["id"]: run["runbook"] for run in runs}
    titles = {(key, step["step"]): str(step["title"][lang]) for key, book in books.items() for step in book["recover"]}
    return lambda run_id, step: titles.get((book_of.get(run_id, ""), step), step)


def _why(policy: Any, lang: Lang, incident: Incident) -> str:
    if not isinstance(policy, GuidePolicy):
        return incident.severity_reason
    return Record(policy.guide, lang, incident, ()).reason(incident.severity_rule, incident.severity_reason)


def _life(policy: Any, lang: Lang) -> str:
    # The sign leads in chats; a page has its own red bar, and not every system has the glyph.
    return (
        policy.guide.notices.life_at_risk.of(lang).removeprefix("🚨 ")
        if isinstance(policy, GuidePolicy)
        else "112 / 119"
    )


def _lines(policy: Any, lang: Lang, incident: Incident, entries: list[Entry]) -> list[dict[str, Any]]:
    """Give the timeline in the sentences of the incident log, newest first."""
    if not isinstance(policy, GuidePolicy):
        return [{"at": e.at, "text": e.event.type, "by": str(e.actor), "seq": str(e.seq)} for e in reversed(entries)]
    told = story(Record(policy.guide, lang, incident, entries))
    who = {entry.seq: str(entry.actor) for entry in entries}
    return [
        {
            "at": line.at,
            "text": plain(line.said.text),
            "by": who[line.said.seqs[0]],
            "seq": ", ".join(str(seq) for seq in line.said.seqs),
        }
        for line in reversed(told)
    ]


@router.get("/incidents/{incident_id}/announce")
async def announcement(
    request: Request, incident_id: str, visitor: Seen, *, audience: Audience = "customers"
) -> Response:
    """Show an announcement as it would be sent, in both languages, to be read and changed first."""
    visitor.who.demand("commander")
    parts = response(request)
    incident = await parts.desk.incident(incident_id)
    pages = await parts.desk.ask(lambda tx: tx.pages(incident_id))
    listed = await parts.engine.subscriptions.listed()
    values: dict[str, Any] = {
        "audience": audience,
        "texts": await drafted(parts, incident, audience),
        "once": new_id("once"),
        "sent": [one for one in incident.announcements if one.audience == audience and one.sent_at is not None],
        "subscribers": sum(one.confirmed_at is not None for one in listed),
        "outcomes": [one for one in pages if one.payload.get("announcement") == audience],
    }
    return page(request, "announce.html", visitor, incident=incident, **values)


@router.get("/incidents/{incident_id}/live")
async def live(request: Request, incident_id: str, visitor: Seen) -> Response:
    """Stream the live part of the page: at once, whenever something is recorded, and every ten seconds."""
    await response(request).desk.incident(incident_id)
    return EventSourceResponse(_renewed(request, incident_id, visitor), ping=15, headers=HEADERS)


async def _renewed(request: Request, incident_id: str, visitor: Visitor) -> AsyncIterator[ServerSentEvent]:
    desk = response(request).desk
    queue = desk.listen()
    try:
        while await look_up(request) is not None:
            values = await _values(request, incident_id)
            yield ServerSentEvent(data=fragment(request, "live.html", visitor, **values))
            await _something(queue, incident_id)
    finally:
        desk.deafen(queue)


async def _something(queue: "asyncio.Queue[Entry]", incident_id: str) -> None:
    """Return once the incident's timeline grew, or after a while so that clocks go on."""
    try:
        async with asyncio.timeout(TICK_S):
            while (await queue.get()).incident_id not in {incident_id, None}:
                continue
    except TimeoutError:
        return
    while not queue.empty():
        queue.get_nowait()


@router.get("/incidents/{incident_id}/documents/{kind}")
async def document(
    request: Request, incident_id: str, kind: DocumentKind, visitor: Seen, *, download: bool = False
) -> Response:
    """Show a document, or give it as a file."""
    parts, lang = response(request), lang_of(request)
    incident = await parts.desk.incident(incident_id)
    entries = await parts.desk.ask(lambda tx: tx.entries(incident_id))
    text = parts.documents.render(kind, lang, incident, entries)
    if download:
        name = f"{incident.id}-{kind}.{lang}.md"
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return PlainTextResponse(text, media_type="text/markdown; charset=utf-8", headers=headers)
    shown = await asyncio.to_thread(rendered, text)
    return page(request, "document.html", visitor, incident=incident, kind=kind, shown=shown, documents=DOCUMENTS)
