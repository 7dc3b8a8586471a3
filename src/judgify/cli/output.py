"""What commands print: tables for people, one JSON document for programs, errors in one sentence."""

import json
import sys
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console

from judgify.kit.errors import JudgifyError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
"""The option that every command has."""

_WIDE: Final = 160
"""Columns where nobody looks: a pipe or a file has no width, and a narrow guess would break lines in two."""

out: Final = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
"""Where tables go. Text that comes from outside must pass `rich.markup.escape` or be given as `rich.text.Text`."""

err: Final = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDE)
"""Where progress, warnings and errors go."""


def emit(document: Any) -> None:
    """Print one JSON document to standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")
    sys.stdout.flush()


def fail(error: JudgifyError, *, as_json: bool) -> NoReturn:
    """Print why a command was not done, and end with exit code 1."""
    if as_json:
        emit(error.problem())
    else:
        err.print(f"judgify: {error.detail}", markup=False, style="red")
        if "cannot be reached" in error.detail:
            err.print("  judgify status shows what runs; judgify up starts it", markup=False)
    sys.exit(1)


def on_terminal() -> bool:
    """Whether a person sees standard output as it is printed."""
    return sys.stdout.isatty()


def printable(text: str) -> str:
    """Text with control characters replaced, so that a log line cannot steer the terminal."""
    return "".join(character if character.isprintable() or character == "\t" else "�" for character in text)
