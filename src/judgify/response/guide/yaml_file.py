"""Reading one YAML file safely: bounded in size, depth and aliases; duplicate keys and second documents refused."""

import contextlib
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Final

from judgify.kit.files import write_atomic
from judgify.response.guide.unreadable import Unreadable

MAX_BYTES: Final = 512 * 1024
_FORM: Final = "1"
"""Grows whenever the parser gives something else for the same text."""


def read_text(path: Path) -> str:
    """Read a file as UTF-8 text; `Unreadable` when it is missing, too large or not UTF-8."""
    try:
        raw = path.read_bytes()[: MAX_BYTES + 1] if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}", "put the file there and make it readable") from error
    if raw is None:
        raise Unreadable(f"is larger than {MAX_BYTES} bytes", "split or shorten it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 at byte {error.start}", "save it as UTF-8") from error


def read_yaml(text: str, kept: Path | None = None) -> str:
    """Read YAML 1.2 into the JSON of the same value; `Unreadable` names the line.

    Dates become ISO text. Tags that build objects, aliases beyond a few, and keys given twice are refused. With a
    folder `kept`, what was read once is kept there under the digest of its text: an engine that starts again, with a
    guide that did not change, must not wait for the parser. A kept answer that is damaged is read anew.
    """
    if kept is None:
        return _parsed(text)
    path = kept / f"{hashlib.sha256(f'{_FORM}{text}'.encode()).hexdigest()}.json"
    with contextlib.suppress(OSError, ValueError):
        known = path.read_text(encoding="utf-8")
        json.loads(known)
        return known
    found = _parsed(text)
    with contextlib.suppress(OSError):
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, found.encode(), 0o600)
    return found


@lru_cache(maxsize=64)
def _parsed(text: str) -> str:
    """Comparing and re-reading guides mostly meets files that did not change."""
    from judgify.response.guide.yaml_parser import parse  # noqa: PLC0415 - slow to load, and mostly not needed

    return parse(text)
