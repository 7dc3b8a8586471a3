"""The supervisor's socket: who may reach it, and what it refuses."""

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.support.supervised import Home, supervised

from judgify.kit.clock import SystemClock
from judgify.kit.errors import NotFound, Unavailable
from judgify.kit.supervisor_client import SupervisorClient

pytestmark = pytest.mark.enable_socket  # the guard against other hosts refuses Unix sockets, too


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    async with supervised() as one:
        yield one


async def test_only_the_owner_may_reach_the_socket(home: Home) -> None:
    assert stat.S_IMODE((home.path / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE(home.client.socket.stat().st_mode) == 0o600
    for name in ("supervisor", "logs", "secrets"):
        assert stat.S_IMODE((home.path / name).stat().st_mode) == 0o700
    for secret in (home.path / "secrets").iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600


ORDER = {"by": "x", "reason": "y"}
OTHER_NAME = {"name": "web", "command": ["x"], "release": "1"}
BAD_REQUESTS: list[tuple[str, str, object, int]] = [
    ("POST", "/units/nope/start", ORDER, 404),
    ("POST", "/units/..%2F..%2Fetc/start", ORDER, 404),
    ("POST", "/units/web/start", {"by": "x"}, 422),
    ("POST", "/units/web/start", {**ORDER, "extra": 1}, 422),
    ("POST", "/units/web/start", b"{torn", 400),
    ("POST", "/units/web/env", {**ORDER, "set": {"A=B": "c"}}, 422),
    ("POST", "/units/web/env", ORDER, 422),
    ("POST", "/units/web/limits", {**ORDER, "memory_bytes": 1}, 422),
    ("POST", "/units/web/limits", {**ORDER, "memory_bytes": "much"}, 422),
    ("PUT", "/units/Bad..Name", {**ORDER, "spec": {}}, 422),
    ("PUT", "/units/other", {**ORDER, "spec": OTHER_NAME}, 422),
    ("POST", "/units/web/start", b"x" * (2 * 1024 * 1024), 413),
    ("GET", "/units/web/logs?lines=0", None, 422),
    ("GET", "/units/web/logs?instance=99", None, 422),
    ("POST", "/traffic", {**ORDER, "blocked": "perhaps"}, 422),
    ("DELETE", "/units/web", None, 405),
]


async def test_bad_requests_are_refused_and_change_nothing(home: Home) -> None:
    await home.define()
    before = (await home.client.units(), await home.client.events(), await home.client.traffic())
    transport = httpx.AsyncHTTPTransport(uds=str(home.client.socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://supervisor") as raw:
        for method, path, body, status in BAD_REQUESTS:
            content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            answer = await raw.request(method, path, content=content, headers={"content-type": "application/json"})
            assert answer.status_code == status, (method, path, answer.text)
            assert answer.headers["content-type"].startswith("application/problem+json")
    assert (await home.client.units(), await home.client.events(), await home.client.traffic()) == before


async def test_an_unknown_unit_names_the_known_ones(home: Home) -> None:
    await home.define()
    with pytest.raises(NotFound, match="there are: web"):
        await home.client.unit("wab")


async def test_without_a_supervisor_the_client_says_how_to_start_one(tmp_path: Path) -> None:
    async with SupervisorClient(tmp_path, clock=SystemClock(), by="test") as client:
        assert await client.alive() is False
        with pytest.raises(Unavailable, match="judgify up") as caught:
            await client.units()
    assert caught.value.type_slug == "no-supervisor"
