"""`python -m judgify.console`: the response engine and its console in one process, on the port `response`."""

import importlib.util
import sys
from typing import TYPE_CHECKING

from judgify.kit.start import lean, settled

if TYPE_CHECKING:
    from fastapi import FastAPI


def main() -> None:
    """Serve until SIGTERM."""
    lean()
    from judgify.kit.serve import run  # noqa: PLC0415 - after lean
    from judgify.kit.settings import Settings  # noqa: PLC0415 - after lean
    from judgify.response.api.wire import IntakeProtocol  # noqa: PLC0415 - after lean
    from judgify.response.bootstrap import build  # noqa: PLC0415 - after lean

    settings = Settings.from_env()
    built = build(settings)
    _mount(built.app)
    settled(young=2_000)  # measured: after 20,000 a look took 20 ms, one page in thirty waited for it
    # The store's threads hand over after half a millisecond instead of five: a page waits for none of their work.
    sys.setswitchinterval(0.0005)
    run(built.app, settings, "response", http=IntakeProtocol)


def _mount(app: "FastAPI") -> None:
    # The engine must page even where its pages cannot be shown.
    if importlib.util.find_spec("judgify.console.pages") is not None:
        pages = importlib.import_module("judgify.console.pages")
        pages.mount(app)


if __name__ == "__main__":
    main()
