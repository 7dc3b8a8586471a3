"""Requests, records and orders as they travel between services."""

from typing import Any, Final, Literal

import msgspec

Method = Literal["rule", "llm", "hybrid"]
METHODS: Final = ("rule", "llm", "hybrid")
Verdict = Literal["matched", "not_matched", "not_evaluable"]
VERDICTS: Final = ("matched", "not_matched", "not_evaluable")


NO_CONTEXT: Final = msgspec.Raw(b"null")
UNREADABLE: Final = "_problem"
"""Member of an input that could not be read from its source, with the reason: such an input is never evaluable."""


class JudgmentOptions(msgspec.Struct, forbid_unknown_fields=True):
    """What the caller wants to see. The record always holds everything.

    Attributes:
        trace: Answer with the trace.
        explain: Answer with the explanation.
        act: Let the workflow's actions follow; False judges and records without acting.
    """

    trace: bool = True
    explain: bool = True
    act: bool = True


class JudgmentRequest(msgspec.Struct, forbid_unknown_fields=True):
    """One thing to judge. Exactly one of `workflow_id`, `workflow_name` and `name` says by what.

    Attributes:
        input_data: A JSON object; kept as it came, so that the record holds what was sent.
        context: Anything the caller wants kept beside the execution, at most 64 KiB.
        idempotency_key: The same key with the same input on the same workflow is one execution, however often sent.
    """

    input_data: msgspec.Raw
    workflow_id: str | None = None
    workflow_name: str | None = None
    name: str | None = None
    method: Method = "rule"
    options: JudgmentOptions = msgspec.field(default_factory=JudgmentOptions)
    context: msgspec.Raw = NO_CONTEXT
    idempotency_key: str | None = None


class ExecutionRecord(msgspec.Struct, omit_defaults=False):
    """One judgment as it is kept, answered and read again. `created_at` is UTC with a trailing Z.

    Attributes:
        verdict: `matched`, `not_matched` or `not_evaluable`.
        result: The result output's value; None unless matched.
        method_used: Who decided: `rule`, `llm`, or `hybrid` where both had to agree.
        confidence: 1.0 where rules decided, what a model said of itself where it did; None where nothing could be
            decided.
        basis: What the confidence rests on: `rule`, `llm`, or `consensus`.
        calibration: Where a model decided: `not calibrated`, or `measured` (see `llm`); else None.
        degraded: A wanted engine was not used; `notes` say which and why.
        causes: Why it was not evaluable: table, rule, cell, value, reason.
        time_ms: Time that the judging itself took, a model's included.
        rules: What the rules said, where the answer is not theirs: verdict, result, causes.
        llm: What a model that was asked said and cost: outcome, model, verdict, result, confidence, calibration,
            tokens, latency; None when none was asked.
    """

    id: str
    created_at: str
    workflow_id: str
    workflow_name: str
    workflow_version: int
    method: Method
    method_used: Literal["rule", "llm", "hybrid"]
    verdict: Verdict
    result: Any
    confidence: float | None
    basis: str
    degraded: bool
    notes: list[str]
    outputs: dict[str, Any]
    causes: list[dict[str, Any]]
    explanation: dict[str, str]
    trace: list[dict[str, Any]]
    time_ms: float
    life_safety: bool
    subject: str
    input_data: msgspec.Raw
    context: msgspec.Raw = NO_CONTEXT
    idempotency_key: str | None = None
    calibration: str | None = None
    rules: dict[str, Any] | None = None
    llm: dict[str, Any] | None = None


class ActionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """An order to the action service: POST /internal/actions. The same key is one action, however often sent.

    Attributes:
        idempotency_key: `<execution id>:<index of the action in the workflow>`.
        params: webhook: `url`, `headers`, `body`; slack: `text`, `subject`, `channel`; email: `to`, `subject`, `body`;
            notify: `channels`, `subject`, `body`, `severity`.
        context: What it came from: workflow name and version, verdict, result, `life_safety`, `created_at`.
    """

    idempotency_key: str
    type: Literal["webhook", "slack", "email", "notify"]
    params: dict[str, Any]
    name: str | None = None
    execution_id: str | None = None
    workflow_id: str | None = None
    context: dict[str, Any] = {}


class ActiveWorkflow(msgspec.Struct):
    """The active version of a workflow, as the workflow service gives it to the judging service."""

    id: str
    name: str
    version: int
    sha256: str
    document: Any
