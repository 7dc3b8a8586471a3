"""The public part of subscriptions (guide 3.1 step 3): asking, confirming, ending. Links only show a page."""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response

from judgify.console.door import PageRoute, back, fields
from judgify.console.look import lang_of, page
from judgify.kit.errors import Denied
from judgify.response.api.parts import response
from judgify.response.subscription import kind_of

router = APIRouter(route_class=PageRoute)


def own_form(request: Request) -> None:
    """Let only forms of this site's own pages pass, where there is no session whose token they could carry."""
    origin = request.headers.get("origin") or request.headers.get("referer")
    if origin is None or urlsplit(origin).netloc != request.headers.get("host"):
        raise Denied("the form does not come from this site's own page; open /status here", slug="cross-site")


@router.post("/status/subscribe")
async def subscribe(request: Request) -> Response:
    """Ask an address whether it wants notices; the answer is the same whether it was known or not."""
    own_form(request)
    given = await fields(request)
    client = request.client.host if request.client is not None else ""
    kind = kind_of(given.get("kind", "email"))
    address = given.get("address", "")
    await response(request).engine.subscriptions.subscribe(kind, address, lang_of(request), client)
    return back("/status", "asked")


@router.get("/status/confirm")
async def show_confirm(request: Request, token: str = "") -> Response:
    """Show the button that confirms: mail scanners follow links, so looking changes nothing."""
    return page(request, "subscription.html", None, token=token, verb="confirm")


@router.post("/status/confirm")
async def confirm(request: Request) -> Response:
    """Confirm a subscription."""
    own_form(request)
    await response(request).engine.subscriptions.confirm((await fields(request)).get("token", ""))
    return back("/status", "confirmed")


@router.get("/status/unsubscribe")
async def show_unsubscribe(request: Request, token: str = "") -> Response:
    """Show the button that ends a subscription."""
    return page(request, "subscription.html", None, token=token, verb="unsubscribe")


@router.post("/status/unsubscribe")
async def unsubscribe(request: Request) -> Response:
    """End a subscription and erase its address."""
    own_form(request)
    await response(request).engine.subscriptions.unsubscribe((await fields(request)).get("token", ""))
    return back("/status", "ended")
