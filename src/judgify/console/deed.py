"""Forms of one incident: each checks the role, does one thing, and leads back to the page."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from judgify.console.door import Acting, PageRoute, back, checked, fields
from judgify.kit.errors import Invalid, NotFound
from judgify.response.api import form
from judgify.response.api.incident import drafted
from judgify.response.api.parts import Response as Parts
from judgify.response.api.parts import actor, response
from judgify.response.model import Actor

router = APIRouter(route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class Deed:
    """What a form does, and the role that it takes."""

    role: str
    do: Callable[[Parts, str, dict[str, str], Actor], Awaitable[Any]]


async def _ack(parts: Parts, incident_id: str, _: dict[str, str], by: Actor) -> None:
    await parts.engine.acknowledge(incident_id, by, "console")


async def _note(parts: Parts, incident_id: str, given: dict[str, str], by: Actor) -> None:
    await parts.engine.note(incident_id, checked(form.NoteForm, given).text, by)


async def _assign(parts: Parts, incident_id: str, given: dict[str, str], by: Actor) -> None:
    await parts.engine.assign(incident_id, checked(form.Assign, given).person, by)


async def _check(parts: Parts, incident_id: str, given: dict[str, str], by: Actor) -> None:
    body = checked(form.Tick, given)
    await parts.engine.check_item(incident_id, body.item, body.detail, by)


async def _severity(parts: Parts, incident_id: str, given: dict[str, str], by: Actor) -> None:
    body = checked(form.SeverityForm, given)
    await parts.engine.severity(incident_id, body.severity, body.reason, by)


async def _root_cause(parts: Parts, incident_id: str, given: dict[str, str], by: Actor) -> None:
    values: dict[str, Any] = dict(given)
    for name in ("went_well", "went_wrong"):
        values[name] = tuple(line.strip() for line in given.get(name, "").splitlines() if line.strip())
    await parts.engine.root_cause(incident_id, checked(form.RootCauseForm, values), by)


async def _resolve(parts: Parts, incident_id: str, given: dict[str, str], by: Actor) -> None:
    await parts.engine.resolve(incident_id, checked(form.Reason, given).reason, by)


async def _reopen(parts: Parts, incident_id: str, given: dict[str, str], by: Actor) -> None:
    await parts.engine.reopen(incident_id, checked(form.Reason, given).reason, by)


async def _close(parts: Parts, incident_id: str, _: dict[str, str], by: Actor) -> None:
    await parts.engine.close(incident_id, by)


async def _announce(parts: Parts, incident_id: str, given: dict[str, str], by: Actor) -> None:
    given = dict(given)
    texts: dict[str, str] = {}
    for lang in ("ko", "en"):
        # A browser ends lines with CR LF; the same words are to be the same text.
        written = given.pop(f"text_{lang}", "").replace("\r\n", "\n").strip()
        if written:
            texts[lang] = written
    if not texts:
        audience = checked(form.Announce, {"audience": given.get("audience", "")}).audience
        texts = await drafted(parts, await parts.desk.incident(incident_id), audience)
    elif len(texts) == 1:
        raise Invalid("write the announcement in both languages, or leave both empty for the one from the record")
    body = checked(form.Announce, {**given, "text": texts})
    await parts.engine.announce(incident_id, body.audience, texts, by, body.once)


async def _scope(parts: Parts, incident_id: str, _: dict[str, str], by: Actor) -> None:
    await parts.scribe.refresh(incident_id, by)


async def _run(parts: Parts, incident_id: str, given: dict[str, str], by: Actor) -> None:
    book = next((each for each in parts.runbooks("ko") if each["id"] == given.get("runbook")), None)
    if book is None:
        raise NotFound("there is no such runbook")
    incident = await parts.desk.incident(incident_id)
    step = given.get("step")
    if step not in {each["step"] for each in book["recover"]}:
        raise NotFound("the runbook has no such step")
    await parts.engine.run_runbook(
        book["id"], book["service"] or incident.key.root, by, incident_id=incident_id, step=step, dry_run=False
    )


DEEDS: Final[dict[str, Deed]] = {
    "ack": Deed("responder", _ack),
    "note": Deed("responder", _note),
    "assign": Deed("responder", _assign),
    "scope": Deed("responder", _scope),
    "checklist": Deed("responder", _check),
    "rootcause": Deed("responder", _root_cause),
    "step": Deed("responder", _run),
    "severity": Deed("commander", _severity),
    "resolve": Deed("commander", _resolve),
    "reopen": Deed("commander", _reopen),
    "close": Deed("commander", _close),
    "announce": Deed("commander", _announce),
}


@router.post("/incidents/{incident_id}/approvals/{approval_id}/{verb}")
async def vote(request: Request, incident_id: str, approval_id: str, verb: str, who: Acting) -> Response:
    """Approve or reject exactly the operation that the form showed."""
    who.demand("commander")
    if verb not in {"approve", "reject"}:
        raise NotFound("approve or reject")
    parts = response(request)
    known = await parts.desk.ask(lambda tx: tx.approval(approval_id))
    if known is None or known.incident_id != incident_id:
        raise NotFound(f"{incident_id} has no such request for approval")
    given = await fields(request)
    if given.get("digest") != known.digest:
        raise Invalid("the operation is not the one that the page showed; look at the page again")
    reason = given.get("reason", "")
    await parts.engine.vote(approval_id, actor(request, who), approve=verb == "approve", reason=reason)
    return back(f"/incidents/{incident_id}", verb)


@router.post("/incidents/{incident_id}/{name}")
async def do(request: Request, incident_id: str, name: str, who: Acting) -> Response:
    """Do what a form of the incident's page asks for."""
    deed = DEEDS.get(name)
    if deed is None:
        raise NotFound("there is no such form")
    who.demand(deed.role)
    await deed.do(response(request), incident_id, await fields(request), actor(request, who))
    return back(f"/incidents/{incident_id}", name)
