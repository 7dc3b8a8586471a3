"""Charts as SVG: one line over time, readable without colour, with its figures as text beside it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH = 600
HEIGHT = 140
_TOP = 8
_BOTTOM = 8


@dataclass(frozen=True, slots=True)
class Chart:
    """One series. None is "not measured": the line has a gap there."""

    title: str
    unit: str
    start: datetime
    step: timedelta
    values: tuple[float | None, ...]
    mark: datetime | None = None
    """When the incident began: an upright line."""
    restored: datetime | None = None
    """When service was restored: a second one."""

    @property
    def known(self) -> list[float]:
        """What was measured."""
        return [value for value in self.values if value is not None]

    @property
    def highest(self) -> float | None:
        """The highest value, or None when nothing was measured."""
        return max(self.known, default=None)

    @property
    def lowest(self) -> float | None:
        """The lowest value, or None when nothing was measured."""
        return min(self.known, default=None)

    @property
    def last(self) -> float | None:
        """The newest value that was measured, or None."""
        return self.known[-1] if self.known else None

    @property
    def end(self) -> datetime:
        """The right edge."""
        return self.start + self.step * len(self.values)

    def x(self, moment: datetime) -> float:
        """Give the place of a moment; outside the chart it is kept at the edge."""
        share = (moment - self.start) / (self.end - self.start)
        return round(min(1.0, max(0.0, share)) * WIDTH, 1)

    @property
    def lines(self) -> list[str]:
        """Give the points of each unbroken stretch, for `<polyline>`; a lone value is a short dash."""
        top = self.highest or 1.0
        stretches: list[list[tuple[float, float]]] = [[]]
        for index, value in enumerate(self.values):
            if value is None:
                stretches.append([])
                continue
            x = self.x(self.start + self.step * (index + 0.5))
            y = round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - max(0.0, value) / top), 1)
            stretches[-1].append((x, y))
        return [_points(stretch) for stretch in stretches if stretch]


def _points(stretch: Sequence[tuple[float, float]]) -> str:
    if len(stretch) == 1:
        (x, y) = stretch[0]
        stretch = [(x - 3, y), (x + 3, y)]
    return " ".join(f"{x:g},{y:g}" for x, y in stretch)
