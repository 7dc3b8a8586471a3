"""Markdown that a value from outside cannot forge: no heading, list, link, code, HTML or mention comes out of one."""

import re
from typing import Any, Final


class Markdown(str):
    """Text that is Markdown already: our own wording, or a value that was escaped. It is never escaped again."""

    __slots__ = ()


_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Marks that turn text around, or that cannot be seen, would let a name look like another.
_HIDDEN: Final = re.compile(r"[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_INLINE: Final = re.compile(r"([\\`*\[\]<>|])")
_EDGE_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
_ADDRESS: Final = re.compile(r"(?i)(https?|ftp|mailto|xmpp|javascript|data|file|vbscript):(?=\S)|\b(www)\.")
_ESCAPED: Final = re.compile(r"\\([^\w\s]|_)")
_BLOCK: Final = re.compile(r"^(#{1,6}(?=\s|$)|[-+=]+(?=\s|$)|\d{1,9}(?=[.)](?:\s|$)))")


def escape(value: Any) -> Markdown:
    """Give a value as one line of Markdown that shows it as it is.

    An at sign becomes a full-width one and the colon of an address is escaped, since chats and mail programs make
    mentions and links out of plain text too.
    """
    if isinstance(value, Markdown):
        return value
    text = _SPACE.sub(" ", _HIDDEN.sub("", str(value))).strip()
    text = _INLINE.sub(r"\\\1", text)
    text = _EDGE_UNDERSCORE.sub(lambda run: "\\_" * len(run[0]), text).replace("~~", r"\~\~")
    text = _ENTITY.sub(r"\\&", text).replace("@", "＠")
    text = _ADDRESS.sub(_broken_address, text)
    return Markdown(_BLOCK.sub(_inert, text))


def _broken_address(found: re.Match[str]) -> str:
    return f"{found[1]}\\:" if found[1] else f"{found[2]}\\."


def _inert(found: re.Match[str]) -> str:
    start = found[1]
    # A backslash before a digit would show; "1." is made inert at its point.
    return f"{start}\\" if start[0].isdigit() else f"\\{start}"


def plain(text: str) -> str:
    """Give what a reader of the escaped Markdown sees, for places that are not Markdown and escape by themselves."""
    return _ESCAPED.sub(r"\1", text)


def fill(wording: str, **values: Any) -> Markdown:
    """Put values into our own wording, each escaped unless it is `Markdown` already."""
    return Markdown(wording.format(**{name: escape(value) for name, value in values.items()}))
