"""What a DMN file says, as plain values; nothing is compiled or resolved yet.

Standard: DMN 1.5, chapters 6 (requirements), 7 (expressions), 8 (tables) and 10.4 (boxed expressions). Every part
knows the line on which it stands. `type_ref` is the type's name as the file writes it, prefixes resolved.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A FEEL expression as text; `unread` says why it cannot be evaluated, when it cannot."""

    text: str
    type_ref: str | None
    line: int
    unread: str | None = None


@dataclass(frozen=True, slots=True)
class InputClause:
    """One input column: its expression, and unary tests that its value has to pass."""

    label: str | None
    text: str
    type_ref: str | None
    values: str | None
    line: int


@dataclass(frozen=True, slots=True)
class OutputClause:
    """One output column; `values` in the order of their priority, `default` when no rule matches."""

    name: str | None
    label: str | None
    type_ref: str | None
    values: str | None
    default: str | None
    line: int


@dataclass(frozen=True, slots=True)
class TableRule:
    """One rule: unary tests, one for each input; expressions, one for each output; annotations."""

    id: str | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    note: str | None
    annotations: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A decision table; `hit_policy` is one of U A P F R O C C+ C< C> C#."""

    hit_policy: str
    inputs: tuple[InputClause, ...]
    outputs: tuple[OutputClause, ...]
    rules: tuple[TableRule, ...]
    type_ref: str | None
    line: int
    annotations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """One entry of a boxed context; without a name it is the result."""

    name: str | None
    type_ref: str | None
    value: "Expression"


@dataclass(frozen=True, slots=True)
class Context:
    """A boxed context."""

    entries: tuple[ContextEntry, ...]
    type_ref: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A boxed relation: a list of contexts with the same names."""

    columns: tuple["Parameter", ...]
    rows: tuple[tuple["Expression", ...], ...]
    type_ref: str | None
    line: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """A boxed list."""

    items: tuple["Expression", ...]
    type_ref: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name with a type."""

    name: str
    type_ref: str | None


@dataclass(frozen=True, slots=True)
class Binding:
    """An argument of a boxed invocation."""

    parameter: Parameter
    value: "Expression | None"


@dataclass(frozen=True, slots=True)
class Invocation:
    """A boxed invocation."""

    function: "Expression"
    bindings: tuple[Binding, ...]
    type_ref: str | None
    line: int


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """A boxed function; `kind` is FEEL, Java or PMML."""

    kind: str
    parameters: tuple[Parameter, ...]
    body: "Expression | None"
    type_ref: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Conditional:
    """A boxed conditional."""

    condition: "Expression"
    yes: "Expression"
    no: "Expression"
    type_ref: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Filter:
    """A boxed filter."""

    source: "Expression"
    match: "Expression"
    type_ref: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Iterator:
    """A boxed `for`, `some` or `every`; the variable has the type of `in`."""

    kind: str
    variable: Parameter
    source: "Expression"
    body: "Expression"
    type_ref: str | None
    line: int


Expression: TypeAlias = (
    Literal | Table | Context | Relation | ListOf | Invocation | FunctionDefinition | Conditional | Filter | Iterator
)
"""The closed set of boxed expressions."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item definition or a component of one.

    Attributes:
        name: Its name.
        type_ref: The type that it names.
        collection: Whether it is a list of that type.
        allowed: Unary tests that a value (each item of a collection) has to pass.
        constraint: Unary tests that the whole value has to pass.
        components: The members of a context type.
        function: The parameters and the result of a function type.
        line: Where it stands.
    """

    name: str
    type_ref: str | None
    collection: bool
    allowed: str | None
    constraint: str | None
    components: tuple["Item", ...]
    function: "tuple[tuple[Parameter, ...], str | None] | None"
    line: int


@dataclass(frozen=True, slots=True)
class Import:
    """A model that this one uses, by its namespace; `name` is what its elements are prefixed with, or empty."""

    name: str
    namespace: str
    line: int


@dataclass(frozen=True, slots=True)
class Key:
    """What an element is known by among all models."""

    namespace: str
    id: str


@dataclass(frozen=True, slots=True)
class InputData:
    """An input of the model."""

    key: Key
    name: str
    type_ref: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision with what it requires, in the order of the file."""

    key: Key
    name: str
    type_ref: str | None
    expression: Expression | None
    requires: tuple[Key, ...]
    knows: tuple[Key, ...]
    line: int
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class KnowledgeModel:
    """A business knowledge model: a function that others may call."""

    key: Key
    name: str
    type_ref: str | None
    function: FunctionDefinition | None
    knows: tuple[Key, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Service:
    """A decision service: decisions that are evaluated for given inputs, callable like a function."""

    key: Key
    name: str
    type_ref: str | None
    outputs: tuple[Key, ...]
    encapsulated: tuple[Key, ...]
    decisions: tuple[Key, ...]
    inputs: tuple[Key, ...]
    line: int


Node: TypeAlias = InputData | Decision | KnowledgeModel | Service
"""The closed set of what requirements lead to."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """One file."""

    where: str
    namespace: str
    name: str
    version: str
    imports: tuple[Import, ...]
    items: tuple[Item, ...]
    nodes: tuple[Node, ...]
