"""`python -m bench.pager_proof`: carry out seeded schedules of faults and check what arrived.

python -m bench.pager_proof                        the short form: 204 schedules
python -m bench.pager_proof --schedules 5000       the long form
python -m bench.pager_proof --seed 17 --times 20   one schedule again, twenty times
"""

import argparse
import asyncio
import sys
from pathlib import Path

from bench.pager_proof import report
from bench.pager_proof.mutant_names import MUTANTS
from bench.pager_proof.schedule import FAMILIES
from bench.pager_proof.series import Result, carry_out
from judgify.kit.clock import SystemClock

SHORT = 204


def main() -> int:
    """Run, print the table; 1 when a promise was not held."""
    parser = argparse.ArgumentParser(prog="python -m bench.pager_proof", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--schedules", type=int, default=SHORT, help=f"how many seeds, from 0 (default {SHORT})")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--times", type=int, default=1, help="carry out each schedule this often")
    parser.add_argument("--family", choices=sorted(set(FAMILIES)), help="one kind of fault, whatever the seed says")
    parser.add_argument("--mutant", choices=MUTANTS, default="", help="break the engine on purpose")
    parser.add_argument("--at-once", type=int, default=8, help="runs side by side (default 8)")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no further run after this many minutes")
    parser.add_argument("--markdown", type=Path, help="write the table here as well")
    chosen = parser.parse_args()
    first = chosen.first if chosen.seed is None else chosen.seed
    count = chosen.schedules if chosen.seed is None else 1
    seeds = [seed for seed in range(first, first + count) for _ in range(chosen.times)]

    for line in report.skipped():
        print(line, file=sys.stderr)
    clock = SystemClock()
    end = clock.monotonic() + chosen.minutes * 60 if chosen.minutes else None

    def told(result: Result) -> bool:
        if result.violations:
            print(report.failure(result, chosen.mutant), file=sys.stderr, flush=True)
        return end is not None and clock.monotonic() > end

    results = asyncio.run(
        carry_out(seeds, family=chosen.family, mutant=chosen.mutant, at_once=chosen.at_once, keep=True, until=told)
    )
    text = report.table(results)
    print(text)
    if chosen.markdown:
        chosen.markdown.write_text(text, encoding="utf-8")
    return 1 if any(result.violations for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
