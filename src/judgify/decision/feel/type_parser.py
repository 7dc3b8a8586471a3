"""Types as they are written: names, and `list<…>`, `range<…>`, `context<…>`, `function<…> -> …`."""

from collections.abc import Iterable
from typing import Final

from judgify.decision.feel.ast import TypeNode
from judgify.decision.feel.cursor import Cursor, Vocabulary
from judgify.decision.feel.lexer import Token
from judgify.decision.feel.type import named

_OWN: Final = (
    "date and time",
    "days and time duration",
    "years and months duration",
    "day time duration",
    "year month duration",
)
"""Names of the standard's types that hold a keyword; the others are single words."""
_WITH_ARGUMENTS: Final = frozenset({"list", "range", "context", "function"})


class TypeParser(Cursor):
    """A cursor that reads types, and keeps the keys that contexts of the expression were given."""

    def __init__(
        self,
        tokens: list[Token],
        names: Iterable[str],
        builtins: Vocabulary,
        *,
        operators: int,
        types: Iterable[str],
        strict: bool,
    ) -> None:
        # By the standard a name is its words and signs: `a - b` is the name a-b where there is one. Strict mode goes by
        # the spaces, too, so that both can be meant.
        super().__init__(tokens, names, builtins, operators=operators, loose=not strict)
        self.types = Vocabulary([*_OWN, *types])
        self.keys = Vocabulary(loose=not strict)
        self.strict = strict

    def type(self) -> TypeNode:
        """Read a type.

        Raises:
            FeelError: None stands here.
        """
        return self.nested(self._type)

    def _type(self) -> TypeNode:
        token = self.here
        if token.kind != "word":
            self.refuse(f"a type is expected here, not {token.text}")
        if token.text in _WITH_ARGUMENTS and self.tokens[self.index + 1].text == "<":
            self.index += 2
            return self._arguments(token)
        name = self.name(self.types)
        while self.at_sign(".") and named(name) is None:
            self.index += 1
            if self.here.kind != "word":
                self.refuse(f"a name is expected after the dot, not {self.here.text}")
            name = f"{name}.{self.name(self.types)}"
        return TypeNode(name, at=token.at)

    def _arguments(self, token: Token) -> TypeNode:
        items: list[TypeNode] = []
        keys: list[str] = []
        while not self.take(">"):
            if items:
                self.want(",")
            if token.text == "context":
                keys.append(self.declared(":"))
                self.want(":")
            items.append(self.type())
        result = None
        if token.text == "function":
            result = self.type() if self.take("->") else None
        elif token.text != "context" and len(items) != 1:
            self.refuse(f"{token.text} takes one type")
        return TypeNode(token.text, tuple(items), tuple(keys), result, token.at)
