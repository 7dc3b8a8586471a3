"""Identifiers that sort by the time they were made: `exe_01k…`, safe in URLs, file names and logs."""

import re
import secrets
import time
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_FORM: Final = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}")


def new_id(prefix: str) -> str:
    """Make a fresh id: prefix, underscore, 48 bits of milliseconds and 80 random bits in Crockford base 32."""
    # An identifier's time part orders rows; it is no record of when something happened, so no injected clock.
    milliseconds = time.time_ns() // 1_000_000  # noqa: TID251 - see above
    number = (milliseconds << 80) | secrets.randbits(80)
    digits = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
    return f"{prefix}_{digits}"


def is_id(text: str, prefix: str) -> bool:
    """Tell whether a text has the form of an id with this prefix."""
    return text.startswith(prefix + "_") and _FORM.fullmatch(text) is not None
