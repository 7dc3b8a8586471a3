"""The example of the reference does what the reference says, and its limits are those of the code."""

import re
from pathlib import Path

from judgify.decision.dmn import limit
from judgify.decision.dmn.form import OWN

PAGE = (Path(__file__).parents[3] / "docs/reference/dmn.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says() -> None:
    program, printed = re.findall(r"```(?:python|text)\n(.*?)```", PAGE, re.DOTALL)[:2]
    said: list[str] = []
    exec(program, {"print": lambda *words: said.append(" ".join(map(str, words)))})  # noqa: S102 - our own page
    assert said == printed.strip().split("\n")


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{limit.MAX_XML // 1024**2} MiB" in PAGE
    assert f"{limit.MAX_ELEMENTS:,} elements" in PAGE
    assert f"{limit.MAX_DEPTH} levels" in PAGE
    assert f"{limit.MAX_ATTRIBUTES} attributes" in PAGE
    assert f"{limit.MAX_ATTRIBUTE:,} characters" in PAGE
    assert f"{limit.MAX_PROBLEMS} mistakes" in PAGE
    assert f"`{OWN}`" in PAGE
