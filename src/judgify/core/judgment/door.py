"""Who may come in on the hot path: service tokens, verified once and remembered until they expire."""

import base64
from collections.abc import Callable
from typing import Final

import msgspec

from judgify.kit import auth
from judgify.kit.clock import Clock
from judgify.kit.errors import Unauthenticated

_REMEMBERED: Final = 2_048


class _Claims(msgspec.Struct):
    exp: float


class Door:
    """Verifies bearer tokens; the same token again costs a look-up, and never outlives its own expiry."""

    def __init__(self, secret: Callable[[], str], clock: Clock) -> None:
        """Read the secret when a token has to be verified, so that a changed one is noticed."""
        self._secret = secret
        self._clock = clock
        self._known: dict[bytes, tuple[auth.Principal, float]] = {}

    def enter(self, header: bytes | None) -> auth.Principal:
        """Give the principal behind an Authorization header, or raise `Unauthenticated`."""
        known = self._known.get(header) if header is not None else None
        if known is not None and self._clock.now().timestamp() <= known[1]:
            return known[0]
        token = auth.bearer(None if header is None else header.decode("latin-1"))
        if header is None or token is None:
            raise Unauthenticated(
                "this service answers the gateway and other services only; call it through the gateway"
            )
        who = auth.verify(self._secret(), token, self._clock)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[header] = (who, _expiry(token))
        return who


def _expiry(token: str) -> float:
    # Verified a moment ago, so the claims are well-formed.
    body = token.split(".")[1]
    return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=_Claims).exp
