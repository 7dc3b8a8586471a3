"""`./judgify test`: tests with branch coverage, its floors, and the page of which rows of the guide they prove."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import guide_rows

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.support import run_log  # noqa: E402 - found beside the scripts only now

WHOLE_FLOOR = 85.0
PURE = (
    "src/judgify/decision/",
    "src/judgify/response/model.py",
    "src/judgify/response/timeline.py",
    "src/judgify/response/operation_entry.py",
    "src/judgify/response/severity.py",
    "src/judgify/response/escalation.py",
    "src/judgify/response/oncall/",
    "src/judgify/response/roster.py",
    "src/judgify/response/contact_rule.py",
    "src/judgify/response/stand_in.py",
    "src/judgify/response/impact.py",
    "src/judgify/response/slo.py",
    "src/judgify/response/checklist.py",
    "src/judgify/response/phases.py",
    "src/judgify/response/documents/",
    "src/judgify/response/runbook/policy.py",
    "src/judgify/response/oncall/",
    "src/judgify/response/channel_health.py",
    "src/judgify/response/rerouting.py",
    "src/judgify/response/ticket.py",
    "src/judgify/response/guide/check_canary.py",
    "src/judgify/core/dashboard/grammar/",
    "src/judgify/core/dashboard/say.py",
    "src/judgify/core/dashboard/chart.py",
    "src/judgify/core/dashboard/view.py",
    "src/judgify/core/logbook/line.py",
    "src/judgify/core/logbook/lucene/",
    "src/judgify/core/logbook/pattern.py",
    "src/judgify/core/logbook/quick.py",
    "src/judgify/core/logbook/statement.py",
    "src/judgify/core/logbook/unit_log.py",
)
"""Modules without I/O: values in, values out. Each branch of theirs is tested."""
FEW = 5
"""Up to so many failures may be the machine's: they are tried once more, alone, and named either way."""
LIMIT_S = 45 * 60
"""A run that takes longer hangs: it is ended, and says in which test."""
PAGE = ROOT / "docs" / "reference" / "coverage.md"


def main(arguments: list[str]) -> int:
    """Run everything with the floors, or just what the arguments select, without them."""
    if arguments:
        return subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT)  # noqa: S603 - our own argv
    for old in (*ROOT.glob(".coverage*"), *ROOT.glob(".guide-*.json"), *ROOT.glob(".tests-*.log")):
        old.unlink(missing_ok=True)
    workers = str(min(4, max(2, os.cpu_count() or 2)))
    # A worker that dies ends the run, and is named: with another in its place the run can wait for ever at its end.
    together = ("-n", workers, "--dist", "loadfile", "--no-loadscope-reorder", "--max-worker-restart", "0")
    told: dict[str, dict[str, str]] = {}
    # Whole installations run in the first part and are gone in the second, which they would only slow down.
    rest = ("--ignore", "tests/functional")
    codes = [
        _steadily("installed", told, "tests/functional", *together),
        _steadily("together", told, "-m", "not alone", "--durations", "12", *together, *rest),
        _steadily("alone", told, "-m", "alone", *rest),
    ]
    if any(codes):
        return 1  # one that a signal ended has a negative code
    subprocess.call([sys.executable, "-m", "coverage", "combine", "-q"], cwd=ROOT)
    report = ROOT / ".coverage.json"
    subprocess.check_call(  # noqa: S603 - our own argv
        [sys.executable, "-m", "coverage", "json", "-q", "-o", str(report)], cwd=ROOT
    )
    floors = _hold_floors(json.loads(report.read_text(encoding="utf-8")))
    return floors or _hold_rows(told)


def _steadily(name: str, told: dict[str, dict[str, str]], *arguments: str) -> int:
    """Run what the arguments choose; a few failures are tried once more. 0: all of it ran, and passed."""
    code = _pytest(name, told, *arguments)
    failed = _failed()
    if code != 1 or not 0 < len(failed) <= FEW:
        return code
    print(f"tests: {len(failed)} failed beside the others; tried once more, alone:", *failed, sep="\n  ", flush=True)
    code = _pytest(f"{name}-again", told, "--last-failed")
    if code == 0:
        print(f"tests: UNSTEADY, passed only alone: {', '.join(failed)}")
    return code


def _pytest(name: str, told: dict[str, dict[str, str]], *arguments: str) -> int:
    """Give pytest's code, 1 for failures; anything that was to run and did not is said, and is a 2 at least."""
    report, log = ROOT / f".guide-{name}.json", ROOT / f".tests-{name}.log"
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", *arguments]
    told_where = {"JUDGIFY_TEST_GUIDE_REPORT": str(report), run_log.TARGET: str(log)}
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | told_where, start_new_session=True)  # noqa: S603 - our own argv
    try:
        code = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        print(f"tests: not done after {LIMIT_S} s, ended", flush=True)
        os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGINT)
        raise
    for row, outcomes in _told(report).items():
        told.setdefault(row, {}).update(outcomes)
    begun, left = run_log.unfinished(log)
    if begun or left:
        print("tests: began and did not end:", *begun, sep="\n  ")
        print(f"tests: {len(left)} never began:", *left[:20], sep="\n  ", flush=True)
        return max(abs(code), 2)
    return code


def _failed() -> list[str]:
    try:
        found = json.loads((ROOT / ".pytest_cache/v/cache/lastfailed").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return sorted(found)


def _told(report: Path) -> dict[str, dict[str, str]]:
    return json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}


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


def _hold_rows(told: dict[str, dict[str, str]]) -> int:
    """Write the page of the guide's rows; refuse a row without a test, and one that is not a row."""
    unknown = sorted(set(told) - set(guide_rows.ROWS))
    bare = [row for row in guide_rows.ROWS if row not in told and row not in guide_rows.LATER]
    page = guide_rows.page(told)
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    stale = _rows_of(before) != _rows_of(page)
    if before != page:
        PAGE.write_text(page, encoding="utf-8")
    if unknown:
        print(f"guide rows: tests name rows that do not exist: {', '.join(unknown)}")
    if bare:
        print(f"guide rows: no test names {', '.join(bare)}")
    if stale:
        print(f"guide rows: {PAGE.relative_to(ROOT)} was out of date and has been written anew; commit it")
    return 1 if unknown or bare or (stale and "CI" in os.environ) else 0


def _rows_of(page: str) -> list[str]:
    """Give the page without results: a machine that lacks what a test needs skips it, and is not out of date."""
    return [line.rpartition("|")[0].rpartition("|")[0] for line in page.splitlines() if line.startswith("|")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
