"""Asking the severity table."""

from typing import Any

from judgify.decision import Outcome
from judgify.response.guide.schema import Guide


def judge(guide: Guide, *, service: Any = "", signal: Any = "", value: Any = None, alert_severity: Any = "") -> Outcome:
    """Ask the table of section 1.1. `measured` is worked out here, so that no caller can claim it."""
    return guide.table.evaluate(
        {
            "service": service,
            "signal": signal,
            "value": value,
            "measured": value is not None,
            "alert_severity": alert_severity,
        }
    )
