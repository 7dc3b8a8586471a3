"""The conformance kit, where it lies beside the repository, and the runner of it."""

from pathlib import Path

import pytest
from bench.tck import OutOfTimeError, Result, needed, run_file, same, within
from tests.support.dmn_xml import dmn

from judgify.decision.dmn import ModelError

KIT = Path(__file__).parents[4] / "shared/tck"
needs_kit = pytest.mark.skipif(not KIT.is_dir(), reason=f"the conformance kit is not at {KIT}")


@needs_kit
@pytest.mark.parametrize(("level", "cases"), [(2, 116), (3, 1400)])
def test_every_case_of_the_kit_passes_but_those_that_call_java(level: int, cases: int) -> None:
    files = sorted((KIT / f"compliance-level-{level}").rglob("*.xml"))
    results = [result for file in files for result in run_file(file, 10)]
    assert len(results) >= cases
    failed = [result for result in results if result.comment]
    assert [result for result in failed if "java" not in result.folder] == []
    assert all("external function" in result.comment or "kind Java" in result.comment for result in failed)


MODEL = """<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="urn:t" name="t">
<decision name="a"><literalExpression><text>1 / 3</text></literalExpression></decision></definitions>"""
CASES = """<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<modelName>{model}</modelName>
<testCase id="1"><resultNode name="a"><expected>
<value xsi:type="xsd:decimal">0.333333333</value></expected></resultNode></testCase>
<testCase id="2"><resultNode name="a" errorResult="true"><expected><value xsi:nil="true"/></expected></resultNode>
</testCase>
<testCase id="3"><resultNode name="none"><expected><value xsi:type="xsd:string">x</value></expected></resultNode>
</testCase></testCases>"""


def run(folder: Path, model: str, name: str = "m.dmn") -> list[Result]:
    (folder / "m.dmn").write_text(model, encoding="utf-8")
    (folder / "t.xml").write_text(CASES.format(model=name), encoding="utf-8")
    return list(run_file(folder / "t.xml", 5))


def test_the_runner_tells_what_passed_and_what_differs(tmp_path: Path) -> None:
    results = run(tmp_path, MODEL)
    assert [result.word for result in results] == ["SUCCESS", "ERROR", "ERROR"]
    assert "expected None, got" in results[1].comment
    assert "NotFound" in results[2].comment


@pytest.mark.parametrize(("model", "name"), [("<broken", "m.dmn"), (MODEL, "other.dmn")])
def test_a_model_that_cannot_be_read_fails_its_cases_and_not_the_run(tmp_path: Path, model: str, name: str) -> None:
    assert [result.word for result in run(tmp_path, model, name)] == ["ERROR"] * 3


def test_a_model_is_read_with_what_it_imports_and_nothing_else() -> None:
    files = {
        "top": dmn('<import name="m" namespace="urn:m"/>', namespace="urn:t"),
        "middle": dmn('<import name="l" namespace="urn:l"/>', namespace="urn:m"),
        "low": dmn(namespace="urn:l"),
        "twin": dmn(namespace="urn:t"),
        "again": dmn(namespace="urn:l"),
        "other": dmn(namespace="urn:o"),
        "broken": b"<",
    }
    assert set(needed(files, "top")) == {"top", "middle", "low"}


def test_a_test_file_that_cannot_be_read_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "t.xml").write_text("<broken", encoding="utf-8")
    (result,) = run_file(tmp_path / "t.xml", 5)
    assert ModelError.__name__ in result.comment


def test_the_runner_compares_as_the_kit_does() -> None:
    assert same({"a": [1, None]}, {"a": [1, None]})
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert not same([1], [1, 2])
    assert not same(1, True)
    assert not same("1", 1)


def test_a_case_that_takes_too_long_is_stopped() -> None:
    def endless() -> None:
        with within(0.05):
            while True:
                pass

    with pytest.raises(OutOfTimeError):
        endless()
