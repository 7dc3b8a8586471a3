"""Run the workflow service: `python -m judgify.core.workflow`."""

from judgify.core.workflow.app import build
from judgify.kit.clock import SystemClock
from judgify.kit.serve import run
from judgify.kit.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_env()
    run(build(settings, SystemClock()), settings, "workflow")
