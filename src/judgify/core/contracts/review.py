"""What an analysis says of a workflow's tables before they judge: what no rule covers, what is said twice. Pure.

Nothing of it refuses a workflow: a table may be grown rule by rule, and a model may judge what the rules leave open.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from judgify.core.contracts.plan import Plan
from judgify.decision import Analysis, DecisionTable, Finding, TableError, analyse

MAX_RULES: Final = 2_000
"""Rules of a table that is analysed while its author waits; a larger one says that it was not."""
_RANGE: Final = re.compile(r"([\[(])(-?[0-9.]+)\.\.(-?[0-9.]+)([\])])")


def review(plan: Plan) -> dict[str, Any]:
    """Analyse every table of a sound workflow, as JSON holds it.

    Inputs are taken to be as the input schema has them, since others are not evaluable anyway: its ranges and lists of
    values narrow the gaps. `to_model` says what reaches the language model where it is on and the caller asks for it:
    `gaps` (what no rule answers, and what is not evaluable), `every input`, or `nothing`.
    """
    properties = plan.document.input_schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    tables = [_table(place, table, known) for place, table in enumerate(plan.tables)]
    if plan.document.llm is None:
        reaches = "nothing"
    else:
        reaches = "gaps" if plan.document.strategy == "rule_first" else "every input"
    return {"to_model": reaches, "tables": tables}


def _table(place: int, table: DecisionTable, known: Mapping[str, Any]) -> dict[str, Any]:
    analysis = Analysis((), complete=False, unknown=())
    if len(table.rules) <= MAX_RULES:
        analysis = analyse(_narrowed(table, known))
    whole = {column.name for column in table.inputs if _is_whole(column.expression, known.get(column.name))}
    kept = tuple(found for found in analysis.findings if not _between_whole_numbers(found, whole))
    told = replace(analysis, findings=kept).to_dict()
    numbers = {rule.id: number for number, rule in enumerate(table.rules)}
    for found in told["findings"]:
        rule = f".rules[{numbers[found['rules'][-1]]}]" if found["rules"] else ""
        found["path"] = f"tables[{place}]{rule}"
    return {"table": table.name, **told}


def _narrowed(table: DecisionTable, known: Mapping[str, Any]) -> DecisionTable:
    mapping = table.to_mapping()
    narrowed = False
    for column in mapping["inputs"]:
        allowed = _allowed(known.get(column["name"]))
        if allowed is not None and not {"allowed", "expression", "optional"} & column.keys():
            column["allowed"] = allowed
            narrowed = True
    if not narrowed:
        return table
    try:
        return DecisionTable.from_mapping({name: part for name, part in mapping.items() if name != "examples"})
    except TableError:
        # A rule speaks of what the schema forbids, or of another type: looked at as the table itself has it.
        return table


def _allowed(schema: Any) -> Any:
    """Give the values that a schema lets through as a column has them; None where they are not a list or one range."""
    if not isinstance(schema, Mapping):
        return None
    values = schema.get("enum")
    if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
        return values
    if schema.get("type") not in {"number", "integer"} or "enum" in schema:
        return None
    low, open_low = _bound(schema, "minimum", "exclusiveMinimum", 1)
    high, open_high = _bound(schema, "maximum", "exclusiveMaximum", -1)
    if low is None:
        return None if high is None else f"{'<' if open_high else '<='} {high:f}"
    if high is None:
        return f"{'>' if open_low else '>='} {low:f}"
    return f"{'(' if open_low else '['}{low:f}..{high:f}{')' if open_high else ']'}"


def _bound(schema: Mapping[str, Any], closed: str, opened: str, sign: int) -> tuple[Decimal | None, bool]:
    found = [(Decimal(str(schema[name])), name == opened) for name in (closed, opened) if name in schema]
    return max(found, key=lambda one: (one[0] * sign, one[1])) if found else (None, False)


def _is_whole(expression: str | None, schema: Any) -> bool:
    return expression is None and isinstance(schema, Mapping) and schema.get("type") == "integer"


def _between_whole_numbers(found: Finding, whole: set[str]) -> bool:
    """Tell whether a gap lies only where no whole number is, of an input that holds none but these."""
    return found.kind == "gap" and any(
        name in whole and all(_holds_no_whole(part) for part in test.split(", ")) for name, test in found.where.items()
    )


def _holds_no_whole(test: str) -> bool:
    parts = _RANGE.fullmatch(test)
    if parts is None:
        return False
    low, high = Decimal(parts[2]), Decimal(parts[3])
    first = low.to_integral_value("ROUND_CEILING")
    if parts[1] == "(" and first == low:
        first += 1
    return first > high or (first == high and parts[4] == ")")
