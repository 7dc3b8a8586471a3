"""`python -m bench`: all measurements, one table; `--only NAME`, `--short`, `--json FILE`, `--markdown FILE`."""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench import decision, gateway, judgment, logbook, page, storm, wire
from bench.report import Row, dump, table
from bench.tools import Missing
from judgify import __version__
from judgify.kit.clock import SystemClock, show

INTAKE: Final = 40_000
QUERY_MS: Final = 20


def _logbook(**options: Any) -> list[Row]:
    found = asyncio.run(logbook.measure(**options))
    rows = [
        Row(
            "log intake, durable",
            found["lines_per_s"],
            "lines/s",
            ("plain COPY", found["copy_lines_per_s"]),
            least=INTAKE,
            note=f"batches of {found['batch']}: p50 {found['commit_p50_ms']:.0f} p99 {found['commit_p99_ms']:.0f} ms",
        )
    ]
    if "guide_query" in found:
        query = found["guide_query"]
        note = f"p99 {query['p99_ms']:.1f} ms, {found['corpus']:,} lines"
        rows.append(Row("the guide's log query", query["p50_ms"], "ms", most=QUERY_MS, note=note))
    return rows


PARTS: Final[dict[str, tuple[Callable[..., list[Row]], dict[str, Any]]]] = {
    "gateway": (gateway.measure, {"seconds": 2, "rounds": 1}),
    "judgment": (judgment.measure, {"seconds": 3, "rounds": 1, "settle_s": 5}),
    "page": (page.measure, {"pages": 40}),
    "wire": (wire.measure, {"seconds": 10}),
    "storm": (storm.measure, {"rounds": 1}),
    "decision": (decision.measure, {"rounds": 5, "seconds": 0.02, "sizes": (10, 1_000, 10_000)}),
    "logbook": (_logbook, {"lines": 100_000, "corpus": 200_000}),
}
"""What is measured, and how it is cut short."""


def main() -> int:
    """Measure, print; 1 when a promise is not held."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(PARTS), help="measure this; may be given again")
    parser.add_argument("--short", action="store_true", help="quick and rough")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--markdown", type=Path, help="write the table here as well")
    chosen = parser.parse_args()
    rows: list[Row] = []
    for name in chosen.only or PARTS:
        measure, short = PARTS[name]
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            found = measure(**(short if chosen.short else {}))
            print(table(found), file=sys.stderr, flush=True)
            rows += found
        except Missing as missing:
            print(f"not measured: {missing}", file=sys.stderr)
    text = f"{_about()}\n\n{table(rows)}\n"
    print(text)
    if chosen.json:
        chosen.json.write_text(dump(rows, about=_about()), encoding="utf-8")
    if chosen.markdown:
        chosen.markdown.write_text(f"# Figures\n\n{_WHAT}\n\n{text}", encoding="utf-8")
    return 1 if any(row.good is False for row in rows) else 0


_WHAT: Final = """Made by `./judgify bench --markdown docs/reference/figures.md`. Every figure is a median of several
rounds and stands beside its yardstick, measured in turns in the same run on the same machine. A promise that is not
held says so."""


def _about() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"Judgify {__version__}, {show(SystemClock().now())}; {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}; load average at the end {load}."
    )


if __name__ == "__main__":
    sys.exit(main())
