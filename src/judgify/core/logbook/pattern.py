"""Messages that differ only in their particulars have one pattern. Pure.

Of a message of several lines the first counts, of a Python traceback the last, which says what went wrong.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from judgify.kit.clock import iso

MAX_PATTERNS: Final = 5_000
"""Patterns that are counted at once; lines of further ones are counted together as others."""
WIDTH: Final = 300
"""Characters of a pattern and of its example."""
_SCANNED: Final = 2_000
_PARTICULAR: Final = re.compile(
    r"""
      (?P<uuid>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b)
    | (?P<time>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\ ?(?:Z|UTC|KST|[+-]\d\d:?\d\d))?)?)
    | (?P<text>"[^"\n]{0,500}"|(?<!\w)'[^'\n]{0,500}'(?!\w)|`[^`\n]{0,500}`|“[^”\n]{0,500}”)
    | (?P<address>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?:/\d{1,2})?\b
        | (?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?![\w:])
        | [\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+
        | \b(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+):\d{1,5}\b)
    | (?P<id>\b[a-z]{2,8}_[0-9A-Za-z]{16,40}\b|\b[A-Z]{2,6}-\d{4}-\d{3,6}\b)
    | (?P<hex>\b0[xX][0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\b)
    | (?P<n>(?<![A-Za-z_\d])\d+(?:[.,]\d+)*)
    """,
    re.VERBOSE,
)


def pattern_of(message: str) -> str:
    """Give a message's pattern: `<uuid>`, `<time>`, `<text>`, `<address>`, `<id>`, `<hex>`, `<n>` for what changes."""
    lines = [line for line in message[:_SCANNED].splitlines() if line.strip()]
    if not lines:
        return ""
    traced = lines[0].startswith("Traceback")
    told = message[-_SCANNED:].rstrip().splitlines()[-1] if traced else lines[0]
    masked = _PARTICULAR.sub(lambda found: f"<{found.lastgroup}>", told)
    return " ".join(masked.split())[:WIDTH]


@dataclass(slots=True)
class Pattern:
    """How often a pattern was seen, when, and from where."""

    pattern: str
    example: str
    first_seen: datetime
    last_seen: datetime
    count: int = 0
    services: dict[str, int] = field(default_factory=dict)
    levels: set[str] = field(default_factory=set)

    def document(self) -> dict[str, Any]:
        """The JSON form; services by number of lines."""
        return {
            "pattern": self.pattern,
            "count": self.count,
            "first_seen": iso(self.first_seen),
            "last_seen": iso(self.last_seen),
            "services": sorted(self.services, key=lambda name: (-self.services[name], name)),
            "levels": sorted(self.levels),
            "example": self.example,
        }


class Tally:
    """Counts lines by pattern in bounded memory."""

    def __init__(self, most: int = MAX_PATTERNS) -> None:
        """Count at most so many different patterns."""
        self._most = most
        self._found: dict[str, Pattern] = {}
        self.examined = 0
        self.others = 0

    def add(self, time: datetime, level: str, service: str, message: str) -> None:
        """Count one line."""
        self.examined += 1
        text = pattern_of(message)
        known = self._found.get(text)
        if known is None:
            if len(self._found) >= self._most:
                self.others += 1
                return
            known = self._found[text] = Pattern(text, message[:WIDTH], time, time)
        known.count += 1
        known.first_seen = min(known.first_seen, time)
        known.last_seen = max(known.last_seen, time)
        known.services[service] = known.services.get(service, 0) + 1
        known.levels.add(level)

    def top(self, limit: int) -> Sequence[Pattern]:
        """Give the most frequent patterns; of equals the one seen last."""
        ranked = sorted(self._found.values(), key=lambda one: (one.count, one.last_seen, one.pattern), reverse=True)
        return ranked[:limit]
