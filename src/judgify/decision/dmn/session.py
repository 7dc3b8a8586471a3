"""One evaluation of a model: what was given, what is known so far, what went wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from judgify.decision.dmn.definition import Key
from judgify.decision.dmn.outcome import Fault, Place, Step, fault_of
from judgify.decision.feel import Mode
from judgify.decision.feel.error import EvaluationError, LimitError
from judgify.decision.limit import MAX_FAULTS

Scope = dict[str, Any]
"""The values that names lead to."""
Run = Callable[[Scope, "Session"], Any]
"""Works an expression out."""


@dataclass(slots=True)
class Session:
    """The state of one evaluation; a call of a decision service has one of its own below.

    Attributes:
        mode: Whether a fault is null (the standard) or the end (strict).
        values: The values of inputs and decisions that are known.
        steps: What was worked out, in order.
        faults: What went wrong, in order.
        raw: What became null in FEEL since it was last asked, without its place.
        rules: The rules that matched in the decision table that was judged last.
    """

    mode: Mode
    values: dict[Key, Any]
    steps: list[Step] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    raw: list[EvaluationError] = field(default_factory=list)
    rules: tuple[str, ...] | None = None
    _told: list[EvaluationError] = field(default_factory=list)

    @property
    def strict(self) -> bool:
        """Whether a fault ends the evaluation."""
        return self.mode.strict

    def begin(self) -> None:
        """Begin the next decision: no table was judged for it yet."""
        self.rules = None

    def below(self, values: Mapping[Key, Any]) -> "Session":
        """Begin an evaluation that knows these values only, and reports into this one."""
        return Session(self.mode, dict(values), self.steps, self.faults, self.raw, _told=self._told)

    def note(self, before: int, place: Place) -> None:
        """Keep with its place what became null since there were so many `raw` faults."""
        if len(self.raw) > before:
            room = max(0, MAX_FAULTS - len(self.faults))
            self.faults.extend(fault_of(error, place) for error in self.raw[before:][:room])
            del self.raw[before:]

    def tell(self, error: EvaluationError, place: Place) -> None:
        """Keep the end of an evaluation where it happened first, not again on every level above."""
        if not self._told or error is not self._told[0]:
            self._told[:] = [error]
            self.faults.append(fault_of(error, place))

    def fail(self, error: EvaluationError, place: Place) -> None:
        """Let something fail: null in the standard's mode, the end in strict mode and at a limit.

        Raises:
            EvaluationError: The error itself.
        """
        self.tell(error, place)
        if self.strict or isinstance(error, LimitError):
            raise error
