"""The gateway as its own process: metrics, logs without a secret, and an end that finishes what runs."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from tests.support.gateway import environment, eventually, make_home, until
from tests.support.stores import free_port
from tests.support.upstream import Heard, echo, upstream

from judgify.kit.secrets import read_secret


async def _answers(port: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/ready")).status_code == 200
        except httpx.TransportError:
            return False


async def _refuses(port: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            await client.get(f"http://127.0.0.1:{port}/live")
        except httpx.TransportError:
            return True
    return False


@asynccontextmanager
async def _process(
    home: Path, ports: dict[str, int], database: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int, Path]]:
    port = free_port()
    env = {**os.environ, **environment(make_home(home), ports, database=database), "JUDGIFY_PORT_GATEWAY": str(port)}
    log = home / "gateway.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "judgify.core.gateway", env=env, stdout=file, stderr=file
        )
    try:
        await eventually(lambda: _answers(port), 20)
        yield process, port, log
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_no_secret_reaches_a_log_an_answer_or_a_metric(tmp_path: Path, postgres_url: str) -> None:
    canary = "canary-4f7a9c-sentence"
    async with upstream() as judgment, _process(tmp_path, {"judgment": judgment.port}, postgres_url) as (_, port, log):
        cli = read_secret(tmp_path, "cli_token")
        seen: list[str] = []
        secrets = [canary, cli, *(read_secret(tmp_path, name) for name in ("jwt_secret", "service_secret"))]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            headers = {"Authorization": f"Bearer {cli}"}
            body = {"username": "mina", "password": canary, "role": "viewer"}

            async def added() -> bool:
                answer = await client.post("/api/v2/auth/users", json=body, headers=headers)
                seen.append(answer.text)
                return answer.status_code == 201

            await eventually(added, 20)
            grant = (await client.post("/api/v2/auth/login", json={"username": "mina", "password": canary})).json()
            secrets += [grant["data"]["access_token"], grant["data"]["refresh_token"]]
            key = await client.post("/api/v2/auth/api-keys", json={"name": "a"}, headers=headers)
            secrets.append(key.json()["data"]["key"])
            for request in (
                {"url": "/api/v2/auth/login", "json": {"username": canary, "password": canary}},
                {"url": "/api/v2/auth/login", "json": {"username": "mina", "password": canary + "x"}},
                {"url": "/api/v2/auth/login", "json": {"username": "mina", "password": [canary]}},
                {"url": f"/api/v2/judgment/execute?token={canary}", "json": {"a": canary}, "headers": headers},
                {"url": "/api/v2/auth/refresh", "json": {"refresh_token": secrets[-2]}},
                {"url": "/api/v2/judgment/execute", "headers": {"Authorization": f"Bearer {canary}"}},
                {"url": "/api/v2/judgment/execute", "headers": {"X-API-Key": secrets[-1] + "x"}},
                {"url": f"/api/v2/judgment/{secrets[-1]}", "headers": headers},
            ):
                answer = await client.post(**request)  # type: ignore[arg-type]
                assert answer.status_code in {200, 401, 403, 422}, answer.text
                if answer.status_code != 200:
                    seen.append(answer.text)
            seen.append((await client.get("/metrics")).text)
        await until(lambda: '"route":"/api/v2/judgment/*"' in log.read_text())  # written in batches
        text = log.read_text()
        for secret in secrets:
            assert secret not in text
            for answer_text in seen:
                assert secret not in answer_text
        lines = [json.loads(line) for line in text.splitlines()]
        requests = [line for line in lines if line["message"] == "request"]
        assert all(line["request_id"].startswith("req_") for line in requests)
        assert {line["subject"] for line in requests} >= {"cli", "mina", None}


async def test_terminating_finishes_what_runs_and_takes_nothing_new(tmp_path: Path, postgres_url: str) -> None:
    release = asyncio.Event()

    async def slow(heard: Heard, writer: asyncio.StreamWriter) -> bool:
        await release.wait()
        return await echo(heard, writer)

    async with upstream(slow) as judgment:
        async with _process(tmp_path, {"judgment": judgment.port}, postgres_url) as (process, port, log):
            headers = {"Authorization": f"Bearer {read_secret(tmp_path, 'cli_token')}"}
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                running = asyncio.create_task(client.post("/api/v2/judgment/execute", json={}, headers=headers))
                await until(lambda: bool(judgment.heard))
                process.send_signal(signal.SIGTERM)
                await eventually(lambda: _refuses(port), 5)
                release.set()
                assert (await running).status_code == 200
            async with asyncio.timeout(5):
                assert await process.wait() in {0, -signal.SIGTERM}
        assert '"/api/v2/judgment/execute"' in log.read_text()


async def test_metrics_have_closed_labels(tmp_path: Path, postgres_url: str) -> None:
    async with upstream() as judgment, _process(tmp_path, {"judgment": judgment.port}, postgres_url) as (_, port, __):
        headers = {"Authorization": f"Bearer {read_secret(tmp_path, 'cli_token')}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for number in range(20):
                await client.get(f"/api/v2/judgment/thing-{number}", headers=headers)
                await client.get(f"/nowhere-{number}")
                await client.request(f"ODD{number}", "/api/v2/judgment/x", headers=headers)
            await client.post("/api/v2/judgment/execute", json={}, headers=headers)
            text = (await client.get("/metrics")).text
    wanted = 'http_requests_total{job="api-gateway-service",method="GET",route="/api/v2/judgment/*",status="200"} 20.0'
    assert wanted in text
    assert 'route="/api/v2/judgment/execute",status="200"} 1.0' in text
    assert 'route="unmatched",status="404"} 20.0' in text
    assert "thing-" not in text
    assert "ODD" not in text
    for name in (
        "http_request_duration_seconds_bucket", "api_request_queue_depth", "judgify_active_users",
        "user_session_duration_bucket", "database_connection_pool_usage",
    ):  # fmt: skip
        assert name in text, name
