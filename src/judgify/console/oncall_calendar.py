"""Calendars on the console: bring overrides and holidays in, with a look before anything is done; addresses to read.

A calendar is read twice removed from what it does: first its events are shown with what would come of each, then what
the person sends back is made, all of it or none. Holidays belong to the guide, which is kept in Git: they are shown as
the lines that its calendar.yaml lacks, and written by nobody but whoever edits it.
"""

import json
from datetime import timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field, TypeAdapter, ValidationError
from starlette.datastructures import UploadFile

from judgify.console.door import Acting, PageRoute, Seen, back, checked, fields
from judgify.console.look import lang_of, page
from judgify.console.oncall_page import desk_of
from judgify.console.refusal import korean
from judgify.kit.auth import Principal
from judgify.kit.clock import iso
from judgify.kit.errors import Invalid
from judgify.response.api import oncall as api
from judgify.response.api.form import Form
from judgify.response.api.parts import actor, response
from judgify.response.calendar_apart import read_apart
from judgify.response.guide.calendar_reader import MAX_BYTES, CalendarEvent, Reading, days_of, holiday_line, person_of
from judgify.response.oncall_desk import MANY, Asked, OnCallDesk

router = APIRouter(route_class=PageRoute)
DAYS: Final = 90
UNREADABLE_SHOWN: Final = 50


class ReadForm(Form):
    """What is to become of a calendar's events."""

    target: Annotated[str, Field(max_length=120)] = ""
    person: Annotated[str, Field(max_length=120)] = ""
    zone: Annotated[str, Field(min_length=1, max_length=60)] = "Asia/Seoul"
    days: Annotated[int, Field(ge=1, le=366)] = DAYS
    what: Annotated[str, Field(pattern="^(overrides|holidays)$")] = "overrides"


class Row(Form):
    """An event as the preview sends it back; who stands in is a field of the page."""

    start: str
    end: str
    source: str
    reason: Annotated[str, Field(max_length=500)] = ""


ROWS: Final = TypeAdapter(Annotated[list[Row], Field(max_length=MANY)])


@router.get("/oncall/calendar")
async def choose(request: Request, visitor: Seen) -> Response:
    """Show the form that takes a calendar file."""
    desk = desk_of(request)
    return page(request, "oncall_calendar.html", visitor, preview=None, **_choices(desk, request))


@router.post("/oncall/calendar/preview")
async def preview(request: Request, who: Acting, visitor: Seen) -> Response:
    """Show what a calendar would bring, event by event; nothing is changed."""
    who.demand("responder")
    desk, now = desk_of(request), response(request).clock.now()
    asked: ReadForm = checked(ReadForm, await fields(request))
    upload = (await request.form()).get("file")
    data = await upload.read(MAX_BYTES + 1) if isinstance(upload, UploadFile) else b""
    if not data:
        raise Invalid("choose a calendar file (.ics)", path="file")
    found = await read_apart(data, first=now, until=now + timedelta(days=asked.days), zone=asked.zone)
    told = {
        "what": asked.what,
        "target": asked.target,
        "file": getattr(upload, "filename", None) or "",
        "unreadable": [
            {"summary": one.summary, "reason": _said(one.reason, request)}
            for one in found.unreadable[:UNREADABLE_SHOWN]
        ],
        "more_unreadable": max(0, len(found.unreadable) - UNREADABLE_SHOWN),
    }
    shown = _holidays(desk, found) if asked.what == "holidays" else await _events(desk, asked, found, request, who)
    return page(request, "oncall_calendar.html", visitor, preview=told | shown, **_choices(desk, request))


@router.get("/oncall/calendar/preview")
@router.get("/oncall/feeds")
async def again(request: Request, visitor: Seen) -> Response:
    """Lead from the address of a page that only a form makes to the page with that form, as when it is reloaded."""
    del visitor
    return back("/oncall/calendar" if request.url.path.endswith("preview") else "/oncall")


@router.post("/oncall/calendar/take")
async def take(request: Request, who: Acting) -> Response:
    """Make the overrides that the preview showed and the person left chosen: all of them, or none."""
    who.demand("responder")
    given = await fields(request)
    try:
        rows = ROWS.validate_python(json.loads(given.pop("rows", "")))
    except (ValueError, ValidationError):
        raise Invalid("the form is not the one that the page showed; read the calendar again") from None
    chosen = [
        {**row.model_dump(), "person": given[f"person-{index}"]}
        for index, row in enumerate(rows)
        if given.get(f"person-{index}")
    ]
    if not chosen:
        raise Invalid("nothing is chosen; nothing was made")
    body: api.ImportForm = checked(api.ImportForm, {"target": given.get("target", ""), "overrides": chosen})
    asked = [Asked(one.person, one.start, one.end, one.reason.strip(), one.source) for one in body.overrides]
    made = await desk_of(request).stand_in(body.target, asked, actor(request, who))
    return back("/oncall", f"imported-{len(made)}")


@router.post("/oncall/feeds")
async def new_feed(request: Request, who: Acting, visitor: Seen) -> Response:
    """Make a calendar address of who is on call; it is shown on this page and never again."""
    who.demand("commander")
    body: api.FeedForm = checked(api.FeedForm, await fields(request))
    token, kept = await desk_of(request).new_feed(body.schedule, actor(request, who))
    address = f"{response(request).console_address}/oncall/{token}.ics"
    webcal = f"webcal://{address.partition('://')[2]}"
    return page(request, "oncall_feed.html", visitor, address=address, webcal=webcal, feed=api.feed_view(kept))


@router.post("/oncall/feeds/{feed_id}/revoke")
async def revoke(request: Request, feed_id: str, who: Acting) -> Response:
    """Let a calendar address answer no more."""
    who.demand("commander")
    await desk_of(request).revoke(feed_id, actor(request, who))
    return back("/oncall", "revoked")


def _choices(desk: OnCallDesk, request: Request) -> dict[str, Any]:
    lang, guide = lang_of(request), desk.guide
    return {
        "people": {key: api.name_of(desk, key, lang) for key in guide.contacts.persons},
        "schedules": {name: one.label.of(lang) for name, one in guide.oncall.schedules.items()},
        "zone": guide.calendar.zone,
        "days": DAYS,
    }


async def _events(
    desk: OnCallDesk, asked: ReadForm, found: Reading, request: Request, who: Principal
) -> dict[str, Any]:
    known_by = {key: (one.name, one.email, one.slack) for key, one in desk.guide.contacts.persons.items()}
    named = [(event, asked.person or person_of(event, known_by)) for event in found.events]
    foreseen = iter(
        await desk.foresee(
            asked.target,
            [Asked(person, event.start, event.end, event.summary, event.source) for event, person in named if person],
            actor(request, who),
        )
    )
    shown: list[dict[str, Any]] = []
    for event, person in named:
        if person is None:
            shown.append({**_shown(event), "person": "", "state": "nobody", "reason": "", "covers": ()})
            continue
        one = next(foreseen)
        reason = _said(one.reason, request)
        shown.append({**_shown(event), "person": person, "state": one.what, "reason": reason, "covers": one.covers})
    open_ones = [one for one in shown if one["state"] in {"new", "changed", "nobody"}]
    for index, row in enumerate(open_ones):
        row["index"] = index
    rows = [{name: row[name] for name in ("start", "end", "source")} | {"reason": row["title"]} for row in open_ones]
    return {"events": shown, "rows": json.dumps(rows, ensure_ascii=False), "open": len(open_ones)}


def _shown(event: CalendarEvent) -> dict[str, Any]:
    return {
        "title": event.summary,
        "start": iso(event.start),
        "end": iso(event.end),
        "source": event.source,
        "index": None,
    }


def _holidays(desk: OnCallDesk, found: Reading) -> dict[str, Any]:
    calendar = desk.guide.calendar
    known = {holiday.date for year in calendar.holidays.values() for holiday in year}
    days = days_of(list(found.events), ZoneInfo(calendar.zone))
    years: dict[int, list[str]] = {}
    for day, name in days.items():
        if day not in known:
            years.setdefault(day.year, []).append(holiday_line(day, name))
    return {"years": years, "days_found": len(days), "days_new": sum(map(len, years.values()))}


def _said(reason: str, request: Request) -> str:
    return reason if lang_of(request) == "en" or not reason else korean(reason, 422)
