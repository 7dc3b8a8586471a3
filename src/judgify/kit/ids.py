"""Identifiers that sort by the time they were made: `exe_01k…`, safe in URLs, file names and logs."""

import random
import re
import secrets
import time
from functools import lru_cache
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS: Final = tuple(range(70, -1, -10))
_FORM: Final = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}")


def new_id(prefix: str) -> str:
    """Make a fresh id: prefix, underscore, 48 bits of milliseconds and 80 random bits in Crockford base 32."""
    return _written(prefix, secrets.randbits(80))


def request_id() -> str:
    """Make a fresh id of a request. It names, and guards nothing: its random bits are cheap ones."""
    return light_id("req")


def light_id(prefix: str) -> str:
    """Make a fresh id of something of which there are thousands a second, and whose id guards nothing."""
    return _written(prefix, random.getrandbits(80))


def _written(prefix: str, chance: int) -> str:
    # An identifier's time part orders rows; it is no record of when something happened, so no injected clock.
    moment = _moment(time.time_ns() // 1_000_000)  # noqa: TID251 - see above
    digits = "".join([_PAIRS[(chance >> shift) & 1023] for shift in _SHIFTS])
    return f"{prefix}_{moment}{digits}"


@lru_cache(maxsize=8)
def _moment(milliseconds: int) -> str:
    return "".join(_PAIRS[(milliseconds >> shift) & 1023] for shift in (40, 30, 20, 10, 0))


def is_id(text: str, prefix: str) -> bool:
    """Tell whether a text has the form of an id with this prefix."""
    return text.startswith(prefix + "_") and _FORM.fullmatch(text) is not None
