"""Examples: what a table's author says has to come out, checked with the table."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from judgify.decision.clause import same
from judgify.decision.feel.shown import as_json, plain, restorable
from judgify.decision.feel.value import deep
from judgify.decision.trace import Matched, Outcome

VERDICTS: Final = ("not matched", "not evaluable")


@dataclass(frozen=True, slots=True)
class Example:
    """One example: an object, and the output or the verdict that it has to get."""

    index: int
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any] | str

    def to_mapping(self) -> dict[str, Any]:
        """Give the example in the form of the table's file."""
        if isinstance(self.expected, str):
            return {"in": plain(self.inputs), "out": self.expected}
        pairs = self.expected.items()
        out = {
            name: list(map(restorable, value)) if isinstance(value, list) else restorable(value)
            for name, value in pairs
        }
        return {"in": plain(self.inputs), "out": out}


@dataclass(frozen=True, slots=True)
class ExampleFailure:
    """An example that came out otherwise than written.

    Attributes:
        index: The example's place, counted from 0.
        expected: What the author wrote.
        outcome: What came out.
    """

    index: int
    expected: Mapping[str, Any] | str
    outcome: Outcome

    @property
    def path(self) -> str:
        """Where the example stands, as in `examples[2]`."""
        return f"examples[{self.index}]"

    def __str__(self) -> str:
        outcome = self.outcome
        came = as_json(outcome.output) if isinstance(outcome, Matched) else outcome.verdict
        expected = self.expected if isinstance(self.expected, str) else as_json(self.expected)
        return f"{self.path}: expected {expected}, came out {came}"

    def to_dict(self) -> dict[str, Any]:
        """Give the failure as JSON holds it."""
        return {"path": self.path, "expected": plain(self.expected), "outcome": self.outcome.to_dict()}


def _fits(expected: Mapping[str, Any] | str, outcome: Outcome) -> bool:
    if isinstance(outcome, Matched):
        return isinstance(expected, Mapping) and same(dict(expected), deep(outcome.output))
    return expected == outcome.verdict


def check(examples: Iterable[Example], evaluate: Callable[[Mapping[str, Any]], Outcome]) -> list[ExampleFailure]:
    """Judge examples and give those that came out otherwise."""
    judged = ((example, evaluate(example.inputs)) for example in examples)
    return [
        ExampleFailure(example.index, example.expected, outcome)
        for example, outcome in judged
        if not _fits(example.expected, outcome)
    ]
