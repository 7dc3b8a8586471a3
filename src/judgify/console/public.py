"""What needs no session: sign-in, and the public status page (guide 9.2)."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from judgify.console.door import PageRoute, act, back, fields, look_up
from judgify.console.figure import DAYS, uptimes
from judgify.console.look import lang_of, page
from judgify.console.subscribe import own_form
from judgify.kit.auth import same_secret
from judgify.kit.errors import Invalid
from judgify.response.accounts import KNOWN_FOR
from judgify.response.api import view
from judgify.response.api.parts import response
from judgify.response.api.signin import COOKIE, Signin
from judgify.response.documents.stretch import Outage, outages
from judgify.response.incident import Incident
from judgify.response.model import ONGOING, UNSETTLED
from judgify.response.ports import Tx
from judgify.response.timeline import AnnouncementSent

router = APIRouter(route_class=PageRoute)
DEVICE: Final = "judgify_device"
"""Cookie of a browser on which somebody has signed in before: a guesser elsewhere does not make it wait."""
ANNOUNCED: Final = 20
"""Newest incidents whose announcements to customers are shown."""
HISTORY: Final = 1_000
"""Newest incidents that the 90 days are read from."""


@router.get("/login")
async def login(request: Request, token: str = "", next: str = "/") -> Response:  # noqa: A002 - the word in the address
    """Show the sign-in page. A link's token is only put into a form: mail scanners follow links, so GET uses none."""
    return page(request, "login.html", None, token=token, next=_own(next))


@router.post("/login")
async def sign_in(request: Request) -> Response:
    """Sign in by a link's token or by name and password; the form must come from this site."""
    own_form(request)
    given = await fields(request)
    accounts = response(request).accounts
    if "token" in given:
        cookie, session = await accounts.use_link(given["token"])
    elif "name" in given and "password" in given:
        name = given["name"]
        known = same_secret(request.cookies.get(DEVICE, ""), accounts.device(_secret(request), name))
        client = request.client.host if request.client is not None else ""
        cookie, session = await accounts.sign_in(name, given["password"], client=client, known_device=known)
    else:
        raise Invalid("give name and password, or open a sign-in link (judgify up prints one)")
    reply = back(_own(given.get("next", "/")))
    age = int((session.expires_at - session.created_at).total_seconds())
    secure = request.url.scheme == "https"
    reply.set_cookie(COOKIE, cookie, max_age=age, httponly=True, samesite="strict", secure=secure, path="/")
    device, kept = accounts.device(_secret(request), session.user), int(KNOWN_FOR.total_seconds())
    reply.set_cookie(DEVICE, device, max_age=kept, httponly=True, samesite="strict", secure=secure, path="/login")
    return reply


def _secret(request: Request) -> str:
    signin: Signin = request.app.state.signin
    return signin.settings.service_secret


@router.post("/logout")
async def sign_out(request: Request) -> RedirectResponse:
    """End the session."""
    await act(request)
    await response(request).accounts.sign_out(request.cookies.get(COOKIE, ""))
    reply = back("/login")
    reply.delete_cookie(COOKIE, path="/")
    return reply


def _own(address: str) -> str:
    """Give an address of this site, or the first page: never a way out to another site."""
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if plain and address.isprintable() else "/"


def _lasted(tx: Tx, incident: Incident) -> list[Outage]:
    """Give when an incident really lasted; only one that came back has more to tell than its own two ends."""
    if incident.reopened:
        return outages(incident, tx.entries(incident.id))
    return [Outage(incident.occurred_at, incident.restored_at or incident.resolved_at, ())]


@router.get("/status")
async def status(request: Request) -> Response:
    """Show the public what it may know: states, announcements to customers, availability; no names, no free text."""
    parts, lang = response(request), lang_of(request)
    now = parts.clock.now()
    services = parts.policy.services(lang)

    def read(tx: Tx) -> dict[str, Any]:
        history = tx.incidents(limit=HISTORY)
        first = tx.entries(None, limit=1)
        since = min([entry.at for entry in first] + [incident.started_at for incident in history], default=None)
        down = [(incident, _lasted(tx, incident)) for incident in history]
        open_ones = [incident for incident in history if incident.state in UNSETTLED]
        return {
            "seen": view.status(open_ones, services, now),
            "uptime": {row.service: row for row in uptimes([s["service"] for s in services], down, since, now)},
            "since": since,
            "life_at_risk": any(i.life_at_risk and i.state in ONGOING for i in history),
            "told": [
                (incident.id, entry.at, entry.event.text[lang])
                for incident in history[:ANNOUNCED]
                for entry in reversed(tx.entries(incident.id))
                if isinstance(entry.event, AnnouncementSent) and entry.event.audience == "customers"
            ],
            "open": open_ones,
        }

    found = await parts.desk.ask(read)
    visitor = await look_up(request)
    labels = {service["service"]: service["label"] for service in services}
    return page(request, "status.html", visitor, days=DAYS, labels=labels, **found)
