"""Run the judgment service: `python -m judgify.core.judgment`."""

from judgify.kit.start import start

if __name__ == "__main__":
    start("judgify.core.judgment", "judgment")
