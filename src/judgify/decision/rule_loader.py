"""The rules of a table from its form; equal cells of a column are compiled once."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from judgify.decision.clause import InputColumn, OutputColumn
from judgify.decision.column_loader import is_member
from judgify.decision.error import did_you_mean
from judgify.decision.feel.ast import Literal, Test, Tests
from judgify.decision.feel.compiler import compile_expression, compile_tests, kind_of_type
from judgify.decision.feel.error import FeelError
from judgify.decision.feel.parser import parse_expression, parse_tests
from judgify.decision.feel.shown import literal
from judgify.decision.feel.unary import Check
from judgify.decision.feel.value import canonical
from judgify.decision.form import Form
from judgify.decision.plain_cell import plain_tests
from judgify.decision.rule import Cell, ColumnNames, Result, Rule
from judgify.decision.shape import quick, shape_of

_RULE_KEYS: Final = ("id", "note", "when", "then")
_ANY: Final = "-"


class RuleLoader:
    """Reads the rules of one table, one after the other."""

    def __init__(self, form: Form, inputs: Sequence[InputColumn], outputs: Sequence[OutputColumn]) -> None:
        self._form = form
        self._inputs = inputs
        self._places = {column.name: place for place, column in enumerate(inputs)}
        self._outputs = outputs
        self._names = ColumnNames(inputs)
        self._cells: dict[tuple[int, str], Cell | None] = {}
        self._ids: set[str] = set()

    def rule(self, raw: object, index: int) -> Rule | None:
        """Read one rule; None when it is no mapping. Mistakes go to the form."""
        form, path = self._form, f"rules[{index}]"
        given = form.mapping(raw, path, _RULE_KEYS, needed=("then",))
        if "then" not in given:
            return None
        named = given.get("id") is not None
        rule_id = form.text(given, "id", path) if named else f"rule-{index + 1}"
        if rule_id in self._ids:
            form.report(f"{path}.id", f'"{rule_id}" is the id of an earlier rule')
        self._ids.add(rule_id)
        note = form.optional_text(given, "note", path)
        cells = self._when(given.get("when", {}), f"{path}.when")
        return Rule(rule_id, index, named, note, cells, self._then(given["then"], f"{path}.then"))

    def _when(self, raw: object, path: str) -> tuple[Cell, ...]:
        if isinstance(raw, list | tuple):
            if len(raw) != len(self._inputs):
                self._form.report(path, f"{len(raw)} cells for {len(self._inputs)} inputs", 'write "-" for any value')
                return ()
            given = {column.name: cell for column, cell in zip(self._inputs, raw, strict=True)}
        else:
            given = self._form.mapping(raw, path, tuple(self._places))
        cells = [
            self._cell(self._places[name], given[name], f"{path}.{name}") for name in self._places if name in given
        ]
        return tuple(cell for cell in cells if cell is not None)

    def _cell(self, place: int, raw: object, path: str) -> Cell | None:
        text = self._form.feel(path, lambda: _cell_text(raw))
        if text is None or text == _ANY:
            return None
        if (place, text) not in self._cells:
            self._cells[place, text] = self._form.feel(path, lambda: self._compile(place, text))
        return self._cells[place, text]

    def _compile(self, place: int, text: str) -> Cell:
        column = self._inputs[place]
        plain = plain_tests(text)
        tests = parse_tests(text, self._names) if plain is None else plain
        shape = shape_of(tests)
        if plain is not None and shape is not None and column.kind in {None, shape.kind}:
            run = _later(lambda: compile_tests(tests, column.kind, self._names))
        else:
            run = compile_tests(tests, column.kind, self._names)
        _only_allowed(tests, column)
        return Cell(len(self._cells), place, text, quick(shape, run), shape)

    def _then(self, raw: object, path: str) -> tuple[Result, ...]:
        names = tuple(column.name for column in self._outputs)
        given = self._form.mapping(raw, path, names, needed=names if isinstance(raw, Mapping) else ())
        return tuple(
            self._result(given[column.name], f"{path}.{column.name}", column)
            for column in self._outputs
            if column.name in given
        )

    def _result(self, raw: object, path: str, column: OutputColumn) -> Result:
        if not (isinstance(raw, Mapping) and set(raw) == {"feel"}):
            return Result(column, self._form.output(raw, path, column))
        return self._form.feel(f"{path}.feel", lambda: self._expression(raw["feel"], column)) or Result(column, None)

    def _expression(self, raw: object, column: OutputColumn) -> Result:
        if not isinstance(raw, str):
            raise FeelError("an expression is a text", 1, "write it in quotes")
        text = unicodedata.normalize("NFC", raw)
        code = compile_expression(parse_expression(text, self._names), self._names)
        if code.constant:
            return Result(column, column.take(code.run(None)))
        declared = kind_of_type(column.type)
        if declared and code.kind and declared != code.kind:
            raise FeelError(f"the expression yields a {code.kind}, and the output is a {column.type}", 1)
        return Result(column, None, text, code.run)


def _later(compiled: Callable[[], Check]) -> Check:
    """Compile a check when it is first asked, which it seldom is: `quick` settles the values of the cell's own kind."""
    made: list[Check] = []

    def check(value: Any, scope: Any) -> Any:
        if not made:
            made.append(compiled())
        return made[0](value, scope)

    return check


def _cell_text(raw: object) -> str:
    """Give a cell as FEEL text; YAML's own numbers, booleans and dates are constants.

    Raises:
        FeelError: Anything else; above all nothing at all.
    """
    if isinstance(raw, str):
        return unicodedata.normalize("NFC", raw.strip())
    if raw is None:
        raise FeelError("the cell is empty", 1, 'write "-" for any value, "null" for none')
    if not isinstance(raw, bool | int | float | Decimal | date | timedelta):
        raise FeelError(f"a cell is a text or a plain constant, not a {type(raw).__name__}", 1)
    return literal(canonical(raw))


def _only_allowed(tests: Tests, column: InputColumn) -> None:
    """Refuse a constant that the input can never have, which is most often a slip of the pen."""
    if not column.members:
        return
    for item in tests.items:
        if not isinstance(item, Test) or item.symbol not in {"=", "!="} or not isinstance(item.operand, Literal):
            continue
        value = item.operand.value
        if value is not None and not is_member(value, column.members):
            mend = did_you_mean(str(value), map(str, column.members))
            raise FeelError(f"{literal(value)} is not an allowed value of {column.name}", item.operand.at, mend)
