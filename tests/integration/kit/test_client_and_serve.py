import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.stores import free_port, wait_for_port

from judgify.kit.auth import service_principal
from judgify.kit.client import ServiceClient
from judgify.kit.clock import SystemClock
from judgify.kit.errors import Malformed, NotFound, Unauthenticated, Unavailable

SECRET = "a-secret-of-at-least-thirty-two-bytes"
PROGRAM = """
from judgify.kit.clock import SystemClock
from judgify.kit.metrics import Metrics
from judgify.kit.serve import run
from judgify.kit.settings import Settings
from judgify.kit.web import Caller, Health, ServiceSpec, answer, create_app

settings, clock = Settings.from_env(), SystemClock()
async def health(): return Health("ok")
async def ready(): return True
app = create_app(ServiceSpec("judgment", settings, clock, Metrics("judgment"), health, ready))
@app.get("/who")
async def who(caller: Caller): return answer({"subject": caller.subject}, clock)
@app.post("/echo")
async def echo(body: dict[str, int], caller: Caller): return answer(body, clock)
@app.get("/slow")
async def slow():
    print("slow has begun", flush=True)
    await clock.sleep(0.5)
    return answer("finished", clock)
@app.get("/loud")
async def loud():
    raise RuntimeError("password=c4n4ry-value")
run(app, settings, "judgment")
"""


class Service:
    """A service process on a free port."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.port = free_port()
        self.log = folder / f"{self.port}.log"
        env = {**os.environ, "JUDGIFY_PORT_JUDGMENT": str(self.port), "JUDGIFY_SERVICE_SECRET": SECRET, **more}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=env, stdout=log, stderr=log)
        wait_for_port(self.port, self.process, self.log)

    def client(self, timeout_s: float = 5) -> ServiceClient:
        return ServiceClient(
            f"http://127.0.0.1:{self.port}",
            clock=SystemClock(),
            secret=SECRET,
            principal=service_principal("test"),
            timeout_s=timeout_s,
        )

    def end(self) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
        return self.process.wait(15)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    started = Service(tmp_path)
    yield started
    started.end()


async def test_a_service_answers_its_client_and_raises_the_error_it_was(service: Service) -> None:
    async with service.client() as client:
        assert await client.get("/who", nothing=None) == {"subject": "service:test"}
        assert await client.post("/echo", {"n": 1}) == {"n": 1}
        with pytest.raises(NotFound):
            await client.get("/nothing")
        with pytest.raises(Malformed):
            await client.request("POST", "/echo", content=b"{", headers={"content-type": "application/json"})
    async with ServiceClient(f"http://127.0.0.1:{service.port}", clock=SystemClock(), token="wrong") as client:
        with pytest.raises(Unauthenticated):
            await client.get("/who")


async def test_no_answer_is_unavailable(service: Service) -> None:
    async with ServiceClient(f"http://127.0.0.1:{free_port()}", clock=SystemClock()) as client:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await client.get("/live")
    async with service.client(timeout_s=0.05) as client:
        with pytest.raises(Unavailable, match="in time"):
            await client.get("/slow")


async def test_the_log_is_json_with_the_request_id_and_without_the_secret(service: Service) -> None:
    async with service.client() as client:
        response = await client.raw("GET", "/loud", headers={"X-Request-ID": "find-me"})
    assert response.status_code == 500
    assert service.end() == 0
    text = service.log.read_text()
    assert '"request_id": "find-me"' in text
    assert '"service": "judgment"' in text
    assert "c4n4ry" not in text


async def test_a_running_request_is_finished_before_the_service_ends(service: Service) -> None:
    import asyncio

    async with service.client() as client:
        running = asyncio.create_task(client.get("/slow"))
        while b"slow has begun" not in service.log.read_bytes():  # noqa: ASYNC110 - the other process's log
            await asyncio.sleep(0.01)
        os.kill(service.process.pid, signal.SIGTERM)
        assert await running == "finished"
    assert service.process.wait(15) == 0


def test_two_processes_share_a_port_only_when_told_to(tmp_path: Path) -> None:
    first = Service(tmp_path, JUDGIFY_REUSE_PORT="1")
    try:
        _share(first)
    finally:
        first.end()


def _share(first: Service) -> None:
    env = {**os.environ, "JUDGIFY_PORT_JUDGMENT": str(first.port), "JUDGIFY_SERVICE_SECRET": SECRET}
    refused = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, check=False, timeout=30)
    assert refused.returncode != 0
    second = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**env, "JUDGIFY_REUSE_PORT": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert first.end() == 0
        wait_for_port(first.port, second, first.log)
    finally:
        os.kill(second.pid, signal.SIGTERM)
        assert second.wait(15) == 0
