"""Routes of channels and contact methods: how they are, tests, codes."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from judgify.kit.clock import iso
from judgify.kit.errors import NotFound
from judgify.kit.web import answer
from judgify.response.api.form import Form
from judgify.response.api.incident import Responder, Viewer
from judgify.response.api.parts import Channels, actor, language, response
from judgify.response.verification import Method

router = APIRouter(prefix="/api/v2/response")


class CodeForm(Form):
    """The code that was read at an address."""

    code: Annotated[str, Field(min_length=1, max_length=20)]


def _channels(request: Request) -> Channels:
    found = response(request).channels
    if found is None:
        raise NotFound("this engine has no channels of its own")
    return found


@router.get("/channels")
async def channels(request: Request, _: Viewer) -> dict[str, Any]:
    """Show every channel of the guide with its state, its newest tries and its canary; and the outward heartbeat."""
    desk = _channels(request).desk
    shown = {"channels": desk.listed(language(request)), "heartbeat": desk.heart()}
    return answer(shown, response(request).clock)


@router.post("/channels/{channel}/test")
async def carry_canary(request: Request, channel: str, _: Responder) -> dict[str, Any]:
    """Send a canary through a channel now; one without a sink is looked at, without sending."""
    found = await _channels(request).desk.test(channel, language(request))
    return answer(found, response(request).clock)


@router.get("/oncall/methods")
async def methods(request: Request, _: Viewer) -> dict[str, Any]:
    """List the contacts' own addresses by person and channel, and since when each is verified. No address is told."""
    found = await _channels(request).verification.methods()
    return answer([_method(one) for one in found], response(request).clock)


@router.post("/oncall/methods/{person}/{channel}/code", status_code=202)
async def send_code(request: Request, person: str, channel: str, who: Responder) -> dict[str, Any]:
    """Send a code to a contact's own address on a channel; good for ten minutes."""
    until = await _channels(request).verification.send(person, channel, actor(request, who))
    return answer({"person": person, "channel": channel, "until": iso(until)}, response(request).clock)


@router.post("/oncall/methods/{person}/{channel}/verify")
async def verify(request: Request, person: str, channel: str, body: CodeForm, who: Responder) -> dict[str, Any]:
    """Take the code that was read there: from now on the address counts as verified."""
    found = await _channels(request).verification.check(person, channel, body.code, actor(request, who))
    return answer(_method(found), response(request).clock)


def _method(method: Method) -> dict[str, Any]:
    at = None if method.verified_at is None else iso(method.verified_at)
    return {"person": method.person, "channel": method.channel, "verified": at is not None, "verified_at": at}
