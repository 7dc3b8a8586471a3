"""Routes of dead man's switches; the beat itself is one of the fast ways in (`lane`)."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from judgify.kit.web import answer
from judgify.response.api.incident import Commander, Viewer
from judgify.response.api.parts import response

router = APIRouter(prefix="/api/v2/response/heartbeats")


class HeartbeatForm(BaseModel):
    """A heartbeat to be watched: beats come at `POST /heartbeat/<name>`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
    every_s: Annotated[float, Field(gt=0, le=32 * 86_400)]
    grace_s: Annotated[float, Field(ge=0, le=86_400)] = 0
    service: Annotated[str, Field(max_length=120)] = ""


@router.get("")
async def heartbeats(request: Request, _: Viewer) -> dict[str, Any]:
    """List heartbeats, when each came last, and whether it is missing."""
    parts = response(request)
    return answer([one.shown() for one in await parts.heartbeats.all()], parts.clock)


@router.post("", status_code=201)
async def register(request: Request, body: HeartbeatForm, _: Commander) -> dict[str, Any]:
    """Watch a heartbeat from now on, or change its period."""
    parts = response(request)
    made = await parts.heartbeats.register(body.name, every_s=body.every_s, grace_s=body.grace_s, service=body.service)
    return answer(made.shown(), parts.clock)


@router.post("/{name}/forget")
async def forget(request: Request, name: str, _: Commander) -> dict[str, Any]:
    """Watch a heartbeat no longer."""
    parts = response(request)
    await parts.heartbeats.forget(name)
    return answer({"forgotten": name}, parts.clock)
