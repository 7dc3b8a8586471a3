"""The command `judgify guide`, as a process of its own."""

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.guides import edited, shipped

from judgify.cli import main
from judgify.response.guide.loader import default_guide_dir

BROKEN = sorted((Path(__file__).parents[1] / "data" / "broken_guides").glob("*.json"))


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def process(*words: str, stdin: bytes = b"", guide: Path | None = None) -> Done:
    """Run the command line as a process."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    environ.pop("JUDGIFY_GUIDE", None)
    if guide is not None:
        environ["JUDGIFY_GUIDE"] = str(guide)
    command = [sys.executable, "-m", "judgify.cli", *words]
    done = subprocess.run(command, input=stdin, capture_output=True, env=environ, timeout=60, check=False)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def judgify(*words: str, stdin: str | bytes = "") -> Done:
    """Run the whole command line in this process, which spares a second of imports for each case."""
    raw = stdin.encode() if isinstance(stdin, str) else stdin
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(raw))
    try:
        with (
            redirect_stdout(io.StringIO()) as stdout,
            redirect_stderr(io.StringIO()) as stderr,
            pytest.raises(SystemExit) as ended,
        ):
            main(list(words))
    finally:
        sys.stdin = before
    return Done(int(ended.value.code or 0), stdout.getvalue(), stderr.getvalue())


def classify(given: dict[str, Any]) -> dict[str, Any]:
    done = judgify("guide", "classify", "--json", stdin=json.dumps(given))
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_there_are_twelve_broken_guides() -> None:
    assert len(BROKEN) == 12


@pytest.mark.parametrize("patch", BROKEN, ids=lambda path: path.stem)
def test_a_broken_guide_gives_one_error_that_names_file_path_and_mend(patch: Path, tmp_path: Path) -> None:
    edit = json.loads(patch.read_text("utf-8"))
    folder = edited(tmp_path, edit["file"], edit["old"], edit["new"])
    done = judgify("guide", "check", str(folder), "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert not answer["ok"]
    assert [error["text"] for error in answer["errors"]] == [edit["error"]]
    assert all(
        answer["errors"][0][part] for part in ("file", "path" if edit["old"][:7] != "hotline" else "file", "mend")
    )


@pytest.fixture(autouse=True)
def _no_other_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUDGIFY_GUIDE", raising=False)


def test_the_shipped_guide_is_sound_with_warnings() -> None:
    done = process("guide", "check")
    assert done.returncode == 0
    assert "the guide is sound: 0 errors" in done.stdout
    assert 'warning: guide/contacts.yaml: persons.ops-lead.name: "_______" is a placeholder' in done.stdout


def test_in_production_placeholders_are_errors() -> None:
    done = judgify("guide", "check", "--production", "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    paths = {(error["file"], error["path"]) for error in answer["errors"]}
    assert ("guide/contacts.yaml", "hotline") in paths
    assert ("guide/contacts.yaml", "persons.cto.phone") in paths
    assert ("guide/channels.yaml", "channels") in paths


def test_errors_are_printed_for_people_too(tmp_path: Path) -> None:
    folder = edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: fast")
    done = judgify("guide", "check", str(folder))
    assert done.returncode == 1
    assert "error: guide/sla.yaml: p95_ms: " in done.stdout
    assert "the guide cannot be used: 1 errors" in done.stdout


def test_the_guide_of_the_environment_is_the_one_that_is_checked(tmp_path: Path) -> None:
    folder = edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: 400")
    done = process("guide", "check", "--json", guide=folder)
    assert json.loads(done.stdout)["directory"] == str(folder)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = judgify("guide", "check", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "is not a folder" in done.stdout


THIRTEEN = [
    ("gateway", "service_down", None, "P0", "gateway-down"),
    ("database", "service_down", None, "P0", "database-down"),
    ("gateway", "security_breach", None, "P0", "security-breach"),
    ("database", "data_loss", None, "P0", "data-loss"),
    ("judgment", "service_down", None, "P1", "judgment-down"),
    ("dashboard", "dashboard_generation_failed", None, "P1", "dashboard-generation-failed"),
    ("gateway", "p95_seconds", 10.1, "P1", "api-slower-than-10s"),
    ("action", "action_partial_failure", None, "P2", "action-partial-failure"),
    ("logging", "log_ingestion_delayed", None, "P2", "log-ingestion-delayed"),
    ("gateway", "alert_missing", None, "P2", "alert-missing"),
    ("dashboard", "ui_error", None, "P3", "ui-error"),
    ("gateway", "docs_error", None, "P3", "docs-error"),
    ("logging", "log_format", None, "P3", "log-format"),
]


@pytest.mark.parametrize(("service", "signal", "value", "severity", "rule"), THIRTEEN)
def test_the_thirteen_examples_of_the_guide(
    service: str, signal: str, value: float | None, severity: str, rule: str
) -> None:
    answer = classify({"service": service, "signal": signal, "value": value})
    assert (answer["severity"], answer["rule"], answer["not_in_guide"]) == (severity, rule, False)
    assert re.search("[가-힣A-Z]", answer["reason"]["ko"])
    printed = [example.text.ko for example in shipped().severities[answer["severity"]].examples]
    assert answer["reason"]["ko"] in printed


def test_an_unknown_signal_is_said_to_be_unknown() -> None:
    answer = classify({"service": "judgment", "signal": "strange_noise"})
    assert (answer["severity"], answer["rule"], answer["known"]) == ("P2", "unknown", False)
    done = process("guide", "classify", stdin=b'{"service": "judgment", "signal": "strange_noise"}')
    assert done.returncode == 0
    assert "P2 (Medium)" in done.stdout
    assert "사람이 확인해야 합니다" in done.stderr


def test_text_from_a_signal_cannot_steer_the_terminal() -> None:
    given = json.dumps({"service": "judgment", "signal": "p95_seconds", "value": "\u001b[2J"})
    done = judgify("guide", "classify", stdin=given)
    assert done.returncode == 0
    assert "\u001b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("stdin", "told"),
    [
        ("", "not one JSON object"),
        ("[1]", "input:"),
        ('{"service": "judgment"}', "signal: Field required"),
        ('{"service": "judgment", "signal": "x", "colour": 1}', "colour: Extra inputs"),
        ('{"signal": "x", "value": true}', "value"),
        ('{"signal": "x", "labels": {"a": 1}}', "labels.a"),
        (b"\xff\xfe", "not one JSON object"),
        ("x" * (1024 * 1024 + 1), "at most"),
    ],
    ids=["empty", "list", "no-signal", "unknown-field", "boolean", "label", "not-utf-8", "too-large"],
)
def test_input_that_cannot_be_read_is_refused(stdin: str | bytes, told: str) -> None:
    done = judgify("guide", "classify", stdin=stdin)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_classify_takes_another_guide_and_refuses_a_broken_one(tmp_path: Path) -> None:
    folder = edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: fast")
    done = judgify("guide", "classify", "--guide", str(folder), stdin='{"signal": "ui_error"}')
    assert done.returncode == 1
    assert "guide/sla.yaml: p95_ms" in done.stderr
    done = judgify("guide", "classify", "--guide", str(default_guide_dir()), stdin='{"signal": "ui_error"}')
    assert done.returncode == 0
