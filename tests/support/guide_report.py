"""Writes down which tests prove which rows of the guide, and how they ended: the marker `guide("G01", ...)`."""

import json
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest

TARGET: Final = "JUDGIFY_TEST_GUIDE_REPORT"
"""The run writes its report to the file that this environment variable names; without it nothing is written."""
_WORST: Final = ("failed", "skipped", "passed")
_PARAMETERS: Final = re.compile(r"[\[@].*", re.DOTALL)
"""What stands behind a test's name: its parameters, and the group (`test@group`) where workers share them."""


class GuideReport:
    """Gathers outcomes in the process that sees all reports, also when workers run the tests."""

    def __init__(self, target: Path) -> None:
        """Write to `target` when the run ends."""
        self._target = target
        self._outcomes: dict[str, set[str]] = defaultdict(set)
        self._rows: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember how a test that names rows ended; a setup or teardown that failed fails it."""
        rows = dict(report.user_properties).get("guide")
        if not rows or (report.when != "call" and report.outcome == "passed"):
            return
        name = _PARAMETERS.sub("", report.nodeid)
        # The variants of a test may prove different rows.
        self._rows[name] |= set(map(str, rows)) if isinstance(rows, list | tuple) else {str(rows)}
        self._outcomes[name].add(report.outcome)

    def pytest_sessionfinish(self) -> None:
        """Write the report: row -> test -> outcome, the worst one of a test's variants."""
        told: dict[str, dict[str, str]] = defaultdict(dict)
        for name, rows in self._rows.items():
            outcome = next(one for one in _WORST if one in self._outcomes[name])
            for row in rows:
                told[row][name] = outcome
        self._target.write_text(json.dumps(told, indent=1, sort_keys=True), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to gather when a report is wanted; not in the workers, whose reports reach the process above."""
    target = os.environ.get(TARGET)
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(GuideReport(Path(target)), "judgify-guide-report")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Put the rows that a test names into its report."""
    for item in items:
        rows = sorted({row for mark in item.iter_markers("guide") for row in mark.args})
        if rows:
            item.user_properties.append(("guide", rows))
