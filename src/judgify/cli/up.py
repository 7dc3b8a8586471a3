"""``judgify up`` and ``judgify down``."""

import asyncio
import contextlib
import os
import signal
import sys
from subprocess import Popen
from typing import Annotated, Final

import typer
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from judgify.cli import checkup, connect, engine_database, program, remembered, table
from judgify.cli.logline import readable
from judgify.cli.output import Json, emit, err, on_terminal, out, printable
from judgify.kit.clock import SystemClock, show
from judgify.kit.errors import Invalid, JudgifyError, Unavailable
from judgify.kit.settings import Settings
from judgify.kit.supervisor_client import SupervisorClient
from judgify.kit.supervisor_launch import LOG, launch
from judgify.kit.supervisor_types import Event, Fleet, Unit

START_S: Final = 45.0
"""How long a unit may take to become healthy before `up` calls it failed."""

SUPERVISOR_S: Final = 20.0
"""How long the supervisor may take to answer."""

RACE_S: Final = 3.0
"""How long another supervisor may take to answer after ours gave way to it."""

_LISTEN: Final = ("127.0.0.1", "0.0.0.0")


def register(root: typer.Typer) -> None:
    """Add the commands to the application."""
    root.command("up")(up)
    root.command("down")(down)


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once everything is up.")] = False,
    port: Annotated[
        list[str] | None, typer.Option("--port", metavar="NAME=N", help="A part's port: gateway=9000, postgres=5433 …")
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="ADDRESS", help="Where to listen; 0.0.0.0 opens it to the network."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Start the platform and the response engine on this machine."""
    _set_variables(port or [], listen)
    settings = connect.settings()
    try:
        code = connect.run(_up(settings, detach=detach, as_json=as_json))
    except KeyboardInterrupt:
        if not detach:
            connect.run(_down(settings, as_json=False, quiet=as_json))
        code = 130
    sys.exit(code)


def down(as_json: Json = False) -> None:
    """Stop everything that `up` started; nothing of it is left running."""
    sys.exit(connect.run(_down(connect.settings(), as_json=as_json)))


def _set_variables(ports: list[str], listen: str | None) -> None:
    for text in ports:
        name, _, number = text.partition("=")
        if not name or not number.isdigit():
            raise Invalid(f'--port {text}: write it as NAME=N, for example "--port gateway=9000"')
        # An unknown name is refused here; it would be ignored as a variable.
        Settings.from_env().ports.of(name)
        os.environ[f"JUDGIFY_PORT_{name.upper()}"] = number
    if listen is not None:
        if listen not in _LISTEN:
            raise Invalid(
                f"--listen {listen}: give 0.0.0.0 to be reached from other machines, or 127.0.0.1. The parts speak to "
                "each other over 127.0.0.1, so no other single address works"
            )
        os.environ["JUDGIFY_LISTEN"] = listen


async def _up(settings: Settings, *, detach: bool, as_json: bool) -> int:
    clock = SystemClock()
    began = clock.monotonic()
    async with connect.supervisor(settings) as client:
        if await client.alive():
            asked, settings = settings, Settings.from_env(remembered.as_started(settings.home, os.environ))
            if not as_json:
                err.print("judgify runs already; stop it with: judgify down")
                if asked.ports.all() != settings.ports.all():
                    err.print("it keeps the ports it was started with; other ports take effect after: judgify down")
            code = await _show(client, settings, as_json=as_json, already=True, seconds=None)
            if not as_json:
                await _notes(settings)
            return code
        if not await _may_start(settings, as_json=as_json):
            return 1
        remembered.remember(settings.home, os.environ)
        await _launch(settings, client)
        fleet = await _start(client, quiet=as_json)
        seconds = round(clock.monotonic() - began, 1)
        code = await _show(client, settings, as_json=as_json, already=False, seconds=seconds)
        if fleet.failed or code:
            await _explain(client, as_json=as_json)
        if not as_json:
            await _notes(settings)
        if detach:
            return code
        if code == 0:
            await _foreground(client, as_json=as_json)
        await _down(settings, as_json=False, quiet=as_json)
        return code


async def _may_start(settings: Settings, *, as_json: bool) -> bool:
    findings = program.preflight() + await engine_database.look(settings)
    errors = [finding for finding in findings if finding["level"] == "error"]
    if errors and as_json:
        emit({"ok": False, "findings": findings})
    for finding in findings:
        if finding["level"] != "ok" and not as_json:
            style = "red" if finding["level"] == "error" else "yellow"
            err.print(Text(f"{finding['level']}: {printable(finding['text'])}", style=style))
            err.print(Text(f"  mend: {finding['mend']}"))
    return not errors


async def _launch(settings: Settings, client: SupervisorClient) -> None:
    process = launch(settings.home)
    clock = SystemClock()
    deadline = clock.monotonic() + SUPERVISOR_S
    gave_way = False
    while not await client.alive():
        if process.poll() is not None and not gave_way:
            gave_way = True
            # It may have lost a race: the response engine starts a dead supervisor, too.
            deadline = min(deadline, clock.monotonic() + RACE_S)
        if clock.monotonic() > deadline:
            raise Unavailable(f"the supervisor did not start: {_last_words(settings)}")
        await clock.sleep(0.05)
    _leave(process)


def _leave(process: "Popen[bytes]") -> None:
    # It outlives this command on purpose; without this Python would warn about it at the end.
    process.returncode = 0


def _last_words(settings: Settings) -> str:
    try:
        lines = (settings.home / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it left no log"
    return printable(" / ".join(lines[-3:]))[:600]


async def _start(client: SupervisorClient, *, quiet: bool) -> Fleet:
    work = asyncio.ensure_future(client.start_all(reason="judgify up", wait_s=START_S))
    if quiet or not on_terminal():
        return await work
    clock = SystemClock()
    with Live(console=err, refresh_per_second=8, transient=True) as live:
        while not work.done():
            with contextlib.suppress(Unavailable):
                live.update(table.of_units(await client.units()))
            await clock.sleep(0.2)
    return await work


async def _show(
    client: SupervisorClient, settings: Settings, *, as_json: bool, already: bool, seconds: float | None
) -> int:
    units = await client.units()
    well = all(table.is_well(unit) for unit in units)
    if as_json:
        emit(
            {
                "ok": well,
                "already_running": already,
                "seconds": seconds,
                "home": str(settings.home),
                "console": settings.url("response"),
                "gateway": settings.url("gateway"),
                "units": [table.row(unit) for unit in units],
            }
        )
    else:
        out.print(table.of_units(units))
        if seconds is not None:
            words = f"all {len(units)} units are healthy" if well else "not everything came up"
            out.print(f"{words} after {seconds} s")
    return 0 if well else 1


async def _explain(client: SupervisorClient, *, as_json: bool) -> None:
    """The last words of every unit that did not come up; with ``--json`` they go to standard error."""
    for unit in await client.units():
        if table.is_well(unit):
            continue
        err.print(Text(f"\n{unit.name}: {unit.state}" + (f", {printable(unit.detail)}" if unit.detail else "")))
        for line in await client.logs(unit.name, lines=12):
            err.print(Text(f"  {readable(line)}"), soft_wrap=True)
    if not as_json:
        err.print("\nsee more with: judgify logs UNIT, judgify doctor; stop the rest with: judgify down")


async def _notes(settings: Settings) -> None:
    out.print(f"console  {settings.url('response')}    gateway  {settings.url('gateway')}")
    if on_terminal():
        link = await _login_link(settings)
        if link is not None:
            out.print(f"sign in  {escape(link)}  (works once, within 10 minutes)", soft_wrap=True)
    if not await asyncio.to_thread(checkup.has_real_channel, settings):
        mailbox = settings.home / "response" / "mailbox"
        out.print(f"note: no real channel is configured; pages go to the console and to {mailbox}", soft_wrap=True)
    if settings.heartbeat_url is None:
        words = "no outward heartbeat is set (JUDGIFY_HEARTBEAT_URL); if this machine dies, nobody hears of it"
        out.print(f"note: {words}", soft_wrap=True)


async def _login_link(settings: Settings) -> str | None:
    """A single-use link from the engine; ``None`` when it does not offer one."""
    try:
        async with connect.engine(settings, timeout_s=5) as engine:
            data = await engine.post("/api/v2/response/login-links", {})
    except JudgifyError:
        return None
    return str(data["url"]) if isinstance(data, dict) and "url" in data else None


async def _foreground(client: SupervisorClient, *, as_json: bool) -> None:
    """Print events until Ctrl-C, SIGTERM, or the end of the supervisor."""
    if not as_json:
        err.print("events follow; Ctrl-C stops everything, --detach would have left it running")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stream = asyncio.ensure_future(_stream(client, as_json=as_json))
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({stream, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (stream, stopped):
        task.cancel()
    await asyncio.gather(stream, stopped, return_exceptions=True)


async def _stream(client: SupervisorClient, *, as_json: bool) -> None:
    newest = await client.events(after=-1, limit=1)
    last = newest[-1].id if newest else 0
    while True:
        try:
            events = await client.events(after=last, wait_s=20)
        except Unavailable:
            if not await _comes_back(client):
                return
            continue
        for event in events:
            last = event.id
            _print_event(event, as_json=as_json)


async def _comes_back(client: SupervisorClient) -> bool:
    """Whether the supervisor answers again within 30 s: the response engine restarts it when it dies."""
    clock = SystemClock()
    deadline = clock.monotonic() + 30
    while clock.monotonic() < deadline:
        if await client.alive():
            return True
        await clock.sleep(0.5)
    return False


def _print_event(event: Event, *, as_json: bool) -> None:
    if as_json:
        emit(event.model_dump(mode="json"))
    else:
        out.print(Text(f"{show(event.time)}  {event.unit:<13} {event.kind:<16} {printable(event.reason)}"))


async def _down(settings: Settings, *, as_json: bool, quiet: bool = False) -> int:
    stopped: list[str] = []
    async with connect.supervisor(settings) as client:
        running: list[Unit] = []
        with contextlib.suppress(Unavailable):
            running = [unit for unit in await client.units() if unit.pid is not None]
            await client.shutdown()
        stopped = [unit.name for unit in running]
    # The supervisor may be dead, or may have left something: what is still there is found on the disk and by its mark.
    before = await asyncio.to_thread(program.left_over, kill=False)
    others = [row for row in before if row["unit"] != "supervisor"]
    left = await asyncio.to_thread(program.left_over, kill=True) if before else []
    remembered.forget(settings.home)
    stopped += [row["unit"] for row in others if row["unit"] not in stopped]
    if as_json:
        emit({"ok": not left, "stopped": stopped, "left": left})
    elif not quiet:
        for row in left:
            err.print(f"process {row['pid']} ({row['unit']}) could not be ended", style="red")
        out.print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 1 if left else 0
