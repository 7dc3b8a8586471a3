"""`judgify decision`: tables in files, at a terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from judgify.cli import build
from judgify.decision import DecisionTable
from judgify.decision.coverage import coverage

TABLE: dict[str, Any] = {
    "name": "설비 판정",
    "hit_policy": "F",
    "inputs": [{"name": "온도", "type": "number", "label": "온도(℃)"}],
    "outputs": [{"name": "result", "type": "string"}],
    "rules": [
        {"id": "hot", "when": {"온도": ">= 90"}, "then": {"result": "NG"}},
        {"id": "fine", "when": {"온도": "[0..90)"}, "then": {"result": {"feel": '"O" + "K"'}}},
    ],
    "examples": [{"in": {"온도": 95}, "out": {"result": "NG"}}],
}


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(build("decision"), ["decision", *words], input=given)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "표.json"
    path.write_text(json.dumps(TABLE, ensure_ascii=False), encoding="utf-8")
    return path


def test_check_shows_the_table_its_gaps_and_its_examples(file: Path) -> None:
    done = run("check", str(file))
    assert done.exit_code == 0, done.output
    assert "온도(℃)" in done.output
    assert '맞는 규칙이 없는 입력이 있습니다: 온도 < 0. 예: {"온도": -1}' in done.output
    assert "1 of 1 examples as written, rules reached 50 %; no example for fine" in done.output
    assert "no rule for 온도 < 0" in run("check", str(file), "--lang", "en").output
    document = json.loads(run("check", str(file), "--json").output)
    assert document["ok"] is True
    assert document["tables"][0]["findings"][0]["example"] == {"온도": -1}
    assert run("check", str(file), "--lang", "fr").exit_code == 2


def test_check_ends_with_1_for_a_masked_rule_and_for_mistakes(file: Path) -> None:
    masked = TABLE | {"rules": [TABLE["rules"][0], {"when": {"온도": "> 95"}, "then": {"result": "NG"}}]}
    file.write_text(json.dumps(masked), encoding="utf-8")
    done = run("check", str(file), "--lang", "en")
    assert done.exit_code == 1
    assert "rule rule-2 is always covered by hot before it" in done.output
    file.write_text(json.dumps(TABLE | {"rules": [{"when": {"온도": ">> 3"}, "then": {}}]}), encoding="utf-8")
    wrong = run("check", str(file))
    assert wrong.exit_code == 1
    assert "rules[0].when.온도" in wrong.output
    problems = json.loads(run("check", str(file), "--json").output)["problems"]
    assert {problem["path"] for problem in problems} >= {"rules[0].when.온도"}


def test_eval_says_why(file: Path) -> None:
    assert "맞은 규칙: hot" in run("eval", str(file), '{"온도": 91}').output
    given = run("eval", str(file), "--lang", "en", given='{"온도": "hot"}')
    assert given.exit_code == 3
    assert "a string was given" in given.output or "Not evaluable" in given.output
    assert json.loads(run("eval", str(file), '{"온도": 5}', "--json").output)["output"] == {"result": "OK"}
    for bad in ("{", "[1]"):
        assert run("eval", str(file), bad).exit_code == 1


def test_examples_that_come_out_otherwise_are_named(file: Path) -> None:
    file.write_text(json.dumps(TABLE | {"examples": [{"in": {"온도": 5}, "out": {"result": "NG"}}]}), encoding="utf-8")
    done = run("test", str(file))
    assert done.exit_code == 1
    assert 'examples[0]: expected {"result": "NG"}, came out {"result": "OK"}' in done.output
    assert json.loads(run("test", str(file), "--json").output)["tables"][0]["missed"] == ["hot"]


def test_a_table_goes_to_dmn_and_back(file: Path, tmp_path: Path) -> None:
    model, back = tmp_path / "표.dmn", tmp_path / "다시.json"
    assert run("convert", str(file), str(model)).exit_code == 0
    assert run("convert", str(file), str(model)).exit_code == 1  # it is there already
    assert run("convert", str(model), str(back)).exit_code == 0
    assert DecisionTable.from_mapping(json.loads(back.read_text("utf-8"))) == DecisionTable.from_mapping(TABLE)
    assert run("convert", str(file), str(tmp_path / "x.txt")).exit_code == 1
    model.write_text("<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", encoding="utf-8")
    refused = run("check", str(model))
    assert refused.exit_code == 1
    assert "error:" in refused.output


def test_of_several_tables_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_text(json.dumps({"tables": [TABLE, TABLE | {"name": "둘"}]}), encoding="utf-8")
    assert run("eval", str(path), "{}").exit_code == 1
    assert run("convert", str(path), str(tmp_path / "x.dmn")).exit_code == 1
    assert "맞은 규칙: hot" in run("eval", str(path), '{"온도": 99}', "--table", "둘").output
    assert run("check", str(path), "--table", "셋").exit_code == 1
    path.write_text("[]", encoding="utf-8")
    assert run("check", str(path)).exit_code == 1
    assert run("check", str(tmp_path / "none.dmn")).exit_code == 1


def test_coverage_counts_the_rules_that_spoke() -> None:
    found = coverage(DecisionTable.from_mapping(TABLE))
    assert (found.reached, found.missed, found.percent, found.failures) == ({"hot": 1, "fine": 0}, ("fine",), 50.0, ())
    other = TABLE | {"examples": [{"in": {"온도": -1}, "out": "not matched"}]}
    assert coverage(DecisionTable.from_mapping(other)).to_dict()["percent"] == 0
