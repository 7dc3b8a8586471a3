"""The command line: one module for each noun, imported only when its command is called.

A module ``judgify.cli.<name>`` from `MODULES` offers ``register(root)``, which adds its commands or its group to the
application. Every command takes ``--json``. Errors are `judgify.kit.errors`: one sentence on standard error and exit
code 1, or with ``--json`` the problem document on standard output.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import typer

from judgify.cli import remembered
from judgify.cli.output import fail
from judgify.kit.errors import JudgifyError

MODULES: Final[dict[str, tuple[str, ...]]] = {
    "up": ("up", "down"),
    "status": ("status", "doctor", "logs"),
    "workflow": ("workflow",),
    "judgment": ("judgment",),
    "guide": ("guide",),
    "decision": ("decision",),
    "incident": ("incident",),
    "runbook": ("runbook",),
    "action": ("action",),
    "delivery": ("delivery",),
    "drill": ("drill",),
    "dashboard": ("dashboard",),
    "log": ("log",),
    "page": ("test-page",),
    "oncall": ("oncall",),
    "channel": ("channel",),
    "account": ("account", "subscriber"),
    "minutes": ("emergency",),
}
"""Module → the commands that it registers. A module that is not there is left out."""


def build(wanted: str | None = None) -> typer.Typer:
    """The application: with the one module that has the wanted command, or with all of them."""
    root = typer.Typer(
        name="judgify",
        help="Judgify: a decision platform and its incident response guide as a running system.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback(invoke_without_command=True)(_version)
    owners = [module for module, commands in MODULES.items() if wanted in commands]
    for module in owners or list(MODULES):
        path = f"judgify.cli.{module}"
        if find_spec(path) is not None:
            import_module(path).register(root)
    return root


def _version(
    version: bool = typer.Option(False, "--version", help="Show the version and end.", is_eager=True),
) -> None:
    """Judgify: a decision platform and its incident response guide as a running system."""
    if version:
        from judgify import __version__  # noqa: PLC0415 - the only use

        print(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process: 0 done, 1 not done (the reason is printed), 2 wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    wanted = next((word for word in given if not word.startswith("-")), None)
    try:
        remembered.apply()
        build(wanted)(args=given, prog_name="judgify")
    except JudgifyError as error:
        fail(error, as_json="--json" in given)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) has gone; that is its right.
        sys.stderr.close()
        sys.exit(0)
