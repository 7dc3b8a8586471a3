"""Run the action service: `python -m judgify.core.action`."""

from judgify.kit.start import start

if __name__ == "__main__":
    start("judgify.core.action", "action")
