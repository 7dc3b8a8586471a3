"""Dead man's switches as values: what is expected when, after a restart too, and what silence and return say.

A beat is expected every `every_s` seconds and is missing `grace_s` after that. While no engine listened nobody could
beat: a beat that was expected in that time is not held against its sender, the next one is. So after a restart
silence is noticed at most one period later than without it, and a restart alone raises no alarm.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from judgify.kit.clock import iso
from judgify.kit.ids import new_id
from judgify.response.desk import Work
from judgify.response.guide.intake import HEARTBEAT_MISSING, HeartbeatEntry
from judgify.response.kept import Kept
from judgify.response.model import Signal, Value

KIND: Final = "heartbeat"


class Heartbeat(Value):
    """One dead man's switch, as it is kept."""

    name: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)
    every_s: float = Field(gt=0, le=32 * 86_400)
    grace_s: float = Field(default=0, ge=0, le=86_400)
    service: str = Field(default="", max_length=120)
    """Which service is in doubt while it is silent; empty: its own name stands for one."""
    signal: str = Field(default=HEARTBEAT_MISSING, max_length=120)
    starts: Literal["at-once", "first-beat"] = "at-once"
    source: Literal["guide", "api"] = "api"
    known_at: AwareDatetime
    """Since when the engine knows of it."""
    last_at: AwareDatetime | None = None
    missing: bool = False
    """Whether its silence has been told, and it has not come back since."""

    def expected_at(self, listening_since: datetime) -> datetime | None:
        """Give when the next beat is expected that an engine listening since then would have heard; None: not yet."""
        if self.last_at is None and self.starts == "first-beat":
            return None
        base = self.last_at or self.known_at
        periods = max(1, ceil((listening_since - base).total_seconds() / self.every_s))
        return base + timedelta(seconds=periods * self.every_s)

    def missing_at(self, listening_since: datetime) -> datetime | None:
        """Give when silence counts; None while it does not, or has been told of already."""
        expected = self.expected_at(listening_since)
        return None if expected is None or self.missing else expected + timedelta(seconds=self.grace_s)

    def silent(self, now: datetime) -> Signal:
        """Give the signal that says that it is silent."""
        since = self.last_at or self.known_at
        told = f"since {iso(since)}" if self.last_at is not None else f"never came; known since {iso(since)}"
        return self._signal(now, f"heartbeat {self.name}: {told}; expected every {self.every_s:g} s")

    def back(self, now: datetime) -> Signal:
        """Give the signal that says that it has come back."""
        word = self._signal(now, f"heartbeat {self.name} is back")
        return word.model_copy(update={"status": "resolved", "ended_at": now})

    def _signal(self, now: datetime, text: str) -> Signal:
        return Signal(
            id=new_id("sig"),
            service=self.service or self.name,
            signal=self.signal,
            source="heartbeat",
            labels={"heartbeat": self.name},
            text=text,
            observed_at=now,
            received_at=now,
            fingerprint=f"heartbeat|{self.name}",
        )

    def shown(self) -> dict[str, Any]:
        """Give it as the API shows it."""
        return self.model_dump(mode="json")


def of_entry(entry: HeartbeatEntry, before: Heartbeat | None, now: datetime) -> Heartbeat:
    """Give a heartbeat of the guide; what it did before the guide changed stays."""
    return Heartbeat(
        name=entry.name,
        every_s=entry.every_s,
        grace_s=entry.grace_s,
        service=entry.service or "",
        signal=entry.signal,
        starts=entry.starts,
        source="guide",
        known_at=now if before is None else before.known_at,
        last_at=None if before is None else before.last_at,
        missing=before is not None and before.missing,
    )


def load(work: Work, name: str) -> Heartbeat | None:
    """Give a heartbeat by name, or None."""
    kept = work.tx.kept(KIND, name)
    return None if kept is None else of_kept(kept)


def of_kept(kept: Kept) -> Heartbeat:
    """Read one back."""
    return Heartbeat.model_validate_json(str(kept.body["json"]))


def save(work: Work, heartbeat: Heartbeat) -> None:
    """Keep one."""
    work.tx.keep(Kept(kind=KIND, id=heartbeat.name, body={"json": heartbeat.model_dump_json()}))
