"""What becomes of a fault: an error with its reason, or the null of the standard."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.feel.meter import FAULT, record, spend

Fail = Callable[[EvaluationError, int], Any]
"""Deals with a fault that arose at a character: raises it, or gives what stands for it."""


class Mode(Enum):
    """How an expression treats what has no meaning."""

    STRICT = "strict"
    """It is an `EvaluationError` that says what, where and why."""
    STANDARD = "standard"
    """It is null, and null is passed on, as DMN 1.5 says; the faults are recorded beside the value."""

    @property
    def strict(self) -> bool:
        """Whether a fault is an error."""
        return self is Mode.STRICT

    @property
    def fail(self) -> Fail:
        """What deals with a fault."""
        return _raise if self is Mode.STRICT else _null


def _raise(fault: EvaluationError, at: int) -> Any:
    if fault.at is None:
        fault.at = at
    raise fault


def _null(fault: EvaluationError, at: int) -> Any:
    if fault.at is None:
        fault.at = at
    if isinstance(fault, LimitError):
        raise fault
    spend(FAULT)
    record(fault)
