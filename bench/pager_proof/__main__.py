"""`python -m bench.pager_proof`: carry out seeded schedules of faults and check what arrived.

python -m bench.pager_proof                        the short form: 204 schedules
python -m bench.pager_proof --mutants              the same, and five broken engines, each of which must be found out
python -m bench.pager_proof --schedules 5000 --append FILE   the long form; what stands in the file is not done again
python -m bench.pager_proof --seed 17 --times 20   one schedule again, twenty times
"""

import argparse
import asyncio
import contextlib
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.pager_proof import report
from bench.pager_proof.mutant_names import MUTANTS, SEARCH, tries
from bench.pager_proof.outcome import Job, Outcome, read
from bench.pager_proof.schedule import FAMILIES
from bench.pager_proof.series import OutOfTime, open_series
from judgify.kit.clock import SystemClock, show

SHORT: Final = 204
HELD, BROKEN, CUT = 0, 1, 3
_CLOCK: Final = SystemClock()
_ROOT: Final = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run, print the table; 1 when a promise was not held or a mutant went unnoticed, 3 when time ran out."""
    chosen = _parser().parse_args()
    before = read(chosen.append) if chosen.append else []
    if chosen.table:
        return _close(before, chosen.markdown)
    for line in report.skipped():
        print(line, file=sys.stderr)
    kept = _Kept(chosen.append, before, chosen.minutes)
    jobs = kept.missing(_jobs(chosen))
    limit_s = chosen.limit_s or 120.0 + 5.0 * len(jobs)
    cut = ""
    try:
        asyncio.run(_carry_out(jobs, kept, chosen.at_once, limit_s))
    except OutOfTime as error:
        cut = f"ended for its time: {error}"
    except asyncio.CancelledError:
        cut = "ended because it was asked to end"
    code = _close(kept.outcomes, chosen.markdown)
    if cut:
        print(cut, file=sys.stderr)
        return CUT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.pager_proof", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--schedules", type=int, default=SHORT, help=f"how many seeds, from 0 (default {SHORT})")
    parser.add_argument("--first", "--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--times", type=int, default=1, help="carry out each schedule this often")
    parser.add_argument("--family", choices=sorted(set(FAMILIES)), help="one kind of fault, whatever the seed says")
    parser.add_argument("--mutant", choices=MUTANTS, default="", help="break the engine on purpose")
    parser.add_argument("--mutants", action="store_true", help="also look for each mutant until it is found out")
    parser.add_argument("--at-once", type=int, default=16, help="runs side by side (default 16)")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no further run after this many minutes")
    parser.add_argument("--limit-s", type=float, default=0.0, help="end everything after this many seconds, and fail")
    parser.add_argument("--append", type=Path, help="add each outcome to this file; leave out what it holds already")
    parser.add_argument("--table", action="store_true", help="carry nothing out: the table of what --append names")
    parser.add_argument("--markdown", type=Path, help="write the table here as well")
    return parser


def _jobs(chosen: argparse.Namespace) -> list[Job]:
    first = chosen.first if chosen.seed is None else chosen.seed
    count = chosen.schedules if chosen.seed is None else 1
    jobs = [
        Job(seed, chosen.family, chosen.mutant) for seed in range(first, first + count) for _ in range(chosen.times)
    ]
    if chosen.mutants:
        rounds = list(zip(*(_tries(mutant) for mutant in MUTANTS), strict=True))
        # One try of each now and then, between the others: most are found out by the first.
        apart = max(1, len(jobs) // len(rounds))
        for index, tries in reversed(list(enumerate(rounds))):
            jobs[index * apart : index * apart] = tries
    return jobs


def _tries(mutant: str) -> list[Job]:
    return [Job(seed, SEARCH[mutant][0], mutant) for seed in tries(mutant)]


class _Kept:
    """What was carried out so far, on the disk where a file is named."""

    def __init__(self, path: Path | None, before: Sequence[Outcome], minutes: float) -> None:
        self.outcomes = list(before)
        self._path = path
        self._end = _CLOCK.monotonic() + minutes * 60 if minutes else None
        self._found = {outcome.mutant for outcome in before if outcome.mutant and outcome.found}
        self._commit = _commit()
        if path is not None and path.exists() and (whole := path.read_bytes()) and not whole.endswith(b"\n"):
            # The last line was being written when that series was killed; its run is carried out again.
            path.write_bytes(whole[: whole.rfind(b"\n") + 1])

    def missing(self, jobs: Sequence[Job]) -> list[Job]:
        """Give what the file does not hold yet."""
        done = Counter((outcome.seed, outcome.family, outcome.mutant) for outcome in self.outcomes)
        left = []
        for job in jobs:
            name = (job.seed, job.family or FAMILIES[job.seed % len(FAMILIES)], job.mutant)
            if done[name] > 0:
                done[name] -= 1
            else:
                left.append(job)
        return left

    def told(self, outcome: Outcome) -> None:
        """Keep an outcome, and say so when it is not as it should be."""
        outcome = replace(outcome, at=show(_CLOCK.now()), commit=self._commit)
        self.outcomes.append(outcome)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(outcome.line() + "\n")
        if outcome.mutant and outcome.found:
            self._found.add(outcome.mutant)
        if outcome.broken:
            print(report.failure(outcome), file=sys.stderr, flush=True)

    def wanted(self, job: Job) -> bool:
        """Leave out what would begin too late, and mutants that were found out."""
        return (self._end is None or _CLOCK.monotonic() < self._end) and job.mutant not in self._found


async def _carry_out(jobs: Sequence[Job], kept: _Kept, at_once: int, limit_s: float) -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with open_series(keep=True) as series:
        await series.carry_out(jobs, at_once=at_once, limit_s=limit_s, told=kept.told, wanted=kept.wanted)


def _close(outcomes: Sequence[Outcome], markdown: Path | None) -> int:
    plain = [outcome for outcome in outcomes if not outcome.mutant]
    mutants = Counter(outcome.mutant for outcome in outcomes if outcome.mutant)
    found = {outcome.mutant for outcome in outcomes if outcome.mutant and outcome.found}
    text = report.table(plain) if plain or not mutants else ""
    for name, runs in sorted(mutants.items()):
        text += f"mutant {name}: {'found out' if name in found else 'NOT FOUND OUT'} in {runs} runs\n"
    print(text, end="")
    if markdown:
        markdown.write_text(text, encoding="utf-8")
    held = not any(outcome.broken for outcome in plain) and not mutants.keys() - found
    return HELD if held else BROKEN


def _commit() -> str:
    """Give the state of the sources, where they are a repository."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"]
        return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).strip()
    return ""


if __name__ == "__main__":
    sys.exit(main())
