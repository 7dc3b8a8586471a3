"""Words with wildcards as patterns: regular expressions for messages, LIKE for keywords, shell patterns for levels."""

import re
from typing import Final

from judgify.core.logbook.lucene.tree import Pieces, Wild

_WORD: Final = "A-Za-z0-9_"
_GAP: Final = " \\t\\n\\r\\f\\v"


def word_pattern(pieces: Pieces) -> str:
    """Give the regular expression by which a word or a phrase is found in a message; empty where all messages have it.

    A word stands for its text, whatever the case of A to Z; any white space in it is any run of white space. `*` is any
    run of other characters, `?` one of them. Where it begins or ends with a letter of A to Z, a digit, an underscore or
    `?`, no such letter, digit or underscore may be beside it. Other scripts know no such border: Korean sets no space
    between a noun and its particle.
    """
    inner = list(pieces)
    open_start = bool(inner) and inner[0] is Wild.ANY
    open_end = bool(inner) and inner[-1] is Wild.ANY
    while inner and inner[0] is Wild.ANY:
        inner.pop(0)
    while inner and inner[-1] is Wild.ANY:
        inner.pop()
    if not inner:
        return ""
    text = [
        f"[^{_GAP}]*" if piece is Wild.ANY else f"[^{_GAP}]" if piece is Wild.ONE else _quoted(str(piece))
        for piece in inner
    ]
    before = f"(?<![{_WORD}])" if not open_start and _bordered(inner[0], 0) else ""
    after = f"(?![{_WORD}])" if not open_end and _bordered(inner[-1], -1) else ""
    return before + "".join(text) + after


def _bordered(piece: str | Wild, end: int) -> bool:
    return piece is Wild.ONE or re.fullmatch(f"[{_WORD}]", str(piece)[end]) is not None


def _quoted(text: str) -> str:
    parts = re.split(f"[{_GAP}]+", text)
    return f"[{_GAP}]+".join(
        re.sub(r"([^\w\s]|_)", r"\\\1", part, flags=re.ASCII) if part.isascii() else _escape(part) for part in parts
    )


def _escape(text: str) -> str:
    return "".join(
        f"\\{character}" if character.isascii() and not character.isalnum() else character for character in text
    )


def like(pieces: Pieces) -> str:
    """Give the LIKE pattern of a whole value."""
    shown = {Wild.ANY: "%", Wild.ONE: "_"}
    return "".join(shown[piece] if isinstance(piece, Wild) else re.sub(r"([\\%_])", r"\\\1", piece) for piece in pieces)


def shell(piece: str | Wild) -> str:
    """Give a piece as `fnmatch` reads it."""
    return piece.value if isinstance(piece, Wild) else re.sub(r"([*?\[])", r"[\1]", piece)
