"""Run the logging service: `python -m judgify.core.logbook`."""

from judgify.kit.start import start

if __name__ == "__main__":
    start("judgify.core.logbook", "logging")
