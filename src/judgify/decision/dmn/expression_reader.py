"""Boxed expressions from their elements."""

from collections.abc import Callable
from typing import Final

from judgify.decision.dmn.definition import (
    Binding,
    Conditional,
    Context,
    ContextEntry,
    Expression,
    Filter,
    FunctionDefinition,
    InputClause,
    Invocation,
    Iterator,
    ListOf,
    Literal,
    OutputClause,
    Parameter,
    Relation,
    Table,
    TableRule,
)
from judgify.decision.dmn.element import Element
from judgify.decision.dmn.form import Form, is_feel, one_name, type_ref

_POLICIES: Final = {
    "UNIQUE": "U",
    "ANY": "A",
    "PRIORITY": "P",
    "FIRST": "F",
    "RULE ORDER": "R",
    "OUTPUT ORDER": "O",
    "COLLECT": "C",
}
_AGGREGATIONS: Final = {"SUM": "C+", "MIN": "C<", "MAX": "C>", "COUNT": "C#"}


class ExpressionReader:
    """Reads expressions of one file; mistakes go to the form."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.ways: dict[str, Callable[[Element], Expression]] = {
            "literalExpression": self._literal,
            "decisionTable": self._table,
            "context": self._context,
            "relation": self._relation,
            "list": self._list,
            "invocation": self._invocation,
            "functionDefinition": self.function,
            "conditional": self._conditional,
            "filter": self._filter,
            "for": self._iterator,
            "some": self._iterator,
            "every": self._iterator,
        }

    def optional(self, holder: Element) -> Expression | None:
        """Read the expression inside an element; None when there is none."""
        found = list(holder.all(*self.ways))
        for extra in found[1:]:
            self.form.report(extra, f"a second expression in <{holder.name}>; one is read")
        return self.ways[found[0].name](found[0]) if found else None

    def needed(self, holder: Element) -> Expression:
        """Read the expression inside an element that has to have one; without one it is a null that says so."""
        return self.optional(holder) or Literal("", None, holder.line, f"<{holder.name}> holds no expression")

    def child(self, holder: Element, name: str) -> Expression:
        """Read the expression inside a child of an element, as conditionals, filters and iterators have it."""
        found = holder.first(name)
        if found is None:
            self.form.report(holder, f"<{holder.name}> needs <{name}>")
            return Literal("", None, holder.line, f"<{name}> is missing")
        return self.needed(found)

    def parameter(self, element: Element) -> Parameter:
        """Read a name with a type."""
        return Parameter(self.form.name(element), type_ref(element))

    def _literal(self, element: Element) -> Literal:
        unread = None
        language = element.get("expressionLanguage") or self.form.language
        if not is_feel(language):
            unread = f"the expression language {language} is not read"
        if element.first("importedValues") is not None:
            unread = "imported values are not read"
        return Literal(text_of(element) or "", type_ref(element), element.line, unread)

    def _context(self, element: Element) -> Context:
        entries = []
        for entry in element.all("contextEntry"):
            variable = entry.first("variable")
            name = None if variable is None else self.form.name(variable)
            declared = None if variable is None else type_ref(variable)
            entries.append(ContextEntry(name, declared, self.needed(entry)))
        return Context(tuple(entries), type_ref(element), element.line)

    def _relation(self, element: Element) -> Relation:
        columns = tuple(self.parameter(column) for column in element.all("column"))
        rows = []
        for row in element.all("row"):
            cells = tuple(self.ways[cell.name](cell) for cell in row.all(*self.ways))
            if len(cells) != len(columns):
                self.form.report(row, f"the row has {len(cells)} cells, and there are {len(columns)} columns")
            rows.append(cells)
        return Relation(columns, tuple(rows), type_ref(element), element.line)

    def _list(self, element: Element) -> ListOf:
        items = tuple(self.ways[item.name](item) for item in element.all(*self.ways))
        return ListOf(items, type_ref(element), element.line)

    def _invocation(self, element: Element) -> Invocation:
        bindings = []
        for binding in element.all("binding"):
            parameter = binding.first("parameter")
            if parameter is None:
                self.form.report(binding, "<binding> needs <parameter>")
                continue
            bindings.append(Binding(self.parameter(parameter), self.optional(binding)))
        return Invocation(self.needed(element), tuple(bindings), type_ref(element), element.line)

    def function(self, element: Element) -> FunctionDefinition:
        """Read a function definition, boxed or of a business knowledge model."""
        kind = element.get("kind") or "FEEL"
        parameters = tuple(self.parameter(one) for one in element.all("formalParameter"))
        return FunctionDefinition(kind, parameters, self.optional(element), type_ref(element), element.line)

    def _conditional(self, element: Element) -> Conditional:
        condition, yes, no = (self.child(element, name) for name in ("if", "then", "else"))
        return Conditional(condition, yes, no, type_ref(element), element.line)

    def _filter(self, element: Element) -> Filter:
        source, match = self.child(element, "in"), self.child(element, "match")
        return Filter(source, match, type_ref(element), element.line)

    def _iterator(self, element: Element) -> Iterator:
        variable = element.get("iteratorVariable") or ""
        if not variable:
            self.form.report(element, f"<{element.name}> needs the attribute iteratorVariable")
        body = self.child(element, "return" if element.name == "for" else "satisfies")
        source, holder = self.child(element, "in"), element.first("in")
        declared = None if holder is None else type_ref(holder)
        return Iterator(
            element.name, Parameter(one_name(variable), declared), source, body, type_ref(element), element.line
        )

    def _table(self, element: Element) -> Table:
        policy = element.get("hitPolicy") or "UNIQUE"
        short = _POLICIES.get(policy)
        if short is None:
            self.form.report(element, f'"{policy}" is no hit policy', f"known: {', '.join(_POLICIES)}")
            short = "U"
        aggregation = element.get("aggregation")
        if aggregation is not None and short == "C":
            if aggregation not in _AGGREGATIONS:
                self.form.report(element, f'"{aggregation}" is no aggregation', f"known: {', '.join(_AGGREGATIONS)}")
            short = _AGGREGATIONS.get(aggregation, "C")
        inputs = tuple(self._input(clause) for clause in element.all("input"))
        outputs = tuple(self._output(clause) for clause in element.all("output"))
        if not outputs:
            self.form.report(element, "a decision table needs at least one output")
        rules = tuple(self._rule(rule, len(inputs), len(outputs)) for rule in element.all("rule"))
        annotations = tuple(note.get("name") or "" for note in element.all("annotation"))
        return Table(short, inputs, outputs, rules, type_ref(element), element.line, annotations)

    def _input(self, element: Element) -> InputClause:
        expression = element.first("inputExpression")
        text = None if expression is None else text_of(expression)
        if expression is None or text is None:
            self.form.report(element, "an input needs <inputExpression> with <text>")
        declared = None if expression is None else type_ref(expression)
        return InputClause(element.get("label"), text or "", declared, child_text(element, "inputValues"), element.line)

    def _output(self, element: Element) -> OutputClause:
        return OutputClause(
            element.get("name"),
            element.get("label"),
            type_ref(element),
            child_text(element, "outputValues"),
            child_text(element, "defaultOutputEntry"),
            element.line,
        )

    def _rule(self, element: Element, inputs: int, outputs: int) -> TableRule:
        tests = tuple(text_of(entry) or "" for entry in element.all("inputEntry"))
        results = tuple(text_of(entry) or "" for entry in element.all("outputEntry"))
        if len(tests) != inputs or len(results) != outputs:
            found = f"{len(tests)} input entries and {len(results)} output entries"
            self.form.report(element, f"the rule has {found}; the table has {inputs} inputs and {outputs} outputs")
        note = element.first("description")
        annotations = tuple(text_of(entry) or "" for entry in element.all("annotationEntry"))
        return TableRule(
            element.get("id"), tests, results, None if note is None else note.text, annotations, element.line
        )


def text_of(element: Element) -> str | None:
    """Give the text inside `<text>`."""
    found = element.first("text")
    return None if found is None else found.text


def child_text(element: Element, name: str) -> str | None:
    """Give the text inside `<text>` inside a child; blank is none."""
    found = element.first(name)
    text = None if found is None else text_of(found)
    return text if text and text.strip() else None
