"""The access token that a person holds: HS256, ten minutes, one session. Verified without any store. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt

from judgify.kit.auth import ROLES
from judgify.kit.clock import Clock
from judgify.kit.errors import Unauthenticated
from judgify.kit.ids import new_id

AUDIENCE: Final = "judgify-api"
ISSUER: Final = "judgify-gateway"


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token says."""

    subject: str
    role: str
    session_id: str
    token_id: str
    expires_at: float
    """Seconds since 1970."""


def issue(secret: str, *, subject: str, role: str, session_id: str, clock: Clock, ttl_s: int) -> str:
    """Sign an access token."""
    now = clock.now()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "role": role,
        "sid": session_id,
        "jti": new_id("jti"),
        "iat": now,
        "exp": now + timedelta(seconds=ttl_s),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def read(secret: str, token: str, clock: Clock) -> Access:
    """Verify a token that `issue` made; anything else, an expired one included, is `Unauthenticated`."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            # Expiry is decided by the injected clock.
            options={"require": ["exp", "iat", "sub", "sid", "jti"], "verify_exp": False, "verify_iat": False},
        )
        access = Access(
            str(claims["sub"]), str(claims["role"]), str(claims["sid"]), str(claims["jti"]), float(claims["exp"])
        )
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise Unauthenticated("the access token is not valid", slug="token-invalid") from None
    if access.role not in ROLES:
        raise Unauthenticated("the access token names no known role", slug="token-invalid")
    if clock.now().timestamp() >= access.expires_at:
        raise Unauthenticated("the access token has expired; refresh it or sign in", slug="token-expired")
    return access
