"""Signed calls: how a receiver knows that a call came from here and is fresh."""

import hashlib
import hmac
from typing import Final

SIGNATURE_HEADER: Final = "X-Judgify-Signature"
TIMESTAMP_HEADER: Final = "X-Judgify-Timestamp"
TOLERANCE_S: Final = 300


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Give the signature header's value: `sha256=` and the hex HMAC-SHA256 of `<timestamp>.<body>`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def signed_headers(secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Give both headers of a signed call; `timestamp` is in whole seconds since 1970."""
    return {TIMESTAMP_HEADER: str(timestamp), SIGNATURE_HEADER: sign(secret, timestamp, body)}


def is_genuine(secret: str, timestamp: str, body: bytes, signature: str, now: float) -> bool:
    """Tell whether a received call is signed with the secret and not older or newer than five minutes."""
    if (
        not (timestamp.isascii() and timestamp.isdigit())
        or len(timestamp) > 12
        or abs(now - int(timestamp)) > TOLERANCE_S
    ):
        return False
    return hmac.compare_digest(sign(secret, int(timestamp), body).encode(), signature.encode())
