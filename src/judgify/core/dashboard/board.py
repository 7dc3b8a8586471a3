"""The judgments dashboard as data: what the judgment service said, checked, with the figures that people look for."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from judgify.core.contracts import Verdict
from judgify.kit.clock import iso

Count = Annotated[int, Field(ge=0)]


class _Given(BaseModel):
    # More than is asked for may come: the judgment service may be newer than this one.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Verdicts(_Given):
    """Counts by verdict."""

    matched: Count
    not_matched: Count
    not_evaluable: Count


class WorkflowCounts(Verdicts):
    """Counts of one workflow."""

    workflow_id: str
    workflow_name: str
    total: Count


class MinuteCounts(Verdicts):
    """Counts of one minute."""

    minute: datetime
    total: Count


class Summary(_Given):
    """The judgment service's figures of the last minutes."""

    total: Count
    by_verdict: Verdicts
    by_workflow: list[WorkflowCounts]
    per_minute: list[MinuteCounts]


class Execution(_Given):
    """One row of the list of executions."""

    id: str
    workflow_name: str
    verdict: Verdict
    created_at: datetime
    result: Any = None
    method_used: str | None = None
    time_ms: float | None = None


class Board(_Given):
    """One generation of the dashboard."""

    generated_at: datetime
    minutes: int
    summary: Summary
    latest: list[Execution]

    def data(self) -> dict[str, Any]:
        """Give the board as it is answered: times in UTC."""
        return {
            "dashboard": "judgments",
            "generated_at": iso(self.generated_at),
            "minutes": self.minutes,
            "empty": self.summary.total == 0 and not self.latest,
            "total": self.summary.total,
            "not_evaluable_share": share(self.summary.by_verdict.not_evaluable, self.summary.total),
            "by_verdict": self.summary.by_verdict.model_dump(),
            "by_workflow": [one.model_dump() for one in self.summary.by_workflow],
            "per_minute": [{**one.model_dump(), "minute": iso(one.minute)} for one in self.summary.per_minute],
            "latest": [{**one.model_dump(), "created_at": iso(one.created_at)} for one in self.latest],
        }


def share(part: int, whole: int) -> float | None:
    """Give a share from 0.0 to 1.0; None of nothing."""
    return None if whole == 0 else part / whole
