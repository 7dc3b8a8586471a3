"""Passwords: argon2id, hashed off the event loop, a bounded number at a time, the same work for unknown accounts."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from judgify.kit.errors import Invalid, Unavailable

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
_WAITING: Final = 16
T = TypeVar("T")


def check_strength(password: str, username: str) -> None:
    """Raise `Invalid` for a password that is too short, too long or holds the account's name."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid(f"a password has from {MIN_LENGTH} to {MAX_LENGTH} characters", slug="weak-password")
    if username.lower() in password.lower() or len(set(password)) < 5:
        raise Invalid("the password is too easy to guess", slug="weak-password")


class Passwords:
    """Hashes and verifies, two at a time since each takes 64 MiB; a flood of sign-ins is told to wait."""

    def __init__(self, *, time_cost: int = 3, memory_kib: int = 65_536, parallelism: int = 4) -> None:
        """Take argon2id's cost; the defaults are RFC 9106's second recommendation."""
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")
        self._running = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Give the encoded argon2id hash."""
        return await self._run(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password fits; without a stored hash the same work is done, and the answer is no."""
        if self._decoy is None:
            self._decoy = await self.hash("no account has this password")
        fits = await self._run(self._fits, stored or self._decoy, password)
        return fits and stored is not None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *args: str) -> T:
        if self._running >= _WAITING:
            raise Unavailable("too many sign-ins at once; try again shortly", slug="overloaded", retry_after_s=2)
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        finally:
            self._running -= 1
