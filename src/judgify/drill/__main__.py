"""`python -m judgify.drill run NAME… [--times N] [--json] [--markdown FILE]`: drills against this installation."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from judgify.drill import report as reports
from judgify.drill import scoreboard
from judgify.drill.doors import SHORT, Doors, Pace, Say
from judgify.drill.engine import Engine
from judgify.drill.guard import guarded
from judgify.drill.order import choose
from judgify.drill.run import run
from judgify.drill.scenario import SCENARIOS, Scenario, find
from judgify.kit.client import ServiceClient
from judgify.kit.clock import SystemClock
from judgify.kit.errors import JudgifyError
from judgify.kit.settings import Settings
from judgify.kit.supervisor_client import SupervisorClient


async def drill(scenario: Scenario, settings: Settings, say: Say, pace: Pace) -> dict[str, Any]:
    """Run one drill against the local installation and keep its report."""
    async with _doors(settings, pace) as doors:
        result = await run(scenario, doors, say)
    reports.save(settings.home, result)
    return result


@asynccontextmanager
async def _doors(settings: Settings, pace: Pace) -> AsyncIterator[Doors]:
    clock, token = SystemClock(), settings.cli_token
    async with (
        SupervisorClient(settings.home, clock=clock, by="drill") as supervisor,
        ServiceClient(settings.url("gateway"), clock=clock, token=token) as gateway,
        ServiceClient(settings.url("response"), clock=clock, token=token) as engine,
    ):
        yield Doors(supervisor, gateway, Engine(engine), clock, settings, pace)


async def _waits(left: Sequence[Scenario], settings: Settings) -> dict[str, float]:
    """Give how long each drill has to wait until the policy would act by itself again."""
    async with _doors(settings, Pace()) as doors:
        now = doors.clock.now()
        waits = {one.unit: await doors.engine.wait_for_policy_s(one.unit, now) for one in left if one.starts_unit}
    return {one.name: waits[one.unit] for one in left if one.starts_unit}


async def series(
    wanted: Sequence[Scenario],
    settings: Settings,
    *,
    wait: bool,
    pace: Pace,
    say: Say,
    tell: Callable[[dict[str, Any]], None],
) -> list[dict[str, Any]]:
    """Run drills until all are done, in the order that keeps the waits short; `tell` gets each report at once.

    The shipped policy starts a unit by itself once in ten minutes. With `wait` a drill that comes sooner waits for
    that; without, the engine asks for an approval, which the report shows as a segment of its own. An ordered end
    (SIGTERM) puts back what a drill had changed, as Ctrl-C does.
    """
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    clock, left, results = SystemClock(), list(wanted), list[dict[str, Any]]()
    while left:
        next_one, pause = choose(left, await _waits(left, settings) if wait else {})
        if pause > 0:
            names = ", ".join(sorted({one.name for one in left}))
            say(f"{len(left)} left ({names}); {next_one.unit} is started by itself again in {pause:.0f} s: waiting")
            await clock.sleep(pause + 1)
        left.remove(next_one)
        number = sum(one["scenario"] == next_one.name for one in results) + 1
        say(f"[{len(results) + 1}/{len(wanted)}] {next_one.name}, run {number}")
        try:
            with guarded(settings):
                results.append(await drill(next_one, settings, say, pace))
        except JudgifyError as error:
            if len(wanted) == 1:
                raise
            # In a series a drill that could not be run has failed; the others are run all the same.
            results.append(reports.not_run(next_one, clock.now(), error.detail))
        tell(results[-1])
    return results


def main(argv: list[str]) -> int:
    """Run the program: 0 when every drill passed, 1 when one failed, 2 when one could not be run."""
    options = _parser().parse_args(argv)
    settings = Settings.from_env()
    try:
        if options.verb == "list":
            return _list(settings, as_json=options.json)
        if options.verb == "report":
            return _show([reports.load(settings.home, options.id)], as_json=options.json)
        return _run(options, settings)
    except JudgifyError as error:
        _out(f"judgify: {error.detail}", to_errors=True)
        return 2
    except asyncio.CancelledError:
        _out("judgify: the drill was broken off; what it had changed was put back", to_errors=True)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="judgify drill", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    runner = verbs.add_parser("run")
    runner.add_argument("names", nargs="+", choices=[*(one.name for one in SCENARIOS), "all"], metavar="NAME")
    runner.add_argument("--no-wait", action="store_true")
    runner.add_argument("--short", action="store_true")
    runner.add_argument("--times", type=int, default=1, choices=range(1, 101), metavar="N")
    runner.add_argument("--json", action="store_true")
    runner.add_argument("--markdown", type=Path, metavar="FILE")
    lister = verbs.add_parser("list")
    lister.add_argument("--json", action="store_true")
    shower = verbs.add_parser("report")
    shower.add_argument("id", nargs="?")
    shower.add_argument("--json", action="store_true")
    return parser


def _run(options: argparse.Namespace, settings: Settings) -> int:
    names = [one.name for one in SCENARIOS] if "all" in options.names else options.names
    wanted = [find(name) for name in names * options.times]

    def say(line: str) -> None:
        _out(line, to_errors=options.json)

    def tell(result: dict[str, Any]) -> None:
        if not options.json:
            _show([result], as_json=False)

    pace = SHORT if options.short else Pace()
    results = asyncio.run(series(wanted, settings, wait=not options.no_wait, pace=pace, say=say, tell=tell))
    table = scoreboard.markdown(results)
    if options.markdown is not None:
        options.markdown.write_text(table, encoding="utf-8")
    if options.json:
        return _show(results, as_json=True)
    if len(results) > 1:
        _out(f"{sum(bool(result['passed']) for result in results)} of {len(results)} passed")
    return 0 if all(result["passed"] for result in results) else 1


def _show(results: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        _out(json.dumps(results if len(results) > 1 else results[0], ensure_ascii=False, indent=2))
    else:
        for result in results:
            _out(reports.text(result))
    return 0 if all(result["passed"] for result in results) else 1


def _list(settings: Settings, *, as_json: bool) -> int:
    last = {report["scenario"]: report for report in reports.listing(settings.home)}
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "title": one.title,
            "severity": one.severity,
            "guide": one.guide,
            "last_run": last[one.name]["started_at_shown"] if one.name in last else None,
            "passed": last[one.name]["passed"] if one.name in last else None,
        }
        for one in SCENARIOS
    ]
    if as_json:
        _out(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for row in rows:
        state = "never run" if row["passed"] is None else "passed " if row["passed"] else "FAILED "
        _out(f"{row['name']:<24} {row['severity']}  {row['title']['ko']}  ({state}{row['last_run'] or ''})")
    return 0


def _out(line: str, *, to_errors: bool = False) -> None:
    stream = sys.stderr if to_errors else sys.stdout
    stream.write(line + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
