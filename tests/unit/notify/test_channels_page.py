import re
from pathlib import Path

from judgify.notify import TYPES
from judgify.notify.outcome import OUTCOME_LABELS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "channels.md").read_text(encoding="utf-8")


def test_the_reference_page_lists_every_type_and_every_outcome() -> None:
    types, outcomes = (PAGE.split(head)[1].split("\n## ")[0] for head in ("## Types and settings", "## Outcomes"))
    assert set(re.findall(r"^\| `([^`]+)`", types, re.MULTILINE)) == set(TYPES)
    assert set(re.findall(r"^\| `([^`]+)`", outcomes, re.MULTILINE)) == set(OUTCOME_LABELS)
