"""What a series showed, as text."""

import os
import platform
from collections import defaultdict
from collections.abc import Sequence
from statistics import median, quantiles

from bench.pager_proof import faketime, world
from bench.pager_proof.disk import may_mount
from bench.pager_proof.outcome import Outcome
from bench.pager_proof.schedule import plan
from judgify import __version__
from judgify.kit.clock import SystemClock, show

NO_WORDS = "nothing was carried out"


def failure(outcome: Outcome) -> str:
    """Say what a run did not hold, and give the one command that carries it out again."""
    told = "\n".join(f"  {one.promise}: {one.detail}" for one in outcome.broken)
    kept = f"\n  kept in {outcome.kept}" if outcome.kept else ""
    name = f"seed {outcome.seed} ({outcome.family})"
    return f"{name} does not hold:\n{told}\n  again: {outcome.again}{kept}\n  {plan(outcome.seed, outcome.family)}"


def skipped() -> list[str]:
    """Say which faults cannot be made on this machine, and what stands in for them."""
    told = []
    if not may_mount():
        told.append("skipped: file systems of 1 MB (no right to mount one); the database's pages are bounded instead")
    if not faketime.fit():
        told.append("skipped: clock jumps (libfaketime is not installed, or not for this kind of machine)")
    return told


def table(outcomes: Sequence[Outcome]) -> str:
    """Give the table of a series, and below it where and when it was made."""
    if not outcomes:
        return f"{NO_WORDS}\n"
    families = defaultdict(list)
    for outcome in outcomes:
        families[outcome.family].append(outcome)
    lines = [
        "| faults | runs | failed | messages | repeats | late p50 | late p99 | latest | after ack |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(name, families[name]) for name in sorted(families)]
    lines.append(_row("all", outcomes))
    return "\n".join([*lines, "", _about(outcomes), *skipped()]) + "\n"


def _about(outcomes: Sequence[Outcome]) -> str:
    moments = sorted(outcome.at for outcome in outcomes if outcome.at)
    when = " to ".join(dict.fromkeys([moments[0], moments[-1]])) if moments else show(SystemClock().now())
    commits = sorted({outcome.commit for outcome in outcomes if outcome.commit})
    state = f" (commit {', '.join(commits)})" if commits else ""
    return (
        f"Judgify {__version__}{state}, {when}; {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}; seeds {stretches([outcome.seed for outcome in outcomes])}, "
        f"{len(outcomes)} runs; bound {world.BOUND_S:g} s."
    )


def stretches(seeds: Sequence[int]) -> str:
    """Give numbers as the stretches that they make: `0 to 203, 1668`."""
    told: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if told and seed == told[-1][1] + 1:
            told[-1][1] = seed
        else:
            told.append([seed, seed])
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in told)


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    late = sorted(one for outcome in outcomes for one in outcome.figures.late_s)
    # No percentile lies beyond what was measured, however few there are of it.
    p99 = quantiles(late, n=100, method="inclusive")[98] if len(late) > 1 else sum(late)
    cells = [
        name,
        len(outcomes),
        sum(bool(outcome.broken) for outcome in outcomes),
        sum(outcome.messages for outcome in outcomes),
        sum(outcome.figures.repeats for outcome in outcomes),
        f"{median(late) if late else 0.0:.3f} s",
        f"{p99:.3f} s",
        f"{late[-1] if late else 0.0:.3f} s",
        sum(outcome.figures.after_ack for outcome in outcomes),
    ]
    return f"| {' | '.join(map(str, cells))} |"
