"""A drill's report: as JSON on the disk, and as text for people."""

import json
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from judgify.drill.scenario import Scenario
from judgify.drill.segment import Segments
from judgify.kit.clock import iso, show
from judgify.kit.errors import NotFound
from judgify.kit.files import write_atomic

_LATE_S: Final = 0.5
_ROWS: Final = (
    ("felt_s", "first wrong answer", None),
    ("signal_s", "signal", None),
    ("incident_s", "incident (detected)", "detected_s"),
    ("handed_over_s", "page handed over", "handed_over_s"),
    ("approval_s", "waited for approval", None),
    ("acted_s", "recovery began", None),
    ("mended_s", "the drill ended the fault", None),
    ("restored_s", "restored", "restored_s"),
    ("verified_s", "verified", None),
    ("documented_s", "documents written", None),
)


def save(home: Path, report: dict[str, Any]) -> Path:
    """Keep a report under `drills/` of the state folder and give its path."""
    folder = home / "drills"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{report['id']}.json"
    write_atomic(path, json.dumps(report, ensure_ascii=False, indent=2).encode())
    return path


def load(home: Path, drill_id: str | None = None) -> dict[str, Any]:
    """Read a report, the newest without an id; `NotFound` when there is none."""
    found = listing(home)
    for report in reversed(found):
        if drill_id is None or report["id"] == drill_id:
            return dict(report)
    raise NotFound("no such drill report" if drill_id else "no drill has been run here yet: judgify drill run NAME")


def listing(home: Path) -> list[dict[str, Any]]:
    """Read all reports, oldest first. An unreadable file is left out."""
    reports: list[dict[str, Any]] = []
    for path in sorted((home / "drills").glob("*.json")):
        try:
            reports.append(json.loads(path.read_text(encoding="utf-8")))
        except ValueError:
            continue
    return sorted(reports, key=lambda report: str(report["started_at"]))


def not_run(scenario: Scenario, now: datetime, reason: str) -> dict[str, Any]:
    """Give the report of a drill that could not be run: it has failed, and nothing was measured."""
    return {
        "id": "",
        "scenario": scenario.name,
        "title": scenario.title,
        "guide": scenario.guide,
        "started_at": iso(now),
        "started_at_shown": show(now),
        "incident": None,
        "segments": dict.fromkeys((field.name for field in fields(Segments)), None),
        "allowance": asdict(scenario.allowance),
        "load": {"asked": 0, "wrong": 0, "answered": 0, "lost": 0},
        "documents": [],
        "failures": [f"it could not be run: {reason}"],
        "passed": False,
    }


def text(report: dict[str, Any]) -> str:
    """Write a report for people: segments beside their allowances, losses, and the verdict with its reasons."""
    lines = [
        f"{report['scenario']}  {report['started_at_shown']}  incident {report['incident'] or '-'}",
        f"  {'segment':<24}{'after fault':>12}{'allowed':>10}",
    ]
    for key, label, limit in _ROWS:
        value = report["segments"].get(key)
        if key in {"approval_s", "mended_s"} and value is None:
            continue
        shown = "never" if value is None else f"{value:.2f} s"
        allowed = report["allowance"].get(limit) if limit else None
        note = "" if allowed is None else f"{allowed:g} s"
        counted_on = limit == "handed_over_s" or (
            limit == "restored_s" and report["segments"].get("mended_s") is not None
        )
        if counted_on and allowed is not None:
            note = f"+{allowed:g} s"
        lines.append(f"  {label:<24}{shown:>12}{note:>10}")
    load_ = report["load"]
    lines.append(
        f"  judgments after the fault: {load_['asked']} asked, {load_['wrong']} wrong or unanswered;"
        f" in the whole drill: {load_['answered']} answered with 200, {load_['lost']} lost"
    )
    if load_.get("late_s", 0.0) > _LATE_S:
        lines.append(f"  the load itself was up to {load_['late_s']:.2f} s late: this machine was overloaded")
    lines += [f"  {name}: {value}" for name, value in report.get("figures", {}).items()]
    lines += [f"  ! {reason}" for reason in report["failures"]]
    short = " (short form: shorter stretches of right answers, so that it proves less)" if report.get("short") else ""
    lines.append(("PASSED" if report["passed"] else "FAILED") + short)
    return "\n".join(lines)
