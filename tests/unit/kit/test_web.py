import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict

from judgify.kit import auth
from judgify.kit.clock import FakeClock
from judgify.kit.errors import Conflict, TooMany
from judgify.kit.metrics import Metrics
from judgify.kit.settings import Settings
from judgify.kit.web import Caller, Health, ServiceSpec, answer, create_app, require

SECRET = "a-secret-of-at-least-thirty-two-bytes"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    count: int = 0


class World:
    """One service in the test's own process; the state that its health reports is set by the test."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock(START)
        self.health = Health("ok", {"database": "ok"})
        self.is_ready = True
        self.seen: list[str] = []
        settings = Settings.from_env({"JUDGIFY_SERVICE_SECRET": SECRET}, Path("/nowhere"))
        self.app = create_app(
            ServiceSpec(
                name="judgment",
                settings=settings,
                clock=self.clock,
                metrics=Metrics("judgment"),
                health=self._health,
                ready=self._ready,
                max_body=1000,
                **options,
            )
        )
        self._routes()

    async def _health(self) -> Health:
        return self.health

    async def _ready(self) -> bool:
        return self.is_ready

    def _routes(self) -> None:
        app, clock = self.app, self.clock

        @app.post("/things")
        async def make(thing: Thing, who: Caller) -> dict[str, Any]:
            self.seen.append(thing.name)
            return answer({"name": thing.name, "by": who.subject}, clock, durability="database", pagination={"next": 1})

        @app.get("/things/{name}", dependencies=[require("commander", "service")])
        async def read(name: str) -> dict[str, Any]:
            return answer(name, clock)

        @app.get("/busy")
        async def busy() -> None:
            raise TooMany(retry_after_s=9)

        @app.get("/fault")
        async def fault() -> None:
            raise RuntimeError("the canary is c4n4ry")

        @app.get("/teapot")
        async def teapot() -> None:
            raise HTTPException(418, "short and stout")

        @app.get("/conflict")
        async def conflict() -> None:
            raise Conflict

    def headers(self, *roles: str) -> dict[str, str]:
        token = auth.mint(SECRET, auth.Principal("김", frozenset(roles)), self.clock)
        return {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            return await client.request(method, path, **options)


async def test_probes_answer_without_a_credential_and_tell_states_only() -> None:
    world = World()
    assert (await world.call("GET", "/live")).json() == {"status": "ok", "service": "judgment"}
    assert (await world.call("GET", "/ready")).status_code == 200
    for path in ("/health", "/api/v2/judgment/health"):
        response = await world.call("GET", path)
        assert (response.status_code, response.json()["parts"]) == (200, {"database": "ok"})


@pytest.mark.parametrize(("status", "code"), [("ok", 200), ("degraded", 200), ("down", 503)])
async def test_health_is_503_only_when_the_job_cannot_be_done(status: Any, code: int) -> None:
    world = World()
    world.health = Health(status)
    assert (await world.call("GET", "/health")).status_code == code


async def test_a_service_that_is_not_ready_says_503() -> None:
    world = World()
    world.is_ready = False
    assert (await world.call("GET", "/ready")).status_code == 503


async def test_an_answer_carries_its_meta() -> None:
    world = World()
    headers = {**world.headers("viewer"), "X-Request-ID": "abc-1"}
    response = await world.call("POST", "/things", json={"name": "밸브"}, headers=headers)
    assert response.json()["data"] == {"name": "밸브", "by": "김"}
    meta = response.json()["meta"]
    assert meta["request_id"] == "abc-1" == response.headers["x-request-id"]
    assert meta["timestamp"] == "2026-01-01T00:00:00.000000Z"
    assert (meta["durability"], meta["pagination"]) == ("database", {"next": 1})


@pytest.mark.parametrize("given", ["", "a b", "x" * 81, "<script>"])
async def test_an_ill_formed_request_id_is_replaced(given: str) -> None:
    response = await World().call("GET", "/live", headers={"X-Request-ID": given})
    assert response.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("options", "status", "slug"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "malformed"),
        ({"content": b'{"name": "\xff"}', "headers": {"content-type": "application/json"}}, 400, "malformed"),
        (
            {"content": b'{"count": ' + b"9" * 900 + b"}", "headers": {"content-type": "application/json"}},
            422,
            "invalid",
        ),
        ({"json": {"name": "a", "extra": 1}}, 422, "invalid"),
        ({"json": {"name": 5}}, 422, "invalid"),
        ({"json": {"name": "x" * 2000}}, 413, "too-large"),
    ],
)
async def test_bad_input_is_a_problem_and_changes_nothing(options: dict[str, Any], status: int, slug: str) -> None:
    world = World()
    options["headers"] = {**world.headers("viewer"), **options.get("headers", {})}
    response = await world.call("POST", "/things", **options)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["type"] == f"urn:judgify:problem:{slug}"
    assert document["request_id"] == response.headers["x-request-id"]
    assert world.seen == []


async def test_a_body_without_a_length_is_limited_too() -> None:
    world = World()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    response = await world.call("POST", "/things", content=endless(), headers=world.headers("viewer"))
    assert response.status_code == 413


async def test_a_streamed_body_within_the_limit_is_read_whole() -> None:
    world = World()

    async def parts() -> AsyncIterator[bytes]:
        yield b'{"name": '
        yield b'"a"}'

    headers = {**world.headers("viewer"), "content-type": "application/json"}
    response = await world.call("POST", "/things", content=parts(), headers=headers)
    assert response.status_code == 200
    assert world.seen == ["a"]


async def test_without_a_credential_nothing_but_probes_answers() -> None:
    world = World()
    response = await world.call("POST", "/things", json={"name": "a"})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert world.seen == []


async def test_roles_are_held_to() -> None:
    world = World()
    assert (await world.call("GET", "/things/a", headers=world.headers("viewer"))).status_code == 403
    assert (await world.call("GET", "/things/a", headers=world.headers("admin"))).status_code == 200
    assert (await world.call("GET", "/things/a", headers=world.headers("service"))).status_code == 200


async def test_another_way_in_replaces_the_service_token() -> None:
    async def everybody(_: Request) -> auth.Principal:
        return auth.Principal("guest", frozenset({"commander"}))

    assert (await World(authenticate=everybody).call("GET", "/things/a")).status_code == 200


async def test_a_fault_of_ours_tells_the_request_id_and_nothing_else() -> None:
    response = await World().call("GET", "/fault")
    assert response.status_code == 500
    assert "c4n4ry" not in response.text
    assert response.json()["type"] == "urn:judgify:problem:internal"


async def test_retry_after_stands_in_the_header() -> None:
    assert (await World().call("GET", "/busy")).headers["retry-after"] == "9"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("DELETE", "/live", 405), ("GET", "/teapot", 418), ("GET", "/conflict", 409)],
)
async def test_every_error_is_a_problem(method: str, path: str, status: int) -> None:
    response = await World().call(method, path)
    assert response.status_code == status == response.json()["status"]
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_misspelt_filter_is_refused_and_probes_are_not_that_strict() -> None:
    world = World()
    response = await world.call("GET", "/things/a?colour=red", headers=world.headers("admin"))
    assert response.status_code == 422
    assert response.json()["detail"] == "there is no parameter 'colour' here; known are none"
    assert (await world.call("GET", "/health?deep=1")).status_code == 200
    lenient = World(strict_query=False)
    assert (await lenient.call("GET", "/things/a?colour=red", headers=lenient.headers("admin"))).status_code == 200


async def test_metrics_count_by_route_pattern_never_by_path() -> None:
    world = World()
    for name in ("a", "b"):
        await world.call("GET", f"/things/{name}", headers=world.headers("admin"))
    await world.call("BREW", "/things/a")
    text = (await world.call("GET", "/metrics")).text
    labels = 'job="judgment-service",method="GET",route="/things/{name}",status="200"'
    assert f"http_requests_total{{{labels}}} 2.0" in text
    assert 'method="other"' in text
    assert "/things/a" not in text


async def test_the_lifespan_runs_around_the_service() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        log.append("start")
        yield
        log.append("end")

    for options, expected in (({"lifespan": lifespan}, ["start", "end"]), ({}, ["start", "end"])):
        world = World(**options)
        async with world.app.router.lifespan_context(world.app):
            pass
        assert log == expected


async def test_other_than_http_passes_through() -> None:
    messages: asyncio.Queue[Any] = asyncio.Queue()
    await messages.put({"type": "lifespan.startup"})
    await messages.put({"type": "lifespan.shutdown"})
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await World().app({"type": "lifespan", "app": None}, messages.get, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_openapi_is_valid_json() -> None:
    assert json.loads(json.dumps(World().app.openapi()))["info"]["title"] == "Judgify judgment"
