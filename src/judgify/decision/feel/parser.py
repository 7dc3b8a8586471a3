"""Tokens to a tree, by recursive descent with bounds on depth; precedences as chapter 10.3.1 of DMN 1.5 orders them."""

from collections.abc import Callable, Iterable
from typing import Final

from judgify.decision.feel.ast import (
    SUBJECT,
    Arithmetic,
    Between,
    Call,
    Comparison,
    Filter,
    InstanceOf,
    Interval,
    Literal,
    Logic,
    Member,
    Membership,
    Name,
    Negate,
    Node,
    Part,
    Test,
    Tests,
    TypeNode,
    mentions,
    walk,
)
from judgify.decision.feel.constant import READERS, Reader
from judgify.decision.feel.cursor import Vocabulary
from judgify.decision.feel.error import DepthError, FeelError
from judgify.decision.feel.lexer import Token, tokenize
from judgify.decision.feel.structure_parser import COMPARISONS, SUM, StructureParser
from judgify.decision.limit import MAX_CELL, MAX_DEPTH, MAX_EXPRESSION, MAX_OPERATORS

_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_FALSE_FRIENDS: Final = {"==": "write = once", "=>": "write >=", "=<": "write <=", "<>": "write !="}
_BINDING: Final = {
    "or": 1,
    "and": 2,
    **dict.fromkeys((*COMPARISONS, "between", "in"), 3),
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "**": 6,
}
"""How tightly an operator binds; those of one level associate to the left."""
MEMBERS: Final = Vocabulary(
    ("time offset", "start included", "end included", "year", "month", "day", "weekday", "hour", "minute", "second")
)
"""Members that dates and ranges have; those of two words have to be known."""


class _Parser(StructureParser):
    def finish(self) -> None:
        token = self.here
        if token.kind == "end":
            return
        if token.text in COMPARISONS and token.kind == "sign":
            before = self.tokens[self.index - 1].text
            mend = _FALSE_FRIENDS.get(before + token.text)
            self.refuse(f"a comparison cannot stand here: {token.text}", mend)
        self.refuse(
            f"{token.text} is not expected here", 'texts stand in double quotes: "…"' if token.kind == "word" else None
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
        if self.at_word("not"):
            tests = self.negated(at)
            if tests is not None:
                return tests
        items = self.items()
        self.finish()
        return Tests(items, negated=False, at=at)

    def negated(self, at: int) -> Tests | None:
        """Read `not(…)` around a whole cell; None when an expression begins with it and goes on."""
        self.index += 1
        self.want("(")
        items = self.items()
        self.want(")")
        if self.here.kind == "end":
            return Tests(items, negated=True, at=at)
        if not any(mentions(item, SUBJECT) for item in items):
            if self.at_sign(","):
                self.refuse("not(…) has to be the whole cell", "put the whole list inside not(…)")
            self.finish()
        self.index = 0
        return None

    def items(self) -> tuple[Test | Interval, ...]:
        found = [self.item()]
        while self.take(","):
            found.append(self.item())
        return tuple(found)

    def item(self, binding: int = 0) -> Test | Interval:
        token = self.here
        sign = self.take(*COMPARISONS)
        if sign:
            if self.at_sign(*COMPARISONS):
                self.refuse(
                    f"{sign.text}{self.here.text} is no comparison", _FALSE_FRIENDS.get(sign.text + self.here.text)
                )
            return Test(sign.text, self.binary(SUM), token.at)
        node = self.binary(binding) if binding else self.expression()
        if isinstance(node, Interval):
            return node
        if self.strict and not mentions(node, SUBJECT):
            self.judging(node)
        return Test("=", node, token.at)

    def judging(self, node: Node) -> None:
        """Refuse a cell that asks about something else than its own input."""
        if node is self.bracketed:
            return
        mend = "a cell tests its own input: begin with the sign"
        if isinstance(node, Membership | Between | Logic):
            symbol = {Membership: "in", Between: "between"}.get(type(node)) or getattr(node, "symbol", "")
            raise FeelError(f"{symbol} is not expected here", node.at, mend)
        if isinstance(node, Comparison):
            raise FeelError(
                f"a comparison cannot stand here: {node.symbol}",
                node.at,
                mend,
            )
        if isinstance(node, Call) and isinstance(node.callee, Name) and node.callee.name == "not":
            raise FeelError("not(…) has to be the whole cell", node.at, "put the whole list inside not(…)")

    # Expressions

    def binary(self, minimum: int) -> Node:
        """Read operands and the operators between them that bind at least as tightly as `minimum`."""
        node = self.unary()
        while True:
            token = self.here
            binding = _BINDING.get(token.text, 0) if token.kind in {"sign", "word"} else 0
            if binding < minimum or not binding or (token.kind == "word" and not self.at_word(token.text)):
                return node
            self.index += 1
            self.count(token)
            node = self.operation(node, token, binding)

    def operation(self, node: Node, token: Token, binding: int) -> Node:
        symbol = token.text
        if symbol == "in":
            return Membership(node, self.members(), token.at)
        if symbol == "between":
            low = self.binary(SUM)
            self.want("and")
            return Between(node, low, self.binary(SUM), token.at)
        if symbol in COMPARISONS and self.at_sign(*COMPARISONS):
            self.refuse(f"{symbol}{self.here.text} is no comparison", _FALSE_FRIENDS.get(symbol + self.here.text))
        right = self.binary(binding + 1)
        if symbol in {"and", "or"}:
            return Logic(symbol, node, right, token.at)
        made = Comparison if symbol in COMPARISONS else Arithmetic
        return made(symbol, node, right, token.at)

    def members(self) -> Tests:
        """Read what follows `in`: one test, or several in brackets."""
        at = self.here.at
        if not self.at_sign("("):
            return Tests((self.item(SUM),), negated=False, at=at)
        start = self.index
        self.index += 1
        items = self.nested(self.items)
        if self.at_sign("..") and len(items) == 1:
            # Read twice on every level, brackets within each other would take for ever.
            only = items[0]
            self.low = start + 1, only.operand if isinstance(only, Test) else only, self.index
            self.index = start
            return Tests((self.item(SUM),), negated=False, at=at)
        self.want(")")
        return Tests(items, negated=False, at=at)

    def unary(self) -> Node:
        if token := self.take("-"):
            operand = self.nested(self.unary)
            if isinstance(operand, Literal) and isinstance(operand.value, int) and not isinstance(operand.value, bool):
                return Literal(-operand.value, token.at)
            return Negate(operand, token.at)
        node = self.path()
        while token := self.take("instance"):
            self.count(token)
            if self.here.text != "of":
                self.refuse(f"of is expected here, not {self.here.text}")
            self.index += 1
            node = InstanceOf(node, self.type(), token.at)
        return node

    def path(self) -> Node:
        node = self.primary()
        while token := self.take(".", "[", "("):
            self.count(token)
            if token.text == ".":
                if self.here.kind != "word":
                    self.refuse(f"a name is expected after the dot, not {self.here.text}")
                at = self.here.at
                node = Member(node, self.name(self.names, self.keys, MEMBERS), at)
            elif token.text == "[":
                condition = self.condition()
                if condition is None:
                    return node
                node = Filter(node, condition, token.at)
            else:
                node = self.call(node, token)
        return node

    def condition(self) -> Node | None:
        """Read the rest of a filter; None when the bracket closes a range, as in `]1..2[`."""
        start, level, operators, ending = self.index, self.level, self.operators, self.ending
        if ending and start in self.closing:
            self.index = start - 1
            return None
        try:
            with self.knowing(("item",)):
                node = self.deeper()
                self.want("]")
        except DepthError:
            raise
        except FeelError:
            self.ending = ending
            if not ending:
                raise
            self.closing.add(start)
            self.index, self.level, self.operators = start - 1, level, operators
            return None
        return node

    def call(self, callee: Node, opening: Token) -> Node:
        at = callee.at if isinstance(callee, Name) else opening.at
        if self.take(")"):
            return Call(callee, (), None, at)
        names: list[str] = []
        arguments: list[Node] = []
        named = self.is_named()
        while True:
            if named:
                names.append(self.declared(":"))
                self.want(":")
            arguments.append(self.deeper())
            if not self.take(","):
                break
        self.want(")")
        if not named and len(arguments) == 1:
            return self.folded(callee, arguments[0], at) or Call(callee, tuple(arguments), None, at)
        return Call(callee, tuple(arguments), tuple(names) if named else None, at)

    def folded(self, callee: Node, argument: Node, at: int) -> Node | None:
        """Read `date("2025-01-20")` as the constant that it is."""
        if not isinstance(callee, Name) or callee.name not in READERS or callee.name in self.local:
            return None
        if not isinstance(argument, Literal) or not isinstance(argument.value, str):
            return None
        reader: Reader = READERS[callee.name]
        value = reader.read(argument.value)
        if value is not None:
            return Literal(value, at)
        if self.strict:
            raise FeelError(
                f'"{argument.value}" is not read by {callee.name}',
                at,
                f'write it like {callee.name}("{reader.example}")',
            )
        return None

    def is_named(self) -> bool:
        """Tell whether the arguments that begin here are given by name."""
        index = self.index
        while self.tokens[index].kind == "word" or (self.tokens[index].text in {"-", "'", ".", "/", "*", "+"}):
            index += 1
        return index > self.index and self.tokens[index].text == ":"

    def primary(self) -> Node:
        token = self.here
        if token.kind in {"number", "string"}:
            self.index += 1
            return Literal(token.value, token.at)
        if token.kind == "word":
            return self.worded(token)
        read: dict[str, Callable[[Token], Node]] = {
            "@": self.at_literal,
            "(": self.bracket,
            "[": self.square,
            "]": self.range_from,
            "{": self.entries,
        }
        if token.kind == "sign" and token.text in read:
            self.index += 1
            return read[token.text](token)
        return self.refuse(f"a value is expected here, not {token.text}")

    def worded(self, token: Token) -> Node:
        special: dict[str, Callable[[Token], Node]] = {
            "if": self.choice,
            "for": self.iteration,
            "some": self.quantified,
            "every": self.quantified,
            "function": self.function,
        }
        if self.at_word(*_CONSTANTS):
            self.index += 1
            return Literal(_CONSTANTS[token.text], token.at)
        if self.at_word(*special) and not (token.text in {"some", "every"} and self.tokens[self.index + 1].text == "("):
            self.index += 1
            self.count(token)
            return self.nested(lambda: special[token.text](token))
        if self.at_word("not", "and", "or") and self.tokens[self.index + 1].text == "(":
            self.index += 1
            return Name(token.text, token.at)
        if self.at_word("and", "or", "in", "then", "else", "return", "satisfies", "between", "not"):
            self.refuse(f"a value is expected here, not {token.text}")
        return Name(self.name(self.names, self.builtins), token.at)


class _Builtins:
    """The names of the built-in functions, read when the first expression is."""

    words: Vocabulary | None = None

    @classmethod
    def get(cls) -> Vocabulary:
        if cls.words is None:
            from judgify.decision.feel.function import BUILTINS  # noqa: PLC0415 - built-ins use values of this package

            cls.words = Vocabulary(BUILTINS)
        return cls.words


def _parser(text: str, names: Iterable[str], types: Iterable[str], *, strict: bool, cell: bool) -> _Parser:
    tokens = tokenize(text, longest=MAX_CELL if cell else MAX_EXPRESSION, lenient=not strict)
    return _Parser(
        tokens, names, _Builtins.get(), operators=MAX_OPERATORS if cell else MAX_EXPRESSION, types=types, strict=strict
    )


def _shallow(node: Part) -> None:
    for part, depth in walk(node):
        if depth > MAX_DEPTH:
            raise FeelError(f"a tree of more than {MAX_DEPTH} levels", part.at, "split it, or use brackets")


def parse_tests(
    text: str, names: Iterable[str] = (), *, types: Iterable[str] = (), strict: bool = True, cell: bool = True
) -> Tests:
    """Read a cell: `-`, or unary tests joined by commas, or `not(…)` around them.

    Args:
        text: The cell, in normal form C.
        names: Names known in it, which may hold spaces and signs.
        types: Names of types beside the standard's own.
        strict: Refuse what reads and yields null at best: dates that do not exist, keys given twice, and a cell that
            compares something else than its own input.
        cell: Hold it to the limits of a table's cell.

    Raises:
        FeelError: What is wrong, and at which character.
    """
    parser = _parser(text, names, types, strict=strict, cell=cell)
    tests = parser.cell()
    _shallow(tests)
    return tests


def parse_expression(
    text: str, names: Iterable[str] = (), *, types: Iterable[str] = (), strict: bool = True, cell: bool = True
) -> Node:
    """Read an expression that yields a value; the arguments are those of `parse_tests`.

    Raises:
        FeelError: What is wrong, and at which character.
    """
    parser = _parser(text, names, types, strict=strict, cell=cell)
    node = parser.expression()
    parser.finish()
    _shallow(node)
    return node


def parse_type(text: str, types: Iterable[str] = ()) -> TypeNode:
    """Read a type as it stands after `instance of`: a name, `list<…>`, `range<…>`, `context<…>`, `function<…> -> …`.

    Raises:
        FeelError: What is wrong, and at which character.
    """
    parser = _parser(text, (), types, strict=False, cell=True)
    node = parser.type()
    parser.finish()
    return node
