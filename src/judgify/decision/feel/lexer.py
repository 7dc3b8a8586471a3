"""Text to tokens. Names may hold spaces and signs, as `전력(kW)` does, when they are declared."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from judgify.decision.feel.error import FeelError
from judgify.decision.limit import MAX_CELL, MAX_DIGITS, MAX_EXPONENT

KEYWORDS: Final = frozenset({"true", "false", "null", "not", "and", "or", "in", "if", "then", "else"})
FUNCTIONS: Final = ("date and time", "date", "duration")

_NUMBER: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SIGNS: Final = re.compile(r"\.\.|<=|>=|!=|[<>=+\-*/()\[\],.@]")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{6})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "'": "'"}
_MENDS: Final = {
    "≥": "write >=",
    "≤": "write <=",
    "≠": "write !=",
    "“": 'write the straight quote "',
    "”": 'write the straight quote "',
    "'": 'texts stand in double quotes: "…"',
    "`": 'texts stand in double quotes: "…"',
    "&": "write and",
    "|": "write or",
    "!": "write not(…)",
    "~": "write a range as [a..b]",
    "%": "write the plain number",
    ";": "write a comma",
    "–": "write the plain sign -",
    "—": "write the plain sign -",
    "−": "write the plain sign -",
    "，": "write a comma",
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an expression: `number`, `string`, `name`, `keyword`, `function`, `sign` or `end`."""

    kind: str
    text: str
    value: Any
    at: int


def _opens(char: str) -> bool:
    return char.isalpha() or char == "_"


def _continues(char: str) -> bool:
    return char.isalnum() or char == "_" or unicodedata.category(char).startswith("M")


class _Lexer:
    def __init__(self, text: str, names: Iterable[str]) -> None:
        self.text = text
        self.names = sorted({name for name in names if name and _opens(name[0])}, key=len, reverse=True)

    def tokens(self) -> list[Token]:
        found: list[Token] = []
        start = 0
        while start < len(self.text):
            if self.text[start].isspace():
                start += 1
                continue
            token, start = self._next(
                start, after_dot=bool(found) and found[-1].text == "." and found[-1].kind == "sign"
            )
            found.append(token)
        return [*found, Token("end", "the end", None, len(self.text) + 1)]

    def _next(self, start: int, *, after_dot: bool) -> tuple[Token, int]:
        char = self.text[start]
        if char == '"':
            return self._string(start)
        if _opens(char):
            return self._word(start, after_dot=after_dot)
        number = _NUMBER.match(self.text, start)
        if number:
            return self._number(number.group(), start), number.end()
        sign = _SIGNS.match(self.text, start)
        if sign:
            return Token("sign", sign.group(), None, start + 1), sign.end()
        raise FeelError(f"the character {char!r} means nothing here", start + 1, _MENDS.get(char))

    def _number(self, text: str, start: int) -> Token:
        if len(text) > MAX_DIGITS:
            raise FeelError(f"a number of more than {MAX_DIGITS} digits is not read", start + 1)
        value: int | Decimal = int(text) if text.isdigit() else Decimal(text)
        if isinstance(value, Decimal) and abs(value.adjusted()) > MAX_EXPONENT:
            raise FeelError("the exponent of the number is out of range", start + 1)
        return Token("number", text, value, start + 1)

    def _string(self, start: int) -> tuple[Token, int]:
        end = start + 1
        while end < len(self.text) and self.text[end] != '"':
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise FeelError("the text is not closed", start + 1, 'end it with "')
        raw = self.text[start + 1 : end]
        value = unicodedata.normalize("NFC", _ESCAPE.sub(lambda found: self._escape(found, start), raw))
        return Token("string", self.text[start : end + 1], value, start + 1), end + 1

    @staticmethod
    def _escape(found: re.Match[str], start: int) -> str:
        at = start + 2 + found.start()
        if found[3] is not None:
            if found[3] not in _ESCAPED:
                raise FeelError(f"\\{found[3]} is no escape of a text", at, "write a backslash as \\\\")
            return _ESCAPED[found[3]]
        code = int(found[1] or found[2], 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise FeelError(f"{found[0]} is no character", at)
        return chr(code)

    def _word(self, start: int, *, after_dot: bool) -> tuple[Token, int]:
        end = start + 1
        while end < len(self.text) and _continues(self.text[end]):
            end += 1
        for name in () if after_dot else self.names:
            stop = start + len(name)
            if stop >= end and self.text.startswith(name, start) and not self._runs_on(name, stop):
                return Token("name", name, None, start + 1), stop
        for function in () if after_dot else FUNCTIONS:
            stop = start + len(function)
            if self.text.startswith(function, start) and self.text[stop:].lstrip().startswith("("):
                return Token("function", function, None, start + 1), stop
        word = self.text[start:end]
        return Token("keyword" if word in KEYWORDS and not after_dot else "name", word, None, start + 1), end

    def _runs_on(self, name: str, stop: int) -> bool:
        if name in FUNCTIONS and self.text[stop:].lstrip().startswith("("):
            return True
        if name in KEYWORDS:
            return True
        return stop < len(self.text) and _continues(name[-1]) and _continues(self.text[stop])


def tokenize(text: str, names: Iterable[str] = ()) -> list[Token]:
    """Cut an expression into tokens; the last one is always `end`.

    Args:
        text: The expression, in normal form C.
        names: Declared names; the longest that fits is taken, so that they may hold spaces and signs.

    Raises:
        FeelError: A character, number, text or escape that is not FEEL, or a text longer than the limit.
    """
    if len(text) > MAX_CELL:
        raise FeelError(f"longer than {MAX_CELL} characters", MAX_CELL + 1)
    return _Lexer(text, names).tokens()
