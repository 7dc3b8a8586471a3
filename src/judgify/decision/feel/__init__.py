"""The expression language of the tables: FEEL of DMN 1.5, as far as unary tests and simple expressions go.

`parser` (on `lexer`) reads text into the tree of `ast`; `compiler` turns the tree into closures over a scope;
`operator` says what the operators mean; `value` and `shown` are the ways in and out. Where FEEL yields null for what
cannot be worked out, this engine says why instead (`error.EvaluationError`).
"""
