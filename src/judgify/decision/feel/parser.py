"""Tokens to a tree, by recursive descent with a bound on depth."""

from collections.abc import Callable, Iterable
from typing import Final

from judgify.decision.feel.ast import (
    Arithmetic,
    Choice,
    Comparison,
    Interval,
    Literal,
    Logic,
    Member,
    Membership,
    Name,
    Negate,
    Node,
    Test,
    Tests,
)
from judgify.decision.feel.cursor import Cursor
from judgify.decision.feel.error import FeelError
from judgify.decision.feel.lexer import Token, tokenize
from judgify.decision.feel.value import read_date, read_date_time, read_duration

_COMPARISONS: Final = frozenset({"<", "<=", ">", ">=", "=", "!="})
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_READERS: Final[dict[str, tuple[Callable[[str], object], str]]] = {
    "date": (read_date, "2025-01-20"),
    "date and time": (read_date_time, "2025-01-20T09:00:00"),
    "duration": (read_duration, "PT5M"),
}
_FALSE_FRIENDS: Final = {"==": "write = once", "=>": "write >=", "=<": "write <=", "<>": "write !="}


class _Parser(Cursor):
    def finish(self) -> None:
        token = self.here
        if token.kind == "end":
            return
        if token.text in _COMPARISONS:
            before = self.tokens[self.index - 1].text
            mend = _FALSE_FRIENDS.get(before + token.text)
            self.refuse(
                f"a comparison cannot stand here: {token.text}",
                mend or "a cell tests its own input: begin with the sign",
            )
        self.refuse(
            f"{token.text} is not expected here", 'texts stand in double quotes: "…"' if token.kind == "name" else None
        )

    # Unary tests

    def cell(self) -> Tests:
        at = self.here.at
        if self.here.kind == "end":
            self.refuse("the cell is empty", "write - for any value")
        if self.take("-"):
            if self.here.kind == "end":
                return Tests((), negated=False, at=at)
            self.index -= 1
        negated = self.take("not") is not None
        if negated:
            self.want("(")
        items = self.items()
        if negated:
            self.want(")")
        self.finish()
        return Tests(items, negated, at)

    def items(self) -> tuple[Test | Interval, ...]:
        found = [self.item()]
        while self.take(","):
            found.append(self.item())
        return tuple(found)

    def item(self) -> Test | Interval:
        token = self.here
        if token.text == "not" and token.kind == "keyword":
            self.refuse("not(…) has to be the whole cell", "put the whole list inside not(…)")
        sign = self.take(*_COMPARISONS)
        if sign:
            if self.here.text in _COMPARISONS and self.here.kind == "sign":
                self.refuse(
                    f"{sign.text}{self.here.text} is no comparison", _FALSE_FRIENDS.get(sign.text + self.here.text)
                )
            return Test(sign.text, self.sum(), token.at)
        if self.opens_range():
            return self.interval()
        return Test("=", self.sum(), token.at)

    def opens_range(self) -> bool:
        """Tell whether a range begins here; a round bracket may also hold arithmetic or a list."""
        if self.here.kind != "sign" or self.here.text not in {"[", "]", "("}:
            return False
        if self.here.text != "(":
            return True
        depth = 0
        for token in self.tokens[self.index :]:
            if token.kind != "sign":
                continue
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if depth == 1 and token.text == "..":
                return True
            if depth == 0 or (depth == 1 and token.text in {",", "[", "]"}):
                break
        return False

    def interval(self) -> Interval:
        opening = self.here
        self.index += 1
        low = self.nested(self.sum)
        if not self.take(".."):
            self.refuse(f".. is expected here, not {self.here.text}", "a range is [a..b]; several values are a, b")
        high = self.nested(self.sum)
        closing = self.take("]", ")", "[") or self.refuse(f"the range is not closed before {self.here.text}", "[a..b]")
        return Interval(low, high, opening.text == "[", closing.text == "]", opening.at)

    # Expressions

    def expression(self) -> Node:
        token = self.take("if")
        if token:
            self.count(token)
            condition = self.nested(self.expression)
            self.want("then")
            yes = self.nested(self.expression)
            self.want("else")
            return Choice(condition, yes, self.nested(self.expression), token.at)
        return self.either()

    def either(self) -> Node:
        node = self.both()
        while token := self.take("or"):
            self.count(token)
            node = Logic("or", node, self.both(), token.at)
        return node

    def both(self) -> Node:
        node = self.comparison()
        while token := self.take("and"):
            self.count(token)
            node = Logic("and", node, self.comparison(), token.at)
        return node

    def comparison(self) -> Node:
        node = self.sum()
        if token := self.take(*_COMPARISONS):
            self.count(token)
            return Comparison(token.text, node, self.sum(), token.at)
        if token := self.take("in"):
            self.count(token)
            return Membership(node, self.members(), token.at)
        return node

    def members(self) -> Tests:
        at = self.here.at
        if self.opens_range() or not self.take("("):
            return Tests((self.item(),), negated=False, at=at)
        items = self.items()
        self.want(")")
        return Tests(items, negated=False, at=at)

    def sum(self) -> Node:
        node = self.product()
        while token := self.take("+", "-"):
            self.count(token)
            node = Arithmetic(token.text, node, self.product(), token.at)
        return node

    def product(self) -> Node:
        node = self.signed()
        while token := self.take("*", "/"):
            self.count(token)
            node = Arithmetic(token.text, node, self.signed(), token.at)
        return node

    def signed(self) -> Node:
        if token := self.take("-"):
            operand = self.nested(self.signed)
            if isinstance(operand, Literal) and isinstance(operand.value, int) and not isinstance(operand.value, bool):
                return Literal(-operand.value, token.at)
            return Negate(operand, token.at)
        return self.path()

    def path(self) -> Node:
        node = self.primary()
        while token := self.take("."):
            self.count(token)
            if self.here.kind != "name":
                self.refuse(f"a name is expected after the dot, not {self.here.text}")
            node = Member(node, self.here.text, self.here.at)
            self.index += 1
        return node

    def primary(self) -> Node:
        token = self.here
        self.index += 1
        if token.kind in {"number", "string"}:
            return Literal(token.value, token.at)
        if token.kind == "name":
            return self.named(token)
        if token.kind == "function":
            return self.call(token)
        if token.kind == "keyword" and token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text], token.at)
        if token.text == "@":
            return self.at_literal(token)
        if token.text == "(":
            node = self.nested(self.expression)
            self.want(")")
            return node
        self.index -= 1
        mend = "several values stand without brackets: a, b" if token.text == "[" else None
        raise FeelError(f"a value is expected here, not {token.text}", token.at, mend)

    def named(self, token: Token) -> Node:
        if self.here.text == "(" and self.here.kind == "sign":
            raise FeelError(
                f"there is no function {token.text}", token.at, 'known: date("…"), date and time("…"), duration("…")'
            )
        return Name(token.text, token.at)

    def call(self, token: Token) -> Node:
        self.want("(")
        text = self.constant(token)
        self.want(")")
        read, example = _READERS[token.text]
        return self.read(token, read(text), text, f'{token.text}("{example}")')

    def at_literal(self, token: Token) -> Node:
        text = self.constant(token)
        value = next((found for read, _ in _READERS.values() if (found := read(text)) is not None), None)
        return self.read(token, value, text, '@"2025-01-20", @"2025-01-20T09:00:00" or @"PT5M"')

    def constant(self, token: Token) -> str:
        inner = self.here
        if inner.kind != "string":
            self.refuse(f"{token.text} takes a text in double quotes")
        self.index += 1
        return str(inner.value)

    @staticmethod
    def read(token: Token, value: object, text: str, example: str) -> Node:
        if value is None:
            raise FeelError(f'"{text}" is not read by {token.text}', token.at, f"write it like {example}")
        return Literal(value, token.at)


def parse_tests(text: str, names: Iterable[str] = ()) -> Tests:
    """Read a cell: `-`, or unary tests joined by commas, or `not(…)` around them.

    Args:
        text: The cell, in normal form C.
        names: Declared names, which may hold spaces and signs.

    Raises:
        FeelError: What is wrong, and at which character.
    """
    return _Parser(tokenize(text, names)).cell()


def parse_expression(text: str, names: Iterable[str] = ()) -> Node:
    """Read an expression that yields a value.

    Raises:
        FeelError: What is wrong, and at which character.
    """
    parser = _Parser(tokenize(text, names))
    node = parser.expression()
    parser.finish()
    return node
