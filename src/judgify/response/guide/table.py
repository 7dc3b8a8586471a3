"""Asking the severity table."""

from typing import Any

from judgify.decision import Outcome
from judgify.response.guide.catalogue import facts
from judgify.response.guide.schema import Guide


def judge(guide: Guide, *, service: Any = "", signal: Any = "", value: Any = None, alert_severity: Any = "") -> Outcome:
    """Ask the table of section 1.1."""
    return guide.table.evaluate(facts(service=service, signal=signal, value=value, alert_severity=alert_severity))
