"""What a language model is asked for by a workflow, and whether what it says has that form. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from judgify.core.contracts.document import WorkflowDocument
from judgify.core.contracts.problem import Problem
from judgify.core.contracts.schema import InputSchema, schema_problems
from judgify.decision import DecisionTable

MAX_CRITERIA: Final = 8_000
MAX_REASON: Final = 1_000
MAX_MODEL: Final = 100
_ANSWER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_SCALARS: Final = (str, int, float, Decimal)
_TYPES: Final = {"number": "number", "string": "string", "boolean": "boolean"}
"""Types of an output column that JSON Schema knows; dates and the like are texts."""

Said = Literal["matched", "not_matched", "cannot_tell"]


@dataclass(frozen=True, slots=True)
class Opinion:
    """A model's answer that has the form. `confidence` is what it says of itself, 0 to 1."""

    verdict: Said
    result: Any
    confidence: float
    reason: str


class AnswerForm:
    """The JSON Schema of a model's answer for one workflow, and its check."""

    def __init__(self, result: Mapping[str, Any], *, strict: bool) -> None:
        """Ask for results of the schema `result`; `strict` says that every endpoint can hold a model to it."""
        self.strict: Final = strict
        # Without decimals, which a client's JSON writer does not know.
        self.sent: Final[dict[str, Any]] = msgspec.json.decode(_ENCODER.encode(_whole(result)))
        checked = _whole(result)
        checked["properties"] |= {"confidence": {"type": "number", "minimum": 0, "maximum": 1}}
        self._check = InputSchema(checked)

    def read(self, text: str | bytes) -> Opinion | Literal["not_json", "schema"]:
        """Read an answer, or say what is wrong: it is no JSON, or does not fit the schema."""
        try:
            value = _ANSWER.decode(text)
        except (msgspec.DecodeError, ArithmeticError, UnicodeError, RecursionError):
            return "not_json"
        if not isinstance(value, dict) or self._check.causes(value):
            return "schema"
        matched = value["verdict"] == "matched"
        if matched and value["result"] is None:
            return "schema"
        return Opinion(
            value["verdict"],
            value["result"] if matched else None,
            float(value["confidence"]),
            value["reason"][:MAX_REASON],
        )


def answer_form(document: WorkflowDocument, tables: Sequence[DecisionTable]) -> AnswerForm | None:
    """Make the form of a sound document: of its `llm.output_schema`, else of the result column; None without `llm`."""
    if document.llm is None:
        return None
    if document.llm.output_schema is not None:
        return AnswerForm(document.llm.output_schema, strict=False)
    return AnswerForm(_of_column(document, tables), strict=True)


def advice_problems(document: WorkflowDocument) -> list[Problem]:
    """Find what is wrong with a document's settings for a model."""
    llm = document.llm
    if llm is None:
        return []
    problems: list[Problem] = []
    if not llm.criteria.strip():
        problems.append(Problem("llm.criteria", "is empty", "say in your own words what the model is to judge by"))
    elif len(llm.criteria) > MAX_CRITERIA:
        mend = f"at most {MAX_CRITERIA:,}; what can be a rule belongs in a table"
        problems.append(Problem("llm.criteria", f"{len(llm.criteria):,} characters", mend))
    if llm.model is not None and not (0 < len(llm.model) <= MAX_MODEL and llm.model.isprintable()):
        problems.append(Problem("llm.model", "is no name of a model", "leave it out for the installation's own"))
    if llm.output_schema is not None:
        inside = "input_schema.properties.result"
        for found in schema_problems({"type": "object", "properties": {"result": llm.output_schema}}):
            where = found.path.replace(inside, "llm.output_schema", 1)
            where = where if where.startswith("llm.") else "llm.output_schema"
            problems.append(Problem(where, found.message, found.mend))
    return problems


def advice_warnings(document: WorkflowDocument, *, enabled: bool, model: str | None) -> list[Problem]:
    """Say where a sound document wants more of a model than there is. `model` is the installation's, if connected."""
    if document.strategy == "rule_first" and document.llm is None:
        return []
    if document.llm is None:
        told = f"strategy {document.strategy} has no llm.criteria: the rules judge alone, and each answer says so"
        return [Problem("llm", told, "give llm.criteria, or strategy rule_first")]
    if document.strategy == "rule_first":
        return []
    if not enabled:
        told = f"strategy {document.strategy} needs a model, and ENABLE_LLM_ENGINE is false: the rules judge alone"
        return [Problem("strategy", told, "set ENABLE_LLM_ENGINE=true, or use strategy rule_first")]
    if model is None:
        told = f"strategy {document.strategy} needs a model, and none is connected: the rules judge alone"
        return [Problem("strategy", told, "set OPENAI_BASE_URL or OPENAI_API_KEY, and JUDGIFY_LLM_MODEL")]
    return []


def _whole(result: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "verdict": {"type": "string", "enum": ["matched", "not_matched", "cannot_tell"]},
            "result": {"anyOf": [dict(result), {"type": "null"}]} if isinstance(result, Mapping) else result,
            "confidence": {"type": "number"},
            "reason": {"type": "string"},
        },
        "required": ["verdict", "result", "confidence", "reason"],
        "additionalProperties": False,
    }


def _of_column(document: WorkflowDocument, tables: Sequence[DecisionTable]) -> dict[str, Any]:
    place = next(place for place, table in enumerate(tables) if table.name == document.result.table)
    column = next(column for column in tables[place].outputs if column.name == document.result.output)
    policy = tables[place].hit_policy
    if policy in {"C+", "C#"}:
        return {"type": "number"}
    values = list(column.values) or _written(document.tables[place], document.result.output)
    if values and all(isinstance(value, str) for value in values):
        # As the rules write them: a result that is spelt in another way would set off no action.
        one: dict[str, Any] = {"type": "string", "enum": list(dict.fromkeys(values))}
    elif column.type in _TYPES:
        one = {"type": _TYPES[column.type]}
    else:
        one = {"type": "number" if values and all(_is_number(value) for value in values) else "string"}
    return {"type": "array", "items": one} if policy in {"R", "C"} else one


def _written(table: Mapping[str, Any], output: str) -> list[Any]:
    """Give the results that the rules write out; none at all where one computes its result."""
    parts = [rule["then"] for rule in table["rules"]]
    if "default" in table:
        parts.append(table["default"])
    found = [part.get(output) for part in parts if isinstance(part, Mapping)]
    return found if all(isinstance(value, _SCALARS) for value in found) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
