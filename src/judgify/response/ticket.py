"""What a page carries so that it can be acknowledged from outside: a link's token, a text message's code. Pure.

Both are keyed hashes that only this installation can make; neither is stored anywhere. They are bound to one person
and to the stretch of the incident that they were sent for, so that a forwarded or an old one says whose it was.
"""

import base64
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from judgify.response.incident import Incident
from judgify.response.model import Lang, Page

VALID: Final = timedelta(hours=24)
"""How long a link acts; afterwards it only tells how things stand."""
DIGITS: Final = 4
MANY_DIGITS: Final = 5
"""Digits of a code that takes everything a digest names: one more, so that it is never an incident's code as well."""
MAX_REPLY: Final = 200
"""Characters of an answer that are looked at."""
_KEY: Final = b"judgify: acknowledging from outside, version 1"
_TOKEN: Final = re.compile(r"([A-Za-z0-9_-]{1,60})\.([0-9]{1,12})\.([A-Za-z0-9_-]{32})")
_KOREAN: Final = ("확인", "접수", "수신", "네")
_ENGLISH: Final = ("acknowledged", "acknowledge", "ack", "ok", "confirm")
_REPLY: Final = re.compile(
    rf"[^\w]*(?:(?P<word>{'|'.join((*_KOREAN, *_ENGLISH))})[^\w]*)?(?P<code>[0-9]{{{DIGITS},{MANY_DIGITS}}})[^\w]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Link:
    """What a genuine token says: which page it came with, and until when it acts."""

    page_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered to a text message: the code, and the language of the word beside it."""

    code: str
    lang: Lang

    @property
    def of_digest(self) -> bool:
        """Whether it is the code of a digest, which names many incidents."""
        return len(self.code) == MANY_DIGITS


class Tickets:
    """Makes and reads tokens and codes; whoever has the installation's secret gets the same ones."""

    def __init__(self, secret: str) -> None:
        """Derive a key of its own from the installation's secret."""
        self._key = hmac.new(secret.encode(), _KEY, hashlib.sha256).digest()

    def token(self, page: Page) -> str:
        """Give the token of a page's link; the same for every try of the page."""
        until = int((page.created_at + VALID).timestamp())
        return f"{page.id}.{until}.{self._seal('link', page.id, str(until))}"

    def read(self, token: str) -> Link | None:
        """Give what a token says, or None when it is not ours. Takes the same time for every wrong seal."""
        found = _TOKEN.fullmatch(token)
        page_id, until, seal = found.groups() if found is not None else ("", "0", "")
        genuine = hmac.compare_digest(self._seal("link", page_id, until).encode(), seal.encode())
        if found is None or not genuine:
            return None
        return Link(page_id, datetime.fromtimestamp(int(until), UTC))

    def code(self, incident: Incident, person: str) -> str:
        """Give the code by which a person acknowledges an incident: four digits, new when the incident comes back."""
        digest = self._mac("code", incident.id, person, incident.begun_at.astimezone(UTC).isoformat())
        return f"{int.from_bytes(digest[:8]) % 10**DIGITS:0{DIGITS}d}"

    def is_code(self, given: str, incident: Incident, person: str) -> bool:
        """Tell whether a code is a person's for an incident, in constant time."""
        return hmac.compare_digest(self.code(incident, person).encode(), given.encode())

    def digest_code(self, page: Page) -> str:
        """Give the code by which a digest's person takes all that it names: five digits, the same when told again."""
        digest = self._mac("digest code", page.row, page.person)
        return f"{int.from_bytes(digest[:8]) % 10**MANY_DIGITS:0{MANY_DIGITS}d}"

    def is_digest_code(self, given: str, page: Page) -> bool:
        """Tell whether a code is a digest's, in constant time."""
        return hmac.compare_digest(self.digest_code(page).encode(), given.encode())

    def _seal(self, *parts: str) -> str:
        return base64.urlsafe_b64encode(self._mac(*parts)[:24]).decode()

    def _mac(self, *parts: str) -> bytes:
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).digest()


def read_answer(text: str) -> Answer | None:
    """Read an answer such as `확인 1234`, `접수1234`, `ack 1234` or the bare code; None when it is none of these."""
    plain = unicodedata.normalize("NFKC", text[:MAX_REPLY]).strip()
    found = _REPLY.fullmatch(plain)
    if found is None:
        return None
    word = (found["word"] or "").lower()
    return Answer(found["code"], "en" if word in _ENGLISH else "ko")


def code_line(lang: Lang, code: str) -> str:
    """Give the words that say how to answer; of a digest's code they say that it takes everything."""
    if len(code) == MANY_DIGITS:
        return f"회신(모두): 접수 {code}" if lang == "ko" else f"Reply (all): ack {code}"
    return f"회신: 접수 {code}" if lang == "ko" else f"Reply: ack {code}"


Standing = Literal["yours", "held", "over"]
"""What stands against taking an incident: this person holds it, somebody else does, or it is over."""


def standing(incident: Incident, person: str) -> Standing | None:
    """Say what stands against a person's taking an incident, or None when it can be taken."""
    if incident.state in {"resolved", "closed"}:
        return "over"
    holder = incident.holder
    if holder is None:
        return None
    return "yours" if holder.kind == "person" and holder.name == person else "held"
