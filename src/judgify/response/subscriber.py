"""Who asked to hear of incidents by e-mail or SMS (guide 3.1 step 3): values only."""

import re
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from judgify.kit.errors import Invalid
from judgify.response.model import Lang, Value

SUBSCRIBER: Final = "subscriber:"
"""What the person of a page begins with when it is owed to a subscriber; the address is never on a timeline."""
Kind = Literal["email", "sms"]
_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{7,14}")


class Subscriber(Value):
    """One subscription. Pending until its own address has confirmed it; erased when it ends."""

    id: str
    kind: Kind
    address: str = Field(max_length=254)
    lang: Lang = "ko"
    created_at: AwareDatetime
    confirmed_at: AwareDatetime | None = None
    asked_at: AwareDatetime
    """When the newest message that asks for a confirmation was put into the outbox."""

    @property
    def shown(self) -> str:
        """The address as lists show it: enough to know it again, not to write to it."""
        if self.kind == "sms":
            return f"{self.address[:3]}…{self.address[-4:]}"
        name, _, domain = self.address.partition("@")
        return f"{name[:1]}…@{domain}"


def address_of(kind: Kind, text: str) -> str:
    """Give an address in its one form (e-mail in small letters, telephone as +82…); `Invalid` when it is none."""
    given = text.strip()
    if kind == "email":
        if len(given) > 254 or _MAIL.fullmatch(given) is None:
            raise Invalid("this is not an e-mail address")
        return given.lower()
    plain = re.sub(r"[\s().-]", "", given)
    if plain.startswith("0"):
        plain = f"+82{plain[1:]}"
    if _PHONE.fullmatch(plain) is None:
        raise Invalid("this is not a telephone number; write it like 010-1234-5678 or +82 10 1234 5678")
    return plain
