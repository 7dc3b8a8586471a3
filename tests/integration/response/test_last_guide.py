"""A guide with a mistake: told, and the last good one goes on; without one the engine does not start in silence."""

import shutil
from pathlib import Path

import pytest

from judgify.response.guide.base import GuideError
from judgify.response.guide.loader import default_guide_dir
from judgify.response.last_guide import open_guide


def test_with_a_mistake_the_last_good_guide_goes_on(tmp_path: Path) -> None:
    guide = tmp_path / "guide"
    shutil.copytree(default_guide_dir(), guide)
    folder = tmp_path / "response"
    good, mistakes = open_guide(guide, folder)
    assert mistakes == ()
    assert open_guide(guide, folder) == (good, ())
    (guide / "severities.yaml").write_text("severities: [")
    earlier, mistakes = open_guide(guide, folder)
    assert earlier.digest == good.digest
    assert "severities.yaml" in mistakes[0]
    shutil.rmtree(folder)
    with pytest.raises(GuideError):
        open_guide(guide, folder)
