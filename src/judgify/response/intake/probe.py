"""One look at one service: is it alive, is it ready, can it do its job. Never longer than its deadline."""

import asyncio
import contextlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import asyncpg

from judgify.kit.clock import Clock
from judgify.response.metrics.http import Answer, get

_POSTGRES_PROTOCOL: Final = 196_608
_STARTUP: Final = b"user\0judgify\0database\0judgify\0\0"
_FAILURES: Final = (OSError, TimeoutError, EOFError, ValueError)
# How far past its deadline a probe may end before it is the prober that was late and not the service.
_GRACE_S: Final = 0.5

HealthState = Literal["ok", "degraded", "down"]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw.

    `live` is all that decides about "down"; None means that the prober itself was not in order (`late`), so that
    nothing can be said. `ready` and `health` are None where they were not asked for or not answered. `good` is the
    service's own check, which recovery is verified with.
    """

    live: bool | None
    ready: bool | None = None
    health: HealthState | None = None
    good: bool = False
    detail: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    took_s: float = 0.0

    @property
    def late(self) -> bool:
        """Whether the prober and not the service is in doubt."""
        return self.live is None


class Probe(Protocol):
    """Something that can look at one service."""

    async def look(self) -> Look:
        """Look once; never raises for anything that the service does."""
        ...

    async def close(self) -> None:
        """Let go of what is held between looks."""
        ...


def _reason(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, EOFError | ConnectionError):
        return "the connection broke"
    if isinstance(error, ValueError):
        return "not a valid answer"
    return type(error).__name__


class HttpProbe:
    """A service with /live, /ready and /health.

    The three are asked side by side, so that one look takes no longer than the slowest of them. With `speaks_for_all`
    the service's /health tells of the whole platform (the gateway's does): it need only answer, whatever it says.
    """

    def __init__(self, base_url: str, clock: Clock, *, timeout_s: float = 1.0, speaks_for_all: bool = False) -> None:
        """Look at the service at `base_url` (`http://127.0.0.1:8002`)."""
        self._base = base_url
        self._clock = clock
        self._timeout_s = timeout_s
        self._speaks_for_all = speaks_for_all

    async def look(self) -> Look:
        """Ask the three paths at once."""
        started = self._clock.monotonic()
        live, ready, health = await asyncio.gather(self._ask("/live"), self._ask("/ready"), self._ask("/health"))
        took = self._clock.monotonic() - started
        if isinstance(live, str):
            if took > self._timeout_s + _GRACE_S:
                return Look(None, detail=f"the prober was late by {took - self._timeout_s:.1f} s", took_s=took)
            return Look(live=False, detail=f"/live: {live}", took_s=took)
        if live.status != 200:
            return Look(live=False, detail=f"/live answered {live.status}", took_s=took)
        return self._judge(ready, health, took)

    def _judge(self, ready: Answer | str, health: Answer | str, took: float) -> Look:
        is_ready = isinstance(ready, Answer) and ready.status == 200
        state, parts = _health_of(health)
        notes: list[str] = []
        if not is_ready:
            notes.append(f"/ready: {ready}" if isinstance(ready, str) else f"/ready answered {ready.status}")
        if state != "ok":
            broken = ", ".join(f"{name} {value}" for name, value in parts.items() if value != "ok")
            notes.append(f"/health: {state or health}" + (f" ({broken})" if broken else ""))
        healthy = state is not None if self._speaks_for_all else state in {"ok", "degraded"}
        return Look(
            live=True,
            ready=is_ready,
            health=state,
            good=is_ready and healthy,
            detail="; ".join(notes),
            parts=parts,
            took_s=took,
        )

    async def _ask(self, path: str) -> Answer | str:
        try:
            return await get(self._base + path, timeout_s=self._timeout_s)
        except _FAILURES as error:
            return _reason(error)

    async def close(self) -> None:
        """Nothing is held between looks."""


def _health_of(answer: Answer | str) -> tuple[HealthState | None, dict[str, str]]:
    if isinstance(answer, str):
        return None, {}
    document = answer.document()
    state = document.get("status")
    given = document.get("parts")
    parts = {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    if state in {"ok", "degraded", "down"}:
        found: HealthState = state
        return found, parts
    return ("ok" if answer.status == 200 else "down" if answer.status == 503 else None), parts


class PostgresProbe:
    """A PostgreSQL server: down when it takes no connection or no handshake; healthy when it answers a real query.

    The handshake is tried on a fresh connection each time: a frozen postmaster still lets old sessions work. The query
    runs on a session that is kept, and read-only mode counts as degraded, not as down.
    """

    def __init__(self, url: str, host: str, port: int, clock: Clock, *, timeout_s: float = 1.0) -> None:
        """Look at the server at host and port, and query it by `url`."""
        self._url = url
        self._host = host
        self._port = port
        self._clock = clock
        self._timeout_s = timeout_s
        self._session: asyncpg.Connection[asyncpg.Record] | None = None
        # A look outside the rhythm may meet a regular one; a session answers one question at a time.
        self._asking = asyncio.Lock()

    async def look(self) -> Look:
        """Shake hands, then ask a question."""
        started = self._clock.monotonic()
        try:
            refusal = await self._handshake()
        except _FAILURES as error:
            refusal = _reason(error)
        took = self._clock.monotonic() - started
        if refusal:
            await self.close()
            if took > self._timeout_s + _GRACE_S:
                return Look(None, detail=f"the prober was late by {took - self._timeout_s:.1f} s", took_s=took)
            return Look(live=False, detail=f"handshake: {refusal}", took_s=took)
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._asking:
                    read_only = await self._query()
        except (*_FAILURES, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            await self.close()
            took = self._clock.monotonic() - started
            return Look(live=True, ready=False, health="down", detail=f"query: {_reason(error)}", took_s=took)
        took = self._clock.monotonic() - started
        return Look(
            live=True,
            ready=True,
            health="degraded" if read_only else "ok",
            good=True,
            detail="read-only" if read_only else "",
            took_s=took,
        )

    async def _handshake(self) -> str:
        async with asyncio.timeout(self._timeout_s):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                writer.write(struct.pack("!II", 8 + len(_STARTUP), _POSTGRES_PROTOCOL) + _STARTUP)
                await writer.drain()
                kind = await reader.readexactly(1)
                if kind == b"R":
                    return ""
                # An error before authentication: still starting, shutting down, or recovering ("57P03" and the like).
                length = struct.unpack("!I", await reader.readexactly(4))[0]
                text = await reader.read(min(length, 2048))
                code = next((field[1:] for field in text.split(b"\0") if field[:1] == b"C"), b"?")
                return f"refused with SQLSTATE {code.decode('ascii', 'replace')}"
            finally:
                writer.close()

    async def _query(self) -> bool:
        if self._session is None:
            self._session = await asyncpg.connect(
                self._url, timeout=self._timeout_s, command_timeout=self._timeout_s, statement_cache_size=0
            )
        return bool(await self._session.fetchval("SELECT current_setting('default_transaction_read_only') = 'on'"))

    async def close(self) -> None:
        """End the session, without waiting for a server that may be gone."""
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(*_FAILURES, asyncpg.PostgresError, asyncpg.InterfaceError):
                session.terminate()


class RedisProbe:
    """A server that speaks the Redis protocol: it must answer PING. "Loading" is alive but not ready."""

    def __init__(self, host: str, port: int, clock: Clock, *, timeout_s: float = 1.0) -> None:
        """Look at the server at host and port."""
        self._host = host
        self._port = port
        self._clock = clock
        self._timeout_s = timeout_s

    async def look(self) -> Look:
        """Send one PING."""
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await asyncio.open_connection(self._host, self._port)
                try:
                    writer.write(b"PING\r\n")
                    await writer.drain()
                    line = (await reader.readline()).strip()
                finally:
                    writer.close()
        except _FAILURES as error:
            took = self._clock.monotonic() - started
            if took > self._timeout_s + _GRACE_S:
                return Look(None, detail=f"the prober was late by {took - self._timeout_s:.1f} s", took_s=took)
            return Look(live=False, detail=f"PING: {_reason(error)}", took_s=took)
        took = self._clock.monotonic() - started
        if line.startswith((b"+PONG", b"-NOAUTH")):
            return Look(live=True, ready=True, health="ok", good=True, took_s=took)
        if not line:
            return Look(live=False, detail="PING: the connection broke", took_s=took)
        detail = f"PING answered {line[:60].decode('ascii', 'replace')}"
        return Look(live=True, ready=False, health="down", detail=detail, took_s=took)

    async def close(self) -> None:
        """Nothing is held between looks."""
