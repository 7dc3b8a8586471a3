"""Bounds that keep a hostile table or value from costing more than it is worth."""

from typing import Final

MAX_INPUTS: Final = 100
"""Input columns of one table."""
MAX_OUTPUTS: Final = 100
"""Output columns of one table."""
MAX_RULES: Final = 100_000
"""Rules of one table."""
MAX_VALUES: Final = 1_000
"""Declared values of one output, and allowed constants of one input."""
MAX_PROBLEMS: Final = 100
"""Mistakes that are collected before the reading of a table ends."""
MAX_EXAMPLES: Final = 1_000
"""Examples of one table."""
MAX_CELL: Final = 2_000
"""Characters of one cell or expression."""
MAX_TEXT: Final = 10_000
"""Characters of one note or text constant."""
MAX_NAME: Final = 200
"""Characters of one name or id."""
MAX_NESTING: Final = 40
"""Levels of parentheses, minus signs and conditions in one cell; also of a constant's lists and mappings."""
MAX_OPERATORS: Final = 200
"""Operators of one cell: a chain of additions nests as deeply as it is long."""
MAX_DIGITS: Final = 400
"""Digits of one number literal."""
MAX_BITS: Final = 4_096
"""Bits of a whole number; longer ones are not evaluable."""
MAX_EXPONENT: Final = 6_144
"""Largest decimal exponent, as IEEE 754 decimal128 has it."""
MAX_SHOWN: Final = 500
"""Characters of one text in a trace."""
MAX_SHOWN_ITEMS: Final = 50
"""Members of one list or mapping in a trace."""
MAX_SHOWN_ALL: Final = 1_000
"""Members of one value in a trace, all levels together."""
MAX_EXPRESSION: Final = 20_000
"""Characters of an expression that is no cell of a table."""
MAX_TOKENS: Final = 6_000
"""Words, signs and constants of an expression: reading one takes some ten microseconds."""
MAX_DEPTH: Final = 220
"""Levels of an expression's tree: each costs a call or two of Python's stack when it is worked out."""
MAX_STEPS: Final = 80_000
"""Steps of one evaluation, about half a microsecond each: turns of a loop by what they work out, calls, members of
lists made or compared. Whoever evaluates may allow more."""
MAX_CALLS: Final = 100
"""Calls of FEEL functions within each other."""
MAX_STRING: Final = 1_000_000
"""Characters of a text that is made."""
MAX_LIST: Final = 200_000
"""Members of a list that is made."""
MAX_FAULTS: Final = 100
"""Faults of one evaluation that are kept when they become null."""
MAX_RESULT: Final = 500_000
"""Members of a result, all levels together; eight characters of a text count as one."""
