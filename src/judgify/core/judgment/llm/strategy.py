"""Who decides: rules, model, or both. docs/reference/judgment.md holds the same as a table. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from judgify.core.contracts.advice import Opinion
from judgify.core.contracts.document import Strategy
from judgify.core.contracts.plan import Judged
from judgify.core.contracts.wire import Method, Verdict

Course = Literal["llm", "rule_first", "llm_first", "parallel", "consensus"]
"""A strategy, or `llm` where the caller asked for the model alone."""
By = Literal["rule", "llm", "hybrid"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is answered once a model has spoken.

    Attributes:
        by: Whose answer it is; `hybrid` where both had to agree.
        agrees: Whether rules and model say the same; None where one of them could not tell.
        unclear: Why nothing was decided, for `not_evaluable` that is not the rules' own.
    """

    verdict: Verdict
    result: Any
    by: By
    agrees: bool | None
    unclear: Literal["cannot_tell", "disagreement"] | None = None


def course_of(method: Method, strategy: Strategy) -> Course | None:
    """Give the course of a request; None where the rules alone were asked for."""
    if method == "rule":
        return None
    return "llm" if method == "llm" else strategy


def asks(course: Course, rules: Judged) -> bool:
    """Tell whether the model has to be asked, now that the rules have spoken.

    What could not even be read is never given to a model. Two cannot agree when the rules cannot say anything.
    """
    if any(cause["code"] == "unreadable" for cause in rules.causes):
        return False
    if course == "rule_first":
        return rules.verdict != "matched"
    return course != "consensus" or rules.verdict != "not_evaluable"


def decide(course: Course, rules: Judged, opinion: Opinion) -> Decision:
    """Decide between the rules and an opinion that was asked for."""
    agrees = _agree(rules, opinion)
    if course == "consensus":
        if agrees:
            return Decision(rules.verdict, rules.result, "hybrid", agrees)
        unclear: Literal["cannot_tell", "disagreement"] = "disagreement" if agrees is False else "cannot_tell"
        return Decision("not_evaluable", None, "hybrid", agrees, unclear)
    if opinion.verdict == "cannot_tell":
        if course == "llm":
            return Decision("not_evaluable", None, "llm", agrees, "cannot_tell")
        return Decision(rules.verdict, rules.result, "rule", agrees)
    if course == "parallel" and rules.verdict == "matched":
        return Decision(rules.verdict, rules.result, "rule", agrees)
    return Decision(opinion.verdict, opinion.result, "llm", agrees)


def _agree(rules: Judged, opinion: Opinion) -> bool | None:
    if rules.verdict == "not_evaluable" or opinion.verdict == "cannot_tell":
        return None
    return rules.verdict == opinion.verdict and same(rules.result, opinion.result)


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are equal; true is not 1, and 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal):
        return Decimal(str(one)) == Decimal(str(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(left, right) for left, right in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    return bool(one == other)
