"""The outside judge: from what callers were answered, when the fault was felt and when service was back. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

STEADY_S: Final = 10.0
"""Length in seconds of the unbroken stretch of right answers that counts as restored."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One judgment asked for through the gateway. Times are seconds on one monotonic clock."""

    sent_at: float
    answered_at: float
    right: bool
    """Answered 200 with the verdict that the input must have."""
    status: int
    """HTTP status; 0 when no answer came."""
    execution_id: str | None = None
    durability: str | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the callers saw. `restored_at` is the sending time of the first right answer of the unbroken stretch."""

    broken_at: float | None
    restored_at: float | None
    asked: int
    wrong: int


def rule(samples: Sequence[Sample], fault_at: float, steady_s: float = STEADY_S) -> Ruling:
    """Judge what happened after the fault.

    A sample counts from the moment it was sent. The stretch must be `steady_s` long by its sending times without one
    wrong answer in it, and must lie after the first wrong answer; with none wrong, nothing was broken.
    """
    after = sorted((one for one in samples if one.sent_at >= fault_at), key=lambda one: one.sent_at)
    wrong = [one for one in after if not one.right]
    if not wrong:
        return Ruling(None, None, len(after), 0)
    restored = stretch(after[after.index(wrong[0]) :], steady_s)
    return Ruling(wrong[0].sent_at, restored, len(after), len(wrong))


def stretch(samples: Sequence[Sample], steady_s: float = STEADY_S) -> float | None:
    """Give when the first unbroken stretch of right answers began that is `steady_s` long; samples in their order."""
    start: float | None = None
    for one in samples:
        if not one.right:
            start = None
        elif start is None:
            start = one.sent_at
        if start is not None and one.sent_at - start >= steady_s:
            return start
    return None


def steady(samples: Sequence[Sample], since: float, until: float, per_second: float) -> bool:
    """Tell whether every answer in the stretch was right and at least `per_second` judgments a second were asked."""
    within = [one for one in samples if since <= one.sent_at <= until]
    return len(within) >= (until - since) * per_second and all(one.right for one in within)
