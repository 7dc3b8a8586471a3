"""What came out of a model, and how: the values of every decision on the way, and each reason why one has none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from judgify.decision.feel.error import MISSING, EvaluationError
from judgify.decision.feel.shown import plain
from judgify.decision.wording import Language, reason


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a model something is: the element, the part of it, the text, the line."""

    node: str
    part: str = ""
    text: str | None = None
    line: int | None = None

    def within(self, part: str, line: int | None = None) -> "Place":
        """Give a place inside this one."""
        return Place(self.node, f"{self.part}: {part}" if self.part else part, None, line or self.line)

    def at(self, text: str) -> "Place":
        """Give this place with the text that stands there."""
        return Place(self.node, self.part, text, self.line)

    def __str__(self) -> str:
        return f"{self.node}: {self.part}" if self.part else self.node


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason for which a value is null (standard mode) or a decision is not evaluable (strict mode).

    Attributes:
        code: One of `REASONS`.
        params: What the sentence of the code needs.
        place: Where in the model.
        position: The character of the place's text, counted from 1, where that is known.
        value: The value at fault, shortened, as JSON holds it; None also when there was none.
        given: Whether there was a value.
    """

    code: str
    params: Mapping[str, str]
    place: Place
    position: int | None = None
    value: Any = None
    given: bool = False

    @property
    def reason(self) -> str:
        """The reason as an English sentence."""
        return reason(self.code, self.params)

    def explain(self, language: Language = "ko") -> str:
        """Word the reason without its place."""
        return reason(self.code, self.params, language)

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Give the reason as JSON holds it."""
        return {
            "code": self.code,
            "params": dict(self.params),
            "reason": self.reason,
            "node": self.place.node,
            "part": self.place.part,
            "text": self.place.text,
            "line": self.place.line,
            "position": self.position,
            "value": self.value,
            "given": self.given,
        }


def fault_of(error: EvaluationError, place: Place) -> Fault:
    """Say why something at a place cannot be worked out."""
    given = error.value is not MISSING
    params = {"name": error.name} | error.params if error.name is not None else error.params
    shown = plain(error.value, shorten=True) if given else None
    return Fault(error.code, params, place, error.at, shown, given)


@dataclass(frozen=True, slots=True)
class Step:
    """One decision, or one call of a service, that was worked out.

    Attributes:
        name: The element's name.
        namespace: Its model's namespace.
        verdict: `decided`, `not matched` (a table without a matching rule and without default), `not evaluable`.
        value: Its value in the engine's form.
        rules: The rules that matched, of its decision table, by id or `rule N`.
    """

    name: str
    namespace: str
    verdict: str
    value: Any
    rules: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the step as JSON holds it; long values are shortened."""
        return {
            "name": self.name,
            "namespace": self.namespace,
            "verdict": self.verdict,
            "value": plain(self.value, shorten=True),
            "rules": list(self.rules),
        }


@dataclass(frozen=True, slots=True)
class Decided:
    """There is a value; in the standard's mode it may be null for each of the `faults`.

    Attributes:
        value: The decision's value; of a service with several outputs the context of them.
        outputs: The value of each output decision by its name.
        steps: Every decision that was worked out, in order.
        faults: In the standard's mode whatever became null on the way; in strict mode there are none.
    """

    verdict: ClassVar[str] = "decided"
    value: Any
    outputs: Mapping[str, Any]
    steps: tuple[Step, ...] = field(repr=False, compare=False)
    faults: tuple[Fault, ...] = ()

    def to_dict(self, *, trace: bool = True) -> dict[str, Any]:
        """Give the outcome as JSON holds it."""
        written = {"verdict": self.verdict, "value": plain(self.value), "outputs": plain(self.outputs)}
        return written | _details(self, trace=trace)


@dataclass(frozen=True, slots=True)
class NotDecided:
    """The value cannot be told; `faults` (at least one) say why."""

    verdict: ClassVar[str] = "not evaluable"
    value: ClassVar[None] = None
    outputs: ClassVar[Mapping[str, Any]] = {}
    faults: tuple[Fault, ...]
    steps: tuple[Step, ...] = field(repr=False, compare=False)

    def to_dict(self, *, trace: bool = True) -> dict[str, Any]:
        """Give the outcome as JSON holds it."""
        return {"verdict": self.verdict} | _details(self, trace=trace)


Outcome: TypeAlias = Decided | NotDecided
"""The closed set of what the evaluation of a model gives."""


def _details(outcome: Outcome, *, trace: bool) -> dict[str, Any]:
    faults = {"faults": [fault.to_dict() for fault in outcome.faults]}
    return faults | ({"steps": [step.to_dict() for step in outcome.steps]} if trace else {})
