"""A whole installation for tests: `judgify up` in a folder and on ports of its own, ended with `judgify down`."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from judgify.kit.settings import Settings

ROOT = Path(__file__).parents[2]
_STRANGERS = ("DATABASE_URL", "REDIS_URL", "REDIS_ENABLED", "JWT_SECRET", "ENABLE_LLM_ENGINE", "POSTGRES_READ_ONLY")


class Installation:
    """State folder, ports and environment of one installation, and the command line in it."""

    def __init__(self, **variables: str) -> None:
        # Not under pytest's tmp_path: the account that PostgreSQL runs as has to pass through the folders above.
        self.home = Path(tempfile.mkdtemp(prefix="judgify-test-home-"))
        self.home.chmod(0o755)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("JUDGIFY_", "OPENAI_")) and name not in _STRANGERS
        }
        self.environ = {
            **kept,
            "PYTHONPATH": str(ROOT / "src"),
            "JUDGIFY_HOME": str(self.home),
            "JUDGIFY_PORT_BASE": str(_free_base()),
            **variables,
        }
        self.settings = Settings.from_env(self.environ)

    def run(self, *words: str, timeout_s: float = 120, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `judgify WORDS` and give what came of it, whatever the exit code."""
        return subprocess.run(
            [sys.executable, "-m", "judgify.cli", *words],
            env=self.environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            input=stdin,
        )

    def ok(self, *words: str, timeout_s: float = 120, stdin: str | None = None) -> str:
        """Run `judgify WORDS`, demand exit code 0, give standard output."""
        done = self.run(*words, timeout_s=timeout_s, stdin=stdin)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def json(self, *words: str, timeout_s: float = 120) -> Any:
        """Run `judgify WORDS --json`, demand exit code 0, give the document."""
        return json.loads(self.ok(*words, "--json", timeout_s=timeout_s))

    def call(
        self, method: str, path: str, *, to: str = "gateway", token: bool = True, **options: Any
    ) -> httpx.Response:
        """Speak HTTP with a part, with the command line's token unless told not to."""
        headers = {**({"Authorization": f"Bearer {self.settings.cli_token}"} if token else {})}
        headers |= options.pop("headers", {})
        return httpx.request(method, self.settings.url(to) + path, headers=headers, timeout=30, **options)

    def pids(self) -> dict[str, int]:
        """Give the process id of every unit that runs."""
        return {unit["name"]: int(unit["pid"]) for unit in self.json("status")["units"] if unit["pid"]}

    def remove(self) -> None:
        """Stop everything and remove the folder; fails when something would not end."""
        down = self.run("down")
        shutil.rmtree(self.home, ignore_errors=True)
        assert down.returncode == 0, down.stdout + down.stderr


def until(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Ask again and again until the condition gives something true, and give that; fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(0.1)


def _free_base() -> int:
    """Give a base of which all ports that an installation uses are free."""
    for base in range(26_000 + (os.getpid() % 40) * 100, 32_000, 100):
        if all(_is_free(port) for port in Settings.from_env({"JUDGIFY_PORT_BASE": str(base)}).ports.all().values()):
            return base
    raise AssertionError("no free range of ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
