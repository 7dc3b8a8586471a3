"""Routes of everything else: signals, actions, runbooks, automation, services, pages, drills, people, stream."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from judgify.kit.auth import Principal
from judgify.kit.errors import Denied, JudgifyError, NotFound
from judgify.kit.web import answer, require
from judgify.response.api import form, view
from judgify.response.api.incident import Commander, Responder, Viewer
from judgify.response.api.parts import actor, language, response
from judgify.response.api.signin import COOKIE
from judgify.response.model import UNSETTLED, RunbookRun
from judgify.response.timeline import Entry

router = APIRouter(prefix="/api/v2/response")
open_router = APIRouter()
"""What answers without a credential."""
Admin = Annotated[Principal, require("admin")]
RECENT_INCIDENTS: Final = 100
"""In how many of the newest incidents operations of the last minutes are looked for."""
RUN_WAIT_S: Final = 25.0
"""How long the answer waits for a runbook to end, or to wait for an approval; it goes on without the caller."""


@router.get("/actions")
async def actions(
    request: Request, _: Viewer, *, incident: Annotated[str | None, Query()] = None, undone: bool = False
) -> dict[str, Any]:
    """List action items by due date."""
    parts = response(request)
    found = await parts.desk.ask(lambda tx: tx.actions(incident, undone=undone))
    return answer([view.action_view(action, parts.clock.now()) for action in found], parts.clock)


@router.post("/actions", status_code=201)
async def add_action(request: Request, body: form.ActionForm, who: Responder) -> dict[str, Any]:
    """Give an action item to somebody."""
    parts = response(request)
    action = await parts.office.add_action(
        body.incident_id, body.text, body.owner, body.due, horizon=body.horizon, actor=actor(request, who)
    )
    return answer(view.action_view(action, parts.clock.now()), parts.clock)


@router.post("/actions/{action_id}/done")
async def finish_action(request: Request, action_id: str, who: Responder) -> dict[str, Any]:
    """Record that an action item is done."""
    parts = response(request)
    action = await parts.office.finish_action(action_id, actor(request, who))
    return answer(view.action_view(action, parts.clock.now()), parts.clock)


@router.get("/runbooks")
async def runbooks(request: Request, _: Viewer) -> dict[str, Any]:
    """List the guide's runbooks."""
    parts = response(request)
    listed = [
        {
            **{key: book[key] for key in book if key not in {"diagnose", "recover", "symptoms"}},
            "recover": [{"id": step["step"]} for step in book["recover"]],
        }
        for book in parts.runbooks(language(request))
    ]
    return answer(listed, parts.clock)


@router.get("/runbooks/{runbook_id}")
async def runbook(request: Request, runbook_id: str, _: Viewer) -> dict[str, Any]:
    """Show a runbook, every recovery step with what it will do."""
    parts = response(request)
    return answer(_book(request, runbook_id), parts.clock)


def _book(request: Request, runbook_id: str) -> dict[str, Any]:
    books = response(request).runbooks(language(request))
    found = next((book for book in books if book["id"] == runbook_id), None)
    if found is None:
        raise NotFound(f"there is no runbook {runbook_id!r}; known are {', '.join(book['id'] for book in books)}")
    return found


@router.post("/runbooks/{runbook_id}/run", status_code=202)
async def run_runbook(request: Request, runbook_id: str, body: form.RunForm, who: Responder) -> dict[str, Any]:
    """Put a runbook, or one of its steps, to work."""
    parts = response(request)
    book = _book(request, runbook_id)
    steps = [one.get("step") or one["id"] for one in (*book["diagnose"], *book["recover"])]
    if body.step is not None and body.step not in steps:
        raise NotFound(f"the runbook {runbook_id!r} has no step {body.step!r}; it has {', '.join(steps)}")
    run = await parts.engine.run_runbook(
        runbook_id,
        body.service or book["service"],
        actor(request, who),
        incident_id=body.incident_id,
        step=body.step,
        dry_run=body.dry_run,
    )
    deadline = parts.clock.monotonic() + RUN_WAIT_S
    while run.state in {"queued", "running"} and parts.clock.monotonic() < deadline:
        await parts.clock.sleep(0.1)
        run = await _run(request, run.id)
    return answer(run.model_dump(mode="json"), parts.clock)


@router.get("/runs/{run_id}")
async def show_run(request: Request, run_id: str, _: Viewer) -> dict[str, Any]:
    """Show a runbook at work, or what came of it."""
    run = await _run(request, run_id)
    return answer(run.model_dump(mode="json"), response(request).clock)


async def _run(request: Request, run_id: str) -> RunbookRun:
    run = await response(request).desk.ask(lambda tx: tx.run(run_id))
    if run is None:
        raise NotFound(f"there is no run {run_id!r}")
    return run


@router.get("/automation")
async def automation(request: Request, _: Viewer) -> dict[str, Any]:
    """Show the hold switch, the policy, and when the engine may next start a unit by itself (None: now)."""
    parts = response(request)
    state = await parts.desk.ask(lambda tx: tx.automation())
    incidents = await parts.desk.ask(lambda tx: tx.incidents(limit=RECENT_INCIDENTS))
    policy = parts.policy.automation()
    units = [str(service["unit"]) for service in parts.policy.services(language(request))]
    next_start = view.next_starts(incidents, policy, units, parts.clock.now())
    return answer({**state.model_dump(mode="json"), "policy": policy, "next_start_at": next_start}, parts.clock)


@router.post("/automation/hold")
async def hold(request: Request, body: form.Reason, who: Responder) -> dict[str, Any]:
    """Stop all automation until it is released."""
    parts = response(request)
    state = await parts.office.hold(actor(request, who), held=True, reason=body.reason)
    return answer(state.model_dump(mode="json"), parts.clock)


@router.post("/automation/release")
async def release(request: Request, body: form.Reason, who: Commander) -> dict[str, Any]:
    """Let automation go on."""
    parts = response(request)
    state = await parts.office.hold(actor(request, who), held=False, reason=body.reason)
    return answer(state.model_dump(mode="json"), parts.clock)


@router.get("/approvals")
async def approvals(request: Request, _: Viewer) -> dict[str, Any]:
    """List what waits for approval, over all incidents."""
    parts = response(request)
    now = parts.clock.now()
    found = await parts.desk.ask(lambda tx: tx.approvals(waiting=True))
    return answer([view.approval_view(item, now) for item in found if item.state_at(now) == "waiting"], parts.clock)


@router.get("/services")
async def services(request: Request, _: Viewer) -> dict[str, Any]:
    """Show the catalogue with what our own checks and the orchestrator say."""
    parts = response(request)
    try:
        units = {unit.name: unit.model_dump(mode="json", exclude={"env"}) for unit in await parts.orchestrator.units()}
    except JudgifyError:
        units = {}
    rows = [
        {
            **service,
            "check": view.check_view(parts.engine.checks.last(service["service"])),
            "unit_state": units.get(service["unit"]),
        }
        for service in parts.policy.services(language(request))
    ]
    return answer(rows, parts.clock)


@router.get("/pages")
async def pages(request: Request, _: Viewer, incident: Annotated[str | None, Query()] = None) -> dict[str, Any]:
    """List pages, of one incident or all."""
    parts = response(request)
    found = await parts.desk.ask(lambda tx: tx.pages(incident))
    return answer([view.page_view(page) for page in found], parts.clock)


@router.post("/test-page", status_code=202)
async def page_for_a_test(request: Request, body: form.TestPage, _: Responder) -> dict[str, Any]:
    """Send a test page through every channel of a contact."""
    parts = response(request)
    ids = await parts.office.test_page(body.person)
    return answer({"pages": ids}, parts.clock)


@router.get("/pages/{page_id}")
async def page(request: Request, page_id: str, _: Viewer) -> dict[str, Any]:
    """Show a page and what became of it."""
    parts = response(request)
    found = await parts.desk.ask(lambda tx: tx.page(page_id))
    if found is None:
        raise NotFound(f"there is no page {page_id!r}")
    return answer(view.page_view(found), parts.clock)


@router.get("/drills")
async def drills(request: Request, _: Viewer) -> dict[str, Any]:
    """List drills, newest first."""
    parts = response(request)
    found = await parts.desk.ask(lambda tx: tx.drills())
    return answer([drill.model_dump(mode="json") for drill in found], parts.clock)


@router.post("/drills", status_code=201)
async def register_drill(request: Request, body: form.DrillForm, who: Commander) -> dict[str, Any]:
    """Register a drill: signals on its services carry its id."""
    parts = response(request)
    drill = await parts.office.register_drill(body.id, body.scenario, body.services, actor(request, who))
    return answer(drill.model_dump(mode="json"), parts.clock)


@router.post("/drills/{drill_id}/finish")
async def finish_drill(request: Request, drill_id: str, body: form.DrillReport, who: Commander) -> dict[str, Any]:
    """Finish a drill with its report."""
    parts = response(request)
    drill = await parts.office.finish_drill(drill_id, body.report, actor(request, who))
    return answer(drill.model_dump(mode="json"), parts.clock)


@router.post("/rollouts", status_code=201)
async def announce_rollout(request: Request, body: form.RolloutForm, who: Commander) -> dict[str, Any]:
    """Announce a planned rollout, which suppresses signals on its service."""
    parts = response(request)
    rollout = await parts.office.announce_rollout(body.service, body.reason, body.seconds, actor(request, who))
    return answer(rollout.model_dump(mode="json"), parts.clock)


@router.get("/users")
async def users(request: Request, _: Admin) -> dict[str, Any]:
    """List users."""
    parts = response(request)
    found = await parts.accounts.users()
    return answer([user.model_dump(mode="json", exclude={"password_hash"}) for user in found], parts.clock)


@router.post("/users", status_code=201)
async def save_user(request: Request, body: form.UserForm, _: Admin) -> dict[str, Any]:
    """Make or change a user."""
    parts = response(request)
    user = await parts.accounts.save(body.name, body.role, password=body.password, disabled=body.disabled)
    return answer(user.model_dump(mode="json", exclude={"password_hash"}), parts.clock)


@router.post("/login-links", status_code=201)
async def login_link(request: Request, _: Admin, body: form.LinkForm | None = None) -> dict[str, Any]:
    """Make a single-use sign-in link, valid for ten minutes."""
    parts = response(request)
    token, link = await parts.accounts.new_link(None if body is None else body.user)
    address = f"{parts.console_address}/login?token={token}"
    data = {"url": address, "user": link.user, "expires_at": link.expires_at.isoformat()}
    return answer(data, parts.clock)


@router.get("/subscribers")
async def subscribers(request: Request, _: Admin) -> dict[str, Any]:
    """List who subscribed to the status page; addresses are shortened."""
    parts = response(request)
    found = await parts.engine.subscriptions.listed()
    return answer([view.subscriber_view(one) for one in found], parts.clock)


@router.post("/subscribers/{subscriber_id}/erase")
async def erase_subscriber(request: Request, subscriber_id: str, _: Admin) -> dict[str, Any]:
    """End a subscription and erase its address."""
    parts = response(request)
    await parts.engine.subscriptions.remove(subscriber_id)
    return answer({"erased": subscriber_id}, parts.clock)


@open_router.post("/api/v2/response/sessions", status_code=201)
async def sign_in(request: Request, body: form.SignInForm) -> JSONResponse:
    """Sign in by name and password, or by a link's token: sets the session cookie, gives the form token."""
    parts = response(request)
    origin = request.headers.get("origin") or request.headers.get("referer")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        # A program sends neither; a browser on another site must not sign anybody in.
        raise Denied("the request does not come from this console's own pages", slug="cross-site")
    if body.token:
        cookie, session = await parts.accounts.use_link(body.token)
    else:
        cookie, session = await parts.accounts.sign_in(
            body.name, body.password, client=request.client.host if request.client is not None else ""
        )
    data = {"user": session.user, "csrf": session.csrf, "expires_at": session.expires_at.isoformat()}
    reply = JSONResponse(answer(data, parts.clock), 201)
    reply.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/")
    return reply


@router.post("/sessions/end")
async def sign_out(request: Request, _: Viewer) -> JSONResponse:
    """Sign out."""
    parts = response(request)
    cookie = request.cookies.get(COOKIE)
    if cookie is not None:
        await parts.accounts.sign_out(cookie)
    reply = JSONResponse(answer({"ended": cookie is not None}, parts.clock))
    reply.delete_cookie(COOKIE, path="/")
    return reply


@open_router.get("/status.json")
async def status(request: Request) -> dict[str, Any]:
    """Give what the public may know (guide 9.2)."""
    parts = response(request)
    found = await parts.desk.ask(lambda tx: tx.incidents(states=tuple(sorted(UNSETTLED)), limit=100))
    return view.status(found, parts.policy.services(language(request)), parts.clock.now())


@router.get("/stream")
async def stream(request: Request, _: Viewer, after: Annotated[int | None, Query(ge=0)] = None) -> EventSourceResponse:
    """Stream everything that is committed, as server-sent events; `after` or Last-Event-ID resumes."""
    given = request.headers.get("last-event-id", "")
    start = int(given) if given.isdigit() else after
    return EventSourceResponse(_events(request, start), ping=15)


async def _events(request: Request, start: int | None) -> AsyncIterator[ServerSentEvent]:
    desk = response(request).desk
    queue = desk.listen()
    try:
        last = await desk.ask(lambda tx: tx.last_number()) if start is None else start
        while True:
            missed = await desk.ask(lambda tx, since=last: tx.entries_after(since))  # type: ignore[misc]
            for entry in missed:
                last = entry.number
                yield _event(entry)
            if len(missed) < 500:
                await queue.get()
                while not queue.empty():
                    queue.get_nowait()
    finally:
        desk.deafen(queue)


def _event(entry: Entry) -> ServerSentEvent:
    data = json.dumps(view.entry_view(entry), ensure_ascii=False)
    return ServerSentEvent(data=data, id=str(entry.number), event=entry.event.type)
