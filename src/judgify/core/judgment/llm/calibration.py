"""How far a model's word on its own confidence can be trusted, measured on what people said of its answers. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

NEEDED: Final = 30
"""Executions with feedback from which on a workflow's calibration is measured."""
BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose stated confidence lies in one tenth: how many, what they stated, how many were right."""

    low: float
    high: float
    n: int
    stated: float
    observed: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of one workflow's model answers. `brier` is the mean squared error, 0 best; None until measured."""

    n: int
    brier: float | None = None
    accuracy: float | None = None
    bins: tuple[Bin, ...] = ()

    @property
    def state(self) -> str:
        """`not calibrated`, or `measured`."""
        return "not calibrated" if self.brier is None else "measured"

    def observed(self, confidence: float) -> float | None:
        """Share of right answers among those that stated about this confidence; None where none did."""
        place = _place(confidence)
        return next((found.observed for found in self.bins if _place(found.low) == place), None)

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {
            "state": self.state,
            "n": self.n,
            "needed": NEEDED,
            "brier": self.brier,
            "accuracy": self.accuracy,
            "bins": [
                {"from": one.low, "to": one.high, "n": one.n, "stated": one.stated, "observed": one.observed}
                for one in self.bins
            ],
        }


UNKNOWN: Final = Calibration(0)


def measure(pairs: Iterable[tuple[float, bool]]) -> Calibration:
    """Measure pairs of stated confidence and whether the answer was right; fewer than `NEEDED` measure nothing."""
    known = list(pairs)
    if len(known) < NEEDED:
        return Calibration(len(known))
    places: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in known:
        places.setdefault(_place(confidence), []).append((confidence, right))
    bins = tuple(
        Bin(
            place / BINS,
            (place + 1) / BINS,
            len(members),
            round(sum(confidence for confidence, _ in members) / len(members), 4),
            round(sum(right for _, right in members) / len(members), 4),
        )
        for place, members in sorted(places.items())
    )
    brier = sum((confidence - right) ** 2 for confidence, right in known) / len(known)
    accuracy = sum(right for _, right in known) / len(known)
    return Calibration(len(known), round(brier, 4), round(accuracy, 4), bins)


def majority(words: Iterable[bool]) -> bool | None:
    """Give what most persons say of one answer; None on a tie."""
    balance = sum(1 if word else -1 for word in words)
    return None if balance == 0 else balance > 0


def _place(confidence: float) -> int:
    return min(BINS - 1, int(confidence * BINS + 1e-9))
