"""From a signal to its severity (guide 1.1), by the decision table of `signals.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from judgify.decision import Matched, NotEvaluable, Outcome
from judgify.response.guide.base import SeverityName, Text
from judgify.response.guide.catalogue import FailureClass
from judgify.response.guide.schema import Guide
from judgify.response.guide.table import judge

NOT_EVALUABLE: Final = "not-evaluable"
"""The rule named where the table cannot be evaluated: the signal still reaches a person."""
NO_RULE: Final = "no-rule"
"""The rule named where no rule of the table matches."""
UNKNOWN_SERVICE: Final = "unknown"
"""The service of a signal that names none."""


@dataclass(frozen=True, slots=True)
class Classification:
    """What the guide says of a signal.

    `known`: the signal is in the closed list. `service_known`: the service is in the catalogue. `not_in_guide`: the
    rule is our marked addition. `evaluable` is false where the table could not be asked; severity is then the one for
    unknown signals, and the reason says why.
    """

    service: str
    severity: SeverityName
    rule: str
    reason: Text
    failure_class: FailureClass
    known: bool
    service_known: bool
    not_in_guide: bool
    evaluable: bool
    life_at_risk: bool
    trace: Mapping[str, Any] = field(repr=False, compare=False)


def canonical_service(guide: Guide, service: str, labels: Mapping[str, str] | None = None) -> str:
    """Give the catalogue name for what a signal calls its service: a name, a unit, a Prometheus job, or its labels.

    A service that the catalogue lacks keeps the name it came with; without any name it is `unknown`.
    """
    given = [service, *((labels or {}).get(label, "") for label in guide.intake.service_labels)]
    named = [name for name in given if name]
    return next(
        (found for name in named if (found := guide.service_of_job(name))), named[0] if named else UNKNOWN_SERVICE
    )


def classify(
    guide: Guide,
    *,
    service: str,
    signal: str,
    value: float | Decimal | str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Classification:
    """Classify one signal by the table of section 1.1. Never raises for what a signal holds; nothing is dropped.

    A number given as text is read as a number; other text makes rules on the value not evaluable, and that is said.
    """
    name = canonical_service(guide, service, labels)
    alert_severity = (labels or {}).get("severity", "").strip().lower()
    outcome = judge(guide, service=name, signal=signal, value=_number(value), alert_severity=alert_severity)
    entry = guide.services.get(name)
    known, life = signal in guide.signals.signals, entry is not None and entry.life_safety
    if isinstance(outcome, Matched):
        rule = next(rule for rule in guide.signals.rules if rule.id == outcome.rules[0])
        return Classification(
            service=name,
            severity=outcome.output["severity"],
            rule=rule.id,
            reason=rule.reason,
            failure_class=outcome.output["failure_class"],
            known=known,
            service_known=entry is not None,
            not_in_guide=rule.not_in_guide,
            evaluable=True,
            life_at_risk=life,
            trace=outcome.trace.to_dict(),
        )
    rule_id, reason = _why_not(outcome)
    return Classification(
        service=name,
        severity="P1" if alert_severity == "critical" else "P2",
        rule=rule_id,
        reason=reason,
        failure_class="unknown",
        known=known,
        service_known=entry is not None,
        not_in_guide=True,
        evaluable=False,
        life_at_risk=life,
        trace=outcome.trace.to_dict(),
    )


def _number(value: float | Decimal | str | None) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return Decimal(value.strip())
    except InvalidOperation:
        return value


def _why_not(outcome: Outcome) -> tuple[str, Text]:
    if isinstance(outcome, NotEvaluable):
        cause = outcome.causes[0]
        place = cause.input or cause.column or "-"
        return NOT_EVALUABLE, Text(
            ko=f"심각도를 판정할 수 없음, 확인 필요: {place}: {cause.explain('ko')}"[:500],
            en=f"The severity cannot be told, to be looked at: {place}: {cause.explain('en')}"[:500],
        )
    return NO_RULE, Text(
        ko="해당하는 심각도 규칙이 없음, 확인 필요", en="No rule of the severity table answers, to be looked at"
    )
