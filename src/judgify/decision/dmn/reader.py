"""A DMN file to what it says.

Standard: DMN 1.5, chapter 13 (interchange); the files of 1.2, 1.3 and 1.4 differ in nothing that is read. Diagrams and
foreign extensions are passed over.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from judgify.decision.dmn.definition import (
    Decision,
    Definitions,
    FunctionDefinition,
    Import,
    InputData,
    Item,
    Key,
    KnowledgeModel,
    Node,
    Parameter,
    Service,
    Table,
)
from judgify.decision.dmn.element import Element, read_xml
from judgify.decision.dmn.error import ModelError, ModelProblem
from judgify.decision.dmn.expression_reader import ExpressionReader, child_text
from judgify.decision.dmn.form import OWN, VERSIONS, Form, one_name, resolved, type_ref
from judgify.decision.feel.ast import Name
from judgify.decision.feel.error import FeelError
from judgify.decision.feel.parser import parse_expression


def read_definitions(data: bytes, where: str = "model") -> Definitions:
    """Read a file.

    Args:
        data: The XML.
        where: What messages call it.

    Raises:
        ModelError: It is no safe XML, no DMN of a known version, or its parts do not fit; every mistake is listed.
    """
    root = read_xml(data, where)
    version = VERSIONS.get(root.namespace)
    if root.name != "definitions" or version is None:
        found = f"<{root.name}> of {root.namespace or 'no namespace'}"
        mend = f"DMN {', '.join(VERSIONS.values())} are read; export the model as one of these"
        raise ModelError(where, [ModelProblem(f"this is not DMN of a known version: {found}", root.line, mend=mend)])
    reader = _Reader(Form(where, root.get("expressionLanguage")), root)
    found_definitions = reader.definitions(version)
    reader.form.stop_if_broken()
    return found_definitions


class _Reader:
    def __init__(self, form: Form, root: Element) -> None:
        self.form = form
        self.root = root
        self.expressions = ExpressionReader(form)
        self.namespace = root.get("namespace") or ""
        self.ids: set[str] = set()

    def definitions(self, version: str) -> Definitions:
        if not self.namespace:
            self.form.report(self.root, "<definitions> needs the attribute namespace")
        imports = tuple(self.imported(element) for element in self.root.all("import") if _is_model(element))
        items = tuple(self.item(element) for element in self.root.all("itemDefinition"))
        nodes = tuple(self.nodes())
        return Definitions(self.form.where, self.namespace, self.root.get("name") or "", version, imports, items, nodes)

    def imported(self, element: Element) -> Import:
        namespace = element.get("namespace")
        if not namespace:
            self.form.report(element, "<import> needs the attribute namespace")
        return Import(one_name(element.get("name") or ""), namespace or "", element.line)

    def item(self, element: Element) -> Item:
        name = self.form.name(element)
        self.form.place = f'item definition "{name}"'
        components = tuple(self.component(one) for one in element.all("itemComponent"))
        self.form.place = ""
        return self.built(element, name, components)

    def component(self, element: Element) -> Item:
        components = tuple(self.component(one) for one in element.all("itemComponent"))
        return self.built(element, self.form.name(element), components)

    def built(self, element: Element, name: str, components: tuple[Item, ...]) -> Item:
        reference, function = element.first("typeRef"), element.first("functionItem")
        signature = None
        if function is not None:
            parameters = tuple(
                Parameter(one.get("name") or "", type_ref(one)) for one in function.all("parameters", "parameter")
            )
            signature = (parameters, type_ref(function, "outputTypeRef"))
        return Item(
            name,
            None if reference is None else resolved(reference, reference.text),
            element.get("isCollection") in {"true", "1"},
            child_text(element, "allowedValues"),
            child_text(element, "typeConstraint"),
            components,
            signature,
            element.line,
        )

    def nodes(self) -> Iterator[Node]:
        ways: dict[str, Callable[[Element, Key, str], Node]] = {
            "inputData": self.input_data,
            "decision": self.decision,
            "businessKnowledgeModel": self.knowledge_model,
            "decisionService": self.service,
        }
        for index, element in enumerate(self.root.all(*ways)):
            name = self.form.name(element)
            self.form.place = f'{element.name} "{name}"'
            key = Key(self.namespace, element.get("id") or f"#{index}")
            if key.id in self.ids:
                self.form.report(element, f'the id "{key.id}" is given twice')
            self.ids.add(key.id)
            yield ways[element.name](element, key, name)
            self.form.place = ""

    def variable_type(self, element: Element) -> str | None:
        variable = element.first("variable")
        return None if variable is None else type_ref(variable)

    def input_data(self, element: Element, key: Key, name: str) -> InputData:
        return InputData(key, name, self.variable_type(element), element.line)

    def decision(self, element: Element, key: Key, name: str) -> Decision:
        requires = self.references(element, "informationRequirement", "requiredDecision", "requiredInput")
        knows = self.references(element, "knowledgeRequirement", "requiredKnowledge")
        expression = self.expressions.optional(element)
        extension = _extension(element)
        declared = self.variable_type(element)
        return Decision(key, name, declared, expression, requires, knows, element.line, extension)

    def knowledge_model(self, element: Element, key: Key, name: str) -> KnowledgeModel:
        logic = element.first("encapsulatedLogic")
        function: FunctionDefinition | None = None if logic is None else _parametrised(self.expressions.function(logic))
        knows = self.references(element, "knowledgeRequirement", "requiredKnowledge")
        return KnowledgeModel(key, name, self.variable_type(element), function, knows, element.line)

    def service(self, element: Element, key: Key, name: str) -> Service:
        outputs, encapsulated, decisions, inputs = (
            tuple(self.reference(one) for one in element.all(kind))
            for kind in ("outputDecision", "encapsulatedDecision", "inputDecision", "inputData")
        )
        if not outputs:
            self.form.report(element, "a decision service needs at least one <outputDecision>")
        return Service(key, name, self.variable_type(element), outputs, encapsulated, decisions, inputs, element.line)

    def references(self, element: Element, holder: str, *kinds: str) -> tuple[Key, ...]:
        return tuple(self.reference(found) for one in element.all(holder) for found in one.all(*kinds))

    def reference(self, element: Element) -> Key:
        namespace, found, name = (element.get("href") or "").rpartition("#")
        if not found or not name:
            self.form.report(element, f"<{element.name}> needs an href with #", 'as in href="#_id"')
        return Key(namespace or self.namespace, name)


def _parametrised(function: FunctionDefinition) -> FunctionDefinition:
    """Give a decision table without parameters those that its input expressions name (DMN 1.5, 10.2.1.7)."""
    table = function.body
    if function.parameters or not isinstance(table, Table):
        return function
    named = {one_name(clause.text): clause.type_ref for clause in table.inputs if _is_name(clause.text)}
    return replace(function, parameters=tuple(Parameter(name, reference) for name, reference in named.items()))


def _is_name(text: str) -> bool:
    try:
        return isinstance(parse_expression(text, strict=False, cell=False), Name)
    except FeelError:
        return False


def _is_model(element: Element) -> bool:
    """Tell whether an import is of another DMN model; other kinds (PMML, XML schema) are passed over."""
    kind = element.get("importType")
    return kind is None or kind in VERSIONS or kind.rstrip("/").endswith("dmn.xsd") or "/DMN/" in kind


def _extension(element: Element) -> str | None:
    """Give what this engine's writer added to a decision and DMN has no place for."""
    holder = element.first("extensionElements")
    found = [] if holder is None else [one for one in holder.children if (one.namespace, one.name) == (OWN, "table")]
    return found[0].text if found else None
