"""The ways in: service token, the command line's token, console session (with CSRF token and Origin check), intake."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from judgify.kit import auth
from judgify.kit.clock import Clock
from judgify.kit.errors import Denied, TooMany, Unauthenticated, Unavailable
from judgify.kit.secrets import read_secret
from judgify.kit.settings import Settings
from judgify.response.accounts import Accounts

COOKIE: Final = "judgify_session"
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"
INTAKE: Final = auth.Principal("intake", frozenset({auth.SERVICE_ROLE}), "service")
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Bucket:
    """How many requests a credential may still make: `rate` a second, `burst` at once."""

    rate: float
    burst: float
    level: float
    at: float

    def take(self, now: float) -> bool:
        """Take one; False when there is none left."""
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@dataclass(slots=True)
class Signin:
    """Authenticates requests to the engine."""

    settings: Settings
    clock: Clock
    accounts: Accounts
    rate: float = 300.0
    burst: float = 1_500.0
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    async def principal(self, request: Request) -> auth.Principal:
        """Authenticate a request; `Unauthenticated` without a valid credential, `Denied` for a forged form."""
        token = auth.bearer(request.headers.get("authorization"))
        if token is not None:
            return self._bearer(token)
        cookie = request.cookies.get(COOKIE)
        found = None if cookie is None else await self.accounts.session(cookie)
        if found is None:
            raise Unauthenticated("sign in at the console, or send the command line's token or a service token")
        who, session = found
        if request.method not in _READING:
            await _same_site(request, session.csrf)
        return who

    def _bearer(self, token: str) -> auth.Principal:
        # A token of ours has dots; the command line's has none. Both comparisons take constant time.
        if token.count(".") == 2:
            return auth.verify(self.settings.service_secret, token, self.clock)
        if auth.same_secret(token, self.settings.cli_token):
            return auth.cli_principal()
        raise Unauthenticated("the token is not valid")

    async def intake(self, request: Request) -> auth.Principal:
        """Authenticate a sender of signals (also by the intake token) and hold it to its rate."""
        token = auth.bearer(request.headers.get("authorization"))
        expected = self._intake_token()
        if token is not None and expected is not None and auth.same_secret(token, expected):
            who = INTAKE
        else:
            who = await self.principal(request)
            who.demand("responder", "service")
        now = self.clock.monotonic()
        bucket = self._buckets.setdefault(who.subject, Bucket(self.rate, self.burst, self.burst, now))
        if not bucket.take(now):
            raise TooMany("this sender sends faster than signals are taken; send them in batches")
        return who

    def _intake_token(self) -> str | None:
        given = self.settings.environ.get("JUDGIFY_INTAKE_TOKEN")
        if given:
            return given
        try:
            return read_secret(self.settings.home, "intake_token")
        except Unavailable:
            return None


async def _same_site(request: Request, csrf: str) -> None:
    origin = request.headers.get("origin") or request.headers.get("referer")
    if origin is None or urlsplit(origin).netloc != request.headers.get("host"):
        raise Denied("the request does not come from this console's own pages", slug="cross-site")
    given = request.headers.get(CSRF_HEADER)
    if given is None and "form" in request.headers.get("content-type", ""):
        value = (await request.form()).get(CSRF_FIELD)
        given = value if isinstance(value, str) else None
    if given is None or not auth.same_secret(given, csrf):
        raise Denied("the form's token is missing or old; load the page again", slug="csrf")
