"""The scripted model endpoint as its own process, on a free port, switched over HTTP."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tests.support.core_process import SOURCE
from tests.support.stores import free_port


class ModelEndpoint:
    """One scripted endpoint."""

    def __init__(self, *, key: str | None = None) -> None:
        self.port = free_port()
        self.key = key
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What `OPENAI_BASE_URL` is set to."""
        return f"http://127.0.0.1:{self.port}/v1"

    def environ(self, **more: str) -> dict[str, str]:
        """Give the variables that point a judging service at it."""
        return {
            "ENABLE_LLM_ENGINE": "true",
            "OPENAI_BASE_URL": self.url,
            "JUDGIFY_LLM_MODEL": "scripted",
            "JUDGIFY_EGRESS_ALLOW": f"127.0.0.1:{self.port}",
            **({"OPENAI_API_KEY": self.key} if self.key else {}),
            **more,
        }

    def start(self) -> "ModelEndpoint":
        """Start it, and wait until it answers."""
        arguments = ["--port", str(self.port), *(["--key", self.key] if self.key else [])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "judgify.drill.model_server", *arguments], env={"PYTHONPATH": str(SOURCE)}
        )
        transport = httpx.HTTPTransport(retries=20)  # a refused connection is tried again, ever more slowly
        with httpx.Client(transport=transport, trust_env=False) as client:
            assert client.get(f"http://127.0.0.1:{self.port}/control").status_code == 200
        return self

    def stop(self) -> None:
        """End it as `kill -9` does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def switch(self, mode: str, **more: Any) -> None:
        """Make it behave in another way."""
        body = {"mode": mode, **more}
        answer = httpx.post(f"http://127.0.0.1:{self.port}/control", json=body, trust_env=False)
        assert answer.status_code == 200, answer.text

    def state(self) -> dict[str, Any]:
        """Give what it was asked so far."""
        found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.port}/control", trust_env=False).json()
        return found


@contextmanager
def model_endpoint(*, key: str | None = None) -> Iterator[ModelEndpoint]:
    """Run an endpoint until the block ends."""
    endpoint = ModelEndpoint(key=key)
    try:
        yield endpoint.start()
    finally:
        endpoint.stop()
