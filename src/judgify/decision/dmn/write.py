"""A decision table as DMN 1.5, for editors and engines of others.

Standard: DMN 1.5, chapters 8 and 13. Whatever a table means is in the standard's own elements; what they have no place
for (optional inputs, the type `duration`, ids that are no XML names, examples) stands in `extensionElements` under our
own namespace, so that reading the file back gives the same table. What neither can hold is an error.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from judgify.decision.dmn.error import ModelError, ModelProblem
from judgify.decision.dmn.form import MODEL, OWN, one_name
from judgify.decision.feel import compile_expression, compile_unary_tests
from judgify.decision.feel.error import FeelError
from judgify.decision.feel.shown import literal
from judgify.decision.table import DecisionTable

TYPES: Final = {
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "date": "date",
    "date-time": "date and time",
}
"""DMN's name for each type of ours that it has."""
POLICIES: Final = {
    "U": ("UNIQUE", None),
    "A": ("ANY", None),
    "P": ("PRIORITY", None),
    "F": ("FIRST", None),
    "R": ("RULE ORDER", None),
    "C": ("COLLECT", None),
    "C+": ("COLLECT", "SUM"),
    "C<": ("COLLECT", "MIN"),
    "C>": ("COLLECT", "MAX"),
    "C#": ("COLLECT", "COUNT"),
}
"""DMN's hit policy and aggregation for each of ours."""
_XML_NAME: Final = re.compile(r"[A-Za-z_\u00c0-\u02ff\u0370-\u1fff\u3001-\ud7ff][\w.\-\u00b7]*")
_RESERVED: Final = re.compile(r"(definitions|decision|input_\d+|column_\d+|output_\d+|rule_\d+)")
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_table(table: DecisionTable) -> bytes:
    """Write a table as a DMN 1.5 file: one decision with the table's name, and one input for each name it reads.

    Raises:
        ModelError: The table holds something that DMN cannot express; every such thing is listed.
    """
    return _Writer(table).file()


class _Writer:
    def __init__(self, table: DecisionTable) -> None:
        self.table = table
        self.form: dict[str, Any] = table.to_mapping()
        self.problems: list[ModelProblem] = []
        self.extra: dict[str, Any] = {}
        self.mentioned: frozenset[str] | None = None

    def file(self) -> bytes:
        roots = self._roots()
        inputs = "".join(
            f'  <inputData id="input_{index}" name={_quoted(name)}>\n'
            f"    <variable name={_quoted(name)}{_type_ref(declared)}/>\n  </inputData>\n"
            for index, (name, declared) in enumerate(roots.items(), 1)
        )
        decision = self._decision(roots)
        if self.problems:
            raise ModelError(self.table.name, self.problems)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<definitions xmlns="{MODEL}" id="definitions" name={_quoted(self.table.name)} namespace="{OWN}:table">\n'
            f"{inputs}{decision}</definitions>\n"
        ).encode()

    def _refuse(self, place: str, message: str) -> None:
        self.problems.append(ModelProblem(f"DMN cannot express this: {message}", place=place))

    def _plain(self, text: str, place: str) -> str:
        """Give a text that XML can hold."""
        if _NOT_XML.search(text):
            self._refuse(place, "a character that XML does not allow")
        return text

    def _roots(self) -> dict[str, str | None]:
        """Give the names that the table reads from the caller's object, with their types where a column has one."""
        roots: dict[str, str | None] = {}
        for index, column in enumerate(self.form["inputs"]):
            place, text = f"inputs[{index}]", column.get("expression")
            if text is None:
                self._readable(column["name"], place)
                roots[column["name"]] = column["type"]
                continue
            for name in _free_names(text):
                self._readable(name, place)
                roots.setdefault(name, None)
            if column["name"] in self._mentioned():
                self._refuse(place, f"cells name {column['name']}, which is an expression and not an input")
        return roots

    def _readable(self, name: str, place: str) -> None:
        """Refuse a name that FEEL cannot read, or that DMN would read as another."""
        try:
            found = _free_names(name, name)
        except FeelError as error:
            self._refuse(place, f"FEEL cannot read the name {name}: {error.message}")
            return
        if found != [name] or one_name(name) != name:
            self._refuse(place, f"FEEL does not read {name} as one name")

    def _mentioned(self) -> frozenset[str]:
        """Give the names that cells and outputs of the table mention."""
        if self.mentioned is None:
            names = [column.name for column in self.table.inputs]
            cells = {cell.text for rule in self.table.rules for cell in rule.cells}
            texts = {result.text for rule in self.table.rules for result in rule.results if result.text is not None}
            found = [compile_unary_tests(text, names=names).names for text in cells]
            found += [compile_expression(text, names=names).names for text in texts]
            self.mentioned = frozenset(name for some in found for name in some)
        return self.mentioned

    def _decision(self, roots: Mapping[str, str | None]) -> str:
        table, form = self.table, self.form
        policy, aggregation = POLICIES[table.hit_policy]
        fold = f' aggregation="{aggregation}"' if aggregation else ""
        inputs = "".join(self._input(index, column) for index, column in enumerate(form["inputs"]))
        outputs = "".join(self._output(index, column) for index, column in enumerate(form["outputs"]))
        rules = "".join(self._rules())
        requires = "".join(
            f'    <informationRequirement id="requirement_{index}"><requiredInput href="#input_{index}"/>'
            "</informationRequirement>\n"
            for index in range(1, len(roots) + 1)
        )
        if one_name(table.name) != table.name:
            self.extra["name"] = table.name
        if "examples" in form:
            self.extra["examples"] = form["examples"]
        name = _quoted(self._plain(table.name, "name"))
        return (
            f'  <decision id="decision" name={name}>\n{self._extension()}    <variable name={name}/>\n{requires}'
            f'    <decisionTable id="table" hitPolicy="{policy}"{fold}>\n{inputs}{outputs}{rules}'
            "    </decisionTable>\n  </decision>\n"
        )

    def _extension(self) -> str:
        if not self.extra:
            return ""
        # JSON in ASCII: nothing in it that XML could change or refuse.
        text = escape(json.dumps(self.extra, sort_keys=True), quote=False)
        return f'    <extensionElements><table xmlns="{OWN}">{text}</table></extensionElements>\n'

    def _keep(self, part: str, index: int, values: Mapping[str, Any]) -> None:
        if values:
            self.extra.setdefault(part, {})[str(index)] = dict(values)

    def _input(self, index: int, column: Mapping[str, Any]) -> str:
        own: dict[str, Any] = {"optional": True} if column.get("optional") else {}
        if column["type"] not in TYPES and column["type"] != "any":
            own["type"] = column["type"]
        text, label = column.get("expression"), column.get("label")
        if text is not None:
            own["name"] = column["name"]
        self._keep("inputs", index, own)
        allowed = f"        <inputValues>{_text(column['allowed'])}</inputValues>\n" if "allowed" in column else ""
        return (
            f'      <input id="column_{index + 1}"{self._label(label, f"inputs[{index}].label")}>\n'
            f"        <inputExpression{_type_ref(column['type'])}>{_text(text or column['name'])}</inputExpression>\n"
            f"{allowed}      </input>\n"
        )

    def _label(self, label: str | None, place: str) -> str:
        return "" if label is None else f" label={_quoted(self._plain(label, place))}"

    def _output(self, index: int, column: Mapping[str, Any]) -> str:
        place = f"outputs[{index}]"
        name = self._plain(column["name"], f"{place}.name")
        own = {"name": name} if one_name(name) != name else {}
        if column["type"] not in TYPES and column["type"] != "any":
            own["type"] = column["type"]
        self._keep("outputs", index, own)
        values = default = ""
        if self.table.outputs[index].values:
            joined = ", ".join(self._feel(value, f"{place}.values") for value in self.table.outputs[index].values)
            values = f"        <outputValues>{_text(joined)}</outputValues>\n"
        if self.table.default is not None:
            text = self._feel(self.table.default[column["name"]], "default")
            default = f"        <defaultOutputEntry>{_text(text)}</defaultOutputEntry>\n"
        head = f'      <output id="output_{index + 1}" name={_quoted(name)}{_type_ref(column["type"])}'
        head += self._label(column.get("label"), f"{place}.label")
        return f"{head}>\n{values}{default}      </output>\n" if values or default else f"{head}/>\n"

    def _rules(self) -> Iterator[str]:
        taken: set[str] = set()
        for rule in self.table.rules:
            place, identity = f"rules[{rule.index}]", f"rule_{rule.index + 1}"
            own: dict[str, Any] = {}
            if rule.named:
                if _XML_NAME.fullmatch(rule.id) and not _RESERVED.fullmatch(rule.id) and rule.id not in taken:
                    identity = rule.id
                else:
                    own["id"] = rule.id
            taken.add(identity)
            # What looks like a constant reads back as one, unless it was written as an expression.
            texts = enumerate(result.text or "" for result in rule.results)
            own |= {f"feel {column}": True for column, text in texts if text.startswith(("[", "{", "-"))}
            self._keep("rules", rule.index, own)
            cells = {cell.column: cell.text for cell in rule.cells}
            tests = "".join(
                f"        <inputEntry>{_text(cells.get(column, '-'))}</inputEntry>\n"
                for column in range(len(self.table.inputs))
            )
            results = "".join(
                f"        <outputEntry>{_text(self._result(result, place))}</outputEntry>\n" for result in rule.results
            )
            note = ""
            if rule.note is not None:
                note = f"        <description>{_escaped(self._plain(rule.note, f'{place}.note'))}</description>\n"
            yield f'      <rule id="{escape(identity)}">\n{note}{tests}{results}      </rule>\n'

    def _result(self, result: Any, place: str) -> str:
        return result.text if result.run is not None else self._feel(result.constant, f"{place}.then")

    def _feel(self, value: Any, place: str) -> str:
        """Write a constant as FEEL."""
        if isinstance(value, Mapping):
            pairs = (f"{literal(str(key))}: {self._feel(item, place)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        if isinstance(value, Sequence) and not isinstance(value, str):
            return f"[{', '.join(self._feel(item, place) for item in value)}]"
        return literal(value)


def _free_names(text: str, *names: str) -> list[str]:
    return list(compile_expression(text, names=names).names)


def _escaped(text: str) -> str:
    return escape(text).replace("\r", "&#13;")


def _quoted(text: str) -> str:
    whole = _escaped(text).replace("\n", "&#10;").replace("\t", "&#9;")
    return f'"{whole}"'


def _text(feel: str) -> str:
    """Write FEEL text; a character that XML does not allow can only stand in a string, where it can be escaped."""
    safe = _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", feel)
    return f"<text>{_escaped(safe)}</text>"


def _type_ref(declared: str | None) -> str:
    return f' typeRef="{TYPES[declared]}"' if declared in TYPES else ""
