"""Moving over tokens, and telling names by those that are known."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final, NoReturn, TypeVar

from judgify.decision.feel.ast import Node
from judgify.decision.feel.error import DepthError, FeelError
from judgify.decision.feel.lexer import Token, strange, tokenize
from judgify.decision.limit import MAX_NAME, MAX_NESTING, MAX_OPERATORS

T = TypeVar("T")

KEYWORDS: Final = frozenset(
    {"true", "false", "null", "not", "and", "or", "in", "if", "then", "else"}
    | {"for", "return", "some", "every", "satisfies", "between", "instance", "function", "external"}
)
"""Words that are never the whole of a name."""
Shape = tuple[tuple[str, bool], ...]


@lru_cache(maxsize=4096)
def shape(name: str) -> Shape:
    """Cut a name as an expression is cut: its words and signs, each with whether space stands before it.

    A name that cannot be cut, because a text is not closed in it, has no shape and is never read.
    """
    try:
        tokens = tokenize(name, longest=MAX_NAME)[:-1]
    except FeelError:
        return ()
    if not tokens or tokens[0].kind != "word":
        return ()
    return tuple((token.text, token.apart and place > 0) for place, token in enumerate(tokens))


class Vocabulary:
    """Names, by the word that they begin with; `loose` ones stand whatever space is between their words and signs."""

    def __init__(self, names: Iterable[str] = (), *, loose: bool = False) -> None:
        self.known: dict[str, dict[int, dict[Shape, list[str]]]] = {}
        self.loose = loose
        for name in names:
            self.add(name)

    def _shape(self, name: str) -> Shape:
        parts = shape(name)
        return tuple((text, False) for text, _ in parts) if self.loose else parts

    def add(self, name: str) -> None:
        """Know one more name."""
        parts = self._shape(name)
        if parts and name not in KEYWORDS:
            sizes = self.known.setdefault(parts[0][0], {})
            sizes.setdefault(len(parts), {}).setdefault(parts, []).append(name)

    def drop(self, name: str) -> None:
        """Forget a name that was added."""
        parts = self._shape(name)
        if parts and name not in KEYWORDS:
            sizes = self.known[parts[0][0]]
            shapes = sizes[len(parts)]
            shapes[parts].remove(name)
            # What is forgotten must not be looked at for ever: a long expression has thousands of names.
            if not shapes[parts]:
                del shapes[parts]
            if not shapes:
                del sizes[len(parts)]

    def __contains__(self, name: object) -> bool:
        parts = self._shape(name) if isinstance(name, str) else ()
        return bool(parts) and name in self.known.get(parts[0][0], {}).get(len(parts), {}).get(parts, ())

    def longest(self, tokens: list[Token], index: int) -> tuple[str, int] | None:
        """Give the longest name that stands at a place, and how many tokens it takes."""
        sizes = self.known.get(tokens[index].text) or {}
        tight = not self.loose
        for size in sorted(sizes, reverse=True):
            if index + size < len(tokens):
                stands = enumerate(tokens[index : index + size])
                held = tuple((token.text, tight and token.apart and place > 0) for place, token in stands)
                if names := sizes[size].get(held):
                    return names[0], size
        return None


class Cursor:
    """A place in the tokens of one expression, with the names known there, and bounds on depth and operators."""

    def __init__(
        self, tokens: list[Token], names: Iterable[str], builtins: Vocabulary, *, operators: int, loose: bool = False
    ) -> None:
        self.tokens = tokens
        self.names = Vocabulary(names, loose=loose)
        self.builtins = builtins
        self.local: list[str] = []
        self.index = 0
        self.level = 0
        self.operators = 0
        self.most = operators
        self.closing: set[int] = set()
        """Brackets `[` that were tried as a filter and are none: they close a range."""
        self.low: tuple[int, Node, int] | None = None
        """An expression that was read before it showed to be the lower end of a range: from where to where."""

    @property
    def here(self) -> Token:
        """The token that stands here."""
        return self.tokens[self.index]

    def at_sign(self, *signs: str) -> bool:
        """Tell whether one of the signs stands here."""
        return self.here.kind == "sign" and self.here.text in signs

    def at_word(self, *words: str) -> bool:
        """Tell whether one of the keywords stands here, and no longer name that begins with it."""
        token = self.here
        return token.kind == "word" and token.text in words and self.names.longest(self.tokens, self.index) is None

    def take(self, *texts: str) -> Token | None:
        """Move on when one of the signs or keywords stands here."""
        token = self.here
        if token.text in texts and (token.kind == "sign" or self.at_word(*texts)):
            self.index += 1
            return token
        return None

    def want(self, text: str) -> Token:
        """Move on over a sign or keyword that has to stand here.

        Raises:
            FeelError: Another stands here.
        """
        return self.take(text) or self.refuse(f"{text} is expected here, not {self.here.text}")

    def refuse(self, message: str, mend: str | None = None) -> NoReturn:
        """Say what is wrong at this place.

        Raises:
            FeelError: Always.
        """
        raise strange(self.here) if self.here.kind == "none" else FeelError(message, self.here.at, mend)

    def count(self, token: Token) -> None:
        """Count one more operator.

        Raises:
            FeelError: There are too many.
        """
        self.operators += 1
        if self.operators > self.most:
            raise FeelError(f"more than {self.most} operators", token.at, "split it over several rules or inputs")

    def nested(self, inner: Callable[[], T]) -> T:
        """Read something one level deeper.

        Raises:
            DepthError: That is too deep.
        """
        self.level += 1
        if self.level > MAX_NESTING:
            raise DepthError(f"nested more than {MAX_NESTING} levels deep", self.here.at)
        found = inner()
        self.level -= 1
        return found

    @contextmanager
    def knowing(self, names: Iterable[str] = ()) -> Iterator[None]:
        """Know names for a while, and forget them and those that `learn` adds meanwhile."""
        size = len(self.local)
        for name in names:
            self.learn(name)
        try:
            yield
        finally:
            while len(self.local) > size:
                self.names.drop(self.local.pop())

    def learn(self, name: str) -> None:
        """Know one more name up to the end of what is being read."""
        self.local.append(name)
        self.names.add(name)

    def _more(self, index: int) -> int:
        """Go over the words after a name: two names side by side mean nothing, so they are one that is not known."""
        while True:
            token = self.tokens[index]
            whole = token.kind == "number" and token.text.isdigit()
            if not token.apart or not (whole or (token.kind == "word" and token.text not in KEYWORDS)):
                return index
            index += 1

    def name(self, *vocabularies: Vocabulary) -> str:
        """Read a name that stands here: the longest known one, else all the words up to a sign or keyword."""
        first, start = self.here, self.index
        found = max(
            (match for words in vocabularies if (match := words.longest(self.tokens, start))),
            key=lambda match: match[1],
            default=(first.text, 1),
        )
        stop = start + found[1]
        self.index = self._more(stop)
        if self.index == stop:
            return found[0]
        return " ".join([found[0], *(token.text for token in self.tokens[stop : self.index])])

    def declared(self, *ends: str) -> str:
        """Read a name that is being declared, whatever words and signs it holds, up to a sign or word that ends it.

        Raises:
            FeelError: No name stands here.
        """
        start = self.index
        if self.here.kind != "word":
            self.refuse(f"a name is expected here, not {self.here.text}")
        while self.here.kind != "end" and self.here.text not in ends:
            if self.at_sign("(", ")", "[", "]", "{", "}", ",", ":", "@") or self.here.kind == "string":
                self.refuse(f"{ends[0]} is expected here, not {self.here.text}")
            self.index += 1
        return " ".join(
            "".join((" " if token.apart else "") + token.text for token in self.tokens[start : self.index]).split()
        )


__all__ = ["KEYWORDS", "MAX_OPERATORS", "Cursor", "Vocabulary", "shape"]
