"""Files judged on the command line, through a real gateway: every row becomes an execution."""

import contextlib
import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.core_process import CoreProcess, Home

DATA = Path(__file__).parents[3].parent / "shared" / "data"
ROWS = 20_000
"""Rows of the large file; 100,000 take 50 s and the same memory."""
SAMPLES = Path(__file__).parents[3] / "examples"
FILES = {
    "equipment_sensors": ("equipment-sensors", "판정"),
    "production_line": ("production-line", "상태"),
    "quality_inspection": ("quality-inspection", "판정"),
}


JUDGMENT: list[CoreProcess] = []
"""The running judgment service, for the test that kills it."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, postgres_server: Any) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"), postgres_server.make_database("judged_files"), REDIS_ENABLED="false")
    services = [CoreProcess(home, name) for name in ("workflow", "judgment", "gateway")]
    JUDGMENT.append(services[1])
    try:
        for service in services:
            service.start("/live")
        services[0].wait_for("/ready")
        wait_for_workflows(home)
        yield home
    finally:
        JUDGMENT.clear()
        for service in reversed(services):
            service.stop()


def wait_for_workflows(home: Home) -> None:
    deadline = time.monotonic() + 20
    with home.client("workflow") as client:
        while len(client.get("/api/v2/workflow/workflows?active=true").json()["data"]) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def judge(home: Home, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "judgify.cli", "judgment", "execute", *arguments, "--json"],
        env=home.environ,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, (done.stdout + done.stderr).decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def executions(home: Home, workflow: str) -> list[dict[str, Any]]:
    with home.client("judgment") as client:
        found: list[dict[str, Any]] = client.get(
            "/api/v2/judgment/executions", params={"workflow": workflow, "limit": 500}
        ).json()["data"]
        return found


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_the_shared_files_are_judged_alike_in_every_encoding(
    home: Home, tmp_path: Path, name: str, encoding: str
) -> None:
    given = DATA / f"{name}.csv"
    if not given.exists():
        pytest.skip(f"{given} is not here; the samples under examples/ are judged instead")
    text = given.read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    file, output = tmp_path / f"{name}.csv", tmp_path / "out.jsonl"
    file.write_text(text, encoding=encoding)
    workflow, column = FILES[name]
    report = judge(home, workflow, str(file), "--output", str(output), "--again")
    assert report["rows"] == len(rows)
    assert report["verdicts"] == {"matched": len(rows), "not_matched": 0, "not_evaluable": 0, "error": 0}
    outcomes = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    agreed = sum(outcome["result"] == row[column] for outcome, row in zip(outcomes, rows, strict=True))
    print(f"{name} ({encoding}): {agreed} of {len(rows)} rows agree with the person's verdict")  # noqa: T201 - the figure that the run is asked for
    assert agreed == len(rows)
    known = {entry["id"] for entry in executions(home, workflow)}
    assert {outcome["execution_id"] for outcome in outcomes} <= known


@pytest.mark.parametrize("name", FILES)
def test_the_samples_are_judged(home: Home, name: str) -> None:
    file = SAMPLES / f"{name}.csv"
    workflow, _ = FILES[name]
    report = judge(home, workflow, str(file))
    assert report["rows"] >= 8
    assert report["verdicts"]["error"] == 0
    assert report["verdicts"]["not_evaluable"] >= 1, "the samples hold a row that cannot be judged"
    assert len(report["results"]) >= 2


def test_wrong_types_and_missing_cells_come_out_row_by_row_with_the_reason(home: Home, tmp_path: Path) -> None:
    file, output = tmp_path / "broken.csv", tmp_path / "out.csv"
    file.write_text(
        "설비ID,온도,습도,진동\n"
        "EQ-1,92,45,3.8\n"  # good
        "EQ-1,뜨거움,45,3.8\n"  # wrong type
        "EQ-1,,45,3.8\n"  # missing cell
        "EQ-1,80\n"  # too few cells
        "EQ-1,80,45,3.1,77\n"  # one too many
        "\n"
        '"EQ-1","1,200",45,3.1\n'  # outside of the schema's range
        "EQ-1,80,45,3.1\n"
    )
    report = judge(home, "equipment-sensors", str(file), "--output", str(output), "--strict", code=1)
    assert report["verdicts"] == {"matched": 2, "not_matched": 0, "not_evaluable": 5, "error": 0}
    assert [entry["row"] for entry in report["not_evaluable"]] == [2, 3, 4, 5, 6]
    by_row = {entry["row"]: entry["causes"] for entry in report["not_evaluable"]}
    wrong = next(cause for cause in by_row[2] if cause["cell"])
    assert (wrong["input"], wrong["cell"], wrong["value"]) == ("온도", ">= 90", "뜨거움")
    assert any("온도" in cause["reason_ko"] for cause in by_row[3])
    with output.open(encoding="utf-8-sig") as written:
        rows = list(csv.DictReader(written))
    assert [row["verdict"] for row in rows].count("not_evaluable") == 5
    assert all(row["execution_id"].startswith("exe_") and row["reason"] for row in rows if row["row"] in "23456")


def test_the_same_file_again_is_not_judged_twice(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "twice.csv"
    file.write_text("설비ID,온도,습도,진동\n" + "".join(f"TW-{n},{60 + n % 40},40,2.0\n" for n in range(450)))
    first = judge(home, "equipment-sensors", str(file))
    before = len(executions(home, "equipment-sensors"))
    again = judge(home, "equipment-sensors", str(file))
    assert (first["replayed"], again["replayed"]) == (0, 450)
    assert again["verdicts"] == first["verdicts"]
    assert len(executions(home, "equipment-sensors")) == before
    # A file that goes on where the first one ended is another file: its rows are its own.
    anew = judge(home, "equipment-sensors", str(file), "--again")
    assert anew["replayed"] == 0


def test_json_and_json_lines_are_judged_and_what_is_no_object_says_so(home: Home, tmp_path: Path) -> None:
    good = {"설비ID": "EQ-1", "온도": 92, "습도": 40, "진동": 1}
    lines, whole = tmp_path / "rows.jsonl", tmp_path / "rows.json"
    lines.write_text(json.dumps(good, ensure_ascii=False) + "\n{broken\n\n[1]\n")
    whole.write_text(json.dumps([good, good, 5], ensure_ascii=False))
    assert judge(home, "equipment-sensors", str(lines))["verdicts"] == {
        "matched": 1,
        "not_matched": 0,
        "not_evaluable": 2,
        "error": 0,
    }
    assert judge(home, "equipment-sensors", str(whole))["verdicts"]["matched"] == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n\n", "no header row"),
        ("twice.csv", "온도,temperature\n1,2\n".encode(), 'both mean "온도"'),
        ("binary.csv", b"\xff\xfe\x00\x81", "neither UTF-8 nor CP949"),
        ("rows.xlsx", b"PK", "must end in"),
        ("rows.json", b"{", "is not JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(
    home: Home, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    problem = judge(home, "equipment-sensors", str(file), code=1)
    assert words in problem["detail"]


def test_an_unknown_workflow_is_said_to_be_unknown(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    assert judge(home, "없는 것", str(file), code=1)["status"] == 404


def start(home: Home, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "judgify.cli", "judgment", "execute", *arguments, "--json"],
        env=home.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def total(home: Home) -> int:
    with home.client("judgment") as client:
        found: int = client.get("/api/v2/judgment/summary", params={"minutes": 60}).json()["data"]["total"]
        return found


@pytest.mark.slow
def test_a_large_file_in_bounded_memory_survive_an_interruption(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "large.csv"
    with file.open("w") as out:
        out.write("설비ID,온도,습도,진동\n")
        out.writelines(f"BIG-{n},{50 + n % 50},40,2.0\n" for n in range(ROWS))
    before = total(home)
    first = start(home, "equipment-sensors", str(file))
    deadline = time.monotonic() + 60
    while total(home) < before + 2_000:
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.kill()
    first.communicate()
    second = start(home, "equipment-sensors", str(file))
    peak = 0
    while second.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            peak = max(peak, psutil.Process(second.pid).memory_info().rss)
        time.sleep(0.1)
    printed, failed = second.communicate()
    assert second.returncode == 0, failed.decode()
    report = json.loads(printed)
    assert (report["rows"], report["verdicts"]["error"], report["verdicts"]["matched"]) == (ROWS, 0, ROWS)
    assert report["replayed"] >= 1_000, "what the first run had judged was judged again"
    assert total(home) == before + ROWS
    assert peak < 250 * 1024 * 1024
    print(f"{ROWS:,} rows: {report['seconds']} s, peak {peak >> 20} MiB, {report['replayed']} replayed")  # noqa: T201 - the figure that the run is asked for


def test_the_judgment_service_may_die_in_the_middle_of_a_file(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "interrupted.csv"
    with file.open("w") as out:
        out.write("설비ID,온도,습도,진동\n")
        out.writelines(f"DIE-{n},{50 + n % 50},40,2.0\n" for n in range(6_000))
    before = total(home)
    upload = start(home, "equipment-sensors", str(file))
    deadline = time.monotonic() + 60
    while total(home) < before + 500:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    JUDGMENT[0].kill()
    JUDGMENT[0].start("/ready")
    printed, failed = upload.communicate(timeout=120)
    assert upload.returncode == 0, failed.decode()
    assert json.loads(printed)["verdicts"]["matched"] == 6_000
    deadline = time.monotonic() + 30
    while total(home) != before + 6_000:
        assert time.monotonic() < deadline, "a row is missing, or was judged twice"
        time.sleep(0.1)


def test_people_read_totals_and_reasons(home: Home, tmp_path: Path) -> None:
    arguments = ["equipment-sensors", str(SAMPLES / "equipment_sensors.csv")]
    done = subprocess.run(
        [sys.executable, "-m", "judgify.cli", "judgment", "execute", *arguments, "--again", "--no-actions"],
        env=home.environ,
        capture_output=True,
        check=False,
        timeout=60,
    )
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert "not evaluable" in text
    assert "→ NG" in text
    assert "row 6: not evaluable — 온도" in text
    assert "row 9: not evaluable — 온도" in text
    repeated = judge(home, "equipment-sensors", str(tmp_path / "none.csv"), code=1)
    assert repeated["status"] == 404
