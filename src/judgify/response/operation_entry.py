"""Entries about operations, and the approvals that they need; part of the timeline's closed set."""

from typing import Literal

from judgify.response.model import Approval, OperationResult, OperationRun, Value, Vote


class ApprovalRequested(Value):
    """Persons were asked to allow one rendered operation."""

    type: Literal["approval-requested"] = "approval-requested"
    approval: Approval


class ApprovalVoted(Value):
    """Somebody answered a request for approval; `state` is what it came to by that."""

    type: Literal["approval-voted"] = "approval-voted"
    approval_id: str
    vote: Vote
    state: Literal["waiting", "granted", "rejected"]


class ApprovalLapsed(Value):
    """A request for approval found no answer in 15 min, or was not used in that time."""

    type: Literal["approval-lapsed"] = "approval-lapsed"
    approval_id: str


class OperationStarted(Value):
    """An operation is about to be sent to the orchestrator (this is durable before it is sent)."""

    type: Literal["operation-started"] = "operation-started"
    operation: OperationRun


class OperationFinished(Value):
    """The orchestrator answered."""

    type: Literal["operation-finished"] = "operation-finished"
    operation_id: str
    result: OperationResult
    took_s: float = 0.0


class OperationVerified(Value):
    """The step's own verification came to a result."""

    type: Literal["operation-verified"] = "operation-verified"
    operation_id: str
    ok: bool
    detail: str = ""
