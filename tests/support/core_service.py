"""Run a service of the platform inside the test, on a real port with a real server, and call it."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from tests.support.stores import Postgres, free_port

from judgify.kit.auth import Principal, mint, service_principal
from judgify.kit.clock import Clock, SystemClock
from judgify.kit.settings import Ports, Settings

SECRET = "service-secret-made-up-for-tests-0123456789"


def settings_for(home: Path, database_url: str, *, ports: dict[str, int] | None = None, **more: Any) -> Settings:
    """Settings of one installation; every port is a free one."""
    environ = {"DATABASE_URL": database_url, "JUDGIFY_SERVICE_SECRET": SECRET}
    return Settings(home=home, ports=Ports(8000, ports or {}), environ=environ, **more)


@asynccontextmanager
async def running(app: Any, port: int | None = None) -> AsyncIterator[str]:
    """Serve an app until the block ends; give its address."""
    chosen = port or free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=chosen, log_config=None, lifespan="on", ws="none",
                       timeout_graceful_shutdown=2)
    )  # fmt: skip
    server.capture_signals = _no_signals  # type: ignore[method-assign]  # signals belong to the test run
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{chosen}"
    finally:
        server.should_exit = True
        await task


def _no_signals() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def caller(base: str, role: str = "service", clock: Clock | None = None) -> httpx.AsyncClient:
    """Give a client that calls with the role, or with no credential for an empty one."""
    who = service_principal("judgment") if role == "service" else Principal("ana", frozenset({role}))
    token = mint(SECRET, who, clock or SystemClock(), ttl_s=600)
    headers = {"Authorization": f"Bearer {token}"} if role else {}
    return httpx.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=10)


async def until(condition: Any, timeout_s: float = 10) -> Any:
    """Ask again and again until the answer is true; give it. Fails after the time is over."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = await condition()
            if found:
                return found
            await asyncio.sleep(0.02)


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """Give a PostgreSQL of this test's own, that it may kill and start."""
    # Not under pytest's tmp_path: another account has to pass through the folders above.
    folder = Path(tempfile.mkdtemp(prefix="judgify-test-pg-"))
    folder.chmod(0o755)
    server = Postgres(folder / "server").create()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
