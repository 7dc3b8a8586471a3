"""Every route that changes something, walked: without a token, from elsewhere, without a session it does nothing."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from tests.integration.response.test_http import Site
from tests.support.response_world import World

from judgify.console import pages
from judgify.response.api.signin import COOKIE

OWN = "http://127.0.0.1:8010"
EVIL = "https://evil.example"
OPEN = {"/login", "/api/v2/response/sessions", "/status/subscribe", "/status/confirm", "/status/unsubscribe", "/ack"}
"""What answers without a session; it must come from this site's own page all the same."""

SIGNED = {
    "/api/v2/response/intake/slack/interactions",
    "/api/v2/response/intake/pagerduty/webhook",
    "/api/v2/response/intake/sms/x",
}
"""What the sender signs, or sends a token of its own with; without a secret there is no such door."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    world = await World(tmp_path).up()
    made = Site(world, tmp_path)
    pages.mount(made.app)
    yield made
    await made.http.aclose()
    await world.down()


def every(app: FastAPI) -> list[APIRoute]:
    """Every route of the app; routers that were included keep theirs in the one they came from."""
    found: list[APIRoute] = []
    waiting: list[BaseRoute] = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        inner = getattr(route, "original_router", None)
        if inner is not None:
            waiting = [*inner.routes, *waiting]
        elif isinstance(route, APIRoute):
            found.append(route)
    return found


def mutating(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path of the app that may change something, with its parameters filled in."""
    return [
        (method, re.sub(r"\{[^}]+\}", "x", route.path))
        for route in every(app)
        for method in sorted((route.methods or set()) - {"GET", "HEAD", "OPTIONS"})
    ]


async def signed_in(site: Site) -> tuple[str, str]:
    await site.world.core.accounts.save("boss", "admin", password="a long enough word")
    cookie, session = await site.world.core.accounts.sign_in("boss", "a long enough word")
    return cookie, session.csrf


async def state(site: Site) -> Any:
    return await site.world.core.desk.ask(
        lambda tx: (tx.last_number(), [u.name for u in tx.users()], tx.subscribers(), len(tx.runs()), tx.automation())
    )


async def test_no_mutating_route_takes_a_session_without_its_token_or_from_another_site(site: Site) -> None:
    cookie, csrf = await signed_in(site)
    walked = mutating(site.app)
    assert len(walked) > 40
    assert {path for _, path in walked} >= OPEN | {"/emergency", "/incidents/x/x", "/api/v2/response/incidents/x/ack"}
    before = await state(site)
    ways: dict[str, dict[str, str]] = {
        "no token": {"origin": OWN},
        "wrong token": {"origin": OWN, "x-csrf-token": "x" * 32},
        "foreign origin": {"origin": EVIL, "x-csrf-token": csrf},
        "a host that begins the same": {"origin": f"{OWN}.evil.example", "x-csrf-token": csrf},
        "opaque origin": {"origin": "null", "x-csrf-token": csrf},
        "no origin": {"x-csrf-token": csrf},
        "foreign referer": {"referer": f"{EVIL}/page", "x-csrf-token": csrf},
    }
    for method, path in walked:
        for name, headers in ways.items():
            if path in OPEN and name in {"no token", "wrong token"}:
                continue
            answer = await site.http.request(
                method, path, headers={**headers, "cookie": f"{COOKIE}={cookie}"}, json={"x": 1}
            )
            refused = {403, 422} if path in OPEN else {401, 403, 404} if path in SIGNED else {403}
            if path == "/api/v2/response/sessions" and name == "no origin":
                continue  # a program signs in; there is no browser and no cookie to abuse
            assert answer.status_code in refused or (answer.status_code == 401 and "slack" in path), (
                method,
                path,
                name,
            )
    assert await state(site) == before


async def test_without_a_session_nothing_is_changed(site: Site) -> None:
    before = await state(site)
    for method, path in mutating(site.app):
        if path in OPEN | SIGNED:
            continue
        answer = await site.http.request(method, path, headers={"origin": OWN}, json={"x": 1})
        assert answer.status_code in {401, 403}, (method, path, answer.status_code)
    assert await state(site) == before


async def test_every_page_carries_the_headers_that_keep_it_shut(site: Site) -> None:
    cookie, _ = await signed_in(site)
    paths = [
        re.sub(r"\{[^}]+\}", "x", route.path)
        for route in every(site.app)
        if "GET" in (route.methods or ()) and not route.path.startswith("/api/")
    ]
    paths = [path for path in paths if path not in {"/live", "/ready", "/health", "/metrics", "/status.json"}]
    assert len(paths) > 12
    for path in paths:
        answer = await site.http.get(path, headers={"cookie": f"{COOKIE}={cookie}"})
        if answer.headers.get("content-type", "").startswith("text/html"):
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert "strict-transport-security" not in answer.headers
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url="https://127.0.0.1:8010") as secure:
        answer = await secure.get("/status")
        assert answer.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.guide("G10")
async def test_a_subscription_takes_a_form_of_our_own_page_and_a_press(site: Site) -> None:
    asked = {"kind": "email", "address": "kim@example.com"}
    assert (await site.http.post("/status/subscribe", data=asked, headers={"origin": EVIL})).status_code == 403
    for address in ("kim@example.com", "kim@example.com"):
        answer = await site.http.post("/status/subscribe", data={**asked, "address": address}, headers={"origin": OWN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/status?done=asked")
    one = (await site.world.core.engine.subscriptions.listed())[0]
    token = site.world.core.engine.subscriptions.token("confirm", one)
    assert (await site.http.get(f"/status/confirm?token={token}")).status_code == 200
    assert (await site.world.core.engine.subscriptions.listed())[0].confirmed_at is None
    wrong = await site.http.post("/status/confirm", data={"token": token[:-1]}, headers={"origin": OWN})
    assert wrong.status_code == 404
    assert "링크가 더 이상 유효하지 않습니다" in wrong.text
    done = await site.http.post("/status/confirm", data={"token": token}, headers={"origin": OWN})
    assert done.headers["location"] == "/status?done=confirmed"
    listed = (await site.as_cli("GET", "/api/v2/response/subscribers")).json()["data"]
    assert [(row["address"], row["state"]) for row in listed] == [("k…@example.com", "confirmed")]
    refused = await site.call("GET", "/api/v2/response/subscribers", site.token("commander"))
    assert refused.status_code == 403
    end = site.world.core.engine.subscriptions.token("end", one)
    await site.http.get(f"/status/unsubscribe?token={end}")
    assert len(await site.world.core.engine.subscriptions.listed()) == 1
    await site.http.post("/status/unsubscribe", data={"token": end}, headers={"origin": OWN})
    assert await site.world.core.engine.subscriptions.listed() == []
