"""Moving over tokens."""

from collections.abc import Callable
from typing import NoReturn

from judgify.decision.feel.ast import Node
from judgify.decision.feel.error import FeelError
from judgify.decision.feel.lexer import Token
from judgify.decision.limit import MAX_NESTING, MAX_OPERATORS


class Cursor:
    """A place in the tokens of one expression, with bounds on its depth and its operators."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.level = 0
        self.operators = 0

    @property
    def here(self) -> Token:
        """The token that stands here."""
        return self.tokens[self.index]

    def take(self, *signs: str) -> Token | None:
        """Move on when one of the signs or keywords stands here."""
        token = self.here
        if token.kind in {"sign", "keyword"} and token.text in signs:
            self.index += 1
            return token
        return None

    def want(self, sign: str) -> Token:
        """Move on over a sign or keyword that has to stand here.

        Raises:
            FeelError: Another stands here.
        """
        return self.take(sign) or self.refuse(f"{sign} is expected here, not {self.here.text}")

    def refuse(self, message: str, mend: str | None = None) -> NoReturn:
        """Say what is wrong at this place.

        Raises:
            FeelError: Always.
        """
        raise FeelError(message, self.here.at, mend)

    def count(self, token: Token) -> None:
        """Count one more operator.

        Raises:
            FeelError: There are too many.
        """
        self.operators += 1
        if self.operators > MAX_OPERATORS:
            raise FeelError(f"more than {MAX_OPERATORS} operators", token.at, "split it over several rules or inputs")

    def nested(self, inner: Callable[[], Node]) -> Node:
        """Read something one level deeper.

        Raises:
            FeelError: That is too deep.
        """
        self.level += 1
        if self.level > MAX_NESTING:
            self.refuse(f"nested more than {MAX_NESTING} levels deep")
        node = inner()
        self.level -= 1
        return node
