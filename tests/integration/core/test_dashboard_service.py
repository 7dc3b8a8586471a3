"""The dashboard service in front of the real judgment service, and of ones that fail."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import channel_servers as servers
from tests.support.core_process import CoreProcess, Home
from tests.support.core_service import caller, running, settings_for, until
from tests.support.stores import free_port

from judgify.core.dashboard.app import build
from judgify.kit.clock import SystemClock

URL = "/api/v2/dashboard"
HOSTILE = "<script>alert(1)</script>'\"{{7*7}}"
DOCUMENT: dict[str, Any] = {
    "name": "온도 판정",
    "input_schema": {"type": "object", "properties": {"온도": {"type": "number"}}},
    "tables": [
        {
            "name": "판정",
            "hit_policy": "F",
            "inputs": [{"name": "온도", "type": "number"}],
            "outputs": [{"name": "결과", "type": "string"}],
            "rules": [
                {"id": "과열", "when": {"온도": ">= 90"}, "then": {"결과": "NG"}},
                {"id": "정상", "when": {"온도": "[0..90)"}, "then": {"결과": HOSTILE}},
            ],
        }
    ],
    "result": {"table": "판정", "output": "결과"},
}


@pytest.fixture
def platform(tmp_path: Path, postgres_url: str) -> Iterator[tuple[Home, CoreProcess]]:
    home = Home(tmp_path, postgres_url)
    workflow, judgment = CoreProcess(home, "workflow"), CoreProcess(home, "judgment")
    try:
        workflow.start("/ready")
        judgment.start("/ready")
        with home.client("workflow") as client:
            made = client.post("/api/v2/workflow/workflows", json=DOCUMENT, params={"activate": "true"})
            assert made.status_code == 201, made.text
        yield home, judgment
    finally:
        judgment.stop()
        workflow.stop()


@asynccontextmanager
async def service(tmp_path: Path, port: int, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_for(tmp_path, "postgresql://nowhere/", ports={"judgment": port})
    settings.environ.update(environ)  # type: ignore[attr-defined]  # a plain dict in these tests
    async with running(build(settings, SystemClock())) as base, caller(base, "viewer") as client:
        yield client


def judge(client: httpx.Client, value: Any) -> None:
    answer = client.post("/api/v2/judgment/execute", json={"workflow_name": "온도 판정", "input_data": {"온도": value}})
    assert answer.status_code in {200, 422}, answer.text


@pytest.mark.guide("S06")
async def test_judgments_are_shown_live_as_page_data_and_stream(
    platform: tuple[Home, CoreProcess], tmp_path: Path
) -> None:
    home, process = platform
    environ = {"JUDGIFY_SERVICE_SECRET": home.secret}
    async with service(tmp_path, home.ports["judgment"], **environ) as client:
        client.headers["Authorization"] = f"Bearer {home.token('viewer')}"
        empty = (await client.get(f"{URL}/judgments.json")).json()["data"]
        assert (empty["total"], empty["empty"], empty["not_evaluable_share"]) == (0, True, None)
        page = await client.get(f"{URL}/judgments.html")
        assert "아직 판정이 없습니다" in page.text
        assert "No judgments yet" in (await client.get(f"{URL}/judgments.html", params={"lang": "en"})).text
        with home.client("judgment") as judge_client:
            for value in (95, 20, "hot"):
                judge(judge_client, value)

        async def shown() -> Any:
            data = (await client.get(f"{URL}/judgments.json")).json()["data"]
            return data if data["total"] == 3 else None

        data = await until(shown)
        assert data["by_verdict"] == {"matched": 2, "not_matched": 0, "not_evaluable": 1}
        assert data["by_workflow"][0]["workflow_name"] == "온도 판정"
        assert sum(one["total"] for one in data["per_minute"]) == 3
        assert len(data["latest"]) == 3
        page = await client.get(f"{URL}/judgments", headers={"accept": "text/html", "accept-language": "en-US,ko"})
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert '<b id="total">3</b>' in page.text
        assert "Not evaluable" in page.text
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text
        assert "http://" not in page.text
        assert "https://" not in page.text
        fragment = await client.get(f"{URL}/judgments.html", params={"fragment": "true"})
        assert "<html" not in fragment.text
        assert (await client.get(f"{URL}/judgments")).json()["data"]["total"] == 3
        async with client.stream("GET", f"{URL}/judgments/stream") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            event, body = await next_event(stream.aiter_lines())
            assert (event, body["total"]) == ("board", 3)
        assert (await client.get("/health")).json() == {
            "status": "degraded",  # nothing can be kept: this test's service has no database
            "service": "dashboard",
            "parts": {"judgment": "ok", "database": "down"},
        }
        process.stop()
        await until(lambda: fails(client))


async def next_event(lines: AsyncIterator[str]) -> tuple[str, Any]:
    name = ""
    async for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            return name, json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream ended")


async def fails(client: httpx.AsyncClient) -> bool:
    return (await client.get(f"{URL}/judgments.json")).status_code == 503


async def test_without_the_judgment_service_it_fails_and_says_so_everywhere(tmp_path: Path) -> None:
    async with service(tmp_path, free_port()) as client:
        problem = await client.get(f"{URL}/judgments.json")
        assert problem.status_code == 503
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.json()["type"] == "urn:judgify:problem:dashboard-not-generated"
        assert "retry-after" in problem.headers
        page = await client.get(f"{URL}/judgments.html")
        assert page.status_code == 503
        assert "대시보드를 생성할 수 없습니다" in page.text
        health = await client.get("/api/v2/dashboard/health")
        assert health.status_code == 503
        assert health.json()["parts"] == {"judgment": "down", "database": "down"}
        assert (await client.get("/live")).status_code == 200
        assert (await client.get("/ready")).status_code == 200
        async with client.stream("GET", f"{URL}/judgments/stream") as stream:
            event, body = await next_event(stream.aiter_lines())
            assert (event, body["status"]) == ("problem", 503)
        metrics = (await client.get("/metrics")).text
    assert 'dashboard_generations_total{dashboard="judgments",result="ok"} 0.0' in metrics
    failed = [line for line in metrics.splitlines() if 'result="unavailable"' in line]
    assert float(failed[0].rsplit(" ", 1)[1]) >= 1
    assert 'dashboard_generation_time_bucket{dashboard="judgments"' in metrics


@pytest.mark.parametrize("body", [b'{"data": {"total": "many"}}', b'{"data": [1]}', b"nonsense", b'{"data": null}'])
async def test_an_answer_that_cannot_be_read_is_a_failure_too(body: bytes, tmp_path: Path) -> None:
    async with servers.serving(servers.Web(body=body)) as port, service(tmp_path, port) as client:
        answer = await client.get(f"{URL}/judgments.json")
        metrics = (await client.get("/metrics")).text
    assert answer.status_code == 503
    assert "cannot be read" in answer.json()["detail"]
    assert 'dashboard_generations_total{dashboard="judgments",result="unreadable"} 1.0' in metrics


async def test_who_may_what(tmp_path: Path, postgres_url: str) -> None:
    async with service(tmp_path, free_port(), DATABASE_URL=postgres_url) as client:
        base = str(client.base_url)
        async with caller(base, "") as other:
            for path in ("dashboards", "judgments", "judgments.html", "judgments.json", "judgments/stream"):
                assert (await other.get(f"{URL}/{path}")).status_code == 401

        async def listed() -> Any:
            answer = await client.get(f"{URL}/dashboards")
            return answer.json()["data"] if answer.status_code == 200 else None

        [entry] = await until(listed)
        assert entry["title"] == {"ko": "판정 현황", "en": "Judgments"}
        for query in ("minutes=0", "minutes=x", "lang=fr", "minutes=99999"):
            assert (await client.get(f"{URL}/judgments.html?{query}")).status_code == 422
