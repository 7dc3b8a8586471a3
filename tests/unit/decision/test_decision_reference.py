"""The example of the reference does what the reference says."""

import re
from pathlib import Path

from judgify.decision.feel.value import TYPES
from judgify.decision.policy import POLICIES
from judgify.decision.wording import REASONS

PAGE = (Path(__file__).parents[3] / "docs/reference/decision.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says() -> None:
    program, printed = re.findall(r"```(?:python|text)\n(.*?)```", PAGE, re.DOTALL)[:2]
    said: list[str] = []
    exec(program, {"print": lambda *words: said.append(" ".join(map(str, words)))})  # noqa: S102 - our own page
    assert said == printed.strip().split("\n")


def test_every_type_policy_and_reason_is_in_the_reference() -> None:
    for word in (*TYPES, *POLICIES, *REASONS):
        assert f"`{word}`" in PAGE
