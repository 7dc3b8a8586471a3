"""Real deaths in a running installation: a drill, the engine killed in mid-incident, the supervisor killed."""

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest
from tests.support.installation import Installation, until

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def place() -> Iterator[Installation]:
    """An installation of its own, since these tests break it."""
    installation = Installation()
    try:
        installation.ok("up", "--detach")
        yield installation
    finally:
        installation.remove()


def engine(place: Installation, path: str, **options: Any) -> Any:
    method = options.pop("method", "GET")
    answer = place.call(method, f"/api/v2/response{path}", to="response", **options)
    assert answer.is_success, answer.text
    return answer.json()["data"]


def supervisor_pid(place: Installation) -> int:
    found = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "judgify.supervisor" in (process.info["cmdline"] or [])
        and process.environ().get("JUDGIFY_HOME") == str(place.home)
    ]
    assert len(found) == 1
    return found[0]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # one that ended, not yet reaped by init
    except psutil.NoSuchProcess:
        return False


def answers(place: Installation) -> bool:
    try:
        return place.call("GET", "/live", to="response", token=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def drilled(place: Installation) -> dict[str, dict[str, Any]]:
    """The report of each drill, in its short form, one after the other in one installation."""
    done = place.run("drill", "run", "all", "--short", "--json", timeout_s=380)
    assert done.stdout, done.stderr[-4000:]
    return {str(report["scenario"]): report for report in json.loads(done.stdout)}


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param("judgment-service-down", marks=pytest.mark.guide("G14", "G26", "S02")),
        pytest.param("gateway-down", marks=pytest.mark.guide("G13", "G26", "S00")),
        pytest.param("database-down", marks=pytest.mark.guide("G15", "G26", "S07")),
        pytest.param("redis-down", marks=pytest.mark.guide("G16", "G26", "S08")),
        pytest.param("bad-release", marks=pytest.mark.guide("G12", "G14", "G26")),
        pytest.param("llm-failing", marks=pytest.mark.guide("G14", "G26", "S02")),
    ],
)
def test_a_fault_travels_the_whole_way_to_a_closed_post_mortem(
    drilled: dict[str, dict[str, Any]], scenario: str
) -> None:
    report = drilled[scenario]
    assert report["failures"] == []
    assert report["passed"]
    assert report["load"]["lost"] == 0


def test_a_drill_leaves_everything_as_it_was(place: Installation, drilled: dict[str, dict[str, Any]]) -> None:
    """Variables, limits and release are those from before, and nothing is left to be put back."""
    assert len(drilled) == 6
    judgment = next(unit for unit in place.json("status")["units"] if unit["name"] == "judgment")
    assert judgment["release"] == "2.0.0"
    unit = json.loads((place.home / "supervisor" / "units" / "judgment.json").read_text(encoding="utf-8"))
    assert (unit["env_set"], unit["limits"]["memory_bytes"]) == ({}, None)
    assert unit["spec"]["release"] == "2.0.0"
    assert not (place.home / "drills" / "undo.json").exists()


def test_the_engine_killed_in_mid_incident_goes_on_where_it_was(place: Installation) -> None:
    """Done when 6: back within 2 s + start, with incident, due pages and runbook where they were."""
    place.ok("runbook", "hold", "--reason", "a test holds automation")
    pids = place.pids()
    try:
        os.kill(pids["notification"], signal.SIGKILL)

        def opened() -> Any:
            found = engine(place, "/incidents", params={"state": "open"})
            return [one for one in found if one["root"] == "notification"]

        incident = until(opened, 15, "an incident")[0]["id"]
        before = engine(place, f"/incidents/{incident}")
        pages = {page["id"]: page for page in engine(place, "/pages", params={"incident": incident})}
        assert pages
        os.kill(pids["response"], signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: answers(place), 15, "the engine again")
        back_s = time.monotonic() - killed
        after = engine(place, f"/incidents/{incident}")
        assert (after["id"], after["severity"], after["started_at"]) == (
            before["id"],
            before["severity"],
            before["started_at"],
        )
        again = {page["id"]: page for page in engine(place, "/pages", params={"incident": incident})}
        assert set(pages) <= set(again)
        assert {key: page["due_at"] for key, page in pages.items()} == {key: again[key]["due_at"] for key in pages}
        assert back_s < 10, back_s
    finally:
        place.ok("runbook", "release")
    until(lambda: engine(place, f"/incidents/{incident}")["state"] in {"recovered", "resolved"}, 120, "recovery")


def test_the_supervisor_killed_finds_its_units_again(place: Installation) -> None:
    until(lambda: place.run("status", "--json").returncode == 0, 60, "everything well")
    before = place.pids()
    os.kill(supervisor_pid(place), signal.SIGKILL)
    # The engine restarts a dead supervisor; nobody helps.
    until(lambda: place.run("status", "--json").returncode == 0, 60, "a supervisor again")
    assert place.pids() == before


def test_down_leaves_nothing_behind_and_may_be_said_twice(place: Installation) -> None:
    pids = place.pids()
    place.ok("down")
    assert [name for name, pid in pids.items() if alive(pid)] == []
    place.ok("down")
