"""Bounds that keep a hostile model from costing more than it is worth."""

from typing import Final

MAX_XML: Final = 16 * 1024 * 1024
"""Bytes of one file."""
MAX_DEPTH: Final = 100
"""Levels of elements."""
MAX_ELEMENTS: Final = 250_000
"""Elements of one file."""
MAX_ATTRIBUTES: Final = 200
"""Attributes of one element; also prefixes of namespaces that hold at one place."""
MAX_ATTRIBUTE: Final = 10_000
"""Characters of one attribute."""
MAX_PROBLEMS: Final = 100
"""Mistakes that are collected before the reading of a model ends."""
