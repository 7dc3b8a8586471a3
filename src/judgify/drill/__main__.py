"""`python -m judgify.drill run NAME… [--times N] [--json]`: drills against the installation of this environment."""

import argparse
import asyncio
import json
import sys
from typing import Any

from judgify.drill import report as reports
from judgify.drill.engine import Engine
from judgify.drill.run import Doors, run
from judgify.drill.scenario import SCENARIOS, find
from judgify.kit.client import ServiceClient
from judgify.kit.clock import SystemClock
from judgify.kit.errors import JudgifyError
from judgify.kit.settings import Settings
from judgify.kit.supervisor_client import SupervisorClient


async def drill(name: str, settings: Settings, *, quiet: bool, wait: bool) -> dict[str, Any]:
    """Run one drill against the local installation and keep its report.

    The shipped policy starts a unit by itself once in ten minutes. With `wait` a drill that comes sooner waits for
    that; without, the engine asks for an approval, which the report shows as a segment of its own.
    """
    clock = SystemClock()
    token = settings.cli_token

    def say(line: str) -> None:
        _out(line, to_errors=quiet)

    async with (
        SupervisorClient(settings.home, clock=clock, by="drill") as supervisor,
        ServiceClient(settings.url("gateway"), clock=clock, token=token) as gateway,
        ServiceClient(settings.url("response"), clock=clock, token=token) as engine,
    ):
        scenario, response = find(name), Engine(engine)
        pause = await response.wait_for_policy_s(scenario.unit, clock.now()) if wait else 0.0
        if pause > 0:
            say(f"{name}: the policy starts {scenario.unit} by itself again in {pause:.0f} s; waiting for that")
            await clock.sleep(pause + 1)
        result = await run(scenario, Doors(supervisor, gateway, response, clock), say)
    reports.save(settings.home, result)
    return result


def main(argv: list[str]) -> int:
    """Run the program: 0 when every drill passed, 1 when one failed, 2 when one could not be run."""
    parser = argparse.ArgumentParser(prog="judgify drill", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    runner = verbs.add_parser("run")
    runner.add_argument("names", nargs="+", choices=[*(one.name for one in SCENARIOS), "all"], metavar="NAME")
    runner.add_argument("--no-wait", action="store_true")
    runner.add_argument("--times", type=int, default=1, choices=range(1, 101), metavar="N")
    runner.add_argument("--json", action="store_true")
    lister = verbs.add_parser("list")
    lister.add_argument("--json", action="store_true")
    shower = verbs.add_parser("report")
    shower.add_argument("id", nargs="?")
    shower.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    settings = Settings.from_env()
    try:
        if options.verb == "list":
            return _list(settings, as_json=options.json)
        if options.verb == "report":
            return _show([reports.load(settings.home, options.id)], as_json=options.json)
        names = [one.name for one in SCENARIOS] if "all" in options.names else options.names
        results = []
        for name in names * options.times:
            results.append(asyncio.run(drill(name, settings, quiet=options.json, wait=not options.no_wait)))
            if not options.json:
                _show(results[-1:], as_json=False)
        if options.json:
            return _show(results, as_json=True)
        return 0 if all(result["passed"] for result in results) else 1
    except JudgifyError as error:
        _out(f"judgify: {error.detail}", to_errors=True)
        return 2


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
