"""Run the notification service: `python -m judgify.core.notification`."""

from judgify.core.notification.app import build
from judgify.kit.clock import SystemClock
from judgify.kit.serve import run
from judgify.kit.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_env()
    run(build(settings, SystemClock()), settings, "notification")
