"""Run the dashboard service: `python -m judgify.core.dashboard`."""

from judgify.core.dashboard.app import build
from judgify.kit.clock import SystemClock
from judgify.kit.serve import run
from judgify.kit.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_env()
    run(build(settings, SystemClock()), settings, "dashboard")
