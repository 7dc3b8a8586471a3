"""The example of the page does what the page says, and its limits are those of the code."""

import re
from pathlib import Path

from judgify.decision import limit

PAGE = (Path(__file__).parents[3] / "docs/reference/feel.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says() -> None:
    program, printed = re.findall(r"```(?:python|text)\n(.*?)```", PAGE, re.DOTALL)[:2]
    said: list[str] = []
    exec(program, {"print": lambda *words: said.append(" ".join(map(str, words)))})  # noqa: S102 - our own page
    assert said == printed.strip().split("\n")


def test_the_limits_are_those_of_the_code() -> None:
    text = PAGE.split("## Limits")[1]
    named = (limit.MAX_EXPRESSION, limit.MAX_NESTING, limit.MAX_DEPTH, limit.MAX_DIGITS, limit.MAX_STEPS)
    for number in (*named, limit.MAX_CALLS, limit.MAX_LIST, limit.MAX_STRING, limit.MAX_RESULT):
        assert f"{number:,}" in text
