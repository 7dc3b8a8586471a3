"""The whole platform as a user meets it: one command, real stores, real data, real deaths."""

import csv
import io
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.functional.conftest import CANARY
from tests.support.installation import ROOT, Installation, until

DATA = ROOT.parent / "shared" / "data"
FILES = {
    "equipment-sensors": "equipment_sensors.csv",
    "production-line": "production_line.csv",
    "quality-inspection": "quality_inspection.csv",
}
HEALTHS = (
    "/health",
    "/api/v2/workflow/health",
    "/api/v2/judgment/health",
    "/api/v2/dashboard/health",
    "/api/v2/action/health",
    "/api/v2/logging/health",
    "/api/v2/notification/health",
)


def unit(platform: Installation, name: str) -> dict[str, Any]:
    return next(one for one in platform.json("status")["units"] if one["name"] == name)


@pytest.mark.guide("G07", "S00")
def test_everything_is_healthy_after_up(platform: Installation) -> None:
    units = platform.json("status")["units"]
    assert len(units) == 10
    assert {one["health"] for one in units} == {"healthy"}


@pytest.mark.parametrize("path", HEALTHS)
@pytest.mark.guide("G07")
def test_every_curl_of_the_guide_succeeds(platform: Installation, path: str) -> None:
    subprocess.run(["curl", "-fsS", "-o", "/dev/null", platform.settings.url("gateway") + path], check=True, timeout=10)


def test_only_loopback_is_listened_on(platform: Installation) -> None:
    ports = set(platform.settings.ports.all().values())
    listening = [one for one in psutil.net_connections("inet") if one.status == "LISTEN" and one.laddr]
    bound = {one.laddr.ip for one in listening if one.laddr and one.laddr.port in ports}
    assert bound == {"127.0.0.1"}


@pytest.mark.guide("S00")
def test_services_refuse_who_does_not_come_through_the_gateway(platform: Installation) -> None:
    for name, path in (
        ("judgment", "/api/v2/judgment/executions"),
        ("workflow", "/api/v2/workflow/workflows"),
        ("action", "/api/v2/action/actions"),
        ("notification", "/api/v2/notification/messages"),
        ("logging", "/api/v2/logging/lines"),
        ("response", "/api/v2/response/incidents"),
    ):
        assert platform.call("GET", path, to=name, token=False).status_code == 401, name
        wrong = {"Authorization": "Bearer wrong"}
        assert platform.call("GET", path, to=name, token=False, headers=wrong).status_code == 401, name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
@pytest.mark.parametrize("workflow", list(FILES))
@pytest.mark.guide("S02")
def test_real_files_are_judged_row_by_row(platform: Installation, workflow: str, encoding: str, tmp_path: Path) -> None:
    source = DATA / FILES[workflow]
    if not source.is_file():
        pytest.skip("the shared data folder is not beside this checkout")
    text = source.read_text(encoding="utf-8")
    path = tmp_path / source.name
    path.write_bytes(text.encode(encoding))
    totals = platform.json("judgment", "execute", workflow, str(path))
    rows = len(list(csv.DictReader(io.StringIO(text))))
    assert totals["rows"] == rows
    assert totals["verdicts"] == {"matched": rows, "not_matched": 0, "not_evaluable": 0, "error": 0}


def test_wrong_types_and_missing_columns_come_out_not_evaluable_row_by_row(
    platform: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "설비ID,온도,습도,진동,판정,측정시각\n"
        "EQ-1,85,42,3.2,OK,2025-01-20 09:00:00\n"
        "EQ-2,뜨거움,42,3.2,OK,2025-01-20 09:00:00\n"
        "EQ-3,,42,3.2,OK,2025-01-20 09:00:00\n",
        encoding="utf-8",
    )
    out = tmp_path / "out.jsonl"
    totals = platform.json("judgment", "execute", "equipment-sensors", str(path), "--output", str(out))
    assert totals["rows"] == 3
    assert totals["verdicts"] == {"matched": 1, "not_matched": 0, "not_evaluable": 2, "error": 0}
    assert "온도" in out.read_text(encoding="utf-8")
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("설비ID,습도\nEQ-1,42\nEQ-2,43\n", encoding="utf-8")
    assert platform.json("judgment", "execute", "equipment-sensors", str(lacking))["verdicts"]["not_evaluable"] == 2


def test_this_hosts_own_telemetry_is_judged_all_the_while(platform: Installation) -> None:
    def latest() -> Any:
        answer = platform.call("GET", "/api/v2/judgment/executions", params={"workflow": "host-telemetry"})
        return answer.json()["data"]

    rows = until(latest, 20, "a judgment of this host")
    assert rows[0]["workflow_name"] == "host-telemetry"


@pytest.mark.guide("G07")
def test_a_stopped_part_is_named(platform: Installation) -> None:
    """Done when 2: with the judgment service stopped its health fails through the gateway, and /health names it."""
    pid = unit(platform, "judgment")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: platform.call("GET", "/health", token=False).status_code == 503, 5, "health 503")
        parts = platform.call("GET", "/health", token=False).json()["parts"]
        assert parts["judgment"] == "down"
        assert parts["workflow"] == "ok"
        assert platform.call("GET", "/api/v2/judgment/health", token=False).status_code >= 500
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: platform.call("GET", "/health", token=False).status_code == 200, 30, "health again")


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/api/v2/judgment/execute", {"content": b"{"}, {400}),
        ("POST", "/api/v2/judgment/execute", {"json": {"workflow_name": "no-such", "input_data": {}}}, {404}),
        ("POST", "/api/v2/judgment/execute", {"json": {"workflow_name": "x", "input_data": {}, "z": 1}}, {400, 422}),
        ("POST", "/api/v2/judgment/execute", {"content": b'{"a":' * 20_000}, {400, 422}),
        ("POST", "/api/v2/workflow/workflows", {"json": {"name": "../../etc"}}, {400, 422}),
        ("POST", "/api/v2/workflow/workflows", {"content": b"x" * 10_000_000}, {400, 413}),
        ("GET", "/api/v2/judgment/executions/%27%3B%20DROP%20TABLE%20x%3B--", {}, {400, 404, 422}),
        ("GET", "/api/v2/judgment/../workflow/workflows", {}, {400, 404, 200}),
        ("GET", "/api/v2/judgment/%2e%2e/%2e%2e/internal/x", {}, {400, 404}),
        ("GET", "/api/v2/workflow/internal/workflows", {}, {400, 403, 404}),
        ("POST", "/api/v2/auth/login", {"json": {"username": "admin' OR '1'='1", "password": "x"}}, {401, 422}),
        ("GET", "/api/v2/logging/lines?from=yesterday%27--", {}, {400, 422}),
        ("DELETE", "/health", {}, {404, 405}),
    ],
)
def test_bad_input_is_a_clear_4xx(
    platform: Installation, method: str, path: str, options: dict[str, Any], status: set[int]
) -> None:
    answer = platform.call(method, path, **options)
    assert answer.status_code in status, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"].startswith("application/problem+json")
        document = answer.json()
        assert document["status"] == answer.status_code
        assert document["detail"]
        assert "Traceback" not in answer.text


def test_expired_and_forged_tokens_are_refused(platform: Installation) -> None:
    for token in ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", "jdg_AAAAAAAAAAAAAAAAAAAAAAAA", "x" * 5000):
        answer = platform.call(
            "GET", "/api/v2/workflow/workflows", token=False, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code in {401, 431}


def test_hostile_text_in_a_signal_reaches_a_person_and_stays_text(platform: Installation) -> None:
    hostile = "<script>alert(1)</script> <!channel> \x1b[31m'; DROP TABLE incidents;--"
    body = {"service": "no-such-service", "signal": "strange_thing", "labels": {"note": hostile}}
    answer = platform.call("POST", "/api/v2/response/signals", to="response", json=body)
    assert answer.status_code == 202, answer.text

    def opened() -> Any:
        return [one for one in platform.json("incident", "list") if one["services"] == ["no-such-service"]]

    incident = until(opened, 5, "an incident for an unknown signal")[0]
    full = platform.json("incident", "show", incident["id"])
    assert (full["severity"], full["known"]) == ("P2", False)
    until(
        lambda: [page for page in _pages(platform, incident["id"]) if page["kind"] == "page"],
        5,
        "a page for a person",
    )
    shown = platform.ok("incident", "show", incident["id"])
    assert "\x1b[31m" not in shown
    page = platform.call("GET", "/status", to="response", token=False)
    assert "<script>alert(1)" not in page.text


def _pages(platform: Installation, incident_id: str) -> list[dict[str, Any]]:
    answer = platform.call("GET", "/api/v2/response/pages", to="response", params={"incident": incident_id})
    return list(answer.json()["data"])


def test_lines_of_all_services_are_found_by_level_service_and_time(platform: Installation) -> None:
    def found() -> Any:
        answer = platform.call("GET", "/api/v2/logging/lines", params={"service": "gateway", "limit": 5})
        return answer.json()["data"]

    lines = until(found, 20, "shipped lines")
    assert all(line["service"] == "gateway" for line in lines)


def test_two_installations_never_meet(platform: Installation) -> None:
    other = Installation(JUDGIFY_PORT_BASE=platform.environ["JUDGIFY_PORT_BASE"])
    done = other.run("up", "--detach")
    assert done.returncode == 1
    text = done.stdout + done.stderr
    assert str(platform.settings.ports.of("gateway")) in text
    assert re.search(r"taken by process \d+ \(", text), text
    assert platform.call("GET", "/health", token=False).status_code == 200


def test_no_secret_is_anywhere_but_in_its_file(platform: Installation) -> None:
    """The canary test: the environment's secrets, and those that `up` made, are in no store, log, page or argument."""
    needles = [CANARY.encode()]
    needles += [path.read_bytes().strip() for path in sorted((platform.home / "secrets").iterdir()) if path.is_file()]
    assert len(needles) >= 5
    platform.call("POST", "/api/v2/auth/login", json={"username": "nobody", "password": CANARY})
    platform.call("GET", f"/api/v2/judgment/executions?workflow={CANARY}&token={CANARY}")
    platform.call("POST", "/api/v2/response/signals", to="response", json={"service": "judgment", "signal": CANARY[:0]})
    platform.run("incident", "show", "INC-2000-0001", "--json")
    leaks = []
    for folder, _, names in os.walk(platform.home):
        for name in names:
            path = Path(folder) / name
            if path.parent.name == "secrets" or not path.is_file():
                continue
            content = path.read_bytes()
            leaks += [f"{path}: needle {number}" for number, needle in enumerate(needles) if needle in content]
    for process in psutil.process_iter(["cmdline"]):
        words = "\0".join(process.info["cmdline"] or []).encode()
        leaks += [f"argv of {process.pid}" for needle in needles if needle in words]
    for page in ("/health", "/metrics", "/openapi.json"):
        for name in ("gateway", "judgment", "response"):
            body = platform.call("GET", page, to=name).content
            leaks += [f"{name}{page}" for needle in needles if needle in body]
    for words_ in (("status", "--json"), ("doctor", "--json"), ("incident", "list", "--json")):
        out = platform.run(*words_)
        leaks += [" ".join(words_) for needle in needles if needle in (out.stdout + out.stderr).encode()]
    assert leaks == []
