"""Pages that show many things: overview, services, incidents, runbooks, drills, action items."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from judgify.console.door import Acting, PageRoute, Seen, back, checked, fields
from judgify.console.look import lang_of, page
from judgify.kit.clock import parse
from judgify.kit.errors import Invalid, JudgifyError
from judgify.response.api import form, view
from judgify.response.api.parts import actor, response
from judgify.response.engine import DeclareIncident
from judgify.response.guide_policy import EVERYONE, GuidePolicy
from judgify.response.incident import Incident
from judgify.response.metrics.source import ScrapedMetrics
from judgify.response.model import ONGOING, UNSETTLED, Page, Severity, State
from judgify.response.ports import Tx

router = APIRouter(route_class=PageRoute)
LISTED: Final = 100
NEXT_SHOWN: Final = 5


@router.get("/")
async def overview(request: Request, visitor: Seen) -> Response:
    """Show what matters now: open incidents, who is next, the hold switch, services."""
    parts = response(request)
    now = parts.clock.now()

    def read(tx: Tx) -> dict[str, Any]:
        unsettled = tx.incidents(states=tuple(sorted(UNSETTLED)), limit=LISTED)
        return {
            "incidents": [i for i in unsettled if i.merged_into is None],
            "automation": tx.automation(),
            "waiting": [a for a in tx.approvals(waiting=True) if a.state_at(now) == "waiting"],
            "next_pages": _next(unsettled, tx.pages()),
            "recent": [i for i in tx.incidents(limit=10) if i.state not in UNSETTLED and i.merged_into is None][:5],
            "overdue": sum(action.due < now for action in tx.actions(undone=True)),
        }

    found = await parts.desk.ask(read)
    duties = {severity: parts.policy.duty(severity) for severity in get_args(Severity)}
    people = persons(request)
    services = await _services(request, found["incidents"])
    metrics = getattr(request.app.state, "scraped", None)
    live = metrics.now() if isinstance(metrics, ScrapedMetrics) else None
    values = {
        **found,
        "duties": duties,
        "services": services,
        "people": people,
        "suspect": parts.engine.suspect,
        "live": live,
        "guide": parts.policy.guide if isinstance(parts.policy, GuidePolicy) else None,
    }
    return page(request, "overview.html", visitor, **values)


def _next(incidents: Sequence[Incident], pages: Sequence[Page]) -> list[Page]:
    """Give who is called next for what is open: pages that are owed and not told yet, the earliest first."""
    ongoing = {incident.id for incident in incidents if incident.state in ONGOING}
    owed = [page for page in pages if page.incident_id in ongoing and page.state in {"due", "claimed"}]
    shown: dict[tuple[str | None, str, str], Page] = {}
    for due in sorted(owed, key=lambda page: page.due_at):
        # One person is owed one page through several channels.
        shown.setdefault((due.incident_id, due.person, due.row), due)
    return list(shown.values())[:NEXT_SHOWN]


def persons(request: Request) -> dict[str, str]:
    """Give the contacts of the guide as people are called, by key."""
    policy, lang = response(request).policy, lang_of(request)
    if not isinstance(policy, GuidePolicy):
        return {}
    known = policy.guide.contacts.persons
    everyone = {EVERYONE: "전체" if lang == "ko" else "everyone"}
    return everyone | {key: person.title.of(lang) for key, person in known.items()}


async def _services(request: Request, incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    """Give the catalogue with what our own check, the orchestrator and open incidents say of each."""
    parts = response(request)
    try:
        units = {unit.name: unit for unit in await parts.orchestrator.units()}
    except JudgifyError:
        units = {}
    touched = {
        name: incident.id for incident in incidents if incident.state in ONGOING for name in incident.service_names()
    }
    return [
        {
            **service,
            "check": parts.engine.checks.last(service["service"]),
            "unit_view": units.get(service["unit"]),
            "incident": touched.get(service["service"]),
        }
        for service in parts.policy.services(lang_of(request))
    ]


@router.get("/services")
async def services(request: Request, visitor: Seen) -> Response:
    """Show the catalogue in the order of recovery (guide 1.2) with states."""
    parts = response(request)
    incidents = await parts.desk.ask(lambda tx: tx.incidents(states=tuple(sorted(UNSETTLED)), limit=LISTED))
    return page(request, "services.html", visitor, services=await _services(request, incidents))


@router.get("/incidents")
async def incidents(
    request: Request,
    visitor: Seen,
    *,
    state: Annotated[str, Query(max_length=20)] = "",
    severity: Annotated[str, Query(max_length=2)] = "",
    before: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """List incidents, newest first, filtered by state and severity."""
    parts = response(request)
    states: tuple[State, ...] = tuple(known for known in get_args(State) if known == state)
    if state == "unsettled":
        states = tuple(sorted(UNSETTLED))
    severities: tuple[Severity, ...] = tuple(known for known in get_args(Severity) if known == severity)
    found = await parts.desk.ask(
        lambda tx: tx.incidents(states=states, severities=severities, limit=LISTED, offset=before)
    )
    values: dict[str, Any] = {
        "incidents": found,
        "chosen_state": state,
        "chosen_severity": severity,
        "severities": get_args(Severity),
        "states": get_args(State),
        "services": parts.policy.services(lang_of(request)),
        "older": before + LISTED if len(found) == LISTED else None,
    }
    return page(request, "incidents.html", visitor, **values)


@router.post("/incidents")
async def declare(request: Request, who: Acting) -> Response:
    """Declare an incident."""
    who.demand("responder")
    given = await fields(request)
    at_risk = given.pop("life_at_risk", "") == "on"
    body = checked(form.Declare, {**given, "life_at_risk": at_risk})
    command = DeclareIncident(body.service, body.signal, body.text, body.severity, body.life_at_risk)
    incident = await response(request).engine.declare(command, actor(request, who))
    return back(f"/incidents/{incident.id}", "declared")


@router.post("/automation")
async def automation(request: Request, who: Acting) -> Response:
    """Hold all automation, or release it."""
    given = await fields(request)
    held = given.get("held") == "yes"
    who.demand("responder" if held else "commander")
    reason = checked(form.Reason, {"reason": given.get("reason", "")}).reason
    await response(request).office.hold(actor(request, who), held=held, reason=reason)
    return back("/", "held" if held else "released")


@router.get("/runbooks")
async def runbooks(request: Request, visitor: Seen) -> Response:
    """Show every runbook with what each step will do."""
    books = response(request).runbooks(lang_of(request))
    return page(request, "runbooks.html", visitor, books=books)


@router.get("/drills")
async def drills(request: Request, visitor: Seen) -> Response:
    """Show drills with their results, newest first."""
    parts = response(request)

    def read(tx: Tx) -> list[dict[str, Any]]:
        return [
            {"drill": drill, "incidents": tx.incidents(drill=drill.id, limit=5), "report": _report(drill.report or {})}
            for drill in tx.drills(limit=LISTED)
        ]

    policy = parts.policy
    plan = policy.guide.drill if isinstance(policy, GuidePolicy) else None
    return page(request, "drills.html", visitor, drills=await parts.desk.ask(read), plan=plan)


def _report(report: dict[str, Any]) -> dict[str, Any]:
    """Give what is shown of a drill's report: it comes from another process, so nothing in it is taken for granted."""
    segments, failures, load = report.get("segments"), report.get("failures"), report.get("load")
    measured = segments if isinstance(segments, dict) else {}
    lost = load.get("lost") if isinstance(load, dict) else None
    return {
        "passed": report.get("passed") if isinstance(report.get("passed"), bool) else None,
        "segments": {name: value for name, value in measured.items() if isinstance(value, int | float)},
        "failures": [str(reason) for reason in failures] if isinstance(failures, list) else [],
        "lost": lost if isinstance(lost, int) else None,
    }


@router.get("/actions")
async def actions(request: Request, visitor: Seen) -> Response:
    """Show action items by due date."""
    parts = response(request)
    now = parts.clock.now()
    found = await parts.desk.ask(lambda tx: tx.actions())
    rows = [view.action_view(action, now) for action in found]
    rows.sort(key=lambda row: (row["done_at"] is not None, row["due"]))
    return page(request, "actions.html", visitor, actions=rows)


@router.post("/actions")
async def add_action(request: Request, who: Acting) -> Response:
    """Add an action item; a due date without a time is the end of that day in Seoul."""
    who.demand("responder")
    given = await fields(request)
    to = given.pop("back", "/actions")
    due = parse(f"{given.get('due', '')[:10]}T23:59:59")
    body = checked(form.ActionForm, {**given, "due": due})
    office = response(request).office
    await office.add_action(
        body.incident_id, body.text, body.owner, body.due, horizon=body.horizon, actor=actor(request, who)
    )
    return back(to if to == f"/incidents/{body.incident_id}" else "/actions", "action")


@router.post("/actions/{action_id}/done")
async def finish_action(request: Request, action_id: str, who: Acting) -> Response:
    """Mark an action item as done."""
    who.demand("responder")
    if not action_id.startswith("act_"):
        raise Invalid("this is not an action item")
    await response(request).office.finish_action(action_id, actor(request, who))
    return back("/actions", "finished")
