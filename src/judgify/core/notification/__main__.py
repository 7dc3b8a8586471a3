"""Run the notification service: `python -m judgify.core.notification`."""

from judgify.kit.start import start

if __name__ == "__main__":
    start("judgify.core.notification", "notification")
