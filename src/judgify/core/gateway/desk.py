"""The gateway's own routes under /api/v2/auth: signing in and out, sessions, accounts, API keys."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from judgify.core.gateway import access_token, apikey
from judgify.core.gateway.account import Accounts
from judgify.core.gateway.body import ChangePassword, ChangeUser, Login, NewKey, NewUser, Refresh, read
from judgify.core.gateway.call import Call
from judgify.core.gateway.config import GatewayConfig
from judgify.core.gateway.failure import MethodNotAllowed
from judgify.core.gateway.header import header
from judgify.core.gateway.identity import Authenticator, Identity
from judgify.core.gateway.limit import Limit
from judgify.core.gateway.lockout import Lockout
from judgify.core.gateway.metric import GatewayMetrics
from judgify.core.gateway.password import Passwords, check_strength
from judgify.core.gateway.record import Record, RecordCache
from judgify.core.gateway.session import Ended, Grant, Sessions
from judgify.core.gateway.throttle import Throttle
from judgify.kit.auth import ROLES
from judgify.kit.clock import iso
from judgify.kit.errors import Conflict, Denied, Invalid, NotFound, TooMany, Unauthenticated
from judgify.kit.log import get_logger

log = get_logger("judgify.gateway.auth")
ADDRESSES: Final = 10
"""An account's limit of sign-in attempts from everywhere, in limits of one address."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the desk works with."""

    config: GatewayConfig
    accounts: Accounts
    sessions: Sessions
    records: RecordCache
    passwords: Passwords
    authenticator: Authenticator
    throttle: Throttle
    lockout: Lockout
    metrics: GatewayMetrics


Handler = Callable[["Desk", Call, Identity | None, str], Awaitable[None]]


class Desk:
    """Answers /api/v2/auth/…: an unknown path is 404, a known one with another method 405."""

    def __init__(self, parts: Parts) -> None:
        """Take the parts."""
        self._p = parts

    async def serve(self, call: Call, segments: tuple[str, ...], identify: Callable[[], Awaitable[Identity]]) -> None:
        """Find the route, authenticate where it asks for it, answer."""
        head = segments[0] if segments else ""
        rest = segments[1] if len(segments) == 2 else ""
        shape = (head, len(segments) == 2)
        methods = ROUTES.get(shape) if len(segments) in {1, 2} and (rest or len(segments) == 1) else None
        if methods is None:
            raise NotFound("there is nothing at this path")
        method = "GET" if call.method == "HEAD" else call.method
        if method not in methods:
            allow = ", ".join(sorted(methods))
            raise MethodNotAllowed(f"this path answers {allow}", allow=allow)
        handler, role = methods[method]
        identity = None
        if role is not None:
            identity = await identify()
            identity.principal.demand(role)
        await handler(self, call, identity, rest)

    # -- signing in and out

    async def login(self, call: Call, _: Identity | None, __: str) -> None:
        """Sign in. What was wrong is never said, and takes the same time whether or not the account exists."""
        body = await read(call, Login)
        username = body.username.strip().lower()
        name = apikey.digest(username).hex()[:32]
        pair = f"login:{name}:{call.client}"
        limit = self._p.config.login_limit
        try:
            await self._p.throttle.take(f"login:address:{call.client}", limit)
            await self._p.lockout.begin(pair)
            # Wider than an address's own limit, so that no single address can use it up.
            await self._p.throttle.take(f"login:user:{name}", Limit(limit.rate * ADDRESSES, limit.burst * ADDRESSES))
        except TooMany:
            self._p.metrics.logins.labels("limited").inc()
            raise
        user = await self._p.accounts.user(username)
        fits = await self._p.passwords.verify(user["password_hash"] if user else None, body.password)
        if user is None or not fits or user["disabled"]:
            self._p.metrics.logins.labels("refused").inc()
            # The name is left out: people type passwords into the wrong field.
            log.warning("sign-in refused", client=call.client, known=user is not None, request=call.request_id)
            raise Unauthenticated("the user name or the password is not right", slug="login-refused")
        await self._p.lockout.passed(pair)
        grant = await self._p.sessions.open(
            user, client=call.client, agent=(header(call.headers, b"user-agent") or "")[:200]
        )
        self._p.metrics.logins.labels("ok").inc()
        log.info("signed in", subject=user["username"], client=call.client, request=call.request_id)
        await self._granted(call, grant)

    async def refresh(self, call: Call, _: Identity | None, __: str) -> None:
        """Trade a refresh token for a new pair; a used one ends the session for everybody who holds it."""
        body = await read(call, Refresh)
        await self._p.throttle.take(f"refresh:{call.client}", self._p.config.address_limit)
        result = await self._p.sessions.refresh(body.refresh_token)
        if isinstance(result, Ended):
            log.warning("refresh token used twice; session ended", client=call.client, request=call.request_id)
            await self._ended([result])
            raise Unauthenticated("the refresh token was used before; sign in again", slug="refresh-reused")
        await self._granted(call, result)

    async def logout(self, call: Call, who: Identity | None, __: str) -> None:
        """End the caller's session."""
        identity = _person(who)
        ended = await self._p.sessions.end(identity.session_id or "", "signed out")
        await self._ended([ended] if ended else [])
        await call.reply_data({"ended": True})

    async def me(self, call: Call, who: Identity | None, __: str) -> None:
        """Say who the caller is."""
        identity = _known(who)
        principal = identity.principal
        await call.reply_data(
            {
                "subject": principal.subject,
                "roles": sorted(principal.roles),
                "kind": principal.kind,
                "session_id": identity.session_id,
            }
        )

    async def password(self, call: Call, who: Identity | None, __: str) -> None:
        """Change one's own password; all other sessions of the account end."""
        identity = _person(who)
        body = await read(call, ChangePassword)
        name = identity.principal.subject
        check_strength(body.new_password, name)
        # Its own count: who guesses at the sign-in does not keep the owner from changing the password.
        pair = f"password:{apikey.digest(name).hex()[:32]}:{identity.session_id}"
        await self._p.throttle.take(pair, self._p.config.login_limit)
        await self._p.lockout.begin(pair)
        user = await self._p.accounts.user(name)
        if user is None or not await self._p.passwords.verify(user["password_hash"], body.current_password):
            raise Denied("the current password is not right", slug="login-refused")
        await self._p.lockout.passed(pair)
        await self._p.accounts.change_user(name, password_hash=await self._p.passwords.hash(body.new_password))
        ended = await self._p.sessions.end_all(name, "password changed", but=identity.session_id)
        await self._ended(ended)
        await call.reply_data({"changed": True, "sessions_ended": len(ended)})

    async def sessions(self, call: Call, who: Identity | None, __: str) -> None:
        """List the caller's open sessions."""
        identity = _person(who)
        rows = await self._p.sessions.of_user(identity.principal.subject)
        await call.reply_data([{**_shown(row), "current": row["id"] == identity.session_id} for row in rows])

    async def end_session(self, call: Call, who: Identity | None, number: str) -> None:
        """End one of the caller's sessions; an administrator may end anyone's."""
        principal = _known(who).principal
        mine = None if principal.has("admin") else principal.subject
        ended = await self._p.sessions.end(number, f"ended by {principal.subject}", username=mine)
        await self._ended([ended] if ended else [])
        await call.reply_data({"id": number, "ended": True})

    # -- accounts

    async def create_user(self, call: Call, who: Identity | None, __: str) -> None:
        """Add an account. The first one is made with the command line's token; there is no default password."""
        body = await read(call, NewUser)
        if body.username in {"cli", "engine", "gateway", "system"} or body.username in ROLES:
            raise Invalid(f"the user name {body.username!r} is reserved")
        check_strength(body.password, body.username)
        by = _known(who).principal.subject
        hashed = await self._p.passwords.hash(body.password)
        user = await self._p.accounts.create_user(body.username, hashed, body.role, by)
        log.info("account created", subject=user["username"], role=user["role"], by=by)
        await call.reply_data(_shown(user), 201)

    async def users(self, call: Call, _: Identity | None, __: str) -> None:
        """List all accounts."""
        await call.reply_data([_shown(row) for row in await self._p.accounts.users()])

    async def change_user(self, call: Call, who: Identity | None, name: str) -> None:
        """Change an account's role, lock or unlock it, or set a password; its sessions end, its keys are read anew."""
        body = await read(call, ChangeUser)
        by = _known(who).principal.subject
        if body.role is None and body.disabled is None and body.password is None:
            raise Invalid("nothing to change: give role, disabled or password")
        if by == name and (body.disabled or (body.role is not None and body.role != "admin")):
            raise Conflict("you cannot lock or demote yourself; ask another administrator")
        hashed = None
        if body.password is not None:
            check_strength(body.password, name)
            hashed = await self._p.passwords.hash(body.password)
        user = await self._p.accounts.change_user(name, role=body.role, disabled=body.disabled, password_hash=hashed)
        await self._ended(await self._p.sessions.end_all(name, f"account changed by {by}"))
        keys = await self._p.accounts.keys(name)
        await self._p.records.forget([_key_name(row) for row in keys])
        log.info("account changed", subject=name, role=user["role"], disabled=user["disabled"], by=by)
        await call.reply_data(_shown(user))

    # -- keys

    async def create_key(self, call: Call, who: Identity | None, __: str) -> None:
        """Make an API key with at most the caller's own role. Its text is in this answer and nowhere else."""
        principal = _no_key(_known(who)).principal
        body = await read(call, NewKey)
        if not principal.has(body.role):
            raise Denied(f"a key cannot have a higher role than its maker: {body.role}")
        expires = call.clock.now() + timedelta(days=body.expires_in_days) if body.expires_in_days else None
        key = apikey.make()
        row = await self._p.accounts.add_key(
            key, name=body.name, owner=principal.subject, role=body.role, expires=expires
        )
        log.info("key made", number=key.id, by=principal.subject, role=body.role)
        await call.reply_data({**_shown(row), "key": key.text}, 201)

    async def keys(self, call: Call, who: Identity | None, __: str) -> None:
        """List the caller's keys; an administrator sees all."""
        principal = _no_key(_known(who)).principal
        rows = await self._p.accounts.keys(None if principal.has("admin") else principal.subject)
        await call.reply_data([_shown(row) for row in rows])

    async def revoke_key(self, call: Call, who: Identity | None, number: str) -> None:
        """End a key for good."""
        principal = _no_key(_known(who)).principal
        row = await self._p.accounts.revoke_key(number, None if principal.has("admin") else principal.subject)
        await self._p.records.put(_key_name(row), Record(active=False))
        log.info("key revoked", number=number, by=principal.subject)
        await call.reply_data(_shown(row))

    # -- inside

    async def _granted(self, call: Call, grant: Grant) -> None:
        config = self._p.config
        await self._p.records.put(
            f"session:{grant.session_id}", Record(active=True, subject=grant.username, role=grant.role)
        )
        call.subject = grant.username
        token = access_token.issue(
            self._p.authenticator.jwt_secret(),
            subject=grant.username,
            role=grant.role,
            session_id=grant.session_id,
            clock=call.clock,
            ttl_s=config.access_ttl_s,
        )
        await call.reply_data(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": config.access_ttl_s,
                "refresh_token": grant.refresh_token,
                "refresh_expires_in": grant.refresh_ttl_s,
                "session_id": grant.session_id,
                "subject": grant.username,
                "roles": [grant.role],
            }
        )

    async def _ended(self, ended: list[Ended]) -> None:
        for item in ended:
            self._p.metrics.session_duration.observe(item.lasted_s)
            await self._p.records.put(f"session:{item.session_id}", Record(active=False))


ROUTES: Final[dict[tuple[str, bool], dict[str, tuple[Handler, str | None]]]] = {
    ("login", False): {"POST": (Desk.login, None)},
    ("refresh", False): {"POST": (Desk.refresh, None)},
    ("logout", False): {"POST": (Desk.logout, "viewer")},
    ("me", False): {"GET": (Desk.me, "viewer")},
    ("password", False): {"POST": (Desk.password, "viewer")},
    ("sessions", False): {"GET": (Desk.sessions, "viewer")},
    ("sessions", True): {"DELETE": (Desk.end_session, "viewer")},
    ("users", False): {"GET": (Desk.users, "admin"), "POST": (Desk.create_user, "admin")},
    ("users", True): {"PATCH": (Desk.change_user, "admin")},
    ("api-keys", False): {"GET": (Desk.keys, "viewer"), "POST": (Desk.create_key, "viewer")},
    ("api-keys", True): {"DELETE": (Desk.revoke_key, "viewer")},
}
"""(first segment, whether a second one follows) → method → (handler, needed role; None for no credential)."""

_HIDDEN: Final = frozenset({"password_hash", "hash"})


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: iso(value) if isinstance(value, datetime) else value for key, value in row.items() if key not in _HIDDEN
    }


def _key_name(row: dict[str, Any]) -> str:
    return f"key:{row['id']}:{row['hash'].hex()[:32]}"


def _known(identity: Identity | None) -> Identity:
    if identity is None:
        raise Unauthenticated
    return identity


def _person(identity: Identity | None) -> Identity:
    known = _known(identity)
    if known.principal.kind != "person" or known.session_id is None:
        raise Denied("only a signed-in person has sessions and a password")
    return known


def _no_key(identity: Identity) -> Identity:
    if identity.principal.kind == "service":
        raise Denied("a program cannot manage keys; sign in, or use the command line")
    return identity
