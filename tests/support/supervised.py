"""A real supervisor process for a fresh home, and units for it that are real programs."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.support.stores import free_base, free_port

from judgify.kit.clock import SystemClock
from judgify.kit.supervisor_client import SupervisorClient
from judgify.kit.supervisor_launch import launch
from judgify.kit.supervisor_types import Change, UnitSpec
from judgify.supervisor import sweep

PROGRAM = Path(__file__).with_name("unit_program.py")
CLOCK = SystemClock()


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = 10.0) -> float:
    """Wait for a condition; give how long it took."""
    began = CLOCK.monotonic()
    while not await condition():
        waited = CLOCK.monotonic() - began
        assert waited < within_s, f"not within {within_s} s"
        await CLOCK.sleep(0.01)
    return CLOCK.monotonic() - began


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@dataclass
class Home:
    """One installation in a folder of its own, short enough for a socket, open enough for another account."""

    path: Path
    environ: dict[str, str]
    client: SupervisorClient
    process: "Popen[bytes] | None" = None
    specs: dict[str, UnitSpec] = field(default_factory=dict)

    async def open(self) -> None:
        self.process = launch(self.path, self.environ)
        await until(self.client.alive, 20)

    def kill_supervisor(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    async def define(self, name: str = "web", release: str = "1.0", **more: Any) -> UnitSpec:
        known = self.specs.get(name)
        port = (known.port if known is not None else None) or free_port()
        values: dict[str, Any] = {
            "name": name,
            "command": [sys.executable, "-S", "-E", str(PROGRAM), str(port), release],
            "release": release,
            "port": port,
            "probe": {
                "kind": "http",
                "live_url": f"http://127.0.0.1:{port}/live",
                "ready_url": f"http://127.0.0.1:{port}/ready",
            },
            "stop_timeout_s": 5,
            **more,
        }
        spec = UnitSpec.model_validate(values)
        self.specs[name] = spec
        await self.client.define(spec, reason="test", restart=True, wait_s=15)
        return spec

    async def started(self, name: str = "web", **more: Any) -> Change:
        await self.define(name, **more)
        change = await self.client.start(name, reason="test", wait_s=15)
        assert change.healthy, await self.client.logs(name)
        return change

    async def kinds(self, name: str = "web") -> list[str]:
        return [event.kind for event in await self.client.events(limit=1000) if event.unit == name]

    async def answer(self, name: str = "web", path: str = "/") -> dict[str, Any]:
        port = self.specs[name].port

        def ask() -> dict[str, Any]:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
                document: dict[str, Any] = json.load(response)
                return document

        return await asyncio.to_thread(ask)


def new_home() -> Path:
    """A folder with a short path that other accounts may pass through; pytest's own folders are closed to them."""
    path = Path(tempfile.mkdtemp(prefix="jdg", dir="/tmp"))
    path.chmod(0o755)
    return path


@asynccontextmanager
async def supervised(units: str = "none", **more: str) -> AsyncIterator[Home]:
    path = new_home()
    base = more.pop("JUDGIFY_PORT_BASE", None) or str(free_base())
    environ = {**os.environ, "JUDGIFY_HOME": str(path), "JUDGIFY_UNITS": units, "JUDGIFY_PORT_BASE": base, **more}
    home = Home(path, environ, SupervisorClient(path, clock=CLOCK, by="test"))
    try:
        await home.open()
        yield home
    finally:
        with contextlib.suppress(Exception):
            await home.client.shutdown()
        await home.client.close()
        left = await asyncio.to_thread(sweep.end, path)
        if home.process is not None:
            home.process.wait(10)
        shutil.rmtree(path, ignore_errors=True)
        assert left == {}
