"""``python -m judgify.cli``."""

from judgify.cli import main

main()
