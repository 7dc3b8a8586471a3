"""Hit policies: which rules speak, and when a rule that is not evaluable silences the whole table.

F: the first rule that is not false has to be true. U, A, R, C and its aggregations: every rule has to be true or false.
P: the best true rule stands when no rule that is not evaluable could outrank it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final, NamedTuple, TypeAlias

from judgify.decision.clause import OutputColumn, same
from judgify.decision.error import listing
from judgify.decision.feel.error import EvaluationError
from judgify.decision.feel.operator import compare, compute
from judgify.decision.rule import Row, Rule
from judgify.decision.trace import Cause, result_cause, rule_causes

Output = dict[str, Any]


class Hit(NamedTuple):
    """Rules that speak: the combined output, and the output of each."""

    rules: tuple[Rule, ...]
    output: Mapping[str, Any]
    outputs: tuple[Output, ...]


Verdict: TypeAlias = Hit | list[Cause] | None
"""A hit, or the causes for which there can be none, or no rule at all."""

_Combine = Callable[[Sequence[OutputColumn], Sequence[Rule], Sequence[Output]], "Output | Cause"]


def _produce(row: Row, rule: Rule) -> Output | list[Cause]:
    if rule.ready is not None:
        return dict(rule.ready)
    output: Output = {}
    causes: list[Cause] = []
    for result in rule.results:
        try:
            output[result.column.name] = row.produce(result)
        except EvaluationError as fault:
            causes.append(result_cause(row, rule, result, fault))
    return causes or output


def _produce_all(row: Row, rules: Sequence[Rule]) -> tuple[list[Output], list[Cause]]:
    outputs: list[Output] = []
    causes: list[Cause] = []
    for rule in rules:
        made = _produce(row, rule)
        if isinstance(made, dict):
            outputs.append(made)
        else:
            causes.extend(made)
    return outputs, causes


def _sort(rules: Iterable[Rule], row: Row) -> tuple[list[Rule], list[Rule]]:
    """Judge every rule: those that hold, and those that cannot be told."""
    hits: list[Rule] = []
    doubts: list[Rule] = []
    for rule in rules:
        holds = row.judge(rule)
        if holds:
            hits.append(rule)
        elif holds is None:
            doubts.append(rule)
    return hits, doubts


def _one(row: Row, rule: Rule) -> Verdict:
    made = _produce(row, rule)
    return Hit((rule,), made, (made,)) if isinstance(made, dict) else made


def _between_rules(code: str, rules: Sequence[Rule]) -> Cause:
    return Cause(code, {"rules": listing(rule.id for rule in rules)})


def _first(rules: Iterable[Rule], _: Sequence[OutputColumn], row: Row) -> Verdict:
    found = row.first(rules)
    if found is None:
        return None
    rule, holds = found
    return _one(row, rule) if holds else rule_causes(row, rule)


def _unique(rules: Iterable[Rule], _: Sequence[OutputColumn], row: Row) -> Verdict:
    hits, doubts = _sort(rules, row)
    causes = [cause for rule in doubts for cause in rule_causes(row, rule)]
    if len(hits) > 1:
        causes.append(_between_rules("unique-violated", hits))
    if causes:
        return causes
    return _one(row, hits[0]) if hits else None


def _priority(rules: Iterable[Rule], columns: Sequence[OutputColumn], row: Row) -> Verdict:
    hits, doubts = _sort(rules, row)
    if not hits:
        return [cause for rule in doubts for cause in rule_causes(row, rule)] or None
    outputs, causes = _produce_all(row, hits)
    if causes:
        return causes

    def order(rule: Rule, output: Output) -> tuple[list[int], int]:
        return [column.rank(output[column.name]) for column in columns if column.values], rule.index

    rule, output = min(zip(hits, outputs, strict=True), key=lambda pair: order(*pair))
    best = order(rule, output)
    for doubt in doubts:
        made = _produce(row, doubt)
        # An output that cannot be worked out might be any; an equal one would change nothing.
        if not isinstance(made, dict) or (order(doubt, made) < best and not same(made, output)):
            causes.extend(rule_causes(row, doubt))
    return causes or Hit((rule,), output, (output,))


def _collecting(combine: _Combine) -> "Policy":
    def decide(rules: Iterable[Rule], columns: Sequence[OutputColumn], row: Row) -> Verdict:
        hits, doubts = _sort(rules, row)
        outputs, causes = _produce_all(row, hits)
        causes = [cause for rule in doubts for cause in rule_causes(row, rule)] + causes
        if causes:
            return causes
        if not hits:
            return None
        combined = combine(columns, hits, outputs)
        return [combined] if isinstance(combined, Cause) else Hit(tuple(hits), combined, tuple(outputs))

    return decide


def _any(_: Sequence[OutputColumn], hits: Sequence[Rule], outputs: Sequence[Output]) -> Output | Cause:
    if all(same(outputs[0], output) for output in outputs[1:]):
        return dict(outputs[0])
    return _between_rules("any-differs", hits)


def _list(columns: Sequence[OutputColumn], _: Sequence[Rule], outputs: Sequence[Output]) -> Output:
    return {column.name: [output[column.name] for output in outputs] for column in columns}


def _count(columns: Sequence[OutputColumn], _: Sequence[Rule], outputs: Sequence[Output]) -> Output:
    return {columns[0].name: len(outputs)}


def _fold(step: Callable[[Any, Any], Any]) -> _Combine:
    def combine(columns: Sequence[OutputColumn], _: Sequence[Rule], outputs: Sequence[Output]) -> Output | Cause:
        name = columns[0].name
        try:
            return {name: reduce(step, (output[name] for output in outputs))}
        except EvaluationError as fault:
            return Cause(fault.code, fault.params, column=name)

    return combine


Policy: TypeAlias = Callable[[Iterable[Rule], Sequence[OutputColumn], Row], Verdict]

POLICIES: Final[dict[str, Policy]] = {
    "U": _unique,
    "A": _collecting(_any),
    "P": _priority,
    "F": _first,
    "R": _collecting(_list),
    "C": _collecting(_list),
    "C+": _collecting(_fold(lambda left, right: compute("+", left, right))),
    "C<": _collecting(_fold(lambda left, right: right if compare("<", right, left) else left)),
    "C>": _collecting(_fold(lambda left, right: right if compare(">", right, left) else left)),
    "C#": _collecting(_count),
}
"""Every hit policy by its letters in DMN."""

AGGREGATIONS: Final[dict[str, frozenset[str]]] = {
    "C+": frozenset({"number", "duration"}),
    "C<": frozenset({"number", "string", "date", "date-time", "duration"}),
    "C>": frozenset({"number", "string", "date", "date-time", "duration"}),
    "C#": frozenset({"number", "string", "boolean", "date", "date-time", "duration", "any"}),
}
"""The types of output that each aggregation takes."""
