"""The engine as a real process beside a real platform: a real fault, kill -9 of the engine in the middle of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.support.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
P = "/api/v2/response"
CANARY = "canary-5f1e0c9ab7"


@pytest.fixture(scope="module")
def place() -> Iterator[Installation]:
    made = Installation(OPENAI_API_KEY=f"sk-{CANARY}")
    try:
        made.ok("up", "--detach")
        yield made
    finally:
        made.remove()


def until(what: str, look: Callable[[], Any], within_s: float = 60) -> Any:
    """Ask until the answer is true; fails with the last answer."""
    end = time.monotonic() + within_s
    found: Any = None
    while time.monotonic() < end:
        try:
            found = look()
        except httpx.TransportError as error:
            found = error
        else:
            if found:
                return found
        time.sleep(0.05)
    pytest.fail(f"{what}: not within {within_s} s; last seen {found!r}")


def data(place: Installation, path: str, **options: Any) -> Any:
    answer = place.call("GET", P + path, to="response", **options)
    return answer.json()["data"] if answer.status_code == 200 else None


def test_a_real_fault_travels_to_documents_over_the_death_of_the_engine(place: Installation) -> None:
    fault = place.call(
        "POST", f"{P}/drills", to="response", json={"id": "d1", "scenario": "s", "services": ["judgment"]}
    )
    assert fault.status_code == 201
    pids = place.pids()
    os.kill(pids["judgment"], signal.SIGKILL)
    killed_at = time.monotonic()
    opened = until("an incident", lambda: data(place, "/incidents?drill=d1"), 10)
    assert time.monotonic() - killed_at < 5
    incident_id = opened[0]["id"]
    os.kill(pids["response"], signal.SIGKILL)
    until("the engine again", lambda: place.call("GET", "/ready", to="response", token=False).status_code == 200, 30)
    again = data(place, f"/incidents/{incident_id}")
    assert again["id"] == incident_id
    acked = place.json("incident", "ack", incident_id)
    assert acked["acknowledged_by"].startswith("cli (OS user ")
    until("recovery", lambda: data(place, f"/incidents/{incident_id}")["state"] == "recovered", 60)
    shown = data(place, f"/incidents/{incident_id}")
    assert {page["outcome"] for page in shown["pages"] if page["kind"] == "page" and page["state"] == "sent"} == {
        "sent"
    }
    assert shown["drill"] == "d1"
    assert any(step["result"] and step["result"]["ok"] for step in shown["steps"])
    kinds = [entry["type"] for entry in data(place, f"/incidents/{incident_id}/timeline")]
    assert kinds[0] == "incident-opened"
    assert "recovery-observed" in kinds
    for lang in ("ko", "en"):
        for kind in ("log", "announcement", "postmortem"):
            assert "KST" in place.ok("incident", "document", incident_id, "--kind", kind, "--lang", lang)
            path = place.home / "response" / "documents" / incident_id / f"{kind}.{lang}.md"
            until(f"{path.name}", path.exists, 20)
    assert place.json("incident", "resolve", incident_id, "--reason", "훈련 종료")["state"] == "resolved"
    refused = place.run("incident", "close", incident_id)
    assert refused.returncode == 1
    assert "root_cause" in refused.stderr
    place.ok("incident", "rootcause", incident_id, "kill -9", "--fix-now", "다시 시작")
    place.ok("action", "add", "다음 훈련 준비", "--owner", "dev-lead", "--incident", incident_id, "--due", "+7d")
    assert place.json("incident", "close", incident_id)["state"] == "closed"
    assert [row["incident_id"] for row in place.json("action", "list")] == [incident_id]


def test_a_storm_of_alerts_is_taken_and_folded(place: Installation) -> None:
    alert = {"service": "dashboard", "signal": "slow_response", "labels": {"instance": "x"}}
    started = time.monotonic()
    for _ in range(10):
        answer = place.call("POST", f"{P}/signals", to="response", json=[alert] * 1_000)
        assert answer.status_code == 202, answer.text

    def folded() -> bool:
        # A burst is durable when it is answered, and folded into its incident right after.
        mine = [row for row in data(place, "/incidents") if row["root"] == "dashboard"]
        return [data(place, f"/incidents/{row['id']}")["signal_count"] for row in mine] == [10_000]

    until("folded into one incident", folded)
    assert time.monotonic() - started < 60


def test_a_test_page_arrives_in_the_mailbox(place: Installation) -> None:
    pages = place.json("test-page", "dev-lead")
    assert {(page["channel"], page["state"]) for page in pages} == {("console", "sent"), ("mailbox", "sent")}
    assert any((place.home / "response" / "mailbox").rglob("*.eml"))


def test_the_stream_tells_what_happens_and_resumes(place: Installation) -> None:
    headers = {"Authorization": f"Bearer {place.settings.cli_token}", "Last-Event-ID": "0"}
    url = f"{place.settings.url('response')}{P}/stream"
    with httpx.stream("GET", url, headers=headers, timeout=10) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data:"))
        first = json.loads(next(lines).removeprefix("data:"))
    assert (first["number"], first["type"]) == (1, "engine-started")


def test_no_secret_is_in_store_mailbox_documents_or_logs(place: Installation) -> None:
    secrets = [CANARY, *(path.read_text().strip() for path in (place.home / "secrets").iterdir())]
    for folder in ("response", "logs"):
        for path in (place.home / folder).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not [secret for secret in secrets if secret.encode() in content], path


def test_a_guide_with_a_mistake_stops_the_engine_with_a_clear_word(place: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "judgify.console"],
        env={**place.environ, "JUDGIFY_GUIDE": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "/nowhere" in done.stderr + done.stdout
