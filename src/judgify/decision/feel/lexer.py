"""Text to tokens. What is a name is told later, by the names that are known where it stands (`cursor`)."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from judgify.decision.feel.error import FeelError
from judgify.decision.limit import MAX_CELL, MAX_DIGITS, MAX_EXPONENT, MAX_TOKENS

_NUMBER: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SIGNS: Final = re.compile(r"\.\.|\*\*|->|<=|>=|!=|[<>=+\-*/()\[\]{},.:@]")
_SPACE: Final = re.compile(r"(?:[\s\u180e\u200b\ufeff]|//[^\n]*)*")
_ESCAPE: Final = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{6})|(.))",
    re.DOTALL,
)
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
    """One word of an expression: `number`, `string`, `word`, `sign`, `end`, or a character that is `none` of them.

    Attributes:
        kind: Which of them it is.
        text: As it is written.
        value: What it stands for, where it is a number or a string.
        at: Where it begins, counted from 1.
        stop: Where it ends: the character after it, counted from 0.
        apart: Whether space stands before it.
    """

    kind: str
    text: str
    value: Any
    at: int
    stop: int
    apart: bool


def _opens(char: str) -> bool:
    return char.isalpha() or char in {"_", "?"} or (ord(char) >= 0x2070 and _written(char))


def _continues(char: str) -> bool:
    return char != "?" and (char.isalnum() or _opens(char) or char in "\u00b7\u203f\u2040" or _marks(char))


def _marks(char: str) -> bool:
    return unicodedata.category(char).startswith("M")


def _written(char: str) -> bool:
    """Tell whether a sign is of the ranges that the standard gives to names: emoji, arrows, but no mathematics."""
    code = ord(char)
    known = code <= 0x218F or 0x2C00 <= code <= 0x2FEF or 0x3001 <= code <= 0xFFFD or 0x10000 <= code <= 0xEFFFF
    return known and unicodedata.category(char)[0] not in "PZC"


def _number(text: str, start: int) -> int | Decimal:
    if len(text) > MAX_DIGITS:
        raise FeelError(f"a number of more than {MAX_DIGITS} digits is not read", start + 1)
    if text.isdigit():
        return int(text)
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent that not even Decimal holds
        value = Decimal("Infinity")
    if not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT:
        raise FeelError("the exponent of the number is out of range", start + 1)
    return value


def _escape(found: re.Match[str], start: int) -> str:
    at = start + 2 + found.start()
    if found[1]:
        return chr(0x10000 + ((int(found[1], 16) - 0xD800) << 10) + int(found[2], 16) - 0xDC00)
    if found[5] is not None:
        if found[5] not in _ESCAPED:
            raise FeelError(f"\\{found[5]} is no escape of a text", at, "write a backslash as \\\\")
        return _ESCAPED[found[5]]
    code = int(found[3] or found[4], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise FeelError(f"{found[0]} is no character", at)
    return chr(code)


class _Lexer:
    def __init__(self, text: str, escape: Callable[[re.Match[str], int], str]) -> None:
        self.text = text
        self.escape = escape
        self.found: list[Token] = []
        self.last_close = text.rfind("*/")

    def tokens(self) -> list[Token]:
        start, text = 0, self.text
        while True:
            before = start
            start = self.after_space(start)
            if start == len(text):
                break
            if len(self.found) >= MAX_TOKENS:
                raise FeelError(f"more than {MAX_TOKENS} words and signs", start + 1, "split it")
            kind, value, stop = self.one(start)
            self.found.append(Token(kind, text[start:stop], value, start + 1, stop, start > before))
            start = stop
        self.found.append(Token("end", "the end", None, len(text) + 1, len(text), apart=True))
        return self.found

    def after_space(self, start: int) -> int:
        """Go over space and comments; a comment that nobody closes is none."""
        text = self.text
        while True:
            stop = _SPACE.match(text, start).end()  # type: ignore[union-attr] # it matches nothing at all, too
            if not text.startswith("/*", stop) or stop + 2 > self.last_close:
                return stop
            start = text.index("*/", stop + 2) + 2

    def one(self, start: int) -> tuple[str, Any, int]:
        text = self.text
        char = text[start]
        if char == '"':
            return self.string(start)
        if _opens(char):
            stop = start + 1
            while stop < len(text) and _continues(text[stop]):
                stop += 1
            return "word", None, stop
        number = _NUMBER.match(text, start)
        if number:
            return "number", _number(number.group(), start), number.end()
        sign = _SIGNS.match(text, start)
        return ("sign", None, sign.end()) if sign else ("none", None, start + 1)

    def string(self, start: int) -> tuple[str, Any, int]:
        stop = start + 1
        while stop < len(self.text) and self.text[stop] != '"':
            stop += 2 if self.text[stop] == "\\" else 1
        if stop >= len(self.text):
            raise FeelError("the text is not closed", start + 1, 'end it with "')
        raw = _ESCAPE.sub(lambda found: self.escape(found, start), self.text[start + 1 : stop])
        return "string", unicodedata.normalize("NFC", raw), stop + 1


def strange(token: Token) -> FeelError:
    """Say that a character has no meaning, and what was probably meant."""
    return FeelError(f"the character {token.text!r} means nothing here", token.at, _MENDS.get(token.text))


def _lenient(found: re.Match[str], start: int) -> str:
    """Keep an escape that is none as it is written, as patterns in published models have them."""
    try:
        return _escape(found, start)
    except FeelError:
        if found[5] is None:
            raise
        return found[0]


def tokenize(text: str, *, longest: int = MAX_CELL, lenient: bool = False) -> list[Token]:
    """Cut an expression into tokens; the last one is always `end`.

    Args:
        text: The expression, in normal form C.
        longest: Characters that are read at most.
        lenient: Keep an escape in a text that is none as it is written; without it that is refused.

    Raises:
        FeelError: A number, text or escape that is not FEEL, or a text longer than the limit.
    """
    if len(text) > longest:
        raise FeelError(f"longer than {longest} characters", longest + 1)
    return _Lexer(text, _lenient if lenient else _escape).tokens()
