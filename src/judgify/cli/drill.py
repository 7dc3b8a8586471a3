"""`judgify drill run|list|report`: hands over to the drills' own program, which shares no code with what it judges."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from judgify.cli.output import Json

app: Final = typer.Typer(name="drill", help="Break something for real, and measure the recovery.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group `drill`."""
    root.add_typer(app)


@app.command("run")
def run(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Which drills; `all` for every one.")],
    *,
    times: Annotated[int, typer.Option(min=1, max=100, help="Run them so often, one after the other.")] = 1,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait until the policy starts the unit by itself again.")
    ] = False,
    short: Annotated[
        bool, typer.Option("--short", help="Shorter stretches of right answers: to see that a drill works, no proof.")
    ] = False,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the scoreboard there, as Markdown.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run drills: exit code 0 when all passed, 1 when one failed, 2 when one could not be run.

    The automation policy starts a unit by itself once in ten minutes; a drill that comes sooner waits for that, and
    others run meanwhile.
    """
    more = [*(["--no-wait"] if no_wait else []), *(["--short"] if short else [])]
    more += ["--markdown", str(markdown)] if markdown is not None else []
    _hand_over("run", *names, "--times", str(times), *more, as_json=as_json)


@app.command("list")
def listing(as_json: Json = False) -> None:
    """List the drills and how each went last."""
    _hand_over("list", as_json=as_json)


@app.command("report")
def report(
    drill_id: Annotated[str | None, typer.Argument(help="Which run; the newest without it.")] = None,
    as_json: Json = False,
) -> None:
    """Show a run's report again."""
    _hand_over("report", *([drill_id] if drill_id else []), as_json=as_json)


def _hand_over(*words: str, as_json: bool) -> None:
    arguments = [sys.executable, "-m", "judgify.drill", *words, *(["--json"] if as_json else [])]
    sys.stdout.flush()
    os.execv(sys.executable, arguments)  # noqa: S606 - our own program, no shell, arguments as a list
