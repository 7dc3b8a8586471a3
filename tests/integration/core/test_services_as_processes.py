"""Action, notification, logging and dashboard as the supervisor starts them: own processes, no database yet."""

import signal
from pathlib import Path

import httpx
import pytest
from tests.support.core_process import CoreProcess, Home
from tests.support.stores import free_port


@pytest.mark.parametrize("name", ["action", "notification", "logging", "dashboard"])
def test_it_starts_without_what_it_needs_says_so_and_ends_when_asked(name: str, tmp_path: Path) -> None:
    home = Home(tmp_path, f"postgresql://judgify:x@127.0.0.1:{free_port()}/judgify")
    process = CoreProcess(home, name).start()
    try:
        with home.client(name) as client:
            health = client.get(f"/api/v2/{name}/health")
            assert health.status_code == 503
            assert health.json()["status"] == "down"
            assert client.get("/metrics").status_code == 200
        assert httpx.get(f"{process.url}/api/v2/{name}/anything", trust_env=False).status_code == 404
        assert process.process is not None
        process.process.send_signal(signal.SIGTERM)
        process.process.wait(10)
        assert process.process.returncode in {0, -signal.SIGTERM}
    finally:
        process.stop()
    text = process.log.read_text("utf-8")
    assert "Traceback" not in text
    assert home.secret not in text
