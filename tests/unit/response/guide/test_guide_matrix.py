"""The escalation matrix as a decision table: whole, shown by its examples, and what a mistake in it says."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.guides import edited, shipped

from judgify.decision import DecisionTable, TableError, analyse
from judgify.decision.coverage import coverage
from judgify.response.guide.base import SEVERITIES
from judgify.response.guide.loader import read_guide
from judgify.response.guide.matrix import Matrix, matrix_form
from judgify.response.guide.schema import Guide


def told(folder: Path, level: str = "error") -> list[str]:
    return [str(problem) for problem in read_guide(folder)[1] if problem.level == level]


@pytest.mark.guide("G22")
def test_the_shipped_matrix_is_whole_and_every_cell_of_it_is_shown() -> None:
    table = shipped().matrix.table
    analysis = analyse(table)
    assert (analysis.findings, analysis.complete, analysis.unknown) == ((), True, ())
    cover = coverage(table)
    assert (cover.failures, cover.missed, len(table.examples), len(table.rules)) == ((), (), 16, 16)


@pytest.mark.guide("G22")
def test_the_table_says_for_each_cell_what_the_matrix_has_in_it() -> None:
    guide = shipped()
    for severity in SEVERITIES:
        steps = guide.matrix.steps(severity)
        assert [step.row for step in steps] == list(guide.escalation.rows)
        assert [step.roles for step in steps] == [row.cell(severity).roles for row in guide.escalation.rows]
        assert [step.notices for step in steps] == [row.also.get(severity, ()) for row in guide.escalation.rows]
        assert guide.matrix.steps(severity) is steps


def test_a_moment_before_a_row_is_of_the_row_before() -> None:
    table = shipped().matrix.table
    for minute, brings in ((59.99, "+ dev-lead"), (60, "+ cto/ceo"), (10_000_000, "+ cto/ceo")):
        outcome = table.evaluate({"severity": "P0", "minute": minute})
        assert outcome.to_dict()["output"] == {"brings": brings, "told": "page", "also": "-"}
    assert table.evaluate({"severity": "P0", "minute": -1}).verdict == "not evaluable"


def test_a_guide_with_another_matrix_has_another_table() -> None:
    guide = shipped()
    first = guide.escalation.rows[0].model_copy(update={"also": {"P3": ("devops", "cto")}})
    other = replace(guide, escalation=guide.escalation.model_copy(update={"rows": (first,), "examples": ()}))
    assert [step.notices for step in other.matrix.steps("P3")] == [("devops", "cto")]
    assert len(other.matrix.table.rules) == 4
    assert len(guide.matrix.steps("P3")) == 4


def test_rows_out_of_order_make_no_table() -> None:
    guide = shipped()
    turned = guide.escalation.model_copy(update={"rows": guide.escalation.rows[::-1]})
    with pytest.raises(TableError):
        _ = Matrix(turned).table


def test_an_example_that_comes_out_otherwise_is_a_mistake(tmp_path: Path) -> None:
    folder = edited(tmp_path, "escalation.yaml", "minute: 29, brings: + team-lead", "minute: 30, brings: + team-lead")
    (error,) = told(folder)
    assert error.startswith('guide/escalation.yaml: examples[5]: expected {"brings": "+ team-lead", "told": "page"')
    assert 'came out {"brings": "+ dev-lead"' in error
    missing = "guide/escalation.yaml: examples: no example for P1 from minute 15 on (add one for P1 from minute 15 on)"
    assert missing in told(folder, "warning")


def test_a_cell_that_is_changed_disagrees_with_its_example(tmp_path: Path) -> None:
    (error,) = told(edited(tmp_path, "escalation.yaml", "    P0: + dev-lead", "    P0: + cto"))
    assert error.startswith("guide/escalation.yaml: examples[2]: ")


def test_a_guide_from_before_there_were_examples_is_taken_as_it_is(tmp_path: Path) -> None:
    text = (shipped().directory / "escalation.yaml").read_text("utf-8")
    examples = text[text.index("examples:") : text.index("# An unacknowledged")]
    folder = edited(tmp_path, "escalation.yaml", examples, "")
    assert told(folder) == []
    assert not [one for one in told(folder, "warning") if "escalation.yaml" in one]


def test_what_analysis_finds_is_a_mistake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A matrix in its own notation cannot have a gap; should its form ever be able to, the guide says so.
    whole = Guide.__post_init__

    def with_a_hole(guide: Guide) -> None:
        whole(guide)
        form = matrix_form(guide.escalation)
        holed = DecisionTable.from_mapping({**form, "rules": form["rules"][1:], "examples": []})
        guide.matrix.__dict__["table"] = holed

    monkeypatch.setattr(Guide, "__post_init__", with_a_hole)
    (error,) = told(edited(tmp_path, "sla.yaml", "p95_ms: 500", "p95_ms: 501"))
    assert 'no rule for severity "P0", minute [0..15)' in error
