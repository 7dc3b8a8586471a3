"""Which rules a table's own examples reach."""

from dataclasses import dataclass
from typing import Any

from judgify.decision.example import ExampleFailure
from judgify.decision.table import DecisionTable
from judgify.decision.trace import Matched


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the examples of a table came to.

    Attributes:
        failures: Examples that came out otherwise than written.
        reached: How many examples each rule spoke for, by its id, in the order of the table.
    """

    failures: tuple[ExampleFailure, ...]
    reached: dict[str, int]

    @property
    def missed(self) -> tuple[str, ...]:
        """The rules that no example reaches."""
        return tuple(rule for rule, count in self.reached.items() if not count)

    @property
    def percent(self) -> float:
        """The share of rules that an example reaches."""
        return 100 * (1 - len(self.missed) / len(self.reached))

    def to_dict(self) -> dict[str, Any]:
        """Give the coverage as JSON holds it."""
        return {
            "failures": [failure.to_dict() for failure in self.failures],
            "reached": dict(self.reached),
            "missed": list(self.missed),
            "percent": round(self.percent, 1),
        }


def coverage(table: DecisionTable) -> Coverage:
    """Judge every example and count the rules that spoke."""
    reached = {rule.id: 0 for rule in table.rules}
    for example in table.examples:
        outcome = table.evaluate(example.inputs)
        for rule in outcome.rules if isinstance(outcome, Matched) else ():
            reached[rule] += 1
    return Coverage(tuple(table.check_examples()), reached)
