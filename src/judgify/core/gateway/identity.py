"""Who is calling: the command line's token, a service token, an API key or a person's access token."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol

from judgify.core.gateway import access_token, apikey
from judgify.core.gateway.record import Record, RecordCache
from judgify.kit import auth
from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError, Unauthenticated, Unavailable
from judgify.kit.settings import Settings

TOKEN_CACHE_S: Final = 30.0
MAX_CACHED: Final = 10_000
MAX_TOKEN: Final = 4096


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller, and the session it came with, if any."""

    principal: auth.Principal
    session_id: str | None = None


class CredentialStore(Protocol):
    """Where sessions and keys are looked up when no cache knows them."""

    async def session_record(self, session_id: str) -> Record:
        """Give what the database says of a session; inactive when it is unknown."""
        ...

    async def key_record(self, key_id: str, digest: bytes) -> Record:
        """Give what the database says of a key; inactive when it is unknown or the hash differs."""
        ...


class Authenticator:
    """Turns a credential into an identity; the command line, services and, in an outage, signed tokens need no store.

    While neither PostgreSQL nor a cache can tell whether a session was ended, its signed access token is believed
    until it expires: at most ten minutes.
    """

    def __init__(self, settings: Settings, records: RecordCache, store: CredentialStore, clock: Clock) -> None:
        """Read the secrets lazily, so that a missing file is an answer and not a crash."""
        self._settings = settings
        self._records = records
        self._store = store
        self._clock = clock
        self._verified: OrderedDict[str, access_token.Access] = OrderedDict()
        self._minted: dict[auth.Principal, tuple[str, float]] = {}
        self._cli: tuple[float, str] | None = None
        self._bootstrap = Identity(auth.cli_principal())
        self._vouched: dict[str, tuple[Record, Identity]] = {}
        self._jwt_secret = ""
        self._service_secret = ""

    async def identify(self, token: str | None) -> Identity:
        """Give the identity behind a credential, or raise `Unauthenticated` without saying what was wrong with it."""
        if token is None:
            raise Unauthenticated
        if len(token) > MAX_TOKEN or not token.isascii():
            raise Unauthenticated("the credential has not the form of any that is known here")
        cli = await self._cli_token()
        if cli and auth.same_secret(token, cli):
            return self._bootstrap
        if token.startswith(apikey.PREFIX):
            return await self._by_key(token)
        return await self._by_token(token)

    def known(self, token: str, now: float) -> Identity | None:
        """Give the identity behind a credential if memory alone can vouch for it now as `identify` would; else None."""
        if len(token) > MAX_TOKEN or not token.isascii():
            return None
        if self._cli is None or now >= self._cli[0]:
            return None
        if self._cli[1] and auth.same_secret(token, self._cli[1]):
            return self._bootstrap
        name, expires_at = self._named(token)
        record = self._records.peek(name, now) if name else None
        if record is None or not record.active or (expires_at and self._clock.now().timestamp() >= expires_at):
            return None
        held = self._vouched.get(token)
        if held is not None and held[0] is record:
            return held[1]
        if name.startswith("key:"):
            identity = Identity(auth.Principal(record.subject, frozenset({record.role}), "service"))
        else:
            access = self._verified[token]
            principal = auth.Principal(access.subject, frozenset({record.role}), "person")
            identity = Identity(principal, access.session_id)
        if len(self._vouched) >= MAX_CACHED:
            self._vouched.clear()
        self._vouched[token] = (record, identity)
        return identity

    def _named(self, token: str) -> tuple[str, float]:
        """Give the name of a credential's record, and when the credential itself ends (0: not by itself)."""
        if token.startswith(apikey.PREFIX):
            number = apikey.key_id(token)
            return ("", 0.0) if number is None else (_key_name(number, apikey.digest(token)), 0.0)
        access = self._verified.get(token)
        return ("", 0.0) if access is None else (f"session:{access.session_id}", access.expires_at)

    def service_token(self, principal: auth.Principal) -> str:
        """Give a short-lived token for the service behind, in the caller's name; kept for half a minute."""
        now = self._clock.monotonic()
        held = self._minted.get(principal)
        if held is not None and now < held[1]:
            return held[0]
        if len(self._minted) > MAX_CACHED:
            self._minted.clear()
        token = auth.mint(self._service_secret_text(), principal, self._clock, ttl_s=2 * TOKEN_CACHE_S)
        self._minted[principal] = (token, now + TOKEN_CACHE_S)
        return token

    def jwt_secret(self) -> str:
        """Give the secret that signs access tokens."""
        if not self._jwt_secret:
            self._jwt_secret = self._settings.jwt_secret
        return self._jwt_secret

    async def _by_key(self, text: str) -> Identity:
        number = apikey.key_id(text)
        if number is None:
            raise Unauthenticated("the API key is not valid", slug="key-invalid")
        digest = apikey.digest(text)
        # The hash is part of the name: a wrong key with a known id is another record.
        record = await self._records.get(_key_name(number, digest), lambda: self._store.key_record(number, digest))
        if not record.active:
            raise Unauthenticated("the API key is not valid", slug="key-invalid")
        return Identity(auth.Principal(record.subject, frozenset({record.role}), "service"))

    async def _by_token(self, token: str) -> Identity:
        access = self._verified.get(token)
        if access is None:
            try:
                access = access_token.read(self.jwt_secret(), token, self._clock)
            except Unauthenticated:
                service = self._service(token)
                if service is None:
                    raise
                return service
            self._verified[token] = access
            if len(self._verified) > MAX_CACHED:
                self._verified.popitem(last=False)
        elif self._clock.now().timestamp() >= access.expires_at:
            del self._verified[token]
            raise Unauthenticated("the access token has expired; refresh it or sign in", slug="token-expired")
        session_id, role = access.session_id, access.role
        try:
            record = await self._records.get(f"session:{session_id}", lambda: self._store.session_record(session_id))
        except Unavailable:
            pass
        else:
            if not record.active:
                raise Unauthenticated("the session has ended; sign in again", slug="session-ended")
            role = record.role
        return Identity(auth.Principal(access.subject, frozenset({role}), "person"), session_id)

    def _service(self, token: str) -> Identity | None:
        try:
            principal = auth.verify(self._service_secret_text(), token, self._clock)
        except JudgifyError:
            return None
        return Identity(principal) if principal.kind == "service" else None

    def _service_secret_text(self) -> str:
        if not self._service_secret:
            self._service_secret = self._settings.service_secret
        return self._service_secret

    async def _cli_token(self) -> str:
        # Read again once a second, so that a renewed token works without a restart.
        now = self._clock.monotonic()
        if self._cli is None or now >= self._cli[0]:
            try:
                text = await asyncio.to_thread(lambda: self._settings.cli_token)
            except Unavailable:
                text = ""
            self._cli = (now + 1.0, text)
        return self._cli[1]


def _key_name(number: str, digest: bytes) -> str:
    return f"key:{number}:{digest.hex()[:32]}"
