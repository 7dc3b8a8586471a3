"""People who sign in: users, single-use login links, sessions. Only hashes of what they hold are stored."""

import asyncio
import hashlib
import hmac
import secrets
from contextlib import suppress
from datetime import timedelta
from typing import Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from judgify.kit.auth import Principal
from judgify.kit.errors import Conflict, Invalid, NotFound, TooMany, Unauthenticated
from judgify.response.account import LoginLink, Session, User
from judgify.response.desk import Desk, Work

Role = Literal["viewer", "responder", "commander", "admin"]
LINK_VALID: Final = timedelta(minutes=10)
SESSION_VALID: Final = timedelta(hours=12)
PASSWORD_SHORTEST: Final = 12
TRIES: Final = 5
"""Wrong passwords for one name from one address after which even the right one has to wait."""
TRIES_WITHIN: Final = timedelta(minutes=15)
"""How long a wrong password counts."""
FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 300.0
"""Waits grow from the first to the longest, doubling with every further wrong one; nothing is ever locked for good."""
EVERYWHERE: Final = 10
"""Tries of one name from all addresses, in `TRIES` of one, before unknown devices wait."""
MAX_LOOKING: Final = 16
"""Passwords that are looked at or wait for it at one time; each look takes 64 MiB and a core for a while."""
KNOWN_FOR: Final = timedelta(days=90)


class Accounts:
    """Handlers for users, links and sessions; each command is one transaction."""

    def __init__(self, desk: Desk) -> None:
        """Work at a desk."""
        self._desk = desk
        self._hasher = PasswordHasher()
        self._nobody: str | None = None
        self._wrong: dict[str, list[float]] = {}
        self._turns = asyncio.Semaphore(2)
        self._looking = 0

    async def save(self, name: str, role: Role, *, password: str | None = None, disabled: bool = False) -> User:
        """Make a user, or change role, password or state of one; ends the user's sessions. The last admin stays."""
        if password is not None and len(password) < PASSWORD_SHORTEST:
            raise Invalid(f"a password has at least {PASSWORD_SHORTEST} characters")
        hashed = None if password is None else self._hasher.hash(password)

        def work(job: Work) -> User:
            known = job.tx.user(name)
            admins = [user.name for user in job.tx.users() if user.role == "admin" and not user.disabled]
            if admins == [name] and (role != "admin" or disabled):
                raise Conflict("the last administrator stays one; make another first")
            try:
                user = User(
                    name=name,
                    role=role,
                    password_hash=hashed or (known.password_hash if known else None),
                    created_at=known.created_at if known else job.now,
                    disabled=disabled,
                )
            except ValueError:
                raise Invalid("a user's name has 1 to 80 letters, digits and . _ @ -") from None
            job.tx.save_user(user)
            job.tx.delete_sessions(user=name)
            return user

        return await self._desk.command(work)

    async def users(self) -> list[User]:
        """Give all users."""
        return await self._desk.ask(lambda tx: tx.users())

    async def new_link(self, name: str | None = None) -> tuple[str, LoginLink]:
        """Make a single-use link for a user, valid for ten minutes; give its token, which is stored nowhere.

        Without a name it is for the administrator, who is made when there is none yet.
        """
        token = secrets.token_urlsafe(32)

        def work(job: Work) -> LoginLink:
            chosen = name or next((u.name for u in job.tx.users() if u.role == "admin" and not u.disabled), "admin")
            user = job.tx.user(chosen)
            if user is None:
                if name is not None:
                    raise NotFound(f"there is no user {name!r}")
                user = User(name=chosen, role="admin", created_at=job.now)
                job.tx.save_user(user)
            link = LoginLink(digest=digest(token), user=user.name, created_at=job.now, expires_at=job.now + LINK_VALID)
            job.tx.save_link(link)
            return link

        return token, await self._desk.command(work)

    async def use_link(self, token: str) -> tuple[str, Session]:
        """Sign in by a link, once; give the session's cookie value."""

        def work(job: Work) -> str:
            link = job.tx.link(digest(token))
            if link is None or link.used_at is not None or job.now >= link.expires_at:
                raise Unauthenticated("this sign-in link is not valid any more; ask for a new one")
            job.tx.save_link(link.model_copy(update={"used_at": job.now}))
            return link.user

        return await self._begin(await self._desk.command(work))

    async def sign_in(
        self, name: str, password: str, *, client: str = "", known_device: bool = False
    ) -> tuple[str, Session]:
        """Sign in by password; `TooMany` with growing waits after wrong ones.

        Wrong passwords count for the name and the address together, so that a stranger elsewhere locks nobody out. A
        guesser with many addresses makes unknown devices wait; one on which the person has signed in before
        (`known_device`), and a sign-in link, still pass.
        """
        moment = self._desk.clock.monotonic()
        here, anywhere = f"{name}|{client}", f"{name}|"
        waits = [self._wait(here, TRIES, moment)]
        if not known_device:
            waits.append(self._wait(anywhere, TRIES * EVERYWHERE, moment))
        if max(waits) > 0:
            raise TooMany("too many wrong passwords for this name", retry_after_s=max(1, round(max(waits))))
        if self._looking >= MAX_LOOKING:
            raise TooMany("too many sign-ins at once", retry_after_s=2)
        # Counted before anything is awaited: guesses made at the same moment wait one for the other.
        self._count_wrong({here, anywhere}, moment)
        self._looking += 1
        try:
            right = await self._fits(name, password)
        finally:
            self._looking -= 1
        if not right:
            raise Unauthenticated("name or password is wrong")
        self._wrong.pop(here, None)
        with suppress(KeyError, ValueError):
            self._wrong[anywhere].remove(moment)
        return await self._begin(name)

    async def _fits(self, name: str, password: str) -> bool:
        """Look at a password beside the event loop, which pages and probes need; two at a time, the rest waits."""
        user = await self._desk.ask(lambda tx: tx.user(name))
        hashed = user.password_hash if user is not None and not user.disabled else None
        async with self._turns:
            return await asyncio.to_thread(self._verify, hashed, password)

    def _verify(self, hashed: str | None, password: str) -> bool:
        if self._nobody is None:
            self._nobody = self._hasher.hash("nobody has this password")
        try:
            # Without such a user the same work is done, so that the time tells nothing.
            self._hasher.verify(hashed or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return hashed is not None

    def _wait(self, key: str, tries: int, moment: float) -> float:
        """Give how many seconds are left to wait for a name and an address."""
        recent = [at for at in self._wrong.get(key, []) if moment - at < TRIES_WITHIN.total_seconds()]
        if len(recent) < tries:
            return 0.0
        pause = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(len(recent) - tries, 10))
        return recent[-1] + pause - moment

    def _count_wrong(self, keys: set[str], moment: float) -> None:
        if len(self._wrong) > 10_000:
            # The oldest go first: whoever invents names does not make us forget the one under attack.
            for old in sorted(self._wrong, key=lambda key: max(self._wrong[key], default=0.0))[:5_000]:
                del self._wrong[old]
        for key in keys:
            self._wrong[key] = [*self._wrong.get(key, [])[-200:], moment]

    def device(self, secret: str, name: str) -> str:
        """Give what a browser keeps after a sign-in, by which it is known again: a keyed hash over the name."""
        return hmac.new(secret.encode(), f"device|{name}".encode(), hashlib.sha256).hexdigest()

    async def _begin(self, name: str) -> tuple[str, Session]:
        cookie = secrets.token_urlsafe(32)

        def work(job: Work) -> Session:
            user = job.tx.user(name)
            if user is None or user.disabled:
                raise Unauthenticated("this account cannot sign in")
            session = Session(
                digest=digest(cookie),
                user=name,
                csrf=secrets.token_urlsafe(24),
                created_at=job.now,
                expires_at=job.now + SESSION_VALID,
            )
            job.tx.save_session(session)
            return session

        return cookie, await self._desk.command(work)

    async def session(self, cookie: str) -> tuple[Principal, Session] | None:
        """Give who holds a session cookie, or None when it is over."""
        now = self._desk.clock.now()
        key = digest(cookie)
        session = await self._desk.ask(lambda tx: tx.session(key))
        if session is None or session.expires_at <= now:
            return None
        user = await self._desk.ask(lambda tx: tx.user(session.user))
        if user is None or user.disabled:
            return None
        return Principal(user.name, frozenset({user.role}), "person"), session

    async def sign_out(self, cookie: str) -> None:
        """End a session."""
        await self._desk.command(lambda job: job.tx.delete_sessions(digest=digest(cookie)))

    async def remove(self, name: str) -> None:
        """Disable a user and end the sessions; the last administrator stays."""
        user = next((user for user in await self.users() if user.name == name), None)
        if user is None:
            raise NotFound(f"there is no user {name!r}")
        await self.save(name, user.role, disabled=True)


def digest(token: str) -> str:
    """Give what is stored of a token: its SHA-256. Enough for a random one of 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()
