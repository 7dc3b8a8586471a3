"""Judgify: a decision platform and its incident response guide as a running system."""

from typing import Final

__version__: Final = "2.0.0"
