"""Run the logging service: `python -m judgify.core.logbook`."""

from judgify.core.logbook.app import build
from judgify.kit.clock import SystemClock
from judgify.kit.serve import run
from judgify.kit.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_env()
    run(build(settings, SystemClock()), settings, "logging")
