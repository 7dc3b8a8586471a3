"""Run the dashboard service: `python -m judgify.core.dashboard`."""

from judgify.kit.start import start

if __name__ == "__main__":
    start("judgify.core.dashboard", "dashboard")
