"""What a workflow document means: checked whole, compiled once, judged often. Pure: values in, values out."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from judgify.core.contracts.action import CompiledAction, compile_action
from judgify.core.contracts.advice import AnswerForm, advice_problems, answer_form
from judgify.core.contracts.document import WorkflowDocument
from judgify.core.contracts.problem import DocumentError, Problem
from judgify.core.contracts.schema import InputSchema, schema_problems
from judgify.core.contracts.wire import UNREADABLE, Verdict
from judgify.decision import Cause, DecisionTable, Matched, NotEvaluable, Outcome, TableError, explain, plain

MAX_TABLES: Final = 20
MAX_ACTIONS: Final = 50
MAX_NAME: Final = 100
_NAME: Final = re.compile(r"[^\W_](?:[\w .()·-]*[\w)])?")


@dataclass(frozen=True, slots=True)
class Judged:
    """What a plan says about one input.

    Attributes:
        result: The value of the workflow's result output, as JSON holds it; None unless matched.
        outputs: What each table gave, by table.
        causes: Why it is not evaluable: table, rule, column, cell, input, value, reason in both languages.
        explanation: One text per language, `ko` and `en`.
        trace: One entry per table that was judged, in order.
    """

    verdict: Verdict
    result: Any
    outputs: dict[str, Any]
    causes: list[dict[str, Any]]
    explanation: dict[str, str]
    trace: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled workflow; immutable, safe to share. `form` is what a model is asked for, None when it is not asked."""

    document: WorkflowDocument
    tables: tuple[DecisionTable, ...]
    schema: InputSchema
    actions: tuple[CompiledAction, ...]
    form: AnswerForm | None

    def judge(self, given: Mapping[str, Any]) -> Judged:
        """Judge one input object. Never raises for a value: what cannot be told is `not_evaluable`, with every cause.

        Input that does not fit the schema is not evaluable, even where no rule happens to read the wrong member; the
        tables are still asked, so that the causes name the cells.
        """
        causes = self.schema.causes(given) + _unreadable(given)
        values = dict(given)
        outputs: dict[str, Any] = {}
        trace: list[dict[str, Any]] = []
        told: dict[str, list[str]] = {"ko": [], "en": []}
        last: Outcome | None = None
        for table in self.tables:
            outcome = table.evaluate(values)
            trace.append({**outcome.trace.to_dict(), "verdict": outcome.verdict.replace(" ", "_")})
            told["ko"] += explain(outcome, "ko")
            told["en"] += explain(outcome, "en")
            if table.name == self.document.result.table:
                last = outcome
            if isinstance(outcome, NotEvaluable):
                causes += [_cause(table.name, cause) for cause in outcome.causes]
                break
            if isinstance(outcome, Matched):
                outputs[table.name] = plain(outcome.output)
                one = len(table.outputs) == 1
                values[table.name] = outcome.output[table.outputs[0].name] if one else outcome.output
        if causes:
            for cause in causes:
                if cause["code"] in {"schema", "unreadable"}:
                    told["ko"].append(f"판단할 수 없음 — 입력 '{cause['input'] or ''}': {cause['reason_ko']}")
                    told["en"].append(f"Not evaluable — input {cause['input'] or ''}: {cause['reason']}")
            return Judged("not_evaluable", None, outputs, causes, _joined(told), trace)
        if isinstance(last, Matched):
            result = plain(last.output[self.document.result.output])
            return Judged("matched", result, outputs, [], _joined(told), trace)
        return Judged("not_matched", None, outputs, [], _joined(told), trace)


def read_document(raw: Any) -> WorkflowDocument:
    """Read a document from JSON-like data; unknown fields and wrong types are a `DocumentError` with the path."""
    try:
        return msgspec.convert(raw, WorkflowDocument)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        path = where.rstrip("`").removeprefix("$").removeprefix(".").replace("[...]", "[]")
        known = ", ".join(WorkflowDocument.__struct_fields__)
        raise DocumentError([Problem(path, message, f"known fields of a workflow: {known}")]) from None


def compile_document(document: WorkflowDocument) -> Plan:
    """Check everything of a document: name, schema, settings for a model, tables, their examples, result, actions.

    Raises:
        DocumentError: every mistake found, each with its path and its mend.
    """
    problems = _name_problems(document.name) + schema_problems(document.input_schema) + advice_problems(document)
    tables = _tables(document, problems)
    _check_result(document, tables, problems)
    actions: list[CompiledAction] = []
    if len(document.actions) > MAX_ACTIONS:
        problems.append(
            Problem("actions", f"{len(document.actions)} actions; at most {MAX_ACTIONS}", "split the workflow")
        )
    else:
        for index, rule in enumerate(document.actions):
            made = compile_action(rule, f"actions[{index}]")
            if isinstance(made, Problem):
                problems.append(made)
            else:
                actions.append(made)
    if problems:
        raise DocumentError(problems)
    form = answer_form(document, tables)
    return Plan(document, tuple(tables), InputSchema(document.input_schema), tuple(actions), form)


def normal_name(name: str) -> str:
    """Give a name in Unicode normal form C, so that Hangul typed on any system is one name."""
    return unicodedata.normalize("NFC", name)


def _name_problems(name: str) -> list[Problem]:
    if len(name) <= MAX_NAME and _NAME.fullmatch(name) and name == normal_name(name):
        return []
    mend = f"letters of any script, digits, space and . - _ ( ) ·, beginning with a letter or digit, at most {MAX_NAME}"
    return [Problem("name", "is not a name that this service takes", mend)]


def _tables(document: WorkflowDocument, problems: list[Problem]) -> list[DecisionTable]:
    tables: list[DecisionTable] = []
    if not 1 <= len(document.tables) <= MAX_TABLES:
        problems.append(Problem("tables", f"{len(document.tables)} tables", f"give 1 to {MAX_TABLES}"))
        return tables
    properties = document.input_schema.get("properties")
    taken = set(properties) if isinstance(properties, Mapping) else set()
    for index, raw in enumerate(document.tables):
        path = f"tables[{index}]"
        try:
            table = DecisionTable.from_mapping(raw, path)
        except TableError as error:
            problems += [
                Problem(f"{path}.{found.path}" if found.path else path, found.message, found.mend)
                for found in error.problems
            ]
            continue
        if table.name in taken:
            problems.append(
                Problem(f"{path}.name", f'"{table.name}" is taken already', "later tables read it by this name")
            )
        taken.add(table.name)
        problems += [
            Problem(f"{path}.{failure.path}", str(failure).partition(": ")[2], "mend the rules or the example")
            for failure in table.check_examples()
        ]
        tables.append(table)
    return tables


def _check_result(document: WorkflowDocument, tables: list[DecisionTable], problems: list[Problem]) -> None:
    if len(tables) != len(document.tables):
        return
    table = next((table for table in tables if table.name == document.result.table), None)
    if table is None:
        known = ", ".join(table.name for table in tables)
        problems.append(Problem("result.table", f'there is no table "{document.result.table}"', f"known: {known}"))
    elif all(column.name != document.result.output for column in table.outputs):
        known = ", ".join(column.name for column in table.outputs)
        problems.append(Problem("result.output", f'there is no output "{document.result.output}"', f"known: {known}"))


def _unreadable(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    # A broken line of a file has no values that a rule could fail on: a rule for "anything" would match it.
    if UNREADABLE not in given:
        return []
    said = str(given[UNREADABLE])[:300]
    empty = dict.fromkeys(("table", "rule", "cell", "value"))
    told = {"reason": f"cannot be read: {said}", "reason_ko": f"읽을 수 없습니다: {said}"}
    return [{"code": "unreadable", "column": UNREADABLE, "input": UNREADABLE, **empty, **told}]


def _cause(table: str, cause: Cause) -> dict[str, Any]:
    return {
        "code": cause.code,
        "table": table,
        "rule": cause.rule,
        "column": cause.column,
        "cell": cause.cell,
        "input": cause.input or cause.column,
        "value": cause.value,
        "reason": cause.explain("en"),
        "reason_ko": cause.explain("ko"),
    }


def _joined(told: dict[str, list[str]]) -> dict[str, str]:
    return {language: " ".join(sentences) for language, sentences in told.items()}
