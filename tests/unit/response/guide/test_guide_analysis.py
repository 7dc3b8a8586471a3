"""The severity table under analysis: the shipped one is whole; what is planted in a copy is told with its place."""

from pathlib import Path

import pytest
from tests.support.guides import edited, shipped

from judgify.decision import analyse
from judgify.decision.coverage import coverage
from judgify.decision.finding import LEVELS
from judgify.response.guide import check_table as checked
from judgify.response.guide.loader import read_guide

LLM = """    when: {signal: '"llm_failing"'}
    then: {severity: P2, failure_class: service}
"""
AGAIN = """  - id: llm-again
    not_in_guide: true
    reason: {ko: 다시, en: again}
    when: {signal: '"llm_failing"', service: '"judgment"'}
    then: {severity: %s, failure_class: service}
"""
SHOWN = "examples:\n  - {id: again, given: {service: judgment, signal: llm_failing}, severity: P1, rule: llm-again}\n"


def found(folder: Path, *edits: tuple[str, str]) -> list[tuple[str, str, str]]:
    for old, new in edits:
        edited(folder, "signals.yaml", old, new)
    _, problems = read_guide(folder / "guide")
    return [
        (problem.level, problem.path, problem.message)
        for problem in problems
        if problem.file == "guide/signals.yaml" and problem.path.startswith(("rules", "outputs"))
    ]


def place(rule: str) -> int:
    return [one.id for one in shipped().signals.rules].index(rule)


@pytest.mark.guide("G02")
def test_the_shipped_table_is_whole_and_every_rule_of_it_is_shown() -> None:
    guide = shipped()
    analysis = analyse(guide.table)
    assert (analysis.findings, analysis.complete, analysis.unknown) == ((), True, ())
    cover = coverage(guide.table)
    assert (cover.failures, cover.missed, len(guide.table.examples)) == ((), (), len(guide.signals.examples))


def test_an_example_that_gives_what_nobody_gives_is_a_mistake(tmp_path: Path) -> None:
    folder = edited(tmp_path, "signals.yaml", "signal: p95_seconds, value: 11}", "signal: p95_seconds, measured: true}")
    (problem,) = [one for one in read_guide(folder)[1] if one.level == "error"]
    assert 'example "api-11s" gives measured, which nobody gives' in problem.message


def test_a_planted_gap_is_a_warning_with_the_signals_that_fall_through(tmp_path: Path) -> None:
    told = found(tmp_path, ("value: '[3..10]'", "value: '[4..10]'"))
    ((level, path, message),) = told
    assert (level, path) == ("warning", "rules")
    assert message.startswith('no rule for signal "p95_seconds", value [3..4), measured true; for example {"service"')


def test_a_signal_that_is_listed_without_a_rule_is_a_gap(tmp_path: Path) -> None:
    ((level, path, message),) = found(tmp_path, ("signals:\n", "signals:\n  fire: {label: {ko: 화재, en: fire}}\n"))
    assert (level, path) == ("warning", "rules")
    assert message.startswith('no rule for signal "fire"; for example')


def test_a_planted_conflict_is_an_error_at_its_rule(tmp_path: Path) -> None:
    told = found(tmp_path, (LLM, LLM + AGAIN % "P1"))
    conflicts = [one for one in told if "differently" in one[2]]
    ((level, path, message),) = conflicts
    assert (level, path) == ("error", f"rules[{place('llm-failing') + 1}]")
    assert message.startswith("rules llm-failing, llm-again answer the same input differently; for example")


def test_a_planted_masked_rule_is_an_error_at_its_rule(tmp_path: Path) -> None:
    told = found(tmp_path, ("hit_policy: U", "hit_policy: F"), (LLM, LLM + AGAIN % "P1"), ("examples:\n", SHOWN))
    at = f"rules[{place('llm-failing') + 1}]"
    assert ("error", at, "rule llm-again is always covered by llm-failing before it") in told


def test_an_output_that_nobody_gives_is_told_at_its_column(tmp_path: Path) -> None:
    told = found(tmp_path, ("values: [service,", "values: [people, service,"))
    assert told == [("warning", "outputs[1].values", "no rule gives the declared output failure_class people")]


def test_a_table_that_is_too_large_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("judgify.decision.analysis.MAX_STATES", 3)
    edited(tmp_path, "signals.yaml", "name: severity", "name: severity")
    assert ("warning", "rules", "the table is too large to be analysed in whole") in found(tmp_path)


@pytest.mark.parametrize(
    ("cell", "other", "sound"),
    [("'false'", "", True), ("false", "", True), ("'maybe'", "", False), ("'false'", "signal: '\"fire\"', ", False)],
)
def test_known_is_a_test_of_the_signal(tmp_path: Path, cell: str, other: str, *, sound: bool) -> None:
    told = found(tmp_path, ("{known: 'false', alert_severity: 'not(", f"{{{other}known: {cell}, alert_severity: 'not("))
    assert [path for _, path, _ in told] == ([] if sound else [f"rules[{place('unknown')}].when.known"])


def test_known_can_be_left_open_and_affirmed(tmp_path: Path) -> None:
    told = found(tmp_path, ("{signal: '\"llm_failing\"'}", "{known: '-', signal: '\"llm_failing\"'}"))
    assert told == []
    edited(tmp_path, "signals.yaml", "{known: '-', signal: '\"llm_failing\"'}", "{known: 'true'}")
    assert any("rules service" in message or "differently" in message for _, _, message in found(tmp_path))


def test_each_kind_of_finding_that_is_told_has_a_mend() -> None:
    assert set(checked._MENDS) == {kind for kind, level in LEVELS.items() if level != "note"}
