"""`judgify drill run|list|report`: hands over to the drills' own program, which shares no code with what it judges."""

import os
import sys
from typing import Annotated, Final

import typer

from judgify.cli.output import Json

app: Final = typer.Typer(name="drill", help="Break something for real, and measure the recovery.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the group `drill`."""
    root.add_typer(app)


@app.command("run")
def run(
    name: Annotated[str, typer.Argument(help="Which drill; `judgify drill list` names them.")],
    times: Annotated[int, typer.Option(min=1, max=100, help="Run it so often, one after the other.")] = 1,
    as_json: Json = False,
) -> None:
    """Run a drill: exit code 0 when it passed, 1 when it failed, 2 when it could not be run."""
    _hand_over("run", name, "--times", str(times), as_json=as_json)


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
