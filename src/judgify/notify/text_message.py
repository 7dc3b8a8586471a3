"""Text messages as Korean carriers count them: bytes of CP949, cut between characters. Pure.

Carriers speak of EUC-KR (KS X 1001, 2,350 syllables); all of them take its superset CP949, which holds all 11,172
modern syllables in two bytes each, so the counts are the same. What CP949 lacks is replaced before it is counted.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from judgify.notify.message import visible

CHARSET: Final = "cp949"
SMS_BYTES: Final = 90
"""A text message holds this many bytes; a longer one is sent as LMS."""
LMS_BYTES: Final = 2_000
LMS_SUBJECT_BYTES: Final = 40
_CUT: Final = "…"
_KNOWN: Final = {"🔴": "●", "🟠": "●", "🟡": "●", "🔵": "●", "🟢": "●", "✅": "○", "–": "-", "—": "-", "₩": "￦"}


@dataclass(frozen=True, slots=True)
class TextMessage:
    """What a gateway is given: the class that the text's length asks for, and a subject where it is an LMS."""

    kind: Literal["SMS", "LMS"]
    text: str
    subject: str = ""

    @property
    def size(self) -> int:
        """Bytes of the text as the carrier counts them."""
        return size_of(self.text)


def text_message(short: str, headline: str, text: str) -> TextMessage:
    """Give the short form as SMS when it fits; else all that is to be said as LMS, the headline as its subject."""
    brief = fitting(short)
    if size_of(brief) <= SMS_BYTES:
        return TextMessage("SMS", brief)
    whole = f"{fitting(headline)}\n\n{fitting(text)}".rstrip()
    return TextMessage("LMS", cut(whole, LMS_BYTES), cut(fitting(headline), LMS_SUBJECT_BYTES))


def text_class(text: str) -> Literal["SMS", "LMS"]:
    """Tell whether a text fits one short message (90 bytes, as Korean carriers count)."""
    return "SMS" if size_of(fitting(text)) <= SMS_BYTES else "LMS"


def size_of(text: str) -> int:
    """Count the bytes of a text; what the character set lacks counts as one."""
    return len(text.encode(CHARSET, errors="replace"))


def fitting(text: str) -> str:
    """Replace what the character set lacks.

    A known likeness, else the letter without its accent, else nothing for a picture and `?` for a letter. Hangul
    written as single jamo is composed.
    """
    return "".join(_fitted(mark) for mark in unicodedata.normalize("NFC", visible(text)))


def cut(text: str, most: int) -> str:
    """Cut a text to at most `most` bytes, visibly, and never within a character."""
    if size_of(text) <= most:
        return text
    # Of a character cut in two only the lead byte is left, which no decoder takes for a character.
    room = text.encode(CHARSET, errors="replace")[: most - size_of(_CUT)]
    return room.decode(CHARSET, errors="ignore").rstrip() + _CUT


def _fitted(mark: str) -> str:
    if _encodes(mark):
        return mark
    if mark in _KNOWN:
        return _KNOWN[mark]
    plain = "".join(part for part in unicodedata.normalize("NFKD", mark) if _encodes(part))
    if plain:
        return plain
    # Pictures and what joins or colours them say nothing without being seen; a letter must not vanish unnoticed.
    return "" if unicodedata.category(mark) in {"So", "Sk", "Cf", "Mn", "Me", "Cn"} else "?"


def _encodes(mark: str) -> bool:
    try:
        mark.encode(CHARSET)
    except UnicodeEncodeError:
        return False
    return True
