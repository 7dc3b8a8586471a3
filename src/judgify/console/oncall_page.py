"""On call on the console: who now, who next, the coming two weeks, gaps, and who stands in."""

from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from judgify.console.door import Acting, PageRoute, Seen, back, checked, fields
from judgify.console.look import lang_of, page
from judgify.kit.clock import parse
from judgify.kit.errors import Invalid, NotFound
from judgify.response.api import oncall as api
from judgify.response.api.parts import actor, response
from judgify.response.oncall_desk import Asked, OnCallDesk

router = APIRouter(route_class=PageRoute)
SHOWN: Final = timedelta(days=14)
LOOKED_THROUGH: Final = timedelta(days=92)


def desk_of(request: Request) -> OnCallDesk:
    """Give the engine's on-call desk; `NotFound` where it has none."""
    desk = response(request).oncall
    if desk is None:
        raise NotFound("this engine has no on-call schedules")
    return desk


@router.get("/oncall")
async def overview(request: Request, visitor: Seen) -> Response:
    """Show schedules with the coming two weeks, roles, gaps and stand-ins."""
    desk, lang, now = desk_of(request), lang_of(request), response(request).clock.now()
    guide, roster = desk.guide, await desk.roster()
    schedules = [
        {
            "name": name,
            "label": guide.oncall.schedules[name].label.of(lang),
            "zone": guide.oncall.schedules[name].zone,
            "spans": [api.span_view(span, desk, lang) for span in schedule.spans(now, now + SHOWN)],
        }
        for name, schedule in roster.schedules.items()
    ]
    roles = [
        {
            "label": role.label.of(lang),
            "persons": [api.name_of(desk, person, lang) for person in roster.persons(name, "", "P0", now)],
            "by": roster.filling(name, ""),
            "per_service": role.per_service,
        }
        for name, role in guide.contacts.roles.items()
    ]
    gaps: dict[tuple[str, str, str], dict[str, Any]] = {}
    for name, severity, span in await desk.gaps(now, now + LOOKED_THROUGH):
        shown = api.span_view(span, desk, lang)
        found = gaps.setdefault((name, shown["start"], shown["end"]), {"schedule": name, "severities": [], **shown})
        found["severities"].append(severity)
    people = {key: api.name_of(desk, key, lang) for key in guide.contacts.persons}
    feeds = [api.feed_view(one) for one in await desk.feeds()] if visitor.may("commander") else []
    return page(
        request,
        "oncall.html",
        visitor,
        schedules=schedules,
        roles=roles,
        gaps=list(gaps.values())[:20],
        stand_ins=[api.stand_in_view(one, now) for one in await desk.stand_ins()],
        people=people,
        feeds=feeds,
    )


@router.post("/oncall/overrides")
async def stand_in(request: Request, who: Acting) -> Response:
    """Let somebody stand in; times are Korean time."""
    who.demand("responder")
    given = await fields(request)
    start, end = given.pop("start", "").strip(), given.pop("end", "").strip()
    if not end:
        raise Invalid("say until when", path="end")
    body = checked(api.OverrideForm, {**given, "start": parse(start) if start else None, "end": parse(end)})
    now = response(request).clock.now()
    asked = Asked(body.person, body.start or now, body.end, body.reason.strip())
    await desk_of(request).stand_in(body.target, [asked], actor(request, who))
    return back("/oncall", "stand-in")


@router.post("/oncall/overrides/{override_id}/cancel")
async def cancel(request: Request, override_id: str, who: Acting) -> Response:
    """End a stand-in now, or take it back."""
    who.demand("responder")
    await desk_of(request).cancel(override_id, actor(request, who))
    return back("/oncall", "cancelled")
