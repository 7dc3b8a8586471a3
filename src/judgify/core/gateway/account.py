"""Accounts, sessions and API keys in PostgreSQL. Each method is one transaction; `Unavailable` without it."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg

from judgify.core.gateway import apikey
from judgify.core.gateway.record import Record
from judgify.kit.auth import ROLES
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import Conflict, NotFound, Unavailable
from judgify.kit.ids import new_id

SEEN_EVERY: Final = timedelta(minutes=1)
Row = dict[str, Any]


class Accounts:
    """The store behind the gateway's own routes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use the gateway's schema."""
        self._db = database
        self._clock = clock

    async def create_user(self, username: str, password_hash: str, role: str, by: str) -> Row:
        """Add an account; `Conflict` when the name was ever taken."""
        now = self._clock.now()
        try:
            async with self._db.connection() as connection:
                row = await connection.fetchrow(
                    "INSERT INTO gateway.users "
                    "(id, username, password_hash, role, created_at, created_by, password_at) "
                    "VALUES ($1, $2, $3, $4, $5, $6, $5) RETURNING *",
                    new_id("usr"),
                    username,
                    password_hash,
                    role,
                    now,
                    by,
                )
        except asyncpg.UniqueViolationError:
            raise Conflict(f"the user name {username!r} is taken", slug="username-taken") from None
        return dict(row)

    async def user(self, username: str) -> Row | None:
        """Give an account with its hash, or None."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow("SELECT * FROM gateway.users WHERE username = $1", username)
        return dict(row) if row else None

    async def users(self) -> list[Row]:
        """Give all accounts by name."""
        async with self._db.connection() as connection:
            rows = await connection.fetch("SELECT * FROM gateway.users ORDER BY username LIMIT 1000")
        return [dict(row) for row in rows]

    async def change_user(
        self, username: str, *, role: str | None = None, disabled: bool | None = None, password_hash: str | None = None
    ) -> Row:
        """Change an account; `NotFound` for an unknown one."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(
                "UPDATE gateway.users SET role = coalesce($2, role), disabled = coalesce($3, disabled), "
                "password_hash = coalesce($4, password_hash), "
                "password_at = CASE WHEN $4::text IS NULL THEN password_at ELSE $5 END "
                "WHERE username = $1 RETURNING *",
                username,
                role,
                disabled,
                password_hash,
                self._clock.now(),
            )
        if row is None:
            raise NotFound(f"there is no account named {username!r}")
        return dict(row)

    # -- keys

    async def add_key(self, key: apikey.NewKey, *, name: str, owner: str, role: str, expires: datetime | None) -> Row:
        """Store a new key by its hash."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(
                "INSERT INTO gateway.api_keys (id, name, hash, owner, role, created_at, expires_at) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *",
                key.id,
                name,
                key.hash,
                owner,
                role,
                self._clock.now(),
                expires,
            )
        return dict(row)

    async def keys(self, owner: str | None) -> list[Row]:
        """Give the keys of an owner, or of all, newest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(
                "SELECT * FROM gateway.api_keys WHERE $1::text IS NULL OR owner = $1 "
                "ORDER BY created_at DESC LIMIT 1000",
                owner,
            )
        return [dict(row) for row in rows]

    async def revoke_key(self, key_id: str, owner: str | None) -> Row:
        """End a key (once and for all); `NotFound` for one that is unknown or, with an owner given, not theirs."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(
                "UPDATE gateway.api_keys SET revoked_at = coalesce(revoked_at, $3) "
                "WHERE id = $1 AND ($2::text IS NULL OR owner = $2) RETURNING *",
                key_id,
                owner,
                self._clock.now(),
            )
        if row is None:
            raise NotFound("there is no such API key")
        return dict(row)

    async def key_record(self, key_id: str, digest: bytes) -> Record:
        """Say whether a key is good, and for which role: never more than its owner has now. Notes its use."""
        now = self._clock.now()
        async with self._db.connection(timeout_s=0.8) as connection:
            row = await connection.fetchrow(
                "SELECT k.role, k.expires_at, k.revoked_at, k.owner, k.used_at, u.role AS owner_role, u.disabled "
                "FROM gateway.api_keys k LEFT JOIN gateway.users u ON u.username = k.owner "
                "WHERE k.id = $1 AND k.hash = $2",
                key_id,
                digest,
            )
            if row is None or row["revoked_at"] or (row["expires_at"] and row["expires_at"] <= now):
                return Record(active=False)
        if row["owner"] != "cli" and (row["owner_role"] is None or row["disabled"]):
            return Record(active=False)
        if row["used_at"] is None or now - row["used_at"] > SEEN_EVERY:
            # A database that only reads for now (guide 4.3) still lets its keys in.
            with suppress(Unavailable):
                async with self._db.connection(timeout_s=0.8) as connection:
                    await connection.execute("UPDATE gateway.api_keys SET used_at = $2 WHERE id = $1", key_id, now)
        role = row["role"]
        if row["owner_role"] is not None:
            role = min(role, row["owner_role"], key=ROLES.index)
        return Record(active=True, subject=f"key:{key_id}", role=role)
