"""`python -m judgify.console`: the response engine and its console in one process, on the port `response`."""

import importlib.util

from fastapi import FastAPI

from judgify.kit.serve import run
from judgify.kit.settings import Settings
from judgify.response.bootstrap import build


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings.from_env()
    built = build(settings)
    _mount(built.app)
    run(built.app, settings, "response")


def _mount(app: FastAPI) -> None:
    # The engine must page even where its pages cannot be shown.
    if importlib.util.find_spec("judgify.console.pages") is not None:
        pages = importlib.import_module("judgify.console.pages")
        pages.mount(app)


if __name__ == "__main__":
    main()
