"""Rows of the table, and the table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `floor` and `ceiling` bound the ratio to the yardstick, `least` and `most` the value itself."""

    name: str
    value: float
    unit: str
    yardstick: tuple[str, float] | None = None
    floor: float | None = None
    ceiling: float | None = None
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value beside its yardstick."""
        return None if self.yardstick is None or not self.yardstick[1] else self.value / self.yardstick[1]

    @property
    def good(self) -> bool | None:
        """Whether the promise is held; None where none is made."""
        held = []
        if self.floor is not None:
            held.append(self.ratio is not None and self.ratio >= self.floor)
        if self.ceiling is not None:
            held.append(self.ratio is not None and self.ratio <= self.ceiling)
        if self.least is not None:
            held.append(self.value >= self.least)
        if self.most is not None:
            held.append(self.value <= self.most)
        return all(held) if held else None

    def document(self) -> dict[str, Any]:
        """Give the row as plain data."""
        return {**asdict(self), "ratio": self.ratio, "good": self.good}


def table(rows: Sequence[Row]) -> str:
    """Give the table in Markdown."""
    lines = ["| what | measured | beside | ratio | promised | held | |", "|---|---:|---:|---:|---|---|---|"]
    for row in rows:
        beside = "" if row.yardstick is None else f"{row.yardstick[0]} {_number(row.yardstick[1])} {row.unit}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        held = {None: "", True: "yes", False: "**NO**"}[row.good]
        measured = f"{_number(row.value)} {row.unit}"
        lines.append(f"| {row.name} | {measured} | {beside} | {ratio} | {_promise(row)} | {held} | {row.note} |")
    return "\n".join(lines)


def dump(rows: Sequence[Row], **about: Any) -> str:
    """Give everything as JSON."""
    return json.dumps({**about, "rows": [row.document() for row in rows]}, ensure_ascii=False, indent=1)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _promise(row: Row) -> str:
    told = []
    if row.floor is not None:
        told.append(f"ratio >= {row.floor:g}")
    if row.ceiling is not None:
        told.append(f"ratio <= {row.ceiling:g}")
    if row.least is not None:
        told.append(f">= {row.least:,g}")
    if row.most is not None:
        told.append(f"<= {row.most:,g}")
    return ", ".join(told)
