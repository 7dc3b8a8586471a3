"""Run the workflow service: `python -m judgify.core.workflow`."""

from judgify.kit.start import start

if __name__ == "__main__":
    start("judgify.core.workflow", "workflow")
