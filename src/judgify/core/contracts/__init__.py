"""What the platform's services say to each other: the only code of `core` that they share.

`document` is a workflow as its author writes it, `plan` what such a document means, `wire` the rest.
"""

from judgify.core.contracts.document import (
    ActionRule,
    FileColumn,
    FileForm,
    LlmCriteria,
    ResultRef,
    Strategy,
    WorkflowDocument,
)
from judgify.core.contracts.wire import (
    METHODS,
    VERDICTS,
    ActionRequest,
    ActiveWorkflow,
    ExecutionRecord,
    JudgmentOptions,
    JudgmentRequest,
    Method,
    Verdict,
)

__all__ = [
    "METHODS",
    "VERDICTS",
    "ActionRequest",
    "ActionRule",
    "ActiveWorkflow",
    "ExecutionRecord",
    "FileColumn",
    "FileForm",
    "JudgmentOptions",
    "JudgmentRequest",
    "LlmCriteria",
    "Method",
    "ResultRef",
    "Strategy",
    "Verdict",
    "WorkflowDocument",
]
