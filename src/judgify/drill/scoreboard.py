"""The scoreboard: what a series of drills measured, as Markdown tables for the documentation. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Report = Mapping[str, Any]
_HEAD: Final = (
    "| drill | run | at | first wrong answer | incident | page | recovery began | restored | verified | all documents |"
    " answered 200 | lost | |"
)
_WORST: Final = "| drill | incident | page | restored | verified | lost | runs | passed |"


def markdown(reports: Sequence[Report]) -> str:
    """Write one row for each run, and one for the worst figures of each drill beside what it allows."""
    runs: dict[str, int] = {}
    lines = [_HEAD, "|" + "---|" * 13]
    for report in reports:
        name = str(report["scenario"])
        runs[name] = runs.get(name, 0) + 1
        lines.append(_row(report, runs[name]))
    lines += ["", _WORST, "|" + "---|" * 8]
    lines += [_worst(name, [one for one in reports if one["scenario"] == name]) for name in runs]
    return "\n".join(lines) + "\n"


def page_s(report: Report) -> float | None:
    """Give the seconds from the incident to the page."""
    segments = report["segments"]
    if segments["handed_over_s"] is None or segments["incident_s"] is None:
        return None
    return float(segments["handed_over_s"]) - float(segments["incident_s"])


def restored_s(report: Report) -> float | None:
    """Give the seconds to the restored service, from where the drill counts them."""
    segments = report["segments"]
    if segments["restored_s"] is None:
        return None
    return float(segments["restored_s"]) - float(segments.get("mended_s") or 0.0)


def _shown(value: float | None) -> str:
    return "never" if value is None else f"{value:.2f}"


def _row(report: Report, number: int) -> str:
    segments, load = report["segments"], report["load"]
    cells = [
        report["scenario"],
        number,
        report["started_at_shown"],
        _shown(segments["felt_s"]),
        _shown(segments["incident_s"]),
        _shown(page_s(report)),
        _shown(segments["acted_s"]),
        _shown(restored_s(report)),
        _shown(segments["verified_s"]),
        _shown(segments["documented_s"]),
        load["answered"],
        load["lost"],
        "passed" if report["passed"] else "FAILED",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _worst(name: str, reports: Sequence[Report]) -> str:
    allowed = reports[0]["allowance"]

    def most(values: Sequence[float | None], limit: float | None) -> str:
        known = [value for value in values if value is not None]
        shown = "never" if len(known) < len(values) or not known else f"{max(known):.2f}"
        return shown if limit is None else f"{shown} (≤ {limit:g})"

    cells = [
        name,
        most([one["segments"]["incident_s"] for one in reports], allowed["detected_s"]),
        most([page_s(one) for one in reports], allowed["handed_over_s"]),
        most([restored_s(one) for one in reports], allowed["restored_s"]),
        most([one["segments"]["verified_s"] for one in reports], None),
        sum(int(one["load"]["lost"]) for one in reports),
        len(reports),
        sum(bool(one["passed"]) for one in reports),
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
