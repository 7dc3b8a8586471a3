"""`judgify workflow …` on a whole installation: from a person's own file to its verdicts."""

import json
import uuid
from pathlib import Path

import pytest
from tests.support.installation import Installation

pytestmark = [pytest.mark.guide("S02")]

COLD = "창고,측정시각,온도\n1호,2026-11-23 06:00,-21.4\n1호,2026-11-23 07:00,-3.5\n2호,2026-11-23 06:00,\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "냉동.csv").write_bytes(COLD.encode("cp949"))
    return tmp_path


def test_a_korean_file_becomes_a_workflow_that_judges(platform: Installation, home: Path) -> None:
    name = f"냉동창고 {uuid.uuid4().hex[:8]}"
    data, file = str(home / "냉동.csv"), str(home / "냉동.yaml")
    drafted = platform.ok("workflow", "init", name, "--csv", data, "-o", file)
    assert "2/3 칸; -21.4 … -3.5" in drafted
    assert "workflow check" in drafted
    refused = platform.run("workflow", "init", name, "--csv", data, "-o", file)
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    checked = platform.ok("workflow", "check", file, "--data", data)
    assert "not evaluable 1" in checked
    assert "→ 이상 1" in checked

    assert "is not kept" not in platform.ok("workflow", "add", file)
    waiting = platform.run("judgment", "execute", name, data)
    assert "has no active version" in waiting.stderr
    assert f"{name}: v1 judges now" in platform.ok("workflow", "activate", name)
    judged = platform.json("judgment", "execute", name, data)
    assert (judged["verdicts"]["matched"], judged["verdicts"]["not_evaluable"]) == (2, 1)
    assert judged["results"] == {"정상": 1, "이상": 1}
    english = platform.ok("judgment", "execute", name, data, "--lang", "en")
    assert "row 3: not evaluable — 온도: missing" in english

    text = Path(file).read_text(encoding="utf-8")
    Path(file).write_text(text.replace("-21.4", "-22.5", 1).replace("> -21.4", "> -18").replace("<= -21.4", "<= -18"))
    added = platform.ok("workflow", "add", file, "--activate")
    assert f"added: {name} v2, which judges now" in added
    assert "unchanged" in platform.ok("workflow", "add", file)
    assert platform.json("workflow", "show", name, "--version", "1")["version"] == 1
    again = home / "again.yaml"
    again.write_text(platform.ok("workflow", "show", name), encoding="utf-8")
    assert "unchanged" in platform.ok("workflow", "add", str(again))

    row = {"창고": "1호", "측정시각": "2026-11-23T06:00:00+09:00", "온도": -17}
    assert "matched → 이상" in platform.ok("workflow", "simulate", name, "--input", json.dumps(row))
    assert "matched → 이상" in platform.ok("workflow", "simulate", file, "--input", json.dumps(row), "--lang", "en")
    assert platform.json("workflow", "simulate", name, "--input", "{}")["verdict"] == "not_evaluable"
    assert name in platform.ok("workflow", "list")
    assert "judges no more" in platform.ok("workflow", "deactivate", name)
    assert {each["name"]: each["active_version"] for each in platform.json("workflow", "list")}[name] is None


def test_mistakes_are_told_with_file_line_and_mend(platform: Installation, home: Path) -> None:
    file = home / "w.yaml"
    platform.ok("workflow", "init", "w", "--csv", str(home / "냉동.csv"), "-o", str(file), "--lang", "en")
    file.write_text(file.read_text(encoding="utf-8").replace("{state: ok}", "{state: okay}"), encoding="utf-8")
    for command in ("check", "add"):
        done = platform.run("workflow", command, str(file))
        assert done.returncode == 1
        line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "okay" in text)
        assert f"{file}:{line}: tables[0].rules[1].then.state" in done.stderr
        assert '(did you mean "ok"?)' in done.stderr
    problem = json.loads(platform.run("workflow", "check", str(file), "--json").stdout)
    assert problem["type"] == "urn:judgify:problem:workflow-invalid"
    assert platform.run("workflow", "simulate", "w", "--input", "nonsense").stderr.startswith(
        "judgify: --input is not JSON"
    )
    slash = platform.run("workflow", "init", "a/b", "--csv", str(home / "냉동.csv"), "-o", str(home / "ab.yaml"))
    assert (slash.returncode, "name: is not a name that this service takes" in slash.stderr) == (1, True)
    absent = platform.run("workflow", "show", "없는 것")
    assert (absent.returncode, absent.stderr) == (1, "judgify: there is no workflow '없는 것'\n")
