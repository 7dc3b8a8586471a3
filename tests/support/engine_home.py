"""The response engine with its console as a real process, under a real supervisor without units, on free ports."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from tests.support.supervised import supervised

from judgify.kit.clock import SystemClock
from judgify.kit.secrets import NAMES, ensure_secret, read_secret
from judgify.response.ports import Tx
from judgify.response.stores.sqlite import SqliteStore

CLOCK = SystemClock()
SOURCE = Path(__file__).parents[2] / "src"
START_S = 30.0


class EngineHome:
    """A running engine and what a test needs to reach it."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = environ
        self.url = f"http://127.0.0.1:{int(environ['JUDGIFY_PORT_BASE']) + 10}"
        self.process: subprocess.Popen[bytes] | None = None
        for name in NAMES:
            ensure_secret(folder, name)
        token = read_secret(folder, "cli_token")
        headers = {"Authorization": f"Bearer {token}", "X-Judgify-OS-User": "tester"}
        self.api = httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def start(self) -> None:
        """Start the engine and wait until it is ready."""
        with (self.folder / "engine.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "judgify.console"], env=self.environ, stdout=log, stderr=log
            )
        self.until(lambda: self.answers("/ready"), START_S)

    def answers(self, path: str) -> bool:
        """Tell whether a path answers 200."""
        try:
            return self.api.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """End the engine."""
        self.api.close()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def until(self, condition: Any, within_s: float = 20.0) -> Any:
        """Wait until a condition gives something, and give it."""
        deadline = CLOCK.monotonic() + within_s
        while True:
            found = condition()
            if found:
                return found
            assert CLOCK.monotonic() < deadline, (self.folder / "engine.log").read_text()[-3000:]
            asyncio.run(CLOCK.sleep(0.05))

    def post(self, path: str, **body: Any) -> Any:
        """Post JSON as the command line does, and give the answer's data."""
        answer = self.api.post(f"/api/v2/response{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def get(self, path: str) -> Any:
        """Get data as the command line does."""
        answer = self.api.get(f"/api/v2/response{path}")
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def user(self, name: str, role: str) -> str:
        """Make a user; give a fresh single-use sign-in address."""
        self.post("/users", name=name, role=role)
        return str(self.post("/login-links", user=name)["url"])


@contextmanager
def engine_home(
    seed: Callable[[Tx], None] | None = None, more: Mapping[str, str] | None = None
) -> Iterator[EngineHome]:
    """Run an engine in a folder of its own, on a store that `seed` has written to; nothing is left afterwards.

    `more` are further variables of its environment.
    """
    with asyncio.Runner() as runner:
        around = supervised()
        home = runner.run(around.__aenter__())
        environ = {**os.environ, **home.environ, "PYTHONPATH": str(SOURCE), **(more or {})}
        engine = EngineHome(home.path, environ)
        try:
            if seed is not None:
                runner.run(_seed(home.path, seed))
            engine.start()
            yield engine
        finally:
            engine.stop()
            runner.run(around.__aexit__(None, None, None))


async def _seed(folder: Path, seed: Callable[[Tx], None]) -> None:
    (folder / "response").mkdir(mode=0o700, exist_ok=True)
    store = SqliteStore(folder / "response" / "response.db")
    await store.open()
    try:
        await store.write(seed)
    finally:
        await store.close()
