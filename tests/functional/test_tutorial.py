"""The ten-minute tutorial, typed as it stands: both pages on one fresh installation."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.installation import Installation
from tests.support.tutorial import PAGES, Step, missing, run, steps

FIRST, LAST = "./judgify up --detach", "./judgify down"


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    fresh = Installation()
    try:
        yield fresh
    finally:
        fresh.remove()


@pytest.mark.timeout(400)
@pytest.mark.guide("S02", "G24", "G26")
def test_what_the_pages_show_comes_out(installation: Installation, tmp_path: Path) -> None:
    door = tmp_path / "judgify"
    door.write_text(f'#!/bin/sh\nexec {sys.executable} -m judgify.cli "$@"\n')
    door.chmod(0o755)
    environ = {**installation.environ, "LANG": "C.UTF-8"}
    pages = {language: steps(page) for language, page in PAGES.items()}
    assert [page[0].command for page in pages.values()] == [FIRST, FIRST]
    assert [page[-1].command for page in pages.values()] == [LAST, LAST]
    # Typed once what both pages have: the policy lets a unit be started by itself only once in ten minutes.
    came: dict[str, str] = {}
    wrong: list[str] = []

    def follow(step: Step) -> None:
        if step.command not in came:
            named = re.search(r"INC-\d{4}-\d{4}", "".join(came.values()))
            came[step.command] = run(step, tmp_path, environ, named[0] if named else None)
        lacking = missing(step.shown, came[step.command])
        wrong.extend(f"{step.heading}: {line}" for line in lacking)
        if lacking:
            sys.stdout.write(f"$ {step.command}\n{came[step.command]}\n")

    for page in pages.values():
        for step in page[:-1]:
            follow(step)
    for page in pages.values():
        follow(page[-1])
    assert wrong == []


def test_both_pages_have_the_same_steps() -> None:
    shapes = [[len(step.shown) > 0 for step in steps(page)] for page in PAGES.values()]
    assert shapes[0] == shapes[1]


def test_a_line_that_does_not_come_out_is_named() -> None:
    shown = ("│ ok    │    8 │", "…", "all 10 units are healthy after 11.2 s", "│ alert │    2 │")
    output = "┃ x ┃\n│ ok │ 8 │\nall 10 units are healthy after 9.4 s\n│ alert │ 3 │\n"
    assert missing(shown, output) == ["│ alert │    2 │"]
    assert missing(shown[:3], output) == []
