"""What stands in brackets or begins with a word: lists, contexts, ranges, conditions, loops, functions."""

from abc import ABC, abstractmethod
from typing import Final

from judgify.decision.feel.ast import (
    Bound,
    Choice,
    Entries,
    For,
    Interval,
    Items,
    Lambda,
    Literal,
    Node,
    Quantified,
    Source,
    TypeNode,
)
from judgify.decision.feel.constant import at_literal
from judgify.decision.feel.error import FeelError
from judgify.decision.feel.lexer import Token
from judgify.decision.feel.type_parser import TypeParser

COMPARISONS: Final = frozenset({"<", "<=", ">", ">=", "=", "!="})
SUM: Final = 4
"""How tightly + and - bind: the operands of a comparison."""


class StructureParser(TypeParser, ABC):
    """Reads expressions that hold others, by the `binary` of the whole parser."""

    bracketed: Node | None = None
    """The last expression that stood in brackets."""
    ending = 0
    """How many ranges wait for their end, so that `[` may close one as well as begin a filter."""

    @abstractmethod
    def binary(self, minimum: int) -> Node:
        """Read operands and the operators between them that bind at least as tightly as `minimum`."""
        ...

    def expression(self) -> Node:
        """Read an expression."""
        return self.binary(1)

    def deeper(self) -> Node:
        """Read an expression one level deeper."""
        return self.nested(self.expression)

    def at_literal(self, sign: Token) -> Node:
        """Read the text after `@`."""
        inner = self.here
        if inner.kind != "string":
            self.refuse("@ takes a text in double quotes")
        self.index += 1
        value = at_literal(inner.value)
        if value is None and self.strict:
            raise FeelError(
                f'"{inner.value}" is not read by @',
                sign.at,
                'write it like @"2025-01-20", @"2025-01-20T09:00:00", @"09:00:00" or @"PT5M"',
            )
        return Literal(value, sign.at)

    def bracket(self, opening: Token) -> Node:
        """Read what begins with `(`: an expression, a range or a bound."""
        if sign := self.take(*COMPARISONS):
            operand = self.nested(lambda: self.binary(SUM))
            self.want(")")
            return Bound(sign.text, operand, opening.at)
        if self.low is not None and self.low[0] == self.index:
            _, node, self.index = self.low
            self.low = None
        else:
            node = self.deeper()
        if self.take(".."):
            return self.range_to(opening, node)
        self.want(")")
        self.bracketed = node
        return node

    def square(self, opening: Token) -> Node:
        """Read what begins with `[`: a list or a range."""
        if self.take("]"):
            return Items((), opening.at)
        items = [self.deeper()]
        if self.take(".."):
            return self.range_to(opening, items[0])
        while self.take(","):
            items.append(self.deeper())
        if not self.at_sign("]"):
            self.refuse(f"the list is not closed before {self.here.text}", "[a, b]; a range is [a..b]")
        self.index += 1
        return Items(tuple(items), opening.at)

    def range_from(self, opening: Token) -> Node:
        """Read what begins with `]`: a range."""
        low = self.deeper()
        if not self.take(".."):
            self.refuse(f".. is expected here, not {self.here.text}", "a range is ]a..b[; several values are a, b")
        return self.range_to(opening, low)

    def range_to(self, opening: Token, low: Node) -> Node:
        """Read the rest of a range after `..`."""
        self.ending += 1
        high = self.deeper()
        self.ending -= 1
        closing = self.take("]", ")", "[") or self.refuse(f"the range is not closed before {self.here.text}", "[a..b]")
        return Interval(low, high, opening.text == "[", closing.text == "]", opening.at)

    def entries(self, opening: Token) -> Node:
        """Read a context."""
        found: list[tuple[str, Node]] = []
        with self.knowing():
            while not self.take("}"):
                if found:
                    self.want(",")
                found.append(self.entry({key for key, _ in found}))
        return Entries(tuple(found), opening.at)

    def entry(self, before: set[str]) -> tuple[str, Node]:
        """Read one entry of a context; those after it know its key."""
        token = self.here
        if token.kind == "string":
            self.index += 1
            key = str(token.value)
        else:
            key = self.declared(":")
        if key in before and self.strict:
            raise FeelError(f'"{key}" is given twice', token.at)
        self.want(":")
        self.keys.add(key)
        recursive = self.at_word("function")
        if recursive:
            self.learn(key)
        value = self.deeper()
        if not recursive:
            self.learn(key)
        return key, value

    def choice(self, token: Token) -> Node:
        """Read a condition and its two ways; a chain of `else if` is no deeper for being longer."""
        branches: list[tuple[Token, Node, Node]] = []
        no: Node | None = None
        while no is None:
            condition = self.expression()
            self.want("then")
            yes = self.expression()
            self.want("else")
            branches.append((token, condition, yes))
            again = self.take("if")
            if again:
                self.count(again)
                token = again
            else:
                no = self.expression()
        for start, condition, yes in reversed(branches):
            no = Choice(condition, yes, no, start.at)
        return no

    def sources(self) -> list[Source]:
        """Read `name in values` once or more; each name is known from there on."""
        found = []
        while True:
            at = self.here.at
            name = self.declared("in")
            self.want("in")
            values = self.expression()
            last = self.expression() if self.take("..") else None
            found.append(Source(name, values, last, at))
            self.learn(name)
            if not self.take(","):
                return found

    def iteration(self, token: Token) -> Node:
        """Read a loop."""
        with self.knowing(("partial",)):
            sources = self.sources()
            self.want("return")
            return For(tuple(sources), self.expression(), token.at)

    def quantified(self, token: Token) -> Node:
        """Read `some` or `every`."""
        with self.knowing():
            sources = self.sources()
            self.want("satisfies")
            return Quantified(token.text, tuple(sources), self.expression(), token.at)

    def function(self, token: Token) -> Node:
        """Read a function definition."""
        self.want("(")
        parameters: list[tuple[str, TypeNode | None]] = []
        with self.knowing():
            while not self.take(")"):
                if parameters:
                    self.want(",")
                name = self.declared(":", ",", ")")
                parameters.append((name, self.type() if self.take(":") else None))
                self.learn(name)
            external = self.take("external") is not None
            return Lambda(tuple(parameters), self.expression(), external, token.at)
