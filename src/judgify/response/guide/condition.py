"""Conditions of recovery steps: FEEL unary tests over findings, with three answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from judgify.decision import DecisionTable, Matched, NotEvaluable
from judgify.response.guide.finding import FINDINGS


@dataclass(frozen=True, slots=True)
class Applies:
    """Whether a step applies. `unknown`: a finding is missing or cannot be compared; a person decides then."""

    verdict: Literal["yes", "no", "unknown"]
    reason: str


@lru_cache(maxsize=512)
def compile_entry(entry: tuple[tuple[str, str], ...]) -> DecisionTable:
    """Compile one entry of a step's `when`, given as sorted (finding, unary test) pairs.

    Raises:
        TableError: a test is not FEEL or does not fit the finding's type.
        KeyError: a finding is not in the closed list; `checks` refuses such a guide first.
    """
    return DecisionTable.from_mapping(
        {
            "name": "when",
            "hit_policy": "U",
            "inputs": [{"name": name, "type": FINDINGS[name].type} for name, _ in entry],
            "outputs": [{"name": "applies", "type": "boolean"}],
            "rules": [{"id": "when", "when": dict(entry), "then": {"applies": True}}],
        }
    )


def applies(when: Sequence[Mapping[str, str]], findings: Mapping[str, Any]) -> Applies:
    """Say whether any entry holds over the findings, and why.

    No entry at all is `no`: such a step is a person's decision. A yes beats an unknown, an unknown beats a no.
    """
    if not when:
        return Applies("no", "only a person decides on this step")
    unknown: list[str] = []
    for entry in when:
        outcome = compile_entry(tuple(sorted(entry.items()))).evaluate(findings)
        if isinstance(outcome, Matched):
            return Applies("yes", " and ".join(f"{name} is {findings[name]!r}" for name in entry))
        if isinstance(outcome, NotEvaluable):
            unknown.extend(f"{cause.input or cause.column}: {cause.reason}" for cause in outcome.causes)
    if unknown:
        return Applies("unknown", "; ".join(dict.fromkeys(unknown)))
    return Applies("no", "none of its conditions holds")
