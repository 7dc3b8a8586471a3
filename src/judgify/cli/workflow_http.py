"""The workflow service as `judgify workflow` speaks with it, through the gateway."""

from typing import Any, Final
from urllib.parse import quote

import msgspec

from judgify.cli import connect
from judgify.core.contracts.plan import Plan, normal_name
from judgify.kit.client import ServiceClient
from judgify.kit.errors import NotFound
from judgify.kit.ids import is_id

PREFIX: Final = "/api/v2/workflow/workflows"
PAGE: Final = 200
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def _path(name: str) -> str:
    return f"{PREFIX}/{name if is_id(name, 'wfl') else quote(normal_name(name), safe='')}"


def _client() -> ServiceClient:
    return connect.gateway(connect.settings(), timeout_s=65)


async def every() -> list[dict[str, Any]]:
    """List every workflow, newest first."""
    found: list[dict[str, Any]] = []
    async with _client() as client:
        while True:
            rows = await client.get(PREFIX, limit=PAGE, cursor=found[-1]["id"] if found else None)
            found += rows
            if len(rows) < PAGE:
                return found


async def read(name: str, version: int | None) -> dict[str, Any]:
    """Read a workflow with the document of the version that judges, else the newest; or with another's."""
    async with _client() as client:
        head: dict[str, Any] = await client.get(_path(name))
        if version is None:
            return head
        return dict(await client.get(f"{_path(name)}/versions/{version}"))


async def add(plan: Plan, *, activate: bool) -> tuple[dict[str, Any], str]:
    """Keep a document as a new workflow or version, and say which: created, added, unchanged."""
    body = _ENCODER.encode(plan.document)
    headers = {"Content-Type": "application/json"}
    name = plan.document.name
    async with _client() as client:
        try:
            known: dict[str, Any] | None = await client.get(_path(name))
        except NotFound:
            known = None
        if known is None:
            path = f"{PREFIX}?activate={str(activate).lower()}"
            return dict(await client.request("POST", path, content=body, headers=headers)), "created"
        newest = known["latest_version"]
        last = dict(await client.get(f"{_path(name)}/versions/{newest}"))
        if msgspec.json.decode(body) == last["document"]:
            made, what = last, "unchanged"
        else:
            path = f"{_path(name)}/versions?expected_version={newest}"
            made, what = dict(await client.request("POST", path, content=body, headers=headers)), "added"
        if activate and made["active_version"] != made["version"]:
            turned = await client.post(f"{_path(name)}/activate", {"version": made["version"]})
            made |= {"active_version": turned["active_version"], "revision": turned["revision"]}
        return made, what


async def switch(name: str, version: int | None, *, on: bool) -> dict[str, Any]:
    """Let a version judge (the newest unless one is named), or none."""
    async with _client() as client:
        if not on:
            return dict(await client.post(f"{_path(name)}/deactivate", {}))
        wanted = version or (await client.get(_path(name)))["latest_version"]
        return dict(await client.post(f"{_path(name)}/activate", {"version": wanted}))


async def simulate(name: str, values: dict[str, Any], version: int | None) -> dict[str, Any]:
    """Judge one input by a stored version; nothing is kept."""
    body = {"input_data": values} | ({} if version is None else {"version": version})
    async with _client() as client:
        return dict(await client.post(f"{_path(name)}/simulate", body))
