"""With Redis or PostgreSQL gone, and with the traffic switch on: what goes on working, and what is said meanwhile."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.gateway import Running, eventually, gateway, until
from tests.support.stores import Postgres, Valkey
from tests.support.upstream import upstream

from judgify.core.gateway import record
from judgify.kit.files import write_atomic

PASSWORD = "correct horse battery"


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="judgify-test-gw-"))
    folder.chmod(0o755)
    server = Postgres(folder / "server").create()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


async def _grant(running: Running, role: str = "responder") -> Any:
    body = {"username": "mina", "password": PASSWORD, "role": role}
    await running.client.post("/api/v2/auth/users", json=body, headers=running.cli)
    answer = await running.client.post("/api/v2/auth/login", json={"username": "mina", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def _with(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _is(question: Awaitable[int], wanted: int) -> bool:
    return await question == wanted


async def _part(running: Running, name: str, state: str) -> bool:
    return bool((await running.client.get("/health")).json()["parts"][name] == state)


@pytest.mark.guide("G16", "S08")
async def test_sessions_survive_the_loss_of_redis(tmp_path: Path, postgres_url: str) -> None:
    redis = await asyncio.to_thread(Valkey(tmp_path / "valkey").start)
    try:
        async with gateway(tmp_path / "home", {}, database=postgres_url, redis=redis.url) as running:
            grant = await _grant(running)
            before = (await running.client.get("/health")).json()["parts"]["redis"]
            assert before == "ok"
            await asyncio.to_thread(redis.kill)
            running.gateway.records.clear_memory()
            me = await running.client.get("/api/v2/auth/me", headers=_with(grant["access_token"]))
            assert me.status_code == 200
            fresh = await running.client.post("/api/v2/auth/refresh", json={"refresh_token": grant["refresh_token"]})
            assert fresh.status_code == 200
            await eventually(lambda: _part(running, "redis", "down"), 5)
            out = await running.client.post("/api/v2/auth/logout", headers=_with(grant["access_token"]))
            assert out.status_code == 200
            gone = await running.client.get("/api/v2/auth/me", headers=_with(grant["access_token"]))
            assert gone.status_code == 401
            await asyncio.to_thread(redis.start)
            await eventually(lambda: _part(running, "redis", "ok"), 5)
    finally:
        await asyncio.to_thread(redis.stop)


@pytest.mark.guide("S00", "S02")
async def test_judgments_keep_flowing_while_the_database_is_down(tmp_path: Path, own_postgres: Postgres) -> None:
    async with (
        upstream() as judgment,
        gateway(tmp_path, {"judgment": judgment.port}, database=own_postgres.url) as running,
    ):
        grant = await _grant(running)
        made = await running.client.post(
            "/api/v2/auth/api-keys", json={"name": "a", "role": "responder"}, headers=_with(grant["access_token"])
        )
        key = made.json()["data"]["key"]
        ended = await running.client.post("/api/v2/auth/login", json={"username": "mina", "password": PASSWORD})
        ended_token = ended.json()["data"]["access_token"]
        await running.client.post("/api/v2/auth/logout", headers=_with(ended_token))
        for token in (grant["access_token"], key):
            done = await running.client.post("/api/v2/judgment/execute", json={}, headers=_with(token))
            assert done.status_code == 200
        await asyncio.to_thread(own_postgres.kill)
        await eventually(lambda: _part(running, "database", "down"), 5)
        answer = await running.client.get("/health")
        assert answer.status_code == 503
        assert answer.json()["parts"]["judgment"] == "ok"
        # What is held is older than its five seconds, and the database cannot be asked.
        running.gateway.records.age_memory(record.FRESH_S + 1)
        for token in (running.settings.cli_token, grant["access_token"], key):
            for _ in range(20):
                done = await running.client.post("/api/v2/judgment/execute", json={}, headers=_with(token))
                assert done.status_code == 200, done.text
        known_end = await running.client.post("/api/v2/judgment/execute", json={}, headers=_with(ended_token))
        assert known_end.status_code == 401
        # Nothing is known any more: the signed token is believed for its ten minutes, a key is not.
        running.gateway.records.clear_memory()
        signed = await running.client.post("/api/v2/judgment/execute", json={}, headers=_with(grant["access_token"]))
        assert signed.status_code == 200
        unsigned = await running.client.post("/api/v2/judgment/execute", json={}, headers=_with(key))
        assert (unsigned.status_code, unsigned.json()["type"]) == (503, "urn:judgify:problem:database-unavailable")
        login = await running.client.post("/api/v2/auth/login", json={"username": "mina", "password": PASSWORD})
        assert (login.status_code, login.json()["type"]) == (503, "urn:judgify:problem:database-unavailable")
        assert login.headers["retry-after"] == "1"
        await asyncio.to_thread(own_postgres.start)
        await eventually(lambda: _part(running, "database", "ok"), 20)

        async def signed_in() -> bool:
            body = {"username": "mina", "password": PASSWORD}
            return (await running.client.post("/api/v2/auth/login", json=body)).status_code == 200

        await eventually(signed_in, 20)


async def test_a_frozen_database_does_not_stall_requests(tmp_path: Path, own_postgres: Postgres) -> None:
    async with (
        upstream() as judgment,
        gateway(tmp_path, {"judgment": judgment.port}, database=own_postgres.url) as running,
    ):
        grant = await _grant(running)
        await asyncio.to_thread(own_postgres.freeze)
        try:
            running.gateway.records.age_memory(record.FRESH_S + 1)
            loop = asyncio.get_running_loop()
            started = loop.time()
            for _ in range(20):
                done = await running.client.post(
                    "/api/v2/judgment/execute", json={}, headers=_with(grant["access_token"])
                )
                assert done.status_code == 200
            # One of them waited for the database's second; the others were spared it.
            assert loop.time() - started < 3
            await eventually(lambda: _part(running, "database", "down"), 5)
        finally:
            await asyncio.to_thread(own_postgres.thaw)


@pytest.mark.guide("G07", "S00")
async def test_health_tells_which_part_is_down_within_a_second(tmp_path: Path, postgres_url: str) -> None:
    async with upstream() as judgment, upstream() as action:
        ports = {"judgment": judgment.port, "action": action.port}
        async with gateway(tmp_path, ports, database=postgres_url) as running:
            await until(lambda: running.gateway.health.latest is not None)
            await eventually(lambda: _part(running, "database", "ok"), 5)
            first = await running.client.get("/health")
            assert first.status_code == 200
            assert first.json()["status"] == "degraded"
            assert first.json()["parts"] | {} == {
                "judgment": "ok", "action": "ok", "database": "ok", "redis": "degraded", "workflow": "down",
                "notification": "down", "logging": "down", "dashboard": "down",
            }  # fmt: skip
            direct = await running.client.get("/api/v2/judgment/health")
            assert direct.status_code == 200
            judgment.health = 503
            await eventually(lambda: _part(running, "judgment", "down"), 1.5)
            assert (await running.client.get("/health")).status_code == 503
            failing = await running.client.get("/api/v2/judgment/health")
            assert failing.status_code == 503
            judgment.health = 200
            await judgment.stop()
            assert (await running.client.get("/api/v2/judgment/health")).status_code == 502
            assert (await running.client.get("/api/v2/gateway/health")).status_code == 503
            ready = await running.client.get("/ready")
            assert ready.status_code == 200


@pytest.mark.guide("G12")
async def test_the_traffic_switch_stops_all_but_health_and_lets_go_again(tmp_path: Path) -> None:
    async with upstream() as judgment, gateway(tmp_path, {"judgment": judgment.port}) as running:
        switch = tmp_path / "run" / "traffic.json"

        async def status(path: str = "/api/v2/judgment/executions") -> int:
            return (await running.client.get(path, headers=running.cli)).status_code

        assert await status() == 200
        document = {"blocked": True, "retry_after_s": 120, "reason": "점검", "by": "mina", "since": "x"}
        write_atomic(switch, json.dumps(document).encode())
        await eventually(lambda: _is(status(), 503), 1)
        blocked = await running.client.post("/api/v2/judgment/execute", json={}, headers=running.cli)
        assert blocked.json()["type"] == "urn:judgify:problem:traffic-blocked"
        assert blocked.headers["retry-after"] == "120"
        assert "점검" in blocked.json()["detail"]
        assert await status("/api/v2/auth/me") == 503
        assert await status("/api/v2/judgment/health") == 200
        for path in ("/live", "/ready", "/metrics"):
            assert await status(path) == 200
        metrics = (await running.client.get("/metrics")).text
        assert "judgify_gateway_traffic_blocked 1.0" in metrics
        # A file that cannot be read changes nothing.
        switch.write_text("{")
        await asyncio.sleep(0.3)
        assert await status() == 503
        switch.unlink()
        await eventually(lambda: _is(status(), 200), 1)


async def test_callers_without_a_credential_are_limited_by_address_and_people_by_name(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    async with (
        upstream() as judgment,
        gateway(
            tmp_path,
            {"judgment": judgment.port},
            database=postgres_url,
            redis=redis_url,
            person_rate=2,
            person_burst=5,
            address_rate=0.1,
            address_burst=5,
            trusted_proxies="127.0.0.0/8",
        ) as running,  # fmt: skip
    ):
        grant = await _grant(running, "viewer")
        statuses = [
            (await running.client.get("/api/v2/judgment/executions", headers=_with(grant["access_token"]))).status_code
            for _ in range(10)
        ]
        assert statuses[0] == 200
        assert statuses[-1] == 429
        assert statuses.count(200) <= 7
        # The address counts where the credential is bad; a trusted proxy tells whose it is.
        origin = {"X-Forwarded-For": f"10.1.{postgres_url[-1]}.7"} if postgres_url[-1].isdigit() else {}
        bad = [
            (
                await running.client.get("/api/v2/judgment/executions", headers={**_with("nonsense"), **origin})
            ).status_code
            for _ in range(8)
        ]
        assert bad[0] == 401
        assert bad[-1] == 429
        # Nobody else is touched, and the command line least of all.
        fine = await running.client.get("/api/v2/judgment/executions", headers=running.cli)
        assert fine.status_code == 200
