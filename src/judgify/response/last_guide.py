"""The last guide that was good: with a mistake in the guide the engine still pages, by that one, and says so."""

import contextlib
import shutil
from pathlib import Path

from judgify.kit.log import get_logger
from judgify.response.guide.base import GuideError
from judgify.response.guide.loader import load_guide
from judgify.response.guide.schema import Guide

log = get_logger("judgify.response.guide")


def open_guide(directory: Path, folder: Path) -> tuple[Guide, tuple[str, ...]]:
    """Load the guide; give it with the mistakes of the given one when an earlier, good copy had to be taken.

    Raises:
        GuideError: it has mistakes, and no good one was ever loaded here.
    """
    kept, last = folder / "guide-read", folder / "guide-last-good"
    mistakes: tuple[str, ...] = ()
    try:
        guide = load_guide(directory, kept=kept)
    except GuideError as error:
        mistakes = tuple(str(problem) for problem in error.problems)
        try:
            guide = load_guide(last, kept=kept)
        except GuideError:
            raise error from None
    if mistakes:
        log.error("the guide has mistakes; the last good one is used until they are mended", mistakes=mistakes)
    else:
        _keep(guide, last)
    return guide, mistakes


def _keep(guide: Guide, last: Path) -> None:
    note = last / ".digest"
    with contextlib.suppress(OSError):
        if note.is_file() and note.read_text(encoding="ascii") == guide.digest:
            return
        # A copy that is half made has no digest, and is made anew the next time.
        shutil.rmtree(last, ignore_errors=True)
        shutil.copytree(guide.directory, last)
        note.write_text(guide.digest, encoding="ascii")
