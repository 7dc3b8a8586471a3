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
    report.pytest_sessionfinish()
    assert json.loads(target.read_text(encoding="utf-8")) == {"G01": {"tests/test_x.py::test_y": "failed"}}
