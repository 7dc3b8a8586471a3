"""Signals out of a service's own health parts: a part that is down while the service itself goes on. Pure.

Guide 4.2 names failing calls of the language model as a symptom of the judgment service, which answers by its rules
meanwhile and so never fails a probe.
"""

from dataclasses import dataclass
from typing import Final, Literal

from judgify.response.intake.probe import Look

PARTS: Final = {("judgment", "llm"): "llm_failing"}
"""(service, part of its health) → the signal that its being down raises."""
LOOKS: Final = 2
"""So many looks in a row make it down, and so many make it good again."""


@dataclass(slots=True)
class _Seen:
    told: Literal["down", "good"] | None = None
    now: Literal["down", "good"] | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class PartTurn:
    """A part that went down, or is down no more: good, or not used any more."""

    service: str
    part: str
    signal: str
    down: bool


class PartWatch:
    """Counts looks. What an earlier engine may have told of is told to be over once, when it is seen to be so."""

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self._seen = {key: _Seen() for key in PARTS}

    def look(self, service: str, look: Look) -> list[PartTurn]:
        """Take one look at a service; gives the turns. A service that does not answer says nothing of its parts."""
        turns = []
        if not look.live or look.health is None:
            return []
        for (name, part), seen in self._seen.items():
            if name != service:
                continue
            state: Literal["down", "good"] = "down" if look.parts.get(part) == "down" else "good"
            seen.count = seen.count + 1 if seen.now == state else 1
            seen.now = state
            if seen.count >= LOOKS and seen.told != state:
                seen.told = state
                turns.append(PartTurn(service, part, PARTS[name, part], down=state == "down"))
        return turns

    def tell_again(self, turn: PartTurn) -> None:
        """Tell of this turn with the next look, since nobody could take it."""
        self._seen[turn.service, turn.part].told = None
