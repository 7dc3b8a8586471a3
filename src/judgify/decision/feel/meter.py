"""What one evaluation may cost, and what belongs to it alone: counted and kept per thread."""

import threading
from collections.abc import Callable
from typing import Any, Final

from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.limit import MAX_CALLS, MAX_FAULTS, MAX_RESULT, MAX_STEPS

_TEXT: Final = 8
"""Characters of a text that count as much as a member of a list."""
FAULT: Final = 6
"""Steps that a fault costs: to raise and to catch it takes as long as they."""


class _Meter(threading.local):
    running = False
    left = MAX_STEPS
    calls = 0
    faults: list[EvaluationError] | None = None
    moment: Any = None


_METER = _Meter()


def metered(
    run: Callable[..., Any],
    *arguments: Any,
    steps: int = MAX_STEPS,
    faults: list[EvaluationError] | None = None,
    moment: Any = None,
) -> Any:
    """Call something with a budget of steps; within another budget that one goes on counting.

    Args:
        run: What is called, with the `arguments`.
        arguments: What it is called with.
        steps: Turns of loops, calls, and members of lists that it may take.
        faults: Where faults are kept that became null.
        moment: What `now()` gives.

    Raises:
        LimitError: `too-many-steps`; `too-deep`, also when Python's own stack ends.
    """
    meter = _METER
    if meter.running:
        return run(*arguments)
    meter.running, meter.left, meter.calls, meter.faults, meter.moment = True, steps, 0, faults, moment
    try:
        return run(*arguments)
    except RecursionError:
        raise LimitError("too-deep") from None
    finally:
        meter.running, meter.faults, meter.moment = False, None, None


def bounded(value: Any) -> Any:
    """Give a result back unless it shares its parts so often that nobody could write it out.

    Raises:
        LimitError: `too-large`.
    """
    left, rest = MAX_RESULT, [value]
    while rest:
        part = rest.pop()
        if isinstance(part, str):
            left -= len(part) // _TEXT
        elif isinstance(part, list | dict):
            left -= len(part) + 1
        if left < 0:
            raise LimitError("too-large")
        if isinstance(part, list | dict):
            rest.extend(part if isinstance(part, list) else part.values())
    return value


def spend(steps: int = 1) -> None:
    """Count steps: one per turn of a loop or member of a list that is made or looked at.

    Raises:
        LimitError: `too-many-steps`.
    """
    meter = _METER
    left = (meter.left if meter.running else MAX_STEPS) - steps
    if left < 0:
        raise LimitError("too-many-steps")
    meter.left = left


def enter() -> None:
    """Count one call within the calls that run; `leave` has to follow.

    Raises:
        LimitError: `too-deep` or `too-many-steps`.
    """
    spend(4)
    if _METER.calls >= MAX_CALLS:
        raise LimitError("too-deep")
    _METER.calls += 1


def leave() -> None:
    """End a call that `enter` began."""
    _METER.calls -= 1


def record(fault: EvaluationError) -> None:
    """Keep a fault that became null, where the caller asked for them."""
    faults = _METER.faults
    if faults is not None and len(faults) < MAX_FAULTS:
        faults.append(fault)


def moment() -> Any:
    """Give the moment that this evaluation takes for now; None when it was given none."""
    return _METER.moment
