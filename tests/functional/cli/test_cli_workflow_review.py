"""`judgify workflow check` tells what a sound workflow leaves open."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from judgify.cli import build
from judgify.cli import workflow as command

DOCUMENT: dict[str, Any] = {
    "name": "오븐",
    "input_schema": {"type": "object", "properties": {"온도": {"type": "number", "minimum": 0}}},
    "tables": [
        {
            "name": "굽기",
            "hit_policy": "F",
            "inputs": [{"name": "온도", "type": "number"}],
            "outputs": [{"name": "상태", "type": "string"}],
            "rules": [
                {"id": "과열", "when": {"온도": "> 240"}, "then": {"상태": "폐기"}},
                {"id": "적정", "when": {"온도": "[180..240]"}, "then": {"상태": "정상"}},
                {"id": "너무과열", "when": {"온도": "> 300"}, "then": {"상태": "화재"}},
            ],
        }
    ],
    "result": {"table": "굽기", "output": "상태"},
    "llm": {"criteria": "색과 냄새로 판단하십시오."},
}


def check(folder: Path, *words: str, **changes: Any) -> Result:
    path = folder / "오븐.json"
    path.write_text(json.dumps(DOCUMENT | changes, ensure_ascii=False, indent=1), encoding="utf-8")
    return CliRunner().invoke(build("workflow"), ["workflow", "check", str(path), *words])


def test_gaps_and_masked_rules_are_warnings_with_their_lines(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert done.exit_code == 0
    text = (tmp_path / "오븐.json").read_text(encoding="utf-8").splitlines()
    line = next(number for number, one in enumerate(text, 1) if "너무과열" in one) - 1
    assert 'tables[0]: no rule for 온도 [0..180); for example {"온도": 0}' in done.output
    assert f":{line}: warning: tables[0].rules[2]: rule 너무과열 is always covered by 과열 before it" in done.output
    assert "what no rule covers goes to the language model" in done.output
    document = json.loads(check(tmp_path, "--json").output)
    assert document["analysis"]["to_model"] == "gaps"
    (table,) = document["analysis"]["tables"]
    assert [found["kind"] for found in table["findings"]] == ["gap", "masked"]


def test_without_a_model_nothing_is_said_of_one_and_a_large_table_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("judgify.core.contracts.review.MAX_RULES", 1)
    done = check(tmp_path, llm=None)
    assert "language model" not in done.output
    assert "note: 굽기: too large to be analysed in whole" in done.output


def test_what_a_service_does_not_tell_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command._open_ends(None, tmp_path)
    assert capsys.readouterr().out == ""
