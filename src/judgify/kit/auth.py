"""Who is asking: principals, roles, and the short-lived signed tokens that our processes show each other."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import jwt

from judgify.kit.clock import Clock
from judgify.kit.errors import Denied, Unauthenticated

ROLES: Final = ("viewer", "responder", "commander", "admin")
"""From the least to the most; each role may do all that the ones before it may."""
SERVICE_ROLE: Final = "service"
AUDIENCE: Final = "judgify-internal"

Kind = Literal["person", "service", "bootstrap"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that was authenticated. Only `person` counts where the guide asks for persons."""

    subject: str
    roles: frozenset[str]
    kind: Kind = "person"

    def has(self, role: str) -> bool:
        """Tell whether this principal's roles include `role`, by rank; the service role stands apart."""
        if role == SERVICE_ROLE:
            return SERVICE_ROLE in self.roles
        needed = ROLES.index(role)
        return any(ROLES.index(held) >= needed for held in self.roles if held in ROLES)

    def demand(self, *roles: str) -> None:
        """Raise `Denied` unless at least one of the roles is held."""
        if not any(self.has(role) for role in roles):
            raise Denied(f"this needs the role {' or '.join(roles)}; {self.subject} has {_listed(self.roles)}")


def mint(secret: str, principal: Principal, clock: Clock, ttl_s: float = 60) -> str:
    """Sign a token for one of our own processes (HS256, audience `judgify-internal`)."""
    now = clock.now()
    claims = {
        "aud": AUDIENCE,
        "sub": principal.subject,
        "roles": sorted(principal.roles),
        "kind": principal.kind,
        "iat": now,
        "exp": now + timedelta(seconds=ttl_s),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def verify(secret: str, token: str, clock: Clock) -> Principal:
    """Read a token that `mint` made; anything else, an expired one included, is `Unauthenticated`."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=AUDIENCE,
            # The injected clock decides about expiry, so that a story with a fake clock can.
            options={"require": ["exp", "sub", "aud"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.PyJWTError:
        raise Unauthenticated("the service token is not valid") from None
    if clock.now().timestamp() > float(claims["exp"]):
        raise Unauthenticated("the service token has expired")
    kind = claims.get("kind", "person")
    if kind not in {"person", "service", "bootstrap"}:
        raise Unauthenticated("the service token names no known kind of principal")
    return Principal(str(claims["sub"]), frozenset(map(str, claims.get("roles", ()))), kind)


def same_secret(given: str, expected: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


def bearer(header: str | None) -> str | None:
    """Give the token of an `Authorization: Bearer …` header, or None."""
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def service_principal(name: str) -> Principal:
    """Give the principal as which one of our own processes speaks."""
    return Principal(f"service:{name}", frozenset({SERVICE_ROLE}), "service")


def cli_principal() -> Principal:
    """Give the principal behind the command line's token: an administrator, but not a person."""
    return Principal("cli", frozenset({"admin"}), "bootstrap")


def _listed(roles: Iterable[str]) -> str:
    return ", ".join(sorted(roles)) or "none"
