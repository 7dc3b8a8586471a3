"""A query taken apart into tokens. What Lucene has and this language has not is refused here, at its character."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, NoReturn

from judgify.core.logbook.lucene.error import QueryError
from judgify.core.logbook.lucene.tree import Bound, Pieces, Wild

SPACE: Final = " \t\n\r　"
SPECIAL: Final = '+-&|!(){}[]^"~*?:\\/<>='
"""The characters that a backslash makes ordinary; it does so with any other character too."""
_DATE: Final = re.compile(r"\d{4}(-\d\d){0,2}(T[\d:.]+(Z|[+-]\d\d:?\d\d)?)?")
_CLOCK: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d(:\d\d)?((:\d\d)?(\.\d+)?[+-]\d\d)?")
_COMPARED: Final = re.compile(r"@?[A-Za-z_][\w.-]*?([<>])=?[-+]?\d")
_WORDS: Final = {"AND": "AND", "OR": "OR", "NOT": "NOT"}


class Kind(Enum):
    """What a token is."""

    WORD = "a word"
    PHRASE = "a phrase"
    RANGE = "a range"
    COMPARE = "a comparison"
    OPEN = '"("'
    CLOSE = '")"'
    COLON = '":"'
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    PLUS = '"+"'
    MINUS = '"-"'
    END = "the end of the query"


@dataclass(frozen=True, slots=True)
class Token:
    """One token, from the character `at` up to, not including, `end`. `raw` is it as it was written."""

    kind: Kind
    at: int
    end: int
    raw: str = ""
    pieces: Pieces = ()
    ends: tuple[Bound, Bound] | None = None


def tokens(query: str) -> list[Token]:
    """Take a query apart; the last token is the end. Raises `QueryError`, and nothing else."""
    return _Lexer(query).run()


class _Lexer:
    """Walks over the query once."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._at = 0
        self._found: list[Token] = []

    def run(self) -> list[Token]:
        while True:
            self._skip_space()
            if self._at >= len(self._query):
                self._add(Kind.END, self._at)
                return self._found
            self._one()

    def _one(self) -> None:
        start, here = self._at, self._peek()
        simple = {"(": Kind.OPEN, ")": Kind.CLOSE, ":": Kind.COLON, "!": Kind.NOT}
        if here in simple:
            self._at += 1
            self._add(simple[here], start)
        elif self._query.startswith(("&&", "||"), start):
            self._at += 2
            self._add(Kind.AND if here == "&" else Kind.OR, start)
        elif here in "+-" and not self._signed_number():
            self._at += 1
            self._add(Kind.PLUS if here == "+" else Kind.MINUS, start)
        elif here == '"':
            text = self._quoted()
            self._refuse_suffix("a phrase")
            self._add(Kind.PHRASE, start, pieces=(text,))
        elif here in "[{":
            ends = self._range()
            self._refuse_suffix("a range")
            self._add(Kind.RANGE, start, ends=ends)
        elif here in "<>":
            self._at += 2 if self._query.startswith("=", start + 1) else 1
            self._add(Kind.COMPARE, start)
        else:
            self._word()

    def _signed_number(self) -> bool:
        """After a colon or a comparison, a sign with a digit behind it belongs to a number."""
        asked = bool(self._found) and self._found[-1].kind in {Kind.COLON, Kind.COMPARE}
        return asked and self._query[self._at + 1 : self._at + 2].isdigit()

    def _word(self) -> None:
        start, here = self._at, self._peek()
        self._refuse_start(here)
        pieces: list[str | Wild] = []
        self._at = start
        while self._at < len(self._query):
            here = self._peek()
            if here == "\\":
                _append(pieces, self._escaped())
                continue
            if here in "*?":
                pieces.append(Wild(here))
            elif self._ends_word(here, start):
                break
            else:
                _append(pieces, here)
            self._at += 1
        raw = self._query[start : self._at]
        if compared := _COMPARED.match(raw):
            sign = start + compared.start(1)
            self._fail(
                sign, "a comparison needs a colon before it", f"write {raw[: sign - start]}:{raw[sign - start :]}"
            )
        kind = Kind[_WORDS[raw]] if raw in _WORDS else Kind.WORD
        self._add(kind, start, pieces=tuple(pieces))

    def _refuse_start(self, here: str) -> None:
        at = self._at
        if here == "/":
            self._fail(
                at, "regular expressions are not supported", r"use * and ?, or write \/ for the character itself"
            )
        if here in "]}":
            self._fail(at, f'there is no range that "{here}" would close', f"write \\{here} for the character itself")
        if here in "^~":
            self._fail(at, f'"{here}" has no word before it', f"write \\{here} for the character itself")

    def _ends_word(self, here: str, start: int) -> bool:
        """Whether the word ends before this character; refuses what must not stand inside a word."""
        so_far = self._query[start : self._at]
        if here in SPACE or here == ")" or (here == "(" and so_far in _WORDS):
            return True
        following = self._query[self._at + 1 : self._at + 2]
        if here == ":":
            return not (following.isdigit() and _CLOCK.fullmatch(so_far))
        if self._query.startswith(("&&", "||"), self._at):
            math = here == "|" and self._query[self._at + 2 : self._at + 3] in {"+", "-", "/"}
            return not (math and _DATE.fullmatch(so_far))
        self._refuse_inside(here)
        return False

    def _refuse_inside(self, here: str) -> None:
        at = self._at
        if here == "~":
            self._fail(at, "fuzzy search is not supported", r"use * and ?, or write \~ for the character itself")
        if here == "^":
            self._fail(
                at, "boosts are not supported: results are ordered by time", r"leave it out, or write \^ for itself"
            )
        if here == "(":
            self._fail(
                at,
                "a word is directly followed by a parenthesis; there are no functions",
                r"put a space or a colon between, or write \(",
            )
        if here in '"[{]}!':
            self._fail(
                at, f"{here} inside a word", f"put a space before it, or write \\{here} for the character itself"
            )

    def _refuse_suffix(self, what: str) -> None:
        """What may not directly follow a phrase or a range."""
        here = self._peek()
        if here == "~":
            self._fail(self._at, "proximity search is not supported", "join the words by AND")
        if here == "^":
            self._fail(self._at, "boosts are not supported: results are ordered by time", "leave it out")
        if here and here not in SPACE + "):" and not self._query.startswith(("&&", "||"), self._at):
            self._fail(self._at, f"{what} is directly followed by something else", "put a space between")

    def _quoted(self) -> str:
        start = self._at
        self._at += 1
        found: list[str] = []
        while (here := self._peek()) != '"':
            if not here:
                self._fail(
                    start, "this quote is never closed", r'close it with ", or write \" for the character itself'
                )
            if here == "\\":
                found.append(self._escaped())
            else:
                found.append(here)
                self._at += 1
        self._at += 1
        return "".join(found)

    def _range(self) -> tuple[Bound, Bound]:
        start = self._at
        first = self._peek() == "["
        self._at += 1
        low = self._end_of_range(start)
        self._skip_space()
        if not (self._query.startswith("TO", self._at) and self._query[self._at + 2 : self._at + 3] in {*SPACE, '"'}):
            self._fail(self._at, "a range needs TO between its ends", "write it like [a TO b], TO in capitals")
        self._at += 2
        high = self._end_of_range(start)
        self._skip_space()
        closing = self._peek()
        if closing not in {"]", "}"}:
            at = self._at if closing else start
            self._fail(at, "the range is not closed", "close it with ] (the end belongs to it) or } (it does not)")
        self._at += 1
        return Bound(low[0], first, low[1]), Bound(high[0], closing == "]", high[1])

    def _end_of_range(self, start: int) -> tuple[str | None, int]:
        self._skip_space()
        at = self._at
        if self._peek() == '"':
            return self._quoted(), at
        found: list[str] = []
        while (here := self._peek()) and here not in SPACE + "]}":
            if here == "\\":
                found.append(self._escaped())
                continue
            if here in '[{"(':
                self._fail(self._at, f"{here} inside a range", "put the end of the range in quotes")
            if here in "*?":
                self._at += 1
                if here == "*" and not found and (self._peek() or " ") in SPACE + "]}":
                    return None, at
                self._fail(self._at - 1, "wildcards do not work inside a range", "write * alone for an open end")
            found.append(here)
            self._at += 1
        if not here:
            self._fail(start, "the range is not closed", "write it like [a TO b]")
        if self._query[at : self._at] in {"", "TO"}:
            self._fail(at, "an end of the range is missing", "write * for an open end")
        return "".join(found), at

    def _escaped(self) -> str:
        r"""The character after a backslash, or the one that `\uXXXX` names."""
        start = self._at
        follows = self._query[start + 1 : start + 2]
        if not follows:
            self._fail(start, "there is nothing behind this backslash", r"write \\ for the character itself")
        if follows != "u":
            self._at += 2
            return follows
        digits = self._query[start + 2 : start + 6]
        if not re.fullmatch(r"[0-9A-Fa-f]{4}", digits):
            self._fail(start, r"\u needs four hexadecimal digits", r"write it like \u00e9, or u without the backslash")
        character = chr(int(digits, 16))
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            self._fail(start, "no log line can hold this character", "leave it out")
        self._at += 6
        return character

    def _skip_space(self) -> None:
        while self._peek() and self._peek() in SPACE:
            self._at += 1

    def _peek(self) -> str:
        return self._query[self._at : self._at + 1]

    def _add(self, kind: Kind, start: int, pieces: Pieces = (), ends: tuple[Bound, Bound] | None = None) -> None:
        self._found.append(Token(kind, start, self._at, self._query[start : self._at], pieces, ends))

    def _fail(self, at: int, what: str, instead: str) -> NoReturn:
        raise QueryError(self._query, at, what, instead)


def _append(pieces: list[str | Wild], text: str) -> None:
    """Add text to the last piece when that is text too."""
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] += text
    else:
        pieces.append(text)
