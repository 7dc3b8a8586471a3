"""A decision table of a DMN file as a table of ours.

What our form cannot say is an error with its line, never a loss: a table that requires other decisions, a hit policy
that we do not have, a type that we cannot check, a column without a rule of its own to fill it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from judgify.decision.dmn.definition import (
    Decision,
    Definitions,
    InputClause,
    InputData,
    OutputClause,
    Table,
    TableRule,
)
from judgify.decision.dmn.error import ModelError, ModelProblem
from judgify.decision.dmn.form import one_name
from judgify.decision.dmn.item import Types
from judgify.decision.dmn.reader import read_definitions
from judgify.decision.dmn.write import TYPES
from judgify.decision.feel import compile_expression
from judgify.decision.feel.ast import Entries, Items, Literal, Negate, walk
from judgify.decision.feel.error import EvaluationError, FeelError
from judgify.decision.feel.shown import restorable
from judgify.decision.feel.type import AnyType, ConstrainedType, NamedType, SimpleType, Type
from judgify.decision.table import DecisionTable
from judgify.decision.wording import reason

_OURS: Final = {theirs: ours for ours, theirs in TYPES.items()} | {
    "days and time duration": "duration",
    "years and months duration": "duration",
}
_WORDS: Final = re.compile(r"[^\W\d]\w*( \w+)*")


def read_table(data: bytes, decision: str | None = None, *, where: str = "model") -> DecisionTable:
    """Read the decision table of a DMN file.

    Args:
        data: The XML, of DMN 1.2 to 1.5.
        decision: The name of the decision, where there are several with a table.
        where: What messages call the file.

    Raises:
        ModelError: The file is unsafe or no DMN, has no such table, or the table says what ours cannot.
        TableError: A cell, a type or a value of the table is not read by our form, which is stricter than DMN.
    """
    definitions = read_definitions(data, where)
    return DecisionTable.from_mapping(_Reader(definitions, _chosen(definitions, decision)).mapping(), where)


def _chosen(definitions: Definitions, wanted: str | None) -> Decision:
    tables = [one for one in definitions.nodes if isinstance(one, Decision) and isinstance(one.expression, Table)]
    found = [one for one in tables if wanted is None or one.name == wanted]
    if len(found) != 1:
        names = ", ".join(f'"{one.name}"' for one in tables) or "none"
        message = "name one decision with a decision table" if wanted is None else f'no decision table "{wanted}"'
        raise ModelError(definitions.where, [ModelProblem(f"{message}; the file has {names}")])
    return found[0]


class _Reader:
    def __init__(self, definitions: Definitions, decision: Decision) -> None:
        self.definitions = definitions
        self.decision = decision
        assert isinstance(decision.expression, Table)  # noqa: S101 - `_chosen` gives decisions with tables only
        self.table: Table = decision.expression
        self.place = f'decision "{decision.name}"'
        self.types = Types(definitions.items, {}, lambda _: lambda _: True)
        self.inputs = {one.name: one for one in definitions.nodes if isinstance(one, InputData)}
        self.extra: Mapping[str, Any] = {}

    def _refuse(self, message: str, line: int, part: str = "") -> NoReturn:
        place = f"{self.place}: {part}" if part else self.place
        raise ModelError(self.definitions.where, [ModelProblem(f"our tables cannot say this: {message}", line, place)])

    def mapping(self) -> dict[str, Any]:
        """Give the table in the form that `DecisionTable.from_mapping` reads."""
        known = {one.key for one in self.inputs.values()}
        if self.decision.knows or not set(self.decision.requires) <= known:
            self._refuse("the table requires other decisions or functions", self.decision.line)
        if self.table.hit_policy == "O":
            self._refuse("hit policy OUTPUT ORDER", self.table.line)
        self.extra = self._extension()
        inputs = [self._input(index, clause) for index, clause in enumerate(self.table.inputs)]
        outputs = [self._output(index, clause) for index, clause in enumerate(self.table.outputs)]
        names = [column["name"] for column in inputs], [column["name"] for column in outputs]
        written: dict[str, Any] = {
            "name": self.extra.get("name") or self.decision.name,
            "hit_policy": self.table.hit_policy,
            "inputs": inputs,
            "outputs": outputs,
            "rules": [self._rule(index, rule, *names) for index, rule in enumerate(self.table.rules)],
        }
        defaults = [clause.default for clause in self.table.outputs]
        if any(default is not None for default in defaults):
            written["default"] = {
                name: {"feel": "null" if default is None else default}
                for name, default in zip(names[1], defaults, strict=True)
            }
        return written | ({"examples": self.extra["examples"]} if "examples" in self.extra else {})

    def _extension(self) -> Mapping[str, Any]:
        if self.decision.extension is None:
            return {}
        try:
            extra = json.loads(self.decision.extension)
        except (ValueError, RecursionError) as error:
            message = f"the extension of our own is damaged: {error}"
            raise ModelError(self.definitions.where, [ModelProblem(message, self.decision.line, self.place)]) from error
        if not isinstance(extra, Mapping):
            self._refuse("the extension of our own is damaged: it holds no object", self.decision.line)
        return extra

    def _own(self, part: str, index: int) -> Mapping[str, Any]:
        found = self.extra.get(part, {})
        own = found.get(str(index), {}) if isinstance(found, Mapping) else {}
        pairs = own.items() if isinstance(own, Mapping) else ()
        return {key: value for key, value in pairs if isinstance(value, str | bool)}

    def _input(self, index: int, clause: InputClause) -> dict[str, Any]:
        own, text = self._own("inputs", index), " ".join(clause.text.split())
        root = self.inputs.get(text)
        name = own.get("name") or (text if root is not None else self._name(index, clause))
        column: dict[str, Any] = {"name": name}
        if clause.label is not None:
            column["label"] = clause.label
        if root is None or "name" in own:
            column["expression"] = clause.text
        reference = clause.type_ref or (root.type_ref if root is not None else None)
        column["type"], allowed = self._type(reference, clause.line, f"input {name}")
        if "type" in own:
            column["type"] = own["type"]
        self._whole_inputs(clause, root)
        if clause.values is not None or allowed is not None:
            column["allowed"] = clause.values or allowed
        return column | ({"optional": True} if own.get("optional") is True else {})

    def _name(self, index: int, clause: InputClause) -> str:
        """Give a column of an expression a name that changes the meaning of no cell and of no expression."""
        label = one_name(clause.label or "")
        if label not in self.inputs and _WORDS.fullmatch(label):
            return label
        return f"input {index + 1}"

    def _whole_inputs(self, clause: InputClause, root: InputData | None) -> None:
        """Refuse a constraint of an input that no column would check."""
        for name in [] if root is not None else self._names(clause):
            one = self.inputs.get(name)
            if one is not None and one.type_ref is not None and _constrained(self.types.get(one.type_ref)):
                self._refuse(f"the constraints of the type {one.type_ref} of {name}", clause.line)

    def _names(self, clause: InputClause) -> tuple[str, ...]:
        try:
            return compile_expression(clause.text, names=self.inputs).names
        except FeelError:
            # The loader of the table reads the same text, and says better what is wrong with it.
            return ()

    def _type(self, reference: str | None, line: int, part: str) -> tuple[str, str | None]:
        """Give our type and the allowed values of one of theirs."""
        found = self.types.get(reference, line, f"{self.place}: {part}")
        if self.types.problems:
            raise ModelError(self.definitions.where, list(self.types.problems))
        allowed = None
        while isinstance(found, NamedType | ConstrainedType):
            if isinstance(found, ConstrainedType):
                if allowed is not None:
                    self._refuse(f"two constraints of the type {reference}", line, part)
                allowed = found.text
            found = found.target if isinstance(found, NamedType) else found.base
        if found is None or isinstance(found, AnyType):
            return "any", allowed
        if isinstance(found, SimpleType) and found.name in _OURS:
            return _OURS[found.name], allowed
        return self._refuse(f"the type {reference}", line, part)

    def _output(self, index: int, clause: OutputClause) -> dict[str, Any]:
        own, single = self._own("outputs", index), len(self.table.outputs) == 1
        name = own.get("name", clause.name or (self.decision.name if single else f"output {index + 1}"))
        column: dict[str, Any] = {"name": name}
        if clause.label is not None:
            column["label"] = clause.label
        reference = clause.type_ref
        if reference is None and single:
            reference = self.table.type_ref or self.decision.type_ref
        column["type"], allowed = self._type(reference, clause.line, f"output {name}")
        if "type" in own:
            column["type"] = own["type"]
        values = clause.values or allowed
        if values is not None:
            column["values"] = self._values(values, clause.line, f"output {name}")
        return column

    def _values(self, text: str, line: int, part: str) -> list[Any]:
        try:
            values = compile_expression(f"[{text}]").evaluate({})
        except FeelError as error:
            self._refuse(f"the output values {text} ({error.message})", line, part)
        except EvaluationError as error:
            self._refuse(f"the output values {text} ({reason(error.code, error.params)})", line, part)
        return [restorable(value) for value in values]

    def _rule(self, index: int, rule: TableRule, inputs: list[str], outputs: list[str]) -> dict[str, Any]:
        own = self._own("rules", index)
        identity = own.get("id", rule.id if rule.id != f"rule_{index + 1}" else None)
        titles = [*self.table.annotations, *[""] * len(rule.annotations)]
        remarks = [f"{title}: {text}" if title else text for title, text in zip(titles, rule.annotations, strict=False)]
        note = rule.note if rule.note is not None else "; ".join(remark for remark in remarks if remark.strip()) or None
        head = ({"id": identity} if identity is not None else {}) | ({"note": note} if note is not None else {})
        when = zip(inputs, rule.inputs, strict=True)
        return {
            **head,
            "when": {name: text for name, text in when if text.strip() not in {"", "-"}},
            "then": {
                name: {"feel": text} if f"feel {column}" in own else _constant(text)
                for column, (name, text) in enumerate(zip(outputs, rule.outputs, strict=True))
            },
        }


def _constrained(declared: Type | None) -> bool:
    while isinstance(declared, NamedType):
        declared = declared.target
    return isinstance(declared, ConstrainedType)


def _constant(text: str) -> Any:
    """Give an output as our form has it: a constant as its value, all else as FEEL."""
    text = text if text.strip() else "null"
    try:
        code = compile_expression(text)
    except FeelError:
        # The loader of the table reads the same text, and says better what is wrong with it.
        return {"feel": text}
    constant = all(isinstance(part, Literal | Items | Entries | Negate) for part, _ in walk(code.node))
    return code.evaluate({}) if constant else {"feel": text}
