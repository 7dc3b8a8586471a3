"""The shipped guide for tests, and copies of it with one edit."""

import shutil
from functools import cache
from pathlib import Path

from judgify.response.guide.loader import default_guide_dir, load_guide
from judgify.response.guide.schema import Guide


@cache
def shipped() -> Guide:
    """The default guide, loaded once."""
    return load_guide(default_guide_dir())


def edited(folder: Path, file: str, old: str, new: str) -> Path:
    """Copy the default guide to `folder`/guide and replace the first `old` in one file, which must be there."""
    target = folder / "guide"
    if not target.exists():
        shutil.copytree(default_guide_dir(), target)
    path = target / file
    text = path.read_text("utf-8")
    assert old in text, f"{old!r} is not in {file}"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return target
