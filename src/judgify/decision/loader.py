"""A table's file to its parts, collecting every mistake on the way."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from judgify.decision.clause import InputColumn, OutputColumn
from judgify.decision.column_loader import load_inputs, load_outputs
from judgify.decision.example import VERDICTS, Example
from judgify.decision.form import Form, spoken
from judgify.decision.index import index_of
from judgify.decision.limit import MAX_EXAMPLES, MAX_RULES
from judgify.decision.policy import AGGREGATIONS, POLICIES
from judgify.decision.rule_loader import RuleLoader

_KEYS: Final = ("name", "hit_policy", "inputs", "outputs", "rules", "default", "examples", "note")
_HIT_POLICIES: Final = {
    "UNIQUE": "U",
    "ANY": "A",
    "PRIORITY": "P",
    "FIRST": "F",
    "RULE ORDER": "R",
    "COLLECT": "C",
    "SUM": "C+",
    "MIN": "C<",
    "MAX": "C>",
    "COUNT": "C#",
}


def load(mapping: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Read a table's form into the arguments of `DecisionTable`.

    Raises:
        TableError: Every mistake found.
    """
    form = Form(where)
    table = form.mapping(mapping, "", _KEYS, needed=("name", "inputs", "outputs", "rules"))
    form.stop_if_broken()
    name = form.text(table, "name", "")
    hit_policy = _hit_policy(form, table.get("hit_policy", "U"))
    inputs = load_inputs(form, table["inputs"])
    outputs = load_outputs(form, table["outputs"])
    form.stop_if_broken()
    _fits(form, hit_policy, outputs)
    loader = RuleLoader(form, inputs, outputs)
    if isinstance(table["rules"], list | tuple) and not table["rules"]:
        form.report("rules", "a table needs at least one rule")
    rules = [
        rule
        for index, raw in enumerate(form.items(table["rules"], "rules", MAX_RULES))
        if (rule := loader.rule(raw, index)) is not None
    ]
    counted = _counted(hit_policy, outputs)
    default = _outputs(form, table["default"], "default", counted) if "default" in table else None
    examples = _examples(form, table.get("examples", ()), hit_policy, counted, inputs)
    form.stop_if_broken()
    return {
        "name": name,
        "hit_policy": hit_policy,
        "inputs": inputs,
        "outputs": outputs,
        "rules": tuple(rules),
        "default": default,
        "examples": examples,
        "index": index_of(rules, len(inputs)),
    }


def _hit_policy(form: Form, raw: object) -> str:
    if isinstance(raw, str) and raw in POLICIES:
        return raw
    shown = spoken(raw)
    mend = _HIT_POLICIES.get(raw.upper()) if isinstance(raw, str) else None
    form.report(
        "hit_policy",
        f"{shown} is no hit policy",
        f'did you mean "{mend}"?' if mend else "known: " + ", ".join(POLICIES),
    )
    return "U"


def _fits(form: Form, hit_policy: str, outputs: Sequence[OutputColumn]) -> None:
    if hit_policy == "P" and not any(column.values for column in outputs):
        form.report("outputs", "hit policy P needs an output with values, from the highest priority to the lowest")
    allowed = AGGREGATIONS.get(hit_policy)
    if allowed is None:
        return
    if len(outputs) != 1:
        form.report("outputs", f"hit policy {hit_policy} combines exactly one output, not {len(outputs)}")
    elif outputs[0].type not in allowed:
        form.report("outputs[0].type", f"hit policy {hit_policy} cannot combine outputs of type {outputs[0].type}")


def _counted(hit_policy: str, outputs: Sequence[OutputColumn]) -> Sequence[OutputColumn]:
    """Give the columns as the combined output has them: a count is a number, a sum need not be a declared value."""
    if hit_policy == "C#":
        return [OutputColumn(column.name, "number") for column in outputs]
    return [OutputColumn(column.name, column.type) for column in outputs] if hit_policy == "C+" else outputs


def _outputs(form: Form, raw: object, path: str, columns: Sequence[OutputColumn]) -> dict[str, Any]:
    names = tuple(column.name for column in columns)
    given = form.mapping(raw, path, names, needed=names)
    return {
        column.name: form.output(given[column.name], f"{path}.{column.name}", column)
        for column in columns
        if column.name in given
    }


def _examples(
    form: Form, raw: object, hit_policy: str, columns: Sequence[OutputColumn], inputs: Sequence[InputColumn]
) -> tuple[Example, ...]:
    found = []
    for index, item in enumerate(form.items(raw, "examples", MAX_EXAMPLES)):
        path = f"examples[{index}]"
        example = form.mapping(item, path, ("in", "out", "note"), needed=("in", "out"))
        if len(example) < 2:
            continue
        given = form.mapping(example["in"], f"{path}.in", None)
        _named(form, given, f"{path}.in", inputs)
        found.append(Example(index, given, _expected(form, example["out"], f"{path}.out", hit_policy, columns)))
    return tuple(found)


def _named(form: Form, given: Mapping[str, Any], path: str, inputs: Sequence[InputColumn]) -> None:
    """Refuse a mistyped input; with expressions the object may hold anything."""
    if any(column.expression for column in inputs):
        return
    known = [column.name for column in inputs]
    for key in given:
        if key not in known:
            form.unknown(path, key, known)


def _expected(
    form: Form, raw: object, path: str, hit_policy: str, columns: Sequence[OutputColumn]
) -> dict[str, Any] | str:
    if isinstance(raw, str):
        if raw not in VERDICTS:
            form.report(path, f"{spoken(raw)} is no verdict", 'write the outputs, "not matched" or "not evaluable"')
        return raw
    if hit_policy not in {"R", "C"}:
        return _outputs(form, raw, path, columns)
    names = tuple(column.name for column in columns)
    given = form.mapping(raw, path, names, needed=names)
    expected = {}
    for column in columns:
        values = form.items(given.get(column.name, []), f"{path}.{column.name}", MAX_RULES)
        expected[column.name] = [
            form.output(value, f"{path}.{column.name}[{place}]", column) for place, value in enumerate(values)
        ]
    return expected
