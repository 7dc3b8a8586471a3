"""Routes of incidents, their approvals and documents."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse
from fastapi.responses import Response as Reply

from judgify.kit.auth import Principal
from judgify.kit.errors import Invalid, NotFound
from judgify.kit.web import answer, require
from judgify.response.api import form, view
from judgify.response.api.parts import Response, actor, language, response
from judgify.response.engine import DeclareIncident
from judgify.response.incident import Incident
from judgify.response.model import Audience, DocumentKind, Lang, Severity, State
from judgify.response.ports import Tx

ALL = 1_000_000
router = APIRouter(prefix="/api/v2/response")
Viewer = Annotated[Principal, require("viewer", "service")]
Responder = Annotated[Principal, require("responder")]
Commander = Annotated[Principal, require("commander")]
Limit = Annotated[int, Query(ge=1, le=1_000)]


@router.get("/incidents")
async def list_incidents(
    request: Request,
    _: Viewer,
    *,
    state: Annotated[list[State] | None, Query()] = None,
    severity: Annotated[list[Severity] | None, Query()] = None,
    drill: Annotated[str | None, Query(max_length=80)] = None,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> dict[str, Any]:
    """List incidents, newest first."""
    parts = response(request)
    found = await parts.desk.ask(
        lambda tx: tx.incidents(states=state or (), severities=severity or (), drill=drill, limit=limit, offset=offset)
    )
    rows = [view.incident_row(incident, parts.clock.now()) for incident in found]
    return answer(rows, parts.clock, pagination={"limit": limit, "offset": offset, "count": len(rows)})


@router.post("/incidents", status_code=201)
async def declare(request: Request, body: form.Declare, who: Responder) -> dict[str, Any]:
    """Declare an incident; one that is open for the service is joined."""
    parts = response(request)
    command = DeclareIncident(body.service, body.signal, body.text, body.severity, body.life_at_risk)
    incident = await parts.engine.declare(command, actor(request, who))
    return await _full(request, incident.id)


@router.get("/incidents/{incident_id}")
async def show_incident(request: Request, incident_id: str, _: Viewer) -> dict[str, Any]:
    """Show everything about an incident."""
    return await _full(request, incident_id)


@router.get("/incidents/{incident_id}/timeline")
async def timeline(
    request: Request, incident_id: str, _: Viewer, after: Annotated[int, Query(ge=0)] = 0, limit: Limit = 1_000
) -> dict[str, Any]:
    """Show an incident's timeline, each entry with a sentence in the asked-for language."""
    parts = response(request)
    incident = await parts.desk.incident(incident_id)
    # A sentence may name what an earlier entry began (a step's title), so all of them are read.
    entries = await parts.desk.ask(lambda tx: tx.entries(incident_id, limit=ALL))
    texts = await asyncio.to_thread(parts.documents.sentences, language(request), incident, entries)
    shown = [(entry, text) for entry, text in zip(entries, texts, strict=True) if entry.seq > after][:limit]
    return answer([view.entry_view(entry, text) for entry, text in shown], parts.clock)


@router.post("/incidents/{incident_id}/ack")
async def acknowledge(
    request: Request, incident_id: str, who: Responder, body: form.Ack | None = None
) -> dict[str, Any]:
    """Acknowledge: repeats stop on all channels."""
    via = body.via if body is not None and body.via else "api"
    await response(request).engine.acknowledge(incident_id, actor(request, who), via)
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/note")
async def note(request: Request, incident_id: str, body: form.NoteForm, who: Responder) -> dict[str, Any]:
    """Write a note, or a correction of an entry."""
    engine = response(request).engine
    if body.corrects is None:
        await engine.note(incident_id, body.text, actor(request, who))
    else:
        await engine.correct(incident_id, body.corrects, body.text, actor(request, who))
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/assign")
async def assign(request: Request, incident_id: str, body: form.Assign, who: Responder) -> dict[str, Any]:
    """Give the incident to a person."""
    await response(request).engine.assign(incident_id, body.person, actor(request, who))
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/checklist")
async def tick(request: Request, incident_id: str, body: form.Tick, who: Responder) -> dict[str, Any]:
    """Tick an item of the checklist by hand."""
    await response(request).engine.check_item(incident_id, body.item, body.detail, actor(request, who))
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/severity")
async def severity_of(request: Request, incident_id: str, body: form.SeverityForm, who: Commander) -> dict[str, Any]:
    """Override the severity; what is due is planned anew."""
    await response(request).engine.severity(incident_id, body.severity, body.reason, actor(request, who))
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/rootcause")
async def root_cause(request: Request, incident_id: str, body: form.RootCauseForm, who: Responder) -> dict[str, Any]:
    """Record the root cause."""
    await response(request).engine.root_cause(incident_id, body, actor(request, who))
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/resolve")
async def resolve(request: Request, incident_id: str, body: form.Reason, who: Commander) -> dict[str, Any]:
    """Say that it is over."""
    await response(request).engine.resolve(incident_id, body.reason, actor(request, who))
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/reopen")
async def reopen(request: Request, incident_id: str, body: form.Reason, who: Commander) -> dict[str, Any]:
    """Say that it is not over."""
    await response(request).engine.reopen(incident_id, body.reason, actor(request, who))
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/close")
async def close(request: Request, incident_id: str, who: Commander) -> dict[str, Any]:
    """Close; 409 lists what is missing."""
    await response(request).engine.close(incident_id, actor(request, who))
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/announce")
async def announce(request: Request, incident_id: str, body: form.Announce, who: Commander) -> dict[str, Any]:
    """Send an announcement; without a text, the one that the record gives."""
    parts = response(request)
    incident = await parts.desk.incident(incident_id)
    texts = {str(lang): text for lang, text in (body.text or {}).items()}
    if len(texts) == 1:
        raise Invalid("give the announcement in both languages (ko and en), or in none for the one from the record")
    if not texts:
        texts = await drafted(parts, incident, body.audience)
    await parts.engine.announce(incident_id, body.audience, texts, actor(request, who), body.once)
    return await _full(request, incident_id)


async def drafted(parts: Response, incident: Incident, audience: Audience) -> dict[str, str]:
    """Write an announcement from the record, in both languages: customers read nothing of ours."""
    entries = await parts.desk.ask(lambda tx: tx.entries(incident.id))
    kind: DocumentKind = "customers" if audience == "customers" else "announcement"
    languages: tuple[Lang, ...] = ("ko", "en")
    return {lang: parts.documents.render(kind, lang, incident, entries) for lang in languages}


@router.get("/incidents/{incident_id}/draft")
async def draft(request: Request, incident_id: str, _: Viewer, audience: Audience = "internal") -> dict[str, Any]:
    """Show what would be sent to an audience, in both languages, and to how many; nothing is sent."""
    parts = response(request)
    incident = await parts.desk.incident(incident_id)
    texts = await drafted(parts, incident, audience)
    subscribers = [one for one in await parts.engine.subscriptions.listed() if one.confirmed_at is not None]
    data = {
        "incident_id": incident_id,
        "audience": audience,
        "text": texts,
        "subscribers": len(subscribers) if audience == "customers" else None,
        "sent": [a.model_dump(mode="json") for a in incident.announcements if a.audience == audience and a.sent_at],
    }
    return answer(data, parts.clock)


@router.post("/incidents/{incident_id}/scope")
async def refresh_scope(request: Request, incident_id: str, who: Responder) -> dict[str, Any]:
    """Take the scope of guide 3.1 step 2 anew."""
    await response(request).scribe.refresh(incident_id, actor(request, who))
    return await _full(request, incident_id)


@router.post("/incidents/{incident_id}/approvals/{approval_id}/{verb}")
async def vote(
    request: Request,
    incident_id: str,
    approval_id: str,
    *,
    verb: str,
    who: Commander,
    body: form.MaybeReason | None = None,
) -> dict[str, Any]:
    """Approve or reject one exact operation."""
    parts = response(request)
    if verb not in {"approve", "reject"}:
        raise NotFound(f"there is no {verb!r} here; approve or reject")
    known = await parts.desk.ask(lambda tx: tx.approval(approval_id))
    if known is None or known.incident_id != incident_id:
        raise NotFound(f"{incident_id} has no request for approval {approval_id!r}")
    reason = "" if body is None else body.reason
    voted = await parts.engine.vote(approval_id, actor(request, who), approve=verb == "approve", reason=reason)
    return answer(view.approval_view(voted, parts.clock.now()), parts.clock)


@router.get("/incidents/{incident_id}/documents/{kind}", response_model=None)
async def document(request: Request, incident_id: str, kind: DocumentKind, _: Viewer) -> Reply | dict[str, Any]:
    """Give a document from the record as Markdown, or as JSON data where that is accepted."""
    parts = response(request)
    incident = await parts.desk.incident(incident_id)
    entries = await parts.desk.ask(lambda tx: tx.entries(incident_id))
    lang = language(request)
    text = parts.documents.render(kind, lang, incident, entries)
    if "application/json" in request.headers.get("accept", ""):
        return answer({"incident_id": incident_id, "kind": kind, "lang": lang, "markdown": text}, parts.clock)
    return PlainTextResponse(text, media_type="text/markdown; charset=utf-8")


async def _full(request: Request, incident_id: str) -> dict[str, Any]:
    parts = response(request)
    now = parts.clock.now()

    def read(tx: Tx) -> dict[str, Any]:
        incident = tx.incident(incident_id)
        if incident is None:
            raise NotFound(f"there is no incident {incident_id!r}")
        return view.incident_full(
            incident,
            now=now,
            lang=language(request),
            policy=parts.policy,
            pages=tx.pages(incident_id),
            runs=tx.runs(incident_id),
            signals=tx.signals(incident_id),
        )

    return answer(await parts.desk.ask(read), parts.clock)
