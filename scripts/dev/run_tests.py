"""`./judgify test`: runs the tests with branch coverage and holds the floors: pure modules 100 %, the whole 85 %."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WHOLE_FLOOR = 85.0
PURE = (
    "src/judgify/decision/",
    "src/judgify/response/model.py",
    "src/judgify/response/timeline.py",
    "src/judgify/response/severity.py",
    "src/judgify/response/escalation.py",
    "src/judgify/response/impact.py",
    "src/judgify/response/slo.py",
    "src/judgify/response/checklist.py",
    "src/judgify/response/phases.py",
    "src/judgify/response/documents/",
    "src/judgify/response/runbook/policy.py",
)
"""Modules without I/O: values in, values out. Each branch of theirs is tested."""


def main(arguments: list[str]) -> int:
    """Run everything with the floors, or just what the arguments select, without them."""
    if arguments:
        return subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT)  # noqa: S603 - our own argv
    report = ROOT / ".coverage.json"
    for old in (*ROOT.glob(".coverage.*"), ROOT / ".coverage"):
        old.unlink(missing_ok=True)
    workers = str(min(4, max(2, os.cpu_count() or 2)))
    code = subprocess.call(  # noqa: S603 - our own argv
        [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", "-n", workers, "--dist", "loadgroup"], cwd=ROOT
    )
    if code != 0:
        return code
    subprocess.call([sys.executable, "-m", "coverage", "combine", "-q"], cwd=ROOT)
    subprocess.check_call(  # noqa: S603 - our own argv
        [sys.executable, "-m", "coverage", "json", "-q", "-o", str(report)], cwd=ROOT
    )
    return _hold_floors(json.loads(report.read_text(encoding="utf-8")))


def _hold_floors(document: dict[str, object]) -> int:
    totals, files = document["totals"], document["files"]
    assert isinstance(totals, dict)  # noqa: S101 - the shape coverage documents
    assert isinstance(files, dict)  # noqa: S101 - same
    failed = False
    for name, entry in sorted(files.items()):
        summary = entry["summary"]
        if name.startswith(PURE) and summary["percent_covered"] < 100:
            missing = entry["missing_lines"][:12]
            branches = entry["missing_branches"][:8]
            print(f"coverage: {name} is pure and at {summary['percent_covered']:.1f} %: lines {missing}, {branches}")
            failed = True
    whole = float(totals["percent_covered"])
    print(f"coverage: branches and lines of the whole {whole:.1f} % (floor {WHOLE_FLOOR} %)")
    return 1 if failed or whole < WHOLE_FLOOR else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
