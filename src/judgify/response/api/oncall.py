"""Routes of on call: who, schedules, gaps, quick overrides, calendar addresses."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response as HttpResponse
from pydantic import AwareDatetime, Field

from judgify.kit.clock import iso
from judgify.kit.errors import Invalid, NotFound
from judgify.kit.web import answer
from judgify.response import calendar_feed
from judgify.response.api.form import Form, Short
from judgify.response.api.incident import Commander, Responder, Viewer
from judgify.response.api.parts import actor, language, response
from judgify.response.guide.base import Lang, SeverityName
from judgify.response.kept import Kept
from judgify.response.oncall.schedule import Span
from judgify.response.oncall_desk import MANY, Asked, Made, OnCallDesk
from judgify.response.stand_in import StandIn

router = APIRouter(prefix="/api/v2/response/oncall")
open_router = APIRouter()
"""Calendar addresses: whoever has one needs no account."""
DAYS_MAX: Final = 366
Days = Annotated[int, Query(ge=1, le=DAYS_MAX)]
At = Annotated[AwareDatetime | None, Query()]


class OverrideForm(Form):
    """Somebody stands in; without a start from now on."""

    target: Short
    person: Short
    start: AwareDatetime | None = None
    end: AwareDatetime
    reason: Annotated[str, Field(max_length=500)] = ""


class ImportedForm(Form):
    """One event of a calendar."""

    person: Short
    start: AwareDatetime
    end: AwareDatetime
    source: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(max_length=500)] = ""


class ImportForm(Form):
    """Many events of a calendar for one target; those of an earlier import are replaced, not doubled."""

    target: Short
    overrides: Annotated[list[ImportedForm], Field(min_length=1, max_length=MANY)]


class FeedForm(Form):
    """A calendar address for a schedule."""

    schedule: Short


def _desk(request: Request) -> OnCallDesk:
    found = response(request).oncall
    if found is None:  # pragma: no cover - every engine that is served has one
        raise NotFound("this engine has no on-call schedules")
    return found


@router.get("")
async def overview(request: Request, _: Viewer, at: At = None) -> dict[str, Any]:
    """Show every schedule with who is on call and who is next, the roles, and the stand-ins."""
    parts, desk, lang = response(request), _desk(request), language(request)
    moment = at or parts.clock.now()
    roster = await desk.roster()
    schedules = [
        {
            "schedule": name,
            "label": desk.guide.oncall.schedules[name].label.of(lang),
            "zone": desk.guide.oncall.schedules[name].zone,
            **_next(schedule.spans(moment, moment + timedelta(days=DAYS_MAX)), desk, lang),
        }
        for name, schedule in roster.schedules.items()
    ]
    roles = [
        {
            "role": role,
            "label": entry.label.of(lang),
            "by": list(roster.filling(role, "") or ()) or "contacts.yaml",
            "persons": list(roster.persons(role, "", "P0", moment)),
        }
        for role, entry in desk.guide.contacts.roles.items()
    ]
    people = {
        key: {"title": person.title.of(lang), "name": person.name, "email": person.email, "slack": person.slack}
        for key, person in desk.guide.contacts.persons.items()
    }
    stand_ins = [stand_in_view(one, moment) for one in await desk.stand_ins()]
    found = {"at": iso(moment), "schedules": schedules, "roles": roles, "people": people, "overrides": stand_ins}
    return answer(found, parts.clock)


def _next(spans: list[Span], desk: OnCallDesk, lang: Lang) -> dict[str, Any]:
    now = span_view(spans[0], desk, lang)
    return {"on_call": now, "next": span_view(spans[1], desk, lang) if len(spans) > 1 else None}


@router.get("/who")
async def who(
    request: Request,
    _: Viewer,
    *,
    at: At = None,
    service: Annotated[str, Query(max_length=120)] = "",
    severity: SeverityName = "P1",
) -> dict[str, Any]:
    """Say whom each row of the matrix would page for an incident that begins at a moment."""
    parts, desk, lang = response(request), _desk(request), language(request)
    moment = at or parts.clock.now()
    known = parts.policy.service(service) if service else None
    if service and known is None:
        raise Invalid(f"service {service!r} is not in the guide; known are {', '.join(desk.guide.services)}")
    rows = [
        {
            "from_minute": minute,
            "role": role,
            "label": desk.guide.contacts.roles[role].label.of(lang),
            "persons": persons,
            "names": [name_of(desk, person, lang) for person in persons],
        }
        for minute, role, persons in await desk.paged(moment, known or "", severity)
    ]
    return answer({"at": iso(moment), "service": known, "severity": severity, "rows": rows}, parts.clock)


@router.get("/schedules/{name}")
async def schedule(
    request: Request, name: str, _: Viewer, *, at: At = None, days: Days = 14, severity: SeverityName | None = None
) -> dict[str, Any]:
    """Show who is on call by a schedule, turn by turn."""
    parts, desk, lang = response(request), _desk(request), language(request)
    first = at or parts.clock.now()
    spans = (await desk.schedule(name)).spans(first, first + timedelta(days=days), severity)
    return answer([span_view(span, desk, lang) for span in spans], parts.clock)


@router.get("/gaps")
async def gaps(request: Request, _: Viewer, *, at: At = None, days: Days = 92) -> dict[str, Any]:
    """List the stretches in which a schedule has nobody."""
    parts, desk, lang = response(request), _desk(request), language(request)
    first = at or parts.clock.now()
    found = await desk.gaps(first, first + timedelta(days=days))
    return answer(
        [{"schedule": name, "severity": severity, **span_view(span, desk, lang)} for name, severity, span in found],
        parts.clock,
    )


@router.get("/overrides")
async def overrides(request: Request, _: Viewer, *, past: bool = False) -> dict[str, Any]:
    """List the quick overrides by beginning."""
    parts = response(request)
    found = await _desk(request).stand_ins(past=past)
    return answer([stand_in_view(one, parts.clock.now()) for one in found], parts.clock)


@router.post("/overrides", status_code=201)
async def override(request: Request, body: OverrideForm, who: Responder) -> dict[str, Any]:
    """Let somebody stand in for a schedule or a person, at once or later; it ends by itself."""
    parts = response(request)
    now = parts.clock.now()
    asked = Asked(body.person, body.start or now, body.end, body.reason.strip())
    made = await _desk(request).stand_in(body.target, [asked], actor(request, who))
    return answer(made_view(made[0], parts.clock.now()), parts.clock)


@router.post("/overrides/import", status_code=201)
async def bring_in(request: Request, body: ImportForm, who: Responder) -> dict[str, Any]:
    """Let the events of a calendar be overrides; all of them, or none. What is there already is not made twice."""
    parts = response(request)
    asked = [Asked(one.person, one.start, one.end, one.reason.strip(), one.source) for one in body.overrides]
    made = await _desk(request).stand_in(body.target, asked, actor(request, who))
    return answer([made_view(one, parts.clock.now()) for one in made], parts.clock)


@router.post("/overrides/{override_id}/cancel")
async def cancel(request: Request, override_id: str, who: Responder) -> dict[str, Any]:
    """End an override now, or take back one that has not begun."""
    parts = response(request)
    cancelled = await _desk(request).cancel(override_id, actor(request, who))
    return answer(stand_in_view(cancelled, parts.clock.now()), parts.clock)


@router.get("/schedules/{name}/calendar")
async def export(request: Request, name: str, _: Viewer, *, days: Days = 90) -> HttpResponse:
    """Give a schedule as an iCalendar file."""
    desk = _desk(request)
    now = response(request).clock.now()
    found = await desk.schedule(name, past=True)
    body = calendar_feed.document(desk.guide, found, now, language(request), timedelta(days=days))
    return HttpResponse(body, media_type="text/calendar; charset=utf-8")


@router.get("/feeds")
async def feeds(request: Request, _: Commander) -> dict[str, Any]:
    """List the calendar addresses; their secret parts are kept nowhere."""
    return answer([feed_view(one) for one in await _desk(request).feeds()], response(request).clock)


@router.post("/feeds", status_code=201)
async def new_feed(request: Request, body: FeedForm, who: Commander) -> dict[str, Any]:
    """Make a calendar address that others can subscribe to; it is shown this once."""
    parts = response(request)
    token, kept = await _desk(request).new_feed(body.schedule, actor(request, who))
    return answer({**feed_view(kept), "url": f"{parts.console_address}/oncall/{token}.ics"}, parts.clock)


@router.post("/feeds/{feed_id}/revoke")
async def revoke(request: Request, feed_id: str, who: Commander) -> dict[str, Any]:
    """Let a calendar address answer no more."""
    return answer(feed_view(await _desk(request).revoke(feed_id, actor(request, who))), response(request).clock)


@open_router.get("/oncall/{token}.ics", include_in_schema=False)
async def subscribed(request: Request, token: str) -> HttpResponse:
    """Answer a calendar program: the address itself is the secret; whoever has the newest already gets 304."""
    desk = _desk(request)
    found = await desk.schedule(await desk.feed(token), past=True)
    body = calendar_feed.document(desk.guide, found, response(request).clock.now(), language(request))
    headers = {"ETag": calendar_feed.tag(body), "Cache-Control": "private, max-age=300"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return HttpResponse(status_code=304, headers=headers)
    return HttpResponse(body, media_type="text/calendar; charset=utf-8", headers=headers)


def name_of(desk: OnCallDesk, person: str, lang: Lang) -> str:
    """Give a contact as people are called: the name, or the title while that is unfilled."""
    known = desk.guide.contacts.persons[person]
    return known.shown if known.shown != known.title.ko else known.title.of(lang)


def span_view(span: Span, desk: OnCallDesk, lang: Lang) -> dict[str, Any]:
    """Show a turn; its person is None in a gap."""
    person = span.on_call.person
    return {
        "person": person,
        "name": None if person is None else name_of(desk, person, lang),
        "by": span.on_call.by,
        "override": span.on_call.overridden,
        "start": iso(span.start),
        "end": iso(span.end),
    }


def stand_in_view(one: StandIn, now: datetime) -> dict[str, Any]:
    """Show a stand-in with its state at a moment."""
    state: Literal["coming", "active", "ended", "cancelled"] = "active"
    if one.cancelled_at is not None:
        state = "cancelled"
    elif one.end <= now:
        state = "ended"
    elif one.start > now:
        state = "coming"
    return {
        "id": one.id,
        "target": one.target,
        "person": one.person,
        "start": iso(one.start),
        "end": iso(one.end),
        "state": state,
        "reason": one.reason,
        "by": str(one.by),
        "made_at": iso(one.made_at),
        "source": one.source,
    }


def made_view(made: Made, now: datetime) -> dict[str, Any]:
    """Show a stand-in that was just made, and which earlier ones it covers."""
    return {**stand_in_view(made.stand_in, now), "covers": list(made.covers)}


def feed_view(kept: Kept) -> dict[str, Any]:
    """Show a calendar address without its token."""
    return {key: kept.body[key] for key in ("id", "schedule", "by", "made_at")}
