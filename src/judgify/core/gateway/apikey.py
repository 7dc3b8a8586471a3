"""API keys: their form and their hash. A key is `jdg_<26 characters of its id>_<43 random characters>`. Pure."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final

from judgify.kit.ids import new_id

PREFIX: Final = "jdg_"
_FORM: Final = re.compile(r"jdg_([0-9a-z]{26})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; its text exists only here and is shown once."""

    id: str
    text: str

    @property
    def hash(self) -> bytes:
        """What is stored."""
        return digest(self.text)


def make() -> NewKey:
    """Make a key with 256 random bits."""
    number = new_id("key")
    return NewKey(number, f"{PREFIX}{number.removeprefix('key_')}_{secrets.token_urlsafe(32)}")


def key_id(text: str) -> str | None:
    """Give the id inside a key of the right form, else None."""
    match = _FORM.fullmatch(text)
    return f"key_{match[1]}" if match else None


def digest(text: str) -> bytes:
    """Hash a key or a refresh token. Both are long and random, so one SHA-256 is enough."""
    return hashlib.sha256(text.encode()).digest()
