"""Writes down which tests are to run, began and ended: a run that is cut short can name what it did not do."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

import pytest

TARGET: Final = "JUDGIFY_TEST_RUN_LOG"
"""The run writes to the file that this environment variable names, a line of JSON at a time; without it nothing."""


class RunLog:
    """Written in the process that sees all reports, also when workers run the tests."""

    def __init__(self, target: Path) -> None:
        """Begin the file anew."""
        self._file: IO[str] = target.open("w", encoding="utf-8", buffering=1)

    def _say(self, word: str, what: object) -> None:
        self._file.write(json.dumps([round(time.monotonic(), 1), word, what]) + "\n")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Name all that this process is to run."""
        self._say("chosen", [item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Name all that the workers are to run; each of them chose the same."""
        self._say("chosen", list(ids))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test began."""
        self._say("began", nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test ended, whichever way."""
        self._say("ended", nodeid)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to write when a log is wanted; not in the workers."""
    target = os.environ.get(TARGET)
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(RunLog(Path(target)), "judgify-run-log")


def unfinished(log: Path) -> tuple[list[str], list[str]]:
    """Give what had begun and did not end, and what never began; both empty after a whole run."""
    chosen: dict[str, None] = {}
    began: set[str] = set()
    ended: set[str] = set()
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        _, word, what = json.loads(line)
        if word == "chosen":
            chosen |= dict.fromkeys(what)
        else:
            (began if word == "began" else ended).add(what)
    return [one for one in chosen if one in began - ended], [one for one in chosen if one not in began]
