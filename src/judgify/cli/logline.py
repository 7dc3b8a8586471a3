"""A unit's log lines for people: one short line each, and of a traceback what it ended with."""

import json
from typing import Any, Final

from judgify.cli.output import printable

WIDTH: Final = 240
"""Characters that are shown of a line."""


def readable(line: str) -> str:
    """A JSON log line as ``time level message``; anything else as it is. Shortened, and safe for a terminal."""
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return _short(line)
    if not isinstance(entry, dict) or "message" not in entry:
        return _short(line)
    message = _end_of_traceback(str(entry["message"]))
    cause = entry.get("exception") or entry.get("error") or entry.get("reason")
    if cause:
        message += f": {_end_of_traceback(str(cause))}"
    return _short(f"{str(entry.get('timestamp', ''))[11:19]} {entry.get('level', '')} {message}")


def _end_of_traceback(text: str) -> str:
    """What the error said: the lines after the last indented one, in one."""
    if not text.startswith("Traceback"):
        return text
    lines = [line for line in text.splitlines() if line.strip()]
    last = max((number for number, line in enumerate(lines) if line.startswith("  File ")), default=0)
    # The line after "File …" is the source line; with Python 3.11's markers one more of carets may follow.
    said = [line.strip() for line in lines[last + 1 :] if not line.startswith("    ")]
    return " ".join(said) or lines[-1].strip()


def _short(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= WIDTH else shown[: WIDTH - 1] + "…"
