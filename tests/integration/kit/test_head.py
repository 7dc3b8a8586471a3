"""HEAD on a real server: the head of what GET answers, no body, and no stream that runs on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.responses import StreamingResponse
from tests.support.core_service import running, settings_for

from judgify.kit.clock import SystemClock
from judgify.kit.head import HeadMiddleware
from judgify.kit.metrics import Metrics
from judgify.kit.web import Health, ServiceSpec, create_app


def app(home: Path, ended: asyncio.Event) -> Any:
    async def health() -> Health:
        return Health("ok")

    async def ready() -> bool:
        return True

    made = create_app(ServiceSpec("action", settings_for(home, ""), SystemClock(), Metrics("action"), health, ready))

    @made.get("/thing")
    async def thing() -> dict[str, str]:
        return {"a": "b"}

    @made.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(0.01)
            finally:
                ended.set()

        return StreamingResponse(parts())

    @made.post("/only-post")
    async def only_post() -> None:
        return None

    return made


async def test_head_answers_as_get_does_without_a_body(tmp_path: Path) -> None:
    ended = asyncio.Event()
    async with running(app(tmp_path, ended)) as base, httpx.AsyncClient(base_url=base, trust_env=False) as client:
        for path, status in (("/thing", 200), ("/live", 200), ("/health", 200), ("/none", 404), ("/only-post", 405)):
            head, get = await client.head(path), await client.get(path)
            assert (head.status_code, head.content) == (status, b""), path
            assert head.headers["content-type"] == get.headers["content-type"]
            assert head.headers["content-length"] == get.headers["content-length"]
        assert (await client.head("/stream")).status_code == 200
        async with asyncio.timeout(5):
            await ended.wait()
        metrics = (await client.get("/metrics")).text
    assert 'http_requests_total{job="action-service",method="HEAD",route="/thing",status="200"} 1.0' in metrics


async def test_a_fault_before_the_head_is_not_hidden() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        del scope, send
        await receive()
        raise OSError("disk")

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(_: Any) -> None:
        raise AssertionError("nothing is sent")

    with pytest.raises(OSError, match="disk"):
        await HeadMiddleware(broken)({"type": "http", "method": "HEAD"}, receive, send)
