"""Sessions in PostgreSQL: one sign-in, its rotating refresh tokens, and its end."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from judgify.core.gateway.apikey import digest
from judgify.core.gateway.record import Record
from judgify.kit.clock import Clock
from judgify.kit.db import Database
from judgify.kit.errors import NotFound, Unauthenticated
from judgify.kit.ids import new_id

REFRESH_PREFIX: Final = "jdg_rt_"
KEEP_TOKENS: Final = timedelta(days=1)
"""Used refresh tokens are told from unknown ones for this long after their session ended."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sign-in or a refresh gives: the session, its account, and a refresh token whose text exists only here."""

    session_id: str
    username: str
    role: str
    refresh_token: str
    refresh_ttl_s: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that just ended, and how many seconds it had lasted."""

    session_id: str
    lasted_s: float


class Sessions:
    """The store of sessions; `Unavailable` without the database."""

    def __init__(self, database: Database, clock: Clock, *, refresh_ttl_s: int, session_ttl_s: int) -> None:
        """Use the gateway's schema; lifetimes in seconds."""
        self._db = database
        self._clock = clock
        self._refresh_ttl = timedelta(seconds=refresh_ttl_s)
        self._session_ttl = timedelta(seconds=session_ttl_s)

    async def open(self, user: Row, *, client: str, agent: str) -> Grant:
        """Begin a session for an account."""
        now = self._clock.now()
        session_id = new_id("ses")
        async with self._db.transaction() as connection:
            await connection.execute(
                "INSERT INTO gateway.sessions (id, user_id, created_at, used_at, expires_at, client, agent) "
                "VALUES ($1, $2, $3, $3, $4, $5, $6)",
                session_id,
                user["id"],
                now,
                now + self._session_ttl,
                client,
                agent[:200],
            )
            token = await self._new_token(connection, session_id)
        return self._grant(session_id, user["username"], user["role"], token)

    async def refresh(self, token: str) -> Grant | Ended:
        """Trade a refresh token for a new one; give `Ended` when it was used before, which ends the session.

        Raises `Unauthenticated` for one that is unknown or expired, or whose session or account has ended.
        """
        now = self._clock.now()
        async with self._db.transaction() as connection:
            row = await connection.fetchrow(
                "SELECT t.used_at, t.expires_at, s.id, s.ended_at, s.created_at, s.expires_at AS session_expires, "
                "u.username, u.role, u.disabled FROM gateway.refresh_tokens t "
                "JOIN gateway.sessions s ON s.id = t.session_id JOIN gateway.users u ON u.id = s.user_id "
                "WHERE t.hash = $1 FOR UPDATE OF t, s",
                digest(token),
            )
            if row is None:
                raise Unauthenticated("the refresh token is not valid", slug="refresh-invalid")
            if row["ended_at"] is not None or row["disabled"]:
                raise Unauthenticated("the session has ended; sign in again", slug="session-ended")
            if row["used_at"] is not None:
                # Somebody else holds a copy. Neither holder can be told from the other, so the whole family ends.
                await self._end(connection, row["id"], "refresh token used twice")
                return Ended(row["id"], (now - row["created_at"]).total_seconds())
            if min(row["expires_at"], row["session_expires"]) <= now:
                raise Unauthenticated("the refresh token has expired; sign in again", slug="refresh-expired")
            await connection.execute(
                "UPDATE gateway.refresh_tokens SET used_at = $2 WHERE hash = $1", digest(token), now
            )
            await connection.execute("UPDATE gateway.sessions SET used_at = $2 WHERE id = $1", row["id"], now)
            fresh = await self._new_token(connection, row["id"])
        return self._grant(row["id"], row["username"], row["role"], fresh)

    async def end(self, session_id: str, why: str, *, username: str | None = None) -> Ended | None:
        """End a session; None when it had ended already. With a user name, only that account's; else `NotFound`."""
        async with self._db.transaction() as connection:
            row = await connection.fetchrow(
                "SELECT s.created_at, s.ended_at FROM gateway.sessions s JOIN gateway.users u ON u.id = s.user_id "
                "WHERE s.id = $1 AND ($2::text IS NULL OR u.username = $2) FOR UPDATE OF s",
                session_id,
                username,
            )
            if row is None:
                raise NotFound("there is no such session")
            if row["ended_at"] is not None:
                return None
            await self._end(connection, session_id, why)
        return Ended(session_id, (self._clock.now() - row["created_at"]).total_seconds())

    async def end_all(self, username: str, why: str, *, but: str | None = None) -> list[Ended]:
        """End an account's open sessions, all but one if told so."""
        now = self._clock.now()
        async with self._db.connection() as connection:
            rows = await connection.fetch(
                "UPDATE gateway.sessions s SET ended_at = $2, ended_why = $3 FROM gateway.users u "
                "WHERE u.id = s.user_id AND u.username = $1 AND s.ended_at IS NULL "
                "AND ($4::text IS NULL OR s.id <> $4) RETURNING s.id, s.created_at",
                username,
                now,
                why,
                but,
            )
        return [Ended(row["id"], (now - row["created_at"]).total_seconds()) for row in rows]

    async def tidy(self) -> list[Ended]:
        """End the sessions whose time is up or whose last refresh token has lapsed; drop tokens of long ended ones."""
        now = self._clock.now()
        async with self._db.transaction() as connection:
            await connection.execute(
                "DELETE FROM gateway.refresh_tokens t USING gateway.sessions s "
                "WHERE s.id = t.session_id AND s.ended_at < $1",
                now - KEEP_TOKENS,
            )
            rows = await connection.fetch(
                "UPDATE gateway.sessions SET ended_at = $1, ended_why = 'expired' WHERE ended_at IS NULL "
                "AND (expires_at <= $1 OR used_at <= $2) RETURNING id, created_at, used_at",
                now,
                now - self._refresh_ttl,
            )
        return [Ended(row["id"], (row["used_at"] - row["created_at"]).total_seconds()) for row in rows]

    async def of_user(self, username: str) -> list[Row]:
        """Give an account's open sessions, newest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(
                "SELECT s.id, s.created_at, s.used_at, s.expires_at, s.client, s.agent FROM gateway.sessions s "
                "JOIN gateway.users u ON u.id = s.user_id "
                "WHERE u.username = $1 AND s.ended_at IS NULL AND s.expires_at > $2 "
                "ORDER BY s.created_at DESC LIMIT 200",
                username,
                self._clock.now(),
            )
        return [dict(row) for row in rows]

    async def session_record(self, session_id: str) -> Record:
        """Say whether a session is open, and the account's present role."""
        async with self._db.connection(timeout_s=0.8) as connection:
            row = await connection.fetchrow(
                "SELECT s.ended_at, s.expires_at, u.username, u.role, u.disabled FROM gateway.sessions s "
                "JOIN gateway.users u ON u.id = s.user_id WHERE s.id = $1",
                session_id,
            )
        if row is None or row["ended_at"] or row["disabled"] or row["expires_at"] <= self._clock.now():
            return Record(active=False)
        return Record(active=True, subject=row["username"], role=row["role"])

    async def _new_token(self, connection: Any, session_id: str) -> str:
        token = REFRESH_PREFIX + secrets.token_urlsafe(32)
        now = self._clock.now()
        await connection.execute(
            "INSERT INTO gateway.refresh_tokens (hash, session_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
            digest(token),
            session_id,
            now,
            now + self._refresh_ttl,
        )
        return token

    async def _end(self, connection: Any, session_id: str, why: str) -> None:
        await connection.execute(
            "UPDATE gateway.sessions SET ended_at = $2, ended_why = $3 WHERE id = $1",
            session_id,
            self._clock.now(),
            why,
        )

    def _grant(self, session_id: str, username: str, role: str, token: str) -> Grant:
        return Grant(session_id, username, role, token, int(self._refresh_ttl.total_seconds()))
