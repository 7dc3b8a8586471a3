"""``judgify status``, ``judgify doctor`` and ``judgify logs``."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from judgify.cli import channel_checkup, checkup, connect, engine_database, program, table
from judgify.cli.output import Json, emit, out, printable
from judgify.kit.clock import SystemClock, show
from judgify.kit.errors import JudgifyError, NotFound, Unavailable
from judgify.kit.settings import Settings
from judgify.kit.supervisor_client import SupervisorClient
from judgify.kit.supervisor_types import NAME_PATTERN, Unit

FOLLOW_S: Final = 0.25
"""How often `logs --follow` looks for new lines."""

_STYLE: Final = {"ok": "green", "warning": "yellow", "error": "red"}


def register(root: typer.Typer) -> None:
    """Add the commands to the application."""
    root.command("status")(status)
    root.command("doctor")(doctor)
    root.command("logs")(logs)


def status(as_json: Json = False) -> None:
    """Show every service and store; exit code 1 when one is not well."""
    sys.exit(connect.run(_status(connect.settings(), as_json=as_json)))


def doctor(as_json: Json = False) -> None:
    """Say what is wrong with this installation and how to mend it; exit code 1 when something is."""
    sys.exit(connect.run(_doctor(connect.settings(), as_json=as_json)))


def logs(
    unit: Annotated[str, typer.Argument(help="A unit's name, or supervisor.")],
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, max=10_000, help="How many lines.")] = 100,
    instance: Annotated[int, typer.Option(min=0, max=15, help="Which process of a scaled unit.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Show the last lines that a unit wrote. Works while the supervisor is down as well."""
    connect.run(_logs(connect.settings(), unit, lines, instance, follow=follow, as_json=as_json))


async def _status(settings: Settings, *, as_json: bool) -> int:
    async with connect.supervisor(settings) as client:
        units = await client.units()
        traffic = await client.traffic()
    automation = await _automation(settings)
    well = all(table.is_well(unit) for unit in units)
    if as_json:
        emit(
            {
                "ok": well,
                "home": str(settings.home),
                "units": [table.row(unit) for unit in units],
                "traffic": traffic.model_dump(mode="json"),
                "automation": automation,
            }
        )
        return 0 if well else 1
    out.print(table.of_units(units))
    if traffic.blocked:
        since = show(traffic.since) if traffic.since else "an unknown time"
        out.print(Text(f"traffic is BLOCKED since {since} by {traffic.by}: {printable(traffic.reason)}", style="red"))
    if automation is None:
        out.print("automation: unknown, the response engine does not answer")
    elif automation.get("held"):
        words = printable(str(automation.get("reason") or "no reason given"))
        out.print(Text(f"automation is ON HOLD: {words}; lift it with: judgify runbook release", style="yellow"))
    if not well:
        out.print("not everything is well; see: judgify doctor, judgify logs UNIT")
    return 0 if well else 1


async def _automation(settings: Settings) -> dict[str, Any] | None:
    """What the engine says about its automation; ``None`` when it does not answer."""
    answer = await _engine(settings, "/automation")
    return answer if isinstance(answer, dict) else None


async def _engine(settings: Settings, path: str) -> Any:
    """What the engine says; ``None`` when it does not answer."""
    try:
        async with connect.engine(settings, timeout_s=3) as engine:
            return await engine.get(f"/api/v2/response{path}")
    except JudgifyError:
        return None


async def _metrics(settings: Settings) -> str | None:
    """The engine's figures as text; ``None`` when it does not answer."""
    try:
        async with connect.engine(settings, timeout_s=3) as engine:
            return (await engine.raw("GET", "/metrics")).text
    except JudgifyError:
        return None


async def _doctor(settings: Settings, *, as_json: bool) -> int:
    findings = await asyncio.to_thread(program.preflight)
    async with connect.supervisor(settings) as client:
        findings += await _running(client, settings)
    told, methods = await _engine(settings, "/channels"), await _engine(settings, "/oncall/methods")
    seen = told if isinstance(told, dict) else {}
    findings += [checkup.fonts(), *await asyncio.to_thread(checkup.guide, settings)]
    findings.append(checkup.heartbeat(settings, seen.get("heartbeat")))
    findings += channel_checkup.channels(told, methods, SystemClock().now())
    if told is None and await asyncio.to_thread(checkup.has_real_channel, settings):
        findings.append(channel_checkup.unknown())
    findings += checkup.contact_methods(methods)
    findings += [*await engine_database.look(settings), *engine_database.clocks(await _metrics(settings))]
    errors = [finding for finding in findings if finding["level"] == "error"]
    if as_json:
        emit({"ok": not errors, "findings": findings})
        return 1 if errors else 0
    for finding in findings:
        out.print(
            Text.assemble(
                (f"{finding['level']:<8}", _STYLE[finding["level"]]),
                f"{finding['check']:<11}",
                printable(finding["text"]),
            )
        )
        if finding["mend"]:
            out.print(Text(f"{'':<19}mend: {printable(finding['mend'])}", style="bold"), soft_wrap=True)
    warnings = sum(1 for finding in findings if finding["level"] == "warning")
    out.print(f"{len(errors)} to mend, {warnings} to know about" if errors or warnings else "nothing is wrong")
    return 1 if errors else 0


async def _running(client: SupervisorClient, settings: Settings) -> list[dict[str, str]]:
    try:
        units = await client.units()
    except Unavailable:
        left = await asyncio.to_thread(program.left_over, kill=False)
        if left:
            words = f"no supervisor answers, but {len(left)} of its processes run"
            mend = "judgify up (finds them again), or judgify down (ends them)"
            return [checkup.finding("supervisor", "error", words, mend)]
        if client.socket.exists():
            words = f"{client.socket} is left over from a killed supervisor; nothing else runs"
            return [checkup.finding("supervisor", "warning", words, "judgify up replaces it")]
        return [checkup.finding("supervisor", "ok", "nothing runs for this home; start it with: judgify up")]
    found = [checkup.finding("supervisor", "ok", f"answers on {client.socket}")]
    found += [_unit_finding(unit) for unit in units]
    traffic = await client.traffic()
    if traffic.blocked:
        words = f"the gateway's traffic is blocked by {traffic.by}: {traffic.reason}"
        found.append(checkup.finding("traffic", "warning", words, "unblock it once the reason has gone"))
    if settings.external_database:
        found.append(
            checkup.finding("database", "ok", "DATABASE_URL is used; the services' own health tells whether it answers")
        )
    return found


def _unit_finding(unit: Unit) -> dict[str, str]:
    words = f"{unit.name} is {unit.state}, {table.health_word(unit)}" + (f": {unit.detail}" if unit.detail else "")
    if table.is_well(unit):
        return checkup.finding("unit", "ok", words)
    if unit.desired == "stopped":
        return checkup.finding("unit", "warning", f"{words} (it was asked to stop)", "judgify up after judgify down")
    return checkup.finding("unit", "error", words, f"judgify logs {unit.name}")


async def _logs(settings: Settings, unit: str, lines: int, instance: int, *, follow: bool, as_json: bool) -> None:
    path = await _log_path(settings, unit, instance)
    with path.open("rb") as file:
        last = list(_last_lines(file.read(), lines))
        if as_json and not follow:
            emit({"unit": unit, "instance": instance, "lines": last})
            return
        for line in last:
            _print_line(unit, line, as_json=as_json)
        clock = SystemClock()
        rest = b""
        while follow:
            if path.stat().st_size < file.tell():
                file.seek(0)  # it was emptied because it had grown too large
            rest += file.read()
            *whole, rest = rest.split(b"\n")
            for raw in whole:
                _print_line(unit, raw.decode("utf-8", errors="replace"), as_json=as_json)
            await clock.sleep(FOLLOW_S)


async def _log_path(settings: Settings, unit: str, instance: int) -> Path:
    import re  # noqa: PLC0415 - the only use

    if not re.fullmatch(NAME_PATTERN, unit):
        raise NotFound(f'"{printable(unit)}" is not the name of a unit')
    folder = settings.home / "logs"
    path = folder / (f"{unit}.log" if instance == 0 else f"{unit}-{instance}.log")
    if not path.exists():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.log"))) or "none; start with: judgify up"
        raise NotFound(f'there is no log of "{unit}" here; there are: {known}')
    return path


def _last_lines(content: bytes, lines: int) -> Iterator[str]:
    for line in content.splitlines()[-lines:]:
        yield line.decode("utf-8", errors="replace")


def _print_line(unit: str, line: str, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"unit": unit, "line": line}, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()
