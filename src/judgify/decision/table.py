"""A decision table, compiled once and judged often."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Self

from judgify.decision.batch import Batch, groups_of
from judgify.decision.clause import InputColumn, OutputColumn
from judgify.decision.example import Example, ExampleFailure, check
from judgify.decision.feel.shown import restorable
from judgify.decision.feel.value import native
from judgify.decision.index import Index
from judgify.decision.policy import POLICIES, Hit, Verdict
from judgify.decision.rule import Result, Row, Rule
from judgify.decision.trace import Matched, Member, NotEvaluable, NotMatched, Outcome, Trace, Unjudged
from judgify.kit.errors import Invalid


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """A decision table: pure, immutable, safe to share between threads.

    Make one with `from_mapping`; the constructor takes parts that were checked already.
    """

    name: str
    hit_policy: str
    inputs: tuple[InputColumn, ...]
    outputs: tuple[OutputColumn, ...]
    rules: tuple[Rule, ...]
    default: Mapping[str, Any] | None
    examples: tuple[Example, ...]
    index: Index | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], where: str = "table") -> Self:
        """Read and compile a table.

        Args:
            mapping: The table, as a YAML or JSON reader gives it; the form is in docs/reference/decision.md.
            where: The file or place it comes from, for messages.

        Raises:
            TableError: Every mistake of the table, with path, character and mend; nothing is accepted.
        """
        from judgify.decision.loader import load  # noqa: PLC0415 - the loader builds tables, so it imports this module

        return cls(**load(mapping, where))

    def evaluate(self, inputs: Mapping[str, Any]) -> Outcome:
        """Judge one object.

        Never raises for a value, and never guesses: what cannot be told comes back as `NotEvaluable` with the causes.
        Members that no input names are ignored.

        Raises:
            Invalid: `inputs` is not a mapping.
        """
        if type(inputs) is not dict and not isinstance(inputs, Mapping):
            raise Invalid(f"a table judges an object of named values, not a {type(inputs).__name__}")
        row = Row(self.inputs, inputs)
        rules = self.rules if self.index is None else self.index.possible(row)
        verdict = POLICIES[self.hit_policy](rules, self.outputs, row)
        row.close()
        # The index has left out what is certainly false; a trace names it.
        return self._outcome(verdict, row if self.index is None else Unjudged(row, self.rules, self._judge_all))

    def evaluate_many(self, inputs: Iterable[Mapping[str, Any]] | Mapping[str, Sequence[Any]]) -> list[Outcome]:
        """Judge many objects: each outcome is what `evaluate` gives for that object, in the order given.

        Values are read and looked up by column, equal ones once, so that this takes a part of the time. An outcome's
        trace is worked out when it is asked for, from the batch's values, which it keeps.

        Args:
            inputs: Objects, or the list of values of each input by its name; an input that is not there is missing
                in every object.

        Raises:
            Invalid: An object is not a mapping; the lists are of different lengths. Nothing is judged then.
        """
        index = self.index
        batch = Batch(self.inputs, inputs, None if index is None else (*(at for at, _ in index.axes), *index.others))
        known: dict[Hashable, Callable[[Unjudged], Outcome]] = {}
        found: list[Outcome] = []
        rules, judge_all, row_of = self.rules, self._judge_all, batch.row
        for number, group in enumerate(groups_of(batch, index)):
            if group is None or group not in known:
                row = row_of(number)
                left = rules if index is None else index.possible(row)
                known[group] = self._maker(POLICIES[self.hit_policy](left, self.outputs, row))
            found.append(known[group](Member(row_of, number, rules, judge_all)))
        return found

    def _maker(self, verdict: Verdict) -> Callable[[Unjudged], Outcome]:
        """Give what makes the outcomes of many objects that are judged alike."""
        if not isinstance(verdict, Hit) or verdict.output is not verdict.outputs[0] or verdict.rules[0].ready is None:
            return lambda seen: self._outcome(verdict, seen)
        rules, ready, name, hit_policy = (verdict.rules[0].id,), verdict.rules[0].ready, self.name, self.hit_policy
        return lambda seen: Matched(rules, dict(ready), (dict(ready),), Trace(name, hit_policy, False, seen))

    def _outcome(self, verdict: Verdict, seen: Row | Unjudged) -> Outcome:
        trace = Trace(self.name, self.hit_policy, verdict is None and self.default is not None, seen)
        if isinstance(verdict, Hit):
            return _matched(verdict, trace)
        if verdict is not None:
            return NotEvaluable(tuple(verdict), trace)
        if self.default is not None:
            default = native(deepcopy(dict(self.default)))
            return Matched((), default, (default,), trace, by_default=True)
        return NotMatched(trace)

    def _judge_all(self, row: Row) -> None:
        POLICIES[self.hit_policy](self.rules, self.outputs, row)

    def check_examples(self) -> list[ExampleFailure]:
        """Judge every example of the table; an empty list means that all came out as written."""
        return check(self.examples, self.evaluate)

    def to_mapping(self) -> dict[str, Any]:
        """Give the table in the form that `from_mapping` reads, JSON-able.

        Reading it back gives the same table; only the objects of examples are as JSON has them (a date is a text).
        """
        written: dict[str, Any] = {
            "name": self.name,
            "hit_policy": self.hit_policy,
            "inputs": [_input(column) for column in self.inputs],
            "outputs": [_output(column) for column in self.outputs],
            "rules": [self._rule(rule) for rule in self.rules],
        }
        if self.default is not None:
            written["default"] = {name: restorable(value) for name, value in self.default.items()}
        if self.examples:
            written["examples"] = [example.to_mapping() for example in self.examples]
        return written

    def _rule(self, rule: Rule) -> dict[str, Any]:
        head = ({"id": rule.id} if rule.named else {}) | ({"note": rule.note} if rule.note is not None else {})
        return {
            **head,
            "when": {self.inputs[cell.column].name: cell.text for cell in rule.cells},
            "then": {result.column.name: _result(result) for result in rule.results},
        }


def _matched(hit: Hit, trace: Trace) -> Matched:
    # The output of one rule alone is that rule's own, not one combined of it.
    if hit.output is hit.outputs[0] and (ready := hit.rules[0].ready) is not None:
        return Matched((hit.rules[0].id,), dict(ready), (dict(ready),), trace)
    outputs = tuple(native(output) for output in hit.outputs)
    return Matched(tuple(rule.id for rule in hit.rules), native(hit.output), outputs, trace)


def _input(column: InputColumn) -> dict[str, Any]:
    pairs = {"name": column.name, "label": column.label, "expression": column.expression}
    written: dict[str, Any] = {key: text for key, text in pairs.items() if text is not None}
    written["type"] = column.type
    if column.allowed is not None:
        written["allowed"] = column.allowed
    return written | ({"optional": True} if column.optional else {})


def _output(column: OutputColumn) -> dict[str, Any]:
    written: dict[str, Any] = {"name": column.name} | ({"label": column.label} if column.label is not None else {})
    written["type"] = column.type
    return written | ({"values": [restorable(value) for value in column.values]} if column.values else {})


def _result(result: Result) -> Any:
    return {"feel": result.text} if result.run is not None else restorable(result.constant)
