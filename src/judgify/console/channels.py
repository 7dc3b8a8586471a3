"""The page of the channels: whether people can be reached, and the heartbeat outwards."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from judgify.console.door import Acting, PageRoute, Seen, back
from judgify.console.look import lang_of, page
from judgify.kit.errors import NotFound
from judgify.response.api.parts import Channels, response

router = APIRouter(route_class=PageRoute)


def _channels(request: Request) -> Channels:
    found = response(request).channels
    if found is None:
        raise NotFound("this engine has no channels of its own")
    return found


@router.get("/channels")
async def channels(request: Request, visitor: Seen) -> Response:
    """Show every channel: how it is, its newest tries, its canary; and the outward heartbeat."""
    found = _channels(request)
    rows = found.desk.listed(lang_of(request))
    methods = await found.verification.methods()
    contacts = {one.person: [each for each in methods if each.person == one.person] for one in methods}
    return page(request, "channels.html", visitor, channels=rows, heart=found.desk.heart(), contacts=contacts)


@router.post("/channels/{channel}/test")
async def carry(request: Request, channel: str, who: Acting) -> Response:
    """Send a canary now; what came of it is on the page."""
    who.demand("responder")
    told = await _channels(request).desk.test(channel, lang_of(request))
    return back("/channels", "good" if told["good"] else "bad")
