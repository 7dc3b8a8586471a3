"""Users of the console, for the administrator."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from judgify.console.door import Acting, PageRoute, Seen, back, checked, fields
from judgify.console.look import Visitor, page
from judgify.kit.auth import ROLES
from judgify.response.api import form
from judgify.response.api.parts import response

router = APIRouter(route_class=PageRoute)


@router.get("/users")
async def users(request: Request, visitor: Seen) -> Response:
    """Show the users."""
    visitor.who.demand("admin")
    return await _shown(request, visitor, link="", link_for="")


async def _shown(request: Request, visitor: Visitor, *, link: str, link_for: str) -> Response:
    found = await response(request).accounts.users()
    return page(request, "users.html", visitor, users=found, roles=ROLES, link=link, link_for=link_for)


@router.post("/users")
async def save_user(request: Request, who: Acting) -> Response:
    """Make a user, or change role or password of one."""
    who.demand("admin")
    body = checked(form.UserForm, await fields(request))
    await response(request).accounts.save(body.name, body.role, password=body.password)
    return back("/users", "saved")


@router.post("/users/{name}/disable")
async def disable(request: Request, name: str, who: Acting) -> Response:
    """Disable a user and end the sessions."""
    who.demand("admin")
    await response(request).accounts.remove(name)
    return back("/users", "disabled")


@router.post("/users/{name}/link")
async def link(request: Request, name: str, who: Acting, visitor: Seen) -> Response:
    """Make a single-use sign-in link; it is shown once and stored nowhere."""
    who.demand("admin")
    parts = response(request)
    token, _ = await parts.accounts.new_link(name)
    return await _shown(request, visitor, link=f"{parts.console_address}/login?token={token}", link_for=name)
