"""Impact of an incident (guide 5.2): its window beside the window of the same length before. Values in, values out."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal

from judgify.kit.clock import iso

Group = Literal["users", "business", "sla"]


class Verdict(StrEnum):
    """How a figure stands against its service level target."""

    MET = "met"
    MISSED = "missed"
    NO_DATA = "no-data"
    NO_TARGET = "no-target"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time, from the one moment to the other."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured in one stretch; None where nobody measured. Shares and availability are percentages."""

    active_users: float | None = None
    error_percentage: float | None = None
    unfinished_requests: float | None = None
    judgments: float | None = None
    dashboards: float | None = None
    api_calls: float | None = None
    availability_percentage: float | None = None
    p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """The service level targets of guide 5.2."""

    availability_percentage: float = 99.9
    p95_ms: float = 500.0
    error_percentage: float = 0.1


@dataclass(frozen=True, slots=True)
class Line:
    """One figure before and during the incident; None is "no data", never zero."""

    key: str
    group: Group
    unit: str
    before: float | None
    during: float | None
    target: float | None
    verdict: Verdict

    @property
    def change(self) -> float | None:
        """The difference, in the figure's own unit."""
        return None if self.before is None or self.during is None else self.during - self.before

    @property
    def change_percent(self) -> float | None:
        """The difference in percent of the value before; None where there is nothing to compare with."""
        if self.change is None or not self.before:
            return None
        return 100.0 * self.change / self.before


@dataclass(frozen=True, slots=True)
class Impact:
    """The comparison, figure by figure, with the two stretches that it was computed over."""

    during: Stretch
    before: Stretch
    lines: tuple[Line, ...]

    def line(self, key: str) -> Line:
        """Give one figure by its key; KeyError for another name."""
        return {line.key: line for line in self.lines}[key]

    @property
    def has_data(self) -> bool:
        """Whether anything at all was measured during the incident."""
        return any(line.during is not None for line in self.lines)

    def document(self) -> dict[str, Any]:
        """Give the JSON form that the timeline keeps, moments in UTC and the changes computed."""
        return {
            "during": {"start": iso(self.during.start), "end": iso(self.during.end)},
            "before": {"start": iso(self.before.start), "end": iso(self.before.end)},
            "has_data": self.has_data,
            "lines": [
                asdict(line)
                | {"verdict": line.verdict.value, "change": line.change, "change_percent": line.change_percent}
                for line in self.lines
            ],
        }


_FIGURES: Final[tuple[tuple[str, Group, str], ...]] = (
    ("active_users", "users", ""),
    ("error_percentage", "users", "%"),
    ("unfinished_requests", "users", ""),
    ("judgments", "business", ""),
    ("dashboards", "business", ""),
    ("api_calls", "business", ""),
    ("sla_availability_percentage", "sla", "%"),
    ("sla_p95_ms", "sla", "ms"),
    ("sla_error_percentage", "sla", "%"),
)


def stretch_before(during: Stretch) -> Stretch:
    """Give the stretch of the same length that ends where this one begins."""
    return Stretch(during.start - during.length, during.start)


def compare(during: Stretch, measured: Measured, measured_before: Measured, targets: Targets) -> Impact:
    """Put the incident's stretch beside the one before, and the three service level figures against their targets."""
    lines = tuple(_line(figure, measured_before, measured, targets) for figure in _FIGURES)
    return Impact(during, stretch_before(during), lines)


def _line(figure: tuple[str, Group, str], before: Measured, during: Measured, targets: Targets) -> Line:
    key, group, unit = figure
    field = key.removeprefix("sla_")
    old: float | None = getattr(before, field)
    new: float | None = getattr(during, field)
    target: float | None = getattr(targets, field) if group == "sla" else None
    return Line(key, group, unit, old, new, target, _verdict(field, new, target))


def _verdict(field: str, value: float | None, target: float | None) -> Verdict:
    if target is None:
        return Verdict.NO_TARGET
    if value is None:
        return Verdict.NO_DATA
    # The guide: 99.9 % available at least, p95 below 500 ms, errors below 0.1 %.
    good = value >= target if field == "availability_percentage" else value < target
    return Verdict.MET if good else Verdict.MISSED
