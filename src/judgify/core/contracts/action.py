"""The actions of a workflow: when one follows from a result, and the order that is sent for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from judgify.core.contracts.document import ActionRule
from judgify.core.contracts.problem import Problem
from judgify.core.contracts.wire import ActionRequest, ExecutionRecord
from judgify.decision import DecisionTable, Matched, TableError

_MARK: Final = re.compile(r"\{\{\s*(result|verdict|workflow|execution_id|created_at|input\.[^{}]{1,200}?)\s*\}\}")
_ANY_MARK: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_MAIL: Final = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
EVERY: Final = "*"
"""The target of a `slack` action that goes to every configured channel of a Slack type."""
_MAX_DEPTH: Final = 10
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


@dataclass(frozen=True, slots=True)
class CompiledAction:
    """One action, its condition compiled."""

    rule: ActionRule
    condition: DecisionTable

    def follows(self, result: Any) -> bool:
        """Tell whether this action follows a result; for a list of results one member is enough."""
        candidates = result if isinstance(result, list) else [result]
        return any(isinstance(self.condition.evaluate({"result": item}), Matched) for item in candidates)

    def order(self, record: ExecutionRecord, index: int, given: Mapping[str, Any]) -> ActionRequest:
        """Write the order to the action service for one execution."""
        params = self._params(_fill(self.rule.template, record, given), f"[{record.workflow_name}] {record.result}")
        return ActionRequest(
            idempotency_key=f"{record.id}:{index}",
            type=self.rule.type,
            params=params,
            name=self.rule.name,
            execution_id=record.id,
            workflow_id=record.workflow_id,
            context={
                "workflow": record.workflow_name,
                "version": record.workflow_version,
                "verdict": record.verdict,
                "result": record.result,
                "life_safety": record.life_safety,
                "created_at": record.created_at,
            },
        )

    def _params(self, body: Any, subject: str) -> dict[str, Any]:
        target = self.rule.target
        if self.rule.type == "webhook":
            return {"url": target, "headers": self.rule.headers, "body": body}
        if self.rule.type == "slack":
            parts = body if isinstance(body, dict) else {"text": _text(body)}
            return {"subject": subject, **parts, **({} if target == EVERY else {"channel": target})}
        parts = body if isinstance(body, dict) else {"body": _text(body)}
        where: dict[str, Any] = {"to": target} if self.rule.type == "email" else {"channels": [target]}
        return {"subject": subject, **parts, **where}


def compile_action(rule: ActionRule, path: str) -> CompiledAction | Problem:
    """Compile one action, or say what is wrong with it."""
    when = rule.when if isinstance(rule.when, str) else ", ".join(_literal(item) for item in rule.when)
    table = {
        "name": "action",
        "hit_policy": "F",
        "inputs": [{"name": "result", "type": "any"}],
        "outputs": [{"name": "follows", "type": "boolean"}],
        "rules": [{"when": {"result": when}, "then": {"follows": True}}],
    }
    if not when.strip():
        return Problem(f"{path}.when", "nothing is asked for", 'write a unary test such as "NG", or - for any result')
    try:
        condition = DecisionTable.from_mapping(table, path)
    except TableError as error:
        found = error.problems[0]
        return Problem(f"{path}.when", found.message, found.mend or "write a FEEL unary test")
    wrong = _wrong_target(rule)
    if wrong is not None:
        return Problem(f"{path}.target", *wrong)
    bad = _bad_mark(rule.template)
    if bad is not None:
        known = "result, verdict, workflow, execution_id, created_at, input.NAME"
        return Problem(f"{path}.template", f"{bad} is not known", f"known: {known}")
    return CompiledAction(rule, condition)


def _wrong_target(rule: ActionRule) -> tuple[str, str] | None:
    if rule.type == "webhook" and not rule.target.startswith(("http://", "https://")):
        return "is no address", "begin with https://"
    if rule.type == "email" and not _MAIL.fullmatch(rule.target):
        return "is no mail address", "write it as name@example.com"
    return None if rule.target.strip() else ("is empty", "name the channel")


def _literal(item: Any) -> str:
    if isinstance(item, str):
        return f'"{item.translate(_ESCAPES)}"'
    if item is None:
        return "null"
    return str(item).lower() if isinstance(item, bool) else str(item)


def _bad_mark(template: Any, depth: int = 0) -> str | None:
    if depth > _MAX_DEPTH:
        return "nesting beyond 10 levels"
    if isinstance(template, str):
        return next((mark for mark in _ANY_MARK.findall(template) if not _MARK.fullmatch(mark)), None)
    members = template.values() if isinstance(template, dict) else template if isinstance(template, list) else ()
    return next((bad for member in members if (bad := _bad_mark(member, depth + 1)) is not None), None)


def _fill(template: Any, record: ExecutionRecord, given: Mapping[str, Any]) -> Any:
    if isinstance(template, dict):
        return {key: _fill(value, record, given) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill(item, record, given) for item in template]
    if not isinstance(template, str):
        return template
    whole = _MARK.fullmatch(template)
    if whole is not None:
        return _value(whole[1], record, given)
    return _MARK.sub(lambda mark: _text(_value(mark[1], record, given)), template)


def _value(mark: str, record: ExecutionRecord, given: Mapping[str, Any]) -> Any:
    if mark.startswith("input."):
        return given.get(mark.removeprefix("input."))
    if mark == "workflow":
        return record.workflow_name
    return {
        "result": record.result,
        "verdict": record.verdict,
        "execution_id": record.id,
        "created_at": record.created_at,
    }[mark]


def _text(value: Any) -> str:
    return "" if value is None else str(value)
