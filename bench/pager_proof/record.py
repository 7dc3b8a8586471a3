"""What is known of a run from outside: accepted, acknowledged, arrived, and when which engine was up. Values only."""

from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["taken", "kept", "lost", "refused"]
"""What a receiver made of a message: answered well; has it but never said so; has it not and never said so; said no."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a message says it is about: the key by which vendors fold repeats, taken apart."""

    incident: str
    row: str
    kind: str
    person: str
    repeat: int

    @classmethod
    def read(cls, text: str) -> "Key":
        """Read `incident:row:kind:person:repeat`, where the row may hold colons itself."""
        incident, *row, kind, person, repeat = text.split(":")
        return cls(incident, ":".join(row), kind, person, int(repeat))

    @property
    def minute(self) -> int | None:
        """Give the minute of the matrix that it belongs to; None for other rows."""
        first = self.row.partition(":")[0]
        return int(first) if first.isdigit() else None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as a receiver saw it."""

    at: float
    sink: str
    key: Key
    labelled: bool
    verdict: Verdict

    @property
    def told(self) -> bool:
        """Tell whether the person has it."""
        return self.verdict in {"taken", "kept"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """An alert that was answered with 202, and the incident that the answer named."""

    service: str
    incident: str
    tried_at: float
    answered_at: float


@dataclass(frozen=True, slots=True)
class Acked:
    """An acknowledgement that was answered with 200."""

    incident: str
    asked_at: float
    answered_at: float


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time; of `sink` only, where one is named."""

    start: float
    end: float
    sink: str = ""
    what: str = ""


@dataclass(slots=True)
class Record:
    """One run as seen from outside. Times are seconds of one clock that nobody sets."""

    accepted: list[Accepted] = field(default_factory=list)
    acked: list[Acked] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    up: list[Window] = field(default_factory=list)
    """From an engine's first good answer to its end."""
    troubles: list[Window] = field(default_factory=list)
    """When something stood in the way: a database that stalls, a full disk, a receiver that misbehaves."""
    frozen: list[Window] = field(default_factory=list)
    """When an engine was stopped and woken; it is not up meanwhile."""
    takeovers: int = 0
    """Deaths and freezes of engines: each may repeat what was under way, and no more."""
    faults: list[str] = field(default_factory=list)
    """What the run itself could not do."""
    ended_at: float = 0.0
    starved: list[tuple[float, float]] = field(default_factory=list)
    """(moment, seconds so far) that engines and this program were ready to run and got no processor: the kernel's own
    figure (`/proc/*/schedstat`). A machine that is too busy is no fault of the engine's."""

    def starved_s(self, start: float, end: float) -> float:
        """Give the seconds between two moments in which somebody wanted a processor and got none."""
        before = max((total for at, total in self.starved if at <= start), default=0.0)
        after = min((total for at, total in self.starved if at >= end), default=None)
        if after is None:
            after = max((total for _, total in self.starved), default=0.0)
        return max(0.0, after - before)
