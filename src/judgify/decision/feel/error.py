"""The ways in which FEEL text can go wrong: while it is read, and while it is worked out."""

from typing import Any

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "<missing>", "__slots__": ()})()
"""Stands for a value that was not given at all; `None` is a value that was given as null."""


class FeelError(Exception):
    """The text is not an expression that this engine reads.

    Attributes:
        message: A sentence that names what is wrong.
        position: The character at which it is wrong, counted from 1.
        mend: What to write instead, where that can be told.
    """

    def __init__(self, message: str, position: int, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.mend = mend


class DepthError(FeelError):
    """The text nests deeper than is read; no other reading of it is tried."""


class EvaluationError(Exception):
    """The expression is sound and cannot be worked out for these values.

    Attributes:
        code: One of the codes that `judgify.decision.explain` words.
        name: The input that is at fault, when it is another than the one tested.
        value: The value at fault as it was given, or `MISSING`.
        at: The character of the expression, counted from 1, where that is known.
        params: What the sentence of the code needs.
    """

    def __init__(
        self, code: str, *, name: str | None = None, value: Any = MISSING, at: int | None = None, **params: str
    ) -> None:
        super().__init__(code)
        self.code = code
        self.name = name
        self.value = value
        self.at = at
        self.params = params


class LimitError(EvaluationError):
    """The evaluation would cost more than is allowed; never turned into null."""
