"""The ways in: service token, the command line's token, console session (with CSRF token and Origin check), intake."""

import hmac
from base64 import b64decode
from collections.abc import Callable, Sequence
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


RoutingKeys = Callable[[], Sequence[tuple[str, str]]]
"""Gives the routing keys that are known, each with the service that it stands for."""
TOKEN_S: Final = 1.0
_CLI: Final = auth.cli_principal().subject


def no_keys() -> Sequence[tuple[str, str]]:
    """Know of no routing key but the intake token."""
    return ()


@dataclass(frozen=True, slots=True)
class _Known:
    intake: bytes = b""
    cli: bytes = b""
    until: float = float("-inf")


@dataclass(slots=True)
class Signin:
    """Authenticates requests to the engine."""

    settings: Settings
    clock: Clock
    accounts: Accounts
    rate: float = 5_000.0
    """Requests a second that a sender of signals may make for ever; a request may hold thousands of signals."""
    burst: float = 20_000.0
    """Requests that it may make at once: a storm of ten thousand single alerts is none too many."""
    keys: RoutingKeys = no_keys
    """The senders of intake.yaml with a key of their own."""
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _bad: Bucket = field(default_factory=lambda: Bucket(5.0, 100.0, 100.0, 0.0))
    _known: _Known = field(default_factory=_Known)

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

    async def sender(self, authorization: bytes | None, request: Callable[[], Request]) -> None:
        """Authenticate a sender of signals and hold it to its rate.

        The intake token comes as Bearer, or as the password of Basic whatever the user is called; else the request
        must carry any other credential of ours whose role may send signals.
        """
        token = _shown(authorization)
        known = self._tokens()
        if token is not None and known.intake and hmac.compare_digest(token, known.intake):
            subject = INTAKE.subject
        elif token is not None and known.cli and hmac.compare_digest(token, known.cli):
            subject = _CLI
        else:
            try:
                who = self._bearer(token.decode("latin-1")) if token is not None else await self.principal(request())
                who.demand("responder", "service")
            except (Unauthenticated, Denied):
                # A stranger's attempts have a measure of their own: they never use up what real senders may.
                if not self._bad.take(self.clock.monotonic()):
                    raise TooMany("too many requests with a wrong credential") from None
                raise
            subject = who.subject
        self._measure(subject)

    def admits(self, authorization: bytes | None) -> bool:
        """Tell at once whether a request carries the intake token or the command line's, and is within its rate.

        False decides nothing: `sender` does, with a refusal in words.
        """
        token = _shown(authorization)
        known = self._tokens()
        if token is None:
            return False
        if known.intake and hmac.compare_digest(token, known.intake):
            return self._bucket(INTAKE.subject).take(self.clock.monotonic())
        if known.cli and hmac.compare_digest(token, known.cli):
            return self._bucket(_CLI).take(self.clock.monotonic())
        return False

    def routed(self, key: str) -> str:
        """Authenticate by PagerDuty's routing key: the intake token, or one of intake.yaml; give the latter's service.

        Every key is compared, whichever fits: the time that it takes tells nothing.
        """
        given = key.encode("utf-8", "replace")
        expected = self._tokens().intake
        service = "" if expected and hmac.compare_digest(given, expected) else None
        for known, named in self.keys():
            if known and hmac.compare_digest(given, known.encode("utf-8", "replace")):
                service = named
        if service is None:
            if not self._bad.take(self.clock.monotonic()):
                raise TooMany("too many requests with a wrong routing key")
            raise Unauthenticated("the routing key is not known", errors=["Invalid routing key"])
        self._measure(f"routing:{service}")
        return service

    def _measure(self, subject: str) -> None:
        if not self._bucket(subject).take(self.clock.monotonic()):
            raise TooMany("this sender sends faster than signals are taken; send them in batches")

    def _bucket(self, subject: str) -> Bucket:
        bucket = self._buckets.get(subject)
        if bucket is None:
            bucket = self._buckets[subject] = Bucket(self.rate, self.burst, self.burst, self.clock.monotonic())
        return bucket

    def _tokens(self) -> "_Known":
        # No file is read for every alert; a token that is made or changed counts a second later.
        now = self.clock.monotonic()
        if now >= self._known.until:
            intake = (self._intake_token() or "").encode("utf-8", "replace")
            self._known = _Known(intake, self.settings.cli_token.encode("utf-8", "replace"), now + TOKEN_S)
        return self._known

    def _intake_token(self) -> str | None:
        given = self.settings.environ.get("JUDGIFY_INTAKE_TOKEN")
        if given:
            return given
        try:
            return read_secret(self.settings.home, "intake_token")
        except Unavailable:
            return None


def _shown(authorization: bytes | None) -> bytes | None:
    """Give the token of a Bearer header, or the password of a Basic one."""
    scheme, _, rest = (authorization or b"").partition(b" ")
    kind = scheme.lower()
    if kind == b"bearer":
        return rest.strip() or None
    if kind != b"basic":
        return None
    try:
        return b64decode(rest.strip(), validate=True).partition(b":")[2] or None
    except ValueError:
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
