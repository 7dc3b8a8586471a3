"""What a series showed, as text."""

import os
import platform
from collections import defaultdict
from collections.abc import Sequence
from statistics import median, quantiles

from bench.pager_proof import faketime, world
from bench.pager_proof.disk import may_mount
from bench.pager_proof.series import Result
from judgify import __version__
from judgify.kit.clock import SystemClock, show


def failure(result: Result, mutant: str = "") -> str:
    """Say what a run did not hold, and give the one command that carries it out again."""
    schedule = result.schedule
    told = "\n".join(f"  {one.promise}: {one.detail}" for one in result.violations)
    again = f"python -m bench.pager_proof --seed {schedule.seed} --family {schedule.family}"
    again += f" --mutant {mutant}" if mutant else ""
    kept = f"\n  kept in {result.kept}" if result.kept is not None else ""
    return f"seed {schedule.seed} ({schedule.family}) does not hold:\n{told}\n  again: {again}{kept}\n  {schedule}"


def skipped() -> list[str]:
    """Say which faults cannot be made on this machine, and what stands in for them."""
    told = []
    if not may_mount():
        told.append("skipped: file systems of 1 MB (no right to mount one); the database's pages are bounded instead")
    if not faketime.fit():
        told.append("skipped: clock jumps (libfaketime is not installed, or not for this kind of machine)")
    return told


def table(results: Sequence[Result]) -> str:
    """Give the table of a series, and below it where and when it was made."""
    families = defaultdict(list)
    for result in results:
        families[result.schedule.family].append(result)
    lines = [
        "| faults | runs | failed | messages | repeats | late p50 | late p99 | latest | after ack |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(name, families[name]) for name in sorted(families)]
    lines.append(_row("all", results))
    seeds = sorted({result.schedule.seed for result in results})
    about = (
        f"Judgify {__version__}, {show(SystemClock().now())}; {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}; seeds {seeds[0]} to {seeds[-1]}, {len(results)} runs; bound {world.BOUND_S:g} s."
    )
    return "\n".join([*lines, "", about, *skipped()]) + "\n"


def _row(name: str, results: Sequence[Result]) -> str:
    late = sorted(one for result in results for one in result.figures.late_s)
    p99 = quantiles(late, n=100)[98] if len(late) > 1 else 0.0
    cells = [
        name,
        len(results),
        sum(bool(result.violations) for result in results),
        sum(len(result.record.arrivals) for result in results),
        sum(result.figures.repeats for result in results),
        f"{median(late) if late else 0.0:.3f} s",
        f"{p99:.3f} s",
        f"{late[-1] if late else 0.0:.3f} s",
        sum(result.figures.after_ack for result in results),
    ]
    return f"| {' | '.join(map(str, cells))} |"
