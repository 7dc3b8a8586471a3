"""Emergency actions of guide 3.2: each shows what it will do, and takes one press; with or without an incident."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from judgify.console.door import Acting, PageRoute, Seen, back, fields
from judgify.console.look import lang_of, page, title_of
from judgify.kit.errors import NotFound
from judgify.response.api.parts import actor, response
from judgify.response.engine import EMERGENCY
from judgify.response.incident import Incident
from judgify.response.model import ONGOING, RunbookRun
from judgify.response.ports import Tx

router = APIRouter(route_class=PageRoute)
SHOWN = 10


@router.get("/emergency")
async def emergency(request: Request, visitor: Seen) -> Response:
    """Show every emergency action with what it will do, and the 10-minute clocks of what is open."""
    parts, lang = response(request), lang_of(request)
    book = _book(request)

    def read(tx: Tx) -> tuple[list[Incident], list[RunbookRun]]:
        return tx.incidents(states=tuple(sorted(ONGOING)), limit=20), tx.runs()

    incidents, runs = await parts.desk.ask(read)
    now = parts.clock.now()
    clocks: list[dict[str, Any]] = []
    for incident in incidents:
        steps = parts.policy.checklist(incident, now, lang)
        clock = next((step for step in steps if step["id"] == "emergency"), None)
        status = "waiting" if clock is None else str(clock["status"])
        clocks.append(
            {
                "id": incident.id,
                "title": title_of(incident, parts.policy, lang),
                "status": status,
                "late": status in {"late", "done-late"},
                "done": status == "done",
                "remaining_s": 0.0 if clock is None else clock["remaining_s"],
            }
        )
    mine = [run for run in runs if run.runbook == EMERGENCY and not run.dry_run][::-1][:SHOWN]
    return page(request, "emergency.html", visitor, steps=book["recover"], clocks=clocks, runs=mine)


def _book(request: Request) -> dict[str, Any]:
    books = response(request).runbooks(lang_of(request))
    found = next((book for book in books if book["id"] == EMERGENCY), None)
    if found is None:
        raise NotFound("there is no such runbook")
    return found


@router.post("/emergency")
async def act(request: Request, who: Acting) -> Response:
    """Take one emergency action."""
    who.demand("responder")
    given = await fields(request)
    book = _book(request)
    step = given.get("step", "")
    if step not in {each["step"] for each in book["recover"]}:
        raise NotFound("the runbook has no such step")
    await response(request).engine.run_runbook(
        EMERGENCY,
        book["service"],
        actor(request, who),
        incident_id=given.get("incident_id"),
        step=step,
        dry_run=False,
    )
    return back("/emergency", "asked")
