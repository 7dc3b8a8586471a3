"""The columns of a table from its form."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from judgify.decision.clause import InputColumn, InputNames, NoNames, OutputColumn, direct, same
from judgify.decision.error import did_you_mean
from judgify.decision.feel.ast import Literal, Test, Tests
from judgify.decision.feel.compiler import compile_expression, compile_tests, kind_of_type
from judgify.decision.feel.error import FeelError
from judgify.decision.feel.parser import parse_expression, parse_tests
from judgify.decision.feel.scope import Run
from judgify.decision.feel.shown import literal, plain
from judgify.decision.feel.unary import Check
from judgify.decision.feel.value import TYPES, canonical
from judgify.decision.form import MAX_NAMED, Form, spoken
from judgify.decision.limit import MAX_INPUTS, MAX_OUTPUTS, MAX_VALUES

_INPUT_KEYS: Final = ("name", "label", "expression", "type", "allowed", "optional", "note")
_OUTPUT_KEYS: Final = ("name", "label", "type", "values", "note")


def load_inputs(form: Form, raw: object) -> tuple[InputColumn, ...]:
    """Read the input columns; mistakes go to the form."""
    items = form.items(raw, "inputs", MAX_INPUTS)
    if isinstance(raw, list | tuple) and not raw:
        form.report("inputs", "a table needs at least one input")
    names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
    known = [unicodedata.normalize("NFC", name) for name in names if isinstance(name, str)]
    columns = [_input(form, item, f"inputs[{index}]", known) for index, item in enumerate(items)]
    _distinct(form, "inputs", [column.name for column in columns])
    return tuple(columns)


def _distinct(form: Form, path: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name and name in names[:index]:
            form.report(f"{path}[{index}].name", f'"{name}" is named twice')


def _type(form: Form, given: dict[str, Any], path: str) -> str:
    declared = given.get("type", "any")
    if isinstance(declared, str) and declared in TYPES:
        return declared
    form.report(
        f"{path}.type",
        f"{spoken(declared)} is no type",
        did_you_mean(str(plain(declared, shorten=True))[:MAX_NAMED], TYPES),
    )
    return "any"


def _input(form: Form, raw: object, path: str, known: Sequence[str]) -> InputColumn:
    given = form.mapping(raw, path, _INPUT_KEYS, needed=("name",))
    name = form.text(given, "name", path) if "name" in given else ""
    declared = _type(form, given, path)
    expression = form.optional_text(given, "expression", path)
    load: Run = direct(name)
    if expression is not None:
        text = expression
        node = form.feel(f"{path}.expression", lambda: parse_expression(text, known))
        if node is not None:
            code = form.feel(f"{path}.expression", lambda: compile_expression(node, InputNames()))
            load = code.run if code else load
    optional = given.get("optional", False)
    if not isinstance(optional, bool):
        form.report(f"{path}.optional", "true or false is needed here")
    allowed, check, members = _allowed(form, given.get("allowed"), f"{path}.allowed", declared)
    return InputColumn(
        name,
        declared,
        form.optional_text(given, "label", path),
        expression,
        allowed,
        bool(optional),
        load=load,
        check=check,
        members=members,
    )


def _allowed(form: Form, raw: Any, path: str, declared: str) -> tuple[str | None, Check | None, tuple[Any, ...]]:
    """Read `allowed`: unary tests as text, or a list of plain constants."""
    if raw is None:
        return None, None, ()
    if isinstance(raw, list | tuple):
        raw = form.items(raw, path, MAX_VALUES)
        raw = form.feel(path, lambda: ", ".join(literal(canonical(item)) for item in raw))
    if not isinstance(raw, str):
        form.report(path, "unary tests or a list of constants are needed here")
        return None, None, ()
    text = unicodedata.normalize("NFC", raw)

    def read() -> tuple[Tests, Check]:
        tests = parse_tests(text)
        if not tests.items:
            raise FeelError("- allows everything", 1, "leave allowed out")
        return tests, compile_tests(tests, kind_of_type(declared), NoNames())

    found = form.feel(path, read)
    return (text, found[1], literals(found[0])) if found else (text, None, ())


def literals(tests: Tests) -> tuple[Any, ...]:
    """Give the constants that tests enumerate; none when they say anything else."""
    values = [
        item.operand.value
        for item in tests.items
        if isinstance(item, Test) and item.symbol == "=" and isinstance(item.operand, Literal)
    ]
    return tuple(values) if len(values) == len(tests.items) and not tests.negated else ()


def is_member(value: Any, members: Sequence[Any]) -> bool:
    """Tell whether a value is one of the enumerated ones."""
    return any(same(value, member) for member in members)


def load_outputs(form: Form, raw: object) -> tuple[OutputColumn, ...]:
    """Read the output columns; mistakes go to the form."""
    items = form.items(raw, "outputs", MAX_OUTPUTS)
    if isinstance(raw, list | tuple) and not raw:
        form.report("outputs", "a table needs at least one output")
    columns = [_output(form, item, f"outputs[{index}]") for index, item in enumerate(items)]
    _distinct(form, "outputs", [column.name for column in columns])
    return tuple(columns)


def _output(form: Form, raw: object, path: str) -> OutputColumn:
    given = form.mapping(raw, path, _OUTPUT_KEYS, needed=("name",))
    name = form.text(given, "name", path) if "name" in given else ""
    plain_column = OutputColumn(name, _type(form, given, path), form.optional_text(given, "label", path))
    raw_values = given.get("values")
    if raw_values is None:
        return plain_column
    items = form.items(raw_values, f"{path}.values", MAX_VALUES)
    values: list[Any] = []
    for place, item in enumerate(items):
        value = form.output(item, f"{path}.values[{place}]", plain_column)
        if is_member(value, values):
            form.report(f"{path}.values[{place}]", f"{spoken(item)} is listed twice")
        values.append(value)
    return OutputColumn(name, plain_column.type, plain_column.label, tuple(values))
