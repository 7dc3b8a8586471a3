"""Services of the platform as real processes on free ports, killed and started again at will."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from tests.support.stores import free_port

from judgify.kit import auth
from judgify.kit.clock import SystemClock
from judgify.kit.secrets import NAMES, ensure_secret

SOURCE = Path(__file__).parents[2] / "src"
_START_S = 30.0
_NAMES = ("gateway", "workflow", "judgment", "action", "notification", "logging", "dashboard", "response")
_PACKAGES = {"logging": "judgify.core.logbook"}


class Home:
    """A state folder with its secrets and a set of free ports; the environment of every process in it."""

    def __init__(self, folder: Path, database_url: str, **variables: str) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in _NAMES}
        for name in NAMES:
            ensure_secret(folder, name)
        self.secret = (folder / "secrets" / "service_secret").read_text().strip()
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("JUDGIFY_", "OPENAI_"))},
            "PYTHONPATH": str(SOURCE),
            "JUDGIFY_HOME": str(folder),
            "DATABASE_URL": database_url,
            "JUDGIFY_HOST_TELEMETRY": "false",
            **{f"JUDGIFY_PORT_{name.upper()}": str(port) for name, port in self.ports.items()},
            **variables,
        }

    def token(self, role: str = "admin", subject: str = "kim") -> str:
        """Give a token as the gateway mints it for a signed-in person; role `service` is one of our own processes."""
        kind = auth.service_principal("test") if role == "service" else auth.Principal(subject, frozenset({role}))
        return auth.mint(self.secret, kind, SystemClock(), ttl_s=3600)

    def client(self, service: str, role: str = "admin", timeout_s: float = 20) -> httpx.Client:
        """Give a client of one service with a token of that role."""
        headers = {"Authorization": f"Bearer {self.token(role)}"}
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.ports[service]}", headers=headers, timeout=timeout_s, trust_env=False
        )


class CoreProcess:
    """One service of the platform as its own process."""

    def __init__(self, home: Home, name: str) -> None:
        self.home = home
        self.name = name
        self.log = home.folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.home.ports[self.name]}"

    def start(self, path: str = "/live") -> "CoreProcess":
        """Start it and wait until `path` answers 200."""
        package = _PACKAGES.get(self.name, f"judgify.core.{self.name}")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", package], env=self.home.environ, stdout=log, stderr=log, start_new_session=True
            )
        self.wait_for(path)
        return self

    def wait_for(self, path: str = "/ready", status: int = 200) -> dict[str, Any]:
        """Wait until a path answers with a status, and give its body."""
        deadline = time.monotonic() + _START_S
        last: object = None
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
            try:
                answer = httpx.get(self.url + path, timeout=3, trust_env=False)
            except httpx.HTTPError as error:
                last = error
            else:
                if answer.status_code == status:
                    found: dict[str, Any] = answer.json()
                    return found
                last = answer.text
            time.sleep(0.05)
        raise AssertionError(f"{self.name}{path} never answered {status}: {last}\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """End it as `kill -9` does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """Ask it to end, and wait; one that does not end in time is killed, and that is a failure."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end:\n{self.log.read_text()[-3000:]}") from None
