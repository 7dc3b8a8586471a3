"""A tree back to text, with no more brackets than it needs: reading the text again gives the same tree."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.ast import (
    SUBJECT,
    Arithmetic,
    Between,
    Bound,
    Call,
    Choice,
    Comparison,
    Entries,
    Filter,
    For,
    InstanceOf,
    Interval,
    Items,
    Lambda,
    Literal,
    Logic,
    Member,
    Membership,
    Name,
    Negate,
    Node,
    Quantified,
    Source,
    Test,
    Tests,
    TypeNode,
    mentions,
)
from judgify.decision.feel.cursor import KEYWORDS, shape
from judgify.decision.feel.shown import literal

_OR, _AND, _COMPARED, _SUM, _PRODUCT, _POWER, _SIGNED, _TYPED, _PATH = range(1, 10)
"""How tightly each form binds, the loosest first; 0 for what goes on to the end of the text."""
_ARITHMETIC: Final = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "**": _POWER}


def _string(text: str) -> str:
    return literal(text)


def _key(name: str) -> str:
    """Write a key of a context: as a name where it reads as one, else as a text."""
    parts = shape(name)
    plain = bool(parts) and all(text.replace("_", "a").isalnum() and text not in KEYWORDS for text, _ in parts)
    spaced = all(apart or place == 0 for place, (_, apart) in enumerate(parts))
    return name if plain and spaced and " ".join(name.split()) == name else _string(name)


class _Printer:
    def __init__(self) -> None:
        self.ways: dict[type, Callable[[Any], tuple[str, int]]] = {
            Literal: self.literal,
            Name: lambda node: (node.name, _PATH),
            Member: lambda node: (f"{self.of(node.base, _PATH)}.{node.key}", _PATH),
            Filter: lambda node: (f"{self.of(node.base, _PATH)}[{self.of(node.condition)}]", _PATH),
            Call: self.call,
            Negate: self.negate,
            Arithmetic: lambda node: self.infix(node, _ARITHMETIC[node.symbol]),
            Comparison: lambda node: self.infix(node, _COMPARED),
            Between: self.between,
            Logic: lambda node: self.infix(node, _OR if node.symbol == "or" else _AND),
            Choice: self.choice,
            Membership: lambda node: (f"{self.of(node.subject, _COMPARED)} in {self.members(node.tests)}", _COMPARED),
            InstanceOf: lambda node: (f"{self.of(node.subject, _TYPED)} instance of {self.type(node.type)}", _TYPED),
            Items: lambda node: (f"[{self.listed(node.items)}]", _PATH),
            Entries: self.entries,
            Interval: lambda node: (self.interval(node), _PATH),
            Bound: lambda node: (f"({node.symbol} {self.of(node.operand, _SUM)})", _PATH),
            For: lambda node: (f"for {self.sources(node.sources)} return {self.of(node.body)}", 0),
            Quantified: self.quantified,
            Lambda: self.function,
        }

    def of(self, node: Node, least: int = 0) -> str:
        """Write a node where something stands that binds as tightly as `least`."""
        text, binding = self.ways[type(node)](node)
        return f"({text})" if binding < least else text

    @staticmethod
    def literal(node: Literal) -> tuple[str, int]:
        value = node.value
        text = literal(value)
        if isinstance(value, Decimal):
            # Without point or exponent it would read back as a whole number.
            text = text if set(text) & set(".E") else f"{text}.0"
        return text, _SIGNED if text.startswith("-") else _PATH

    def negate(self, node: Negate) -> tuple[str, int]:
        return f"-{self.of(node.operand, _SIGNED)}", _SIGNED

    def infix(self, node: Arithmetic | Comparison | Logic, binding: int) -> tuple[str, int]:
        return f"{self.of(node.left, binding)} {node.symbol} {self.of(node.right, binding + 1)}", binding

    def between(self, node: Between) -> tuple[str, int]:
        low, high = self.of(node.low, _SUM), self.of(node.high, _SUM)
        return f"{self.of(node.subject, _COMPARED)} between {low} and {high}", _COMPARED

    def choice(self, node: Choice) -> tuple[str, int]:
        return f"if {self.of(node.condition)} then {self.of(node.yes)} else {self.of(node.no)}", 0

    def listed(self, nodes: Iterable[Node]) -> str:
        return ", ".join(self.of(node) for node in nodes)

    def call(self, node: Call) -> tuple[str, int]:
        callee = self.of(node.callee, _PATH)
        if node.names is None:
            return f"{callee}({self.listed(node.arguments)})", _PATH
        pairs = zip(node.names, node.arguments, strict=True)
        return f"{callee}({', '.join(f'{name}: {self.of(value)}' for name, value in pairs)})", _PATH

    def entries(self, node: Entries) -> tuple[str, int]:
        return "{" + ", ".join(f"{_key(key)}: {self.of(value)}" for key, value in node.entries) + "}", _PATH

    def interval(self, node: Interval) -> str:
        low, high = self.of(node.low), self.of(node.high)
        return f"{'[' if node.low_closed else '('}{low}..{high}{']' if node.high_closed else ')'}"

    def source(self, source: Source) -> str:
        text = f"{source.name} in {self.of(source.values)}"
        return text if source.last is None else f"{text}..{self.of(source.last)}"

    def sources(self, sources: Iterable[Source]) -> str:
        return ", ".join(map(self.source, sources))

    def quantified(self, node: Quantified) -> tuple[str, int]:
        return f"{node.quantifier} {self.sources(node.sources)} satisfies {self.of(node.condition)}", 0

    def type(self, node: TypeNode) -> str:
        items = [self.type(item) for item in node.items]
        if node.keys:
            return f"context<{', '.join(f'{key}: {item}' for key, item in zip(node.keys, items, strict=True))}>"
        result = "" if node.result is None else f" -> {self.type(node.result)}"
        return f"{node.name}<{', '.join(items)}>{result}" if items or result else node.name

    def function(self, node: Lambda) -> tuple[str, int]:
        named = (name if declared is None else f"{name}: {self.type(declared)}" for name, declared in node.parameters)
        body = f"external {self.of(node.body)}" if node.external else self.of(node.body)
        return f"function({', '.join(named)}) {body}", 0

    def test(self, test: Test | Interval) -> str:
        if isinstance(test, Interval):
            return self.interval(test)
        if test.symbol != "=" or isinstance(test.operand, Interval):
            return f"{test.symbol} {self.of(test.operand, _SUM)}"
        return f"({self.of(test.operand)})" if _is_guarded(test.operand) else self.of(test.operand)

    def members(self, tests: Tests) -> str:
        return f"({', '.join(map(self.test, tests.items))})"

    def tests(self, tests: Tests) -> str:
        if not tests.items:
            return "-"
        text = ", ".join(map(self.test, tests.items))
        return f"not({text})" if tests.negated else text


def _is_guarded(node: Node) -> bool:
    """Tell whether a test without operator needs brackets, so as not to be read as something else or be refused."""
    if isinstance(node, Call):
        return isinstance(node.callee, Name) and node.callee.name == "not"
    return isinstance(node, Comparison | Logic | Between | Membership) and not mentions(node, SUBJECT)


_PRINTER: Final = _Printer()


def text_of(node: Node | Tests) -> str:
    """Write an expression, or the tests of a cell, as FEEL.

    Reading it again gives an equal tree, when the names that hold spaces or signs are known then, too.
    """
    return _PRINTER.tests(node) if isinstance(node, Tests) else _PRINTER.of(node)
