"""`judgify decision`: tables in files, at a terminal."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from judgify.cli import build
from judgify.decision import DecisionTable
from judgify.decision.coverage import coverage
from judgify.response.guide.loader import default_guide_dir

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
    assert "설비 판정 — F: 위에서부터 처음 맞는 규칙" in done.output
    assert "경고: 맞는 규칙이" in done.output
    assert "예시 1개 중 1개가 적힌 대로 나왔고, 규칙의 50 %에 닿았습니다; 예시가 없는 규칙: fine" in done.output
    english = run("check", str(file), "--lang", "en").output
    assert "warning: no rule for 온도 < 0" in english
    assert "1 of 1 examples as written, rules reached 50 %; no example for fine" in english
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
    assert (
        '실패: examples[0]: {"result": "NG"}이(가) 적혀 있지만 결과는 {"result": "OK"}' in run("test", str(file)).output
    )
    done = run("test", str(file), "--lang", "en")
    assert done.exit_code == 1
    assert 'examples[0]: expected {"result": "NG"}, came out {"result": "OK"}' in done.output
    assert json.loads(run("test", str(file), "--json").output)["tables"][0]["missed"] == ["hot"]


def test_a_table_without_examples_says_how_to_have_some(file: Path) -> None:
    file.write_text(json.dumps({key: part for key, part in TABLE.items() if key != "examples"}), encoding="utf-8")
    assert "예시가 없습니다" in run("test", str(file)).output
    assert "no examples; write {in, out} under examples:" in run("test", str(file), "--lang", "en").output


def test_analyse_tells_the_findings_alone(file: Path) -> None:
    done = run("analyse", str(file), "--lang", "en")
    assert done.exit_code == 0
    assert done.output.splitlines()[:2] == [
        "설비 판정 — F: the first rule from the top",
        'warning: no rule for 온도 < 0; for example {"온도": -1}',
    ]
    assert json.loads(run("analyse", str(file), "--json").output)["tables"][0]["complete"] is True
    whole = TABLE | {
        "rules": [TABLE["rules"][0], {"when": {"온도": "< 90"}, "then": {"result": "OK"}}],
        "hit_policy": "U",
    }
    file.write_text(json.dumps(whole), encoding="utf-8")
    assert "빈틈과 충돌이 없고" in run("analyse", str(file)).output
    clash = whole | {"rules": [*whole["rules"], {"when": {"온도": "> 95"}, "then": {"result": "OK"}}]}
    file.write_text(json.dumps(clash), encoding="utf-8")
    assert run("analyse", str(file)).exit_code == 1
    unread = whole | {"rules": [*whole["rules"], {"when": {"온도": "? > 95 and ? > 96"}, "then": {"result": "OK"}}]}
    file.write_text(json.dumps(unread), encoding="utf-8")
    assert "분석하지 않은 규칙(상수가 아닌 칸이 있음): rule-3" in run("analyse", str(file)).output
    file.write_text("{}", encoding="utf-8")
    assert run("analyse", str(file)).exit_code == 1


def test_eval_says_what_would_have_changed_the_outcome(file: Path) -> None:
    ok = run("eval", str(file), '{"온도": 86}', "--what-if").output
    assert "가장 작은 변경: '온도' 값이 86 대신 90이면 결과가 달라집니다: 맞은 규칙: hot" in ok
    missing = run("eval", str(file), "{}", "--what-if", "--lang", "en")
    assert missing.exit_code == 3
    assert 'the smallest change: with 0 given as "온도" the outcome would be another' in missing.output
    document = json.loads(run("eval", str(file), '{"온도": 86}', "--what-if", "--json").output)
    assert document["what_if"]["changes"][0]["instead"] == 90
    assert "what_if" not in json.loads(run("eval", str(file), '{"온도": 86}', "--json").output)
    two = TABLE | {
        "inputs": [*TABLE["inputs"], {"name": "b", "type": "number"}, {"name": "c", "expression": "b + 1"}],
        "rules": [
            {"when": {"온도": "< 5", "b": "< 9"}, "then": {"result": "OK"}},
            {"when": {"온도": "< 5", "b": ">= 9", "c": "> 1"}, "then": {"result": "NG"}},
            {"when": {"온도": ">= 5"}, "then": {"result": "NG"}},
        ],
        "examples": [],
    }
    file.write_text(json.dumps(two), encoding="utf-8")
    told = run("eval", str(file), '{"온도": 1, "b": 1}', "--what-if", "--lang", "en").output
    assert "inputs not looked at (an expression, or read by cells that are more than constants): b, c" in told
    same = TABLE | {"rules": [{"then": {"result": "OK"}}], "examples": []}
    file.write_text(json.dumps(same), encoding="utf-8")
    assert "no change of one input alone" in run("eval", str(file), "{}", "--what-if", "--lang", "en").output


@pytest.mark.parametrize(("name", "shown"), [("escalation", "+ cto/ceo"), ("signals", "gateway-down")])
def test_the_guides_own_tables_are_shown(name: str, shown: str, tmp_path: Path) -> None:
    path = default_guide_dir() / f"{name}.yaml"
    done = run("check", str(path))
    assert done.exit_code == 0, done.output
    assert shown in done.output
    assert "빈틈과 충돌이 없고" in done.output
    assert "규칙의 100 %에 닿았습니다" in done.output
    broken = tmp_path / "mine.yaml"
    broken.write_text(path.read_text("utf-8").replace("P2", "P9", 1).replace("rules:", "rules: 1 #", 1), "utf-8")
    told = run("check", str(broken))
    assert told.exit_code == 1


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
