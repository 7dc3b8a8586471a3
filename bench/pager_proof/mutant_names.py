"""The names of the mutants, for whoever asks for one without importing the engine."""

from typing import Final

MUTANTS: Final = (
    "send-before-commit",
    "forget-the-fence",
    "drop-the-unknown-state",
    "ignore-a-clock-jump",
    "skip-replan-after-acknowledge",
)
