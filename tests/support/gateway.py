"""A gateway for tests: the real app behind the real server on a free port, with a home of its own.

It runs on uvloop in a thread of its own, as the service does: uvloop's transports differ from asyncio's.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from tests.support.stores import free_port

from judgify.core.gateway.app import Gateway
from judgify.core.gateway.protocol import StrictProtocol
from judgify.kit.clock import SystemClock
from judgify.kit.secrets import NAMES, ensure_secret
from judgify.kit.settings import Settings

T = TypeVar("T")
WAYS = ("common", "fast")
"""The two ways that a request can go through the gateway; both must do the same."""


@dataclass
class Running:
    """A gateway that serves."""

    gateway: Gateway
    settings: Settings
    port: int
    client: httpx.AsyncClient
    loop: asyncio.AbstractEventLoop

    async def inside(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a piece of work on the gateway's own loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    async def warm(self, *names: str, connections: int = 1) -> None:
        """Have the fast lane open connections, and know the command line's token."""
        lane = self.gateway.lane

        async def open_one(name: str) -> None:
            lane.open_ahead(name)

        for name in names:
            while lane.free(name) < connections:
                have = lane.free(name)
                await self.inside(open_one(name))
                await until(lambda have=have, name=name: lane.free(name) > have)  # type: ignore[misc]
        assert (await self.client.get("/api/v2/auth/me", headers=self.cli)).status_code == 200

    @property
    def cli(self) -> dict[str, str]:
        """Headers of the command line."""
        return {"Authorization": f"Bearer {self.settings.cli_token}"}

    async def raw(self, data: bytes, *, wait_s: float = 5) -> bytes:
        """Send bytes and give all that comes back until the gateway closes or falls silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        await writer.drain()
        answer = b""
        try:
            async with asyncio.timeout(wait_s):
                while part := await reader.read(65536):
                    answer += part
                    if b"connection: close" not in answer.lower() and _whole(answer):
                        break
        except TimeoutError:
            pass
        finally:
            writer.close()
        return answer


def _whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False


def make_home(folder: Path) -> Path:
    """Make a state folder with its secrets."""
    for name in NAMES:
        ensure_secret(folder, name)
    (folder / "run").mkdir(exist_ok=True)
    return folder


def environment(
    home: Path, ports: Mapping[str, int], *, database: str | None = None, redis: str | None = None, **extra: Any
) -> dict[str, str]:
    """Give the environment of a gateway whose upstreams listen on the given ports; the others refuse."""
    closed = free_port()
    env = {"JUDGIFY_HOME": str(home), "DATABASE_URL": database or f"postgresql://x:x@127.0.0.1:{closed}/x"}
    names = ("workflow", "judgment", "action", "notification", "logging", "dashboard")
    env |= {f"JUDGIFY_PORT_{name.upper()}": str(ports.get(name, closed)) for name in names}
    env |= {"REDIS_URL": redis} if redis else {"REDIS_ENABLED": "false"}
    return env | {f"JUDGIFY_GATEWAY_{name.upper()}": str(value) for name, value in extra.items()}


@asynccontextmanager
async def gateway(
    home: Path,
    ports: Mapping[str, int],
    *,
    database: str | None = None,
    redis: str | None = None,
    way: str = "common",
    **extra: Any,
) -> AsyncIterator[Running]:
    """Serve a gateway; `extra` are its JUDGIFY_GATEWAY_ variables in lower case.

    Only with `way="fast"` it has its fast lane; `Running.warm` opens the lane's connections ahead.
    """
    settings = Settings.from_env(environment(make_home(home), ports, database=database, redis=redis, **extra))
    app = Gateway(settings, SystemClock())
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            loops.append(asyncio.get_running_loop())
        await app(scope, receive, send)

    if way == "fast":
        serve.lane = app.lane  # type: ignore[attr-defined]  # where the protocol looks for it
    config = uvicorn.Config(
        serve, loop="uvloop", http=StrictProtocol, ws="none", lifespan="on", access_log=False, log_config=None,
        proxy_headers=False, server_header=False, date_header=False, timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="gateway")
    thread.start()
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20)
    try:
        await until(lambda: server.started)
        if database is not None:
            await until(app.database.opened.is_set, 20)
        yield Running(app, settings, port, client, loops[0])
    finally:
        await client.aclose()
        server.should_exit = True
        await asyncio.to_thread(thread.join)


async def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    """Return once a condition holds; fail when it does not come to hold in time."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is watched has no event of its own
            await asyncio.sleep(0.01)


async def eventually(condition: Callable[[], Awaitable[bool]], timeout_s: float = 10) -> None:
    """Ask again and again until the answer is yes; fail when it does not come in time."""
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - what is asked is another process
            await asyncio.sleep(0.02)
