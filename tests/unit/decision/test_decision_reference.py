"""The example of the reference does what the reference says."""

import re
from pathlib import Path

from judgify.decision.feel.value import TYPES
from judgify.decision.finding import LEVELS
from judgify.decision.policy import POLICIES
from judgify.decision.wording import REASONS

PAGE = (Path(__file__).parents[3] / "docs/reference/decision.md").read_text(encoding="utf-8")


def test_the_example_prints_what_it_says() -> None:
    blocks = re.findall(r"```(?:python|text)\n(.*?)```", PAGE, re.DOTALL)
    said: list[str] = []
    names = {"print": lambda *words: said.append(" ".join(map(str, words)))}
    for program, printed in zip(blocks[::2], blocks[1::2], strict=True):
        said.clear()
        exec(program, names)  # noqa: S102 - our own page
        assert said == printed.strip().split("\n")


def test_every_type_policy_and_reason_is_in_the_reference() -> None:
    for word in (*TYPES, *POLICIES, *REASONS, *LEVELS):
        assert f"`{word}`" in PAGE
