"""What the page of the guide's rows calls a test."""

import json
from pathlib import Path
from typing import Literal

import pytest
from tests.support.guide_report import GuideReport


def test_a_test_has_one_name_whatever_its_parameters_and_whoever_runs_it(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    report = GuideReport(target)
    variants: tuple[tuple[str, Literal["passed", "failed"]], ...]
    variants = (("[a]", "passed"), ("[b@c]@deaths", "failed"), ("@deaths", "passed"), ("", "passed"))
    for place, outcome in variants:
        one = pytest.TestReport(
            f"tests/test_x.py::test_y{place}", ("tests/test_x.py", 1, "test_y"), {}, outcome, None, "call"
        )
        one.user_properties.append(("guide", ["G01"]))
        report.pytest_runtest_logreport(one)
    other = pytest.TestReport(
        "tests/test_x.py::test_y[d]", ("tests/test_x.py", 1, "test_y"), {}, "passed", None, "call"
    )
    other.user_properties.append(("guide", ["G02"]))
    report.pytest_runtest_logreport(other)
    report.pytest_sessionfinish()
    told = json.loads(target.read_text(encoding="utf-8"))
    assert told == {row: {"tests/test_x.py::test_y": "failed"} for row in ("G01", "G02")}
