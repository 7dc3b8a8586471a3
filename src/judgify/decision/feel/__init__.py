"""The expression language FEEL of DMN 1.5, whole.

`compile_expression` and `compile_unary_tests` give what is worked out often; `parse`, `parse_unary_tests` and
`text_of` go between text and tree. `Mode.STRICT` says why something cannot be worked out (`EvaluationError`);
`Mode.STANDARD` gives the standard's null for it.

`parser` (on `lexer` and `cursor`) reads text into the tree of `ast`; `compiler` turns the tree into closures over a
scope; `operator` says what the operators mean, `function` holds the built-in ones, `temporal` the dates and times;
`value` and `shown` are the ways in and out.
"""

from judgify.decision.feel.ast import Node, Tests
from judgify.decision.feel.error import EvaluationError, FeelError, LimitError
from judgify.decision.feel.expression import (
    Expression,
    UnaryTests,
    compile_expression,
    compile_unary_tests,
    parse,
    parse_unary_tests,
)
from judgify.decision.feel.mode import Mode
from judgify.decision.feel.printer import text_of

__all__ = [
    "EvaluationError",
    "Expression",
    "FeelError",
    "LimitError",
    "Mode",
    "Node",
    "Tests",
    "UnaryTests",
    "compile_expression",
    "compile_unary_tests",
    "parse",
    "parse_unary_tests",
    "text_of",
]
