"""The page behind a mail's link: looking shows, pressing acknowledges. No session: the link is the person's own."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from judgify.console.door import PageRoute, fields
from judgify.console.look import page
from judgify.console.subscribe import own_form
from judgify.kit.errors import NotFound, TooMany
from judgify.response.acknowledge import Acknowledging, Seen
from judgify.response.api.parts import response
from judgify.response.api.signin import Bucket

router = APIRouter(route_class=PageRoute)
_STATUS = {"invalid": 404, "expired": 410, "used": 410, "left": 403}


def _acknowledging(request: Request) -> Acknowledging:
    intake = response(request).acknowledging
    if intake is None:
        raise NotFound("links of mails lead nowhere here")
    return intake.acknowledging


@router.get("/ack")
async def look(request: Request, token: str = "") -> Response:
    """Show how a link stands, and the button while it acts. Changes nothing: mail scanners follow links."""
    seen = await _acknowledging(request).look(token)
    _measure(request, seen)
    return _page(request, seen, token)


@router.post("/ack")
async def press(request: Request) -> Response:
    """Acknowledge, once; what happened and who holds it is shown."""
    own_form(request)
    seen = await _acknowledging(request).by_link((await fields(request)).get("token", ""))
    _measure(request, seen)
    return _page(request, seen, "")


def _measure(request: Request, seen: Seen) -> None:
    """Hold those who try tokens to a rate; a genuine link is never held up by them."""
    if seen.state != "invalid":
        return
    now = response(request).clock.monotonic()
    bucket: Bucket | None = getattr(request.app.state, "wrong_links", None)
    if bucket is None:
        bucket = request.app.state.wrong_links = Bucket(5.0, 50.0, 50.0, now)
    if not bucket.take(now):
        raise TooMany("too many links that are not genuine")


def _page(request: Request, seen: Seen, token: str) -> Response:
    kept = "" if seen.state == "invalid" else token
    return page(request, "acknowledge.html", None, status=_STATUS.get(seen.state, 200), seen=seen, token=kept)
