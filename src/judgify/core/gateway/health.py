"""The health of the whole: what the gateway's /health says (guide 2.2; a stopped part shows within a second or so)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from judgify.core.gateway.connection import UpstreamFault
from judgify.core.gateway.pool import Pool
from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError
from judgify.kit.log import get_logger
from judgify.kit.web import Health, State

log = get_logger("judgify.gateway.health")
PROBE_TIMEOUT_S: Final = 1.0
LOOK_S: Final = 1.0
FRESH_S: Final = 0.5
ESSENTIAL: Final = ("judgment", "database")
"""Parts without which the platform cannot do its job."""

Probe = Callable[[], Awaitable[State]]


def summarise(parts: Mapping[str, State]) -> Health:
    """Judge the whole: down when an essential part is, degraded when any part is not ok."""
    if any(parts.get(name, "down") == "down" for name in ESSENTIAL):
        return Health("down", parts)
    return Health("ok" if all(state == "ok" for state in parts.values()) else "degraded", parts)


async def probe_service(pool: Pool) -> State:
    """Ask one service's own /health over the data path's pool, on a connection that this probe alone uses."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await _ask(pool)
    except (JudgifyError, UpstreamFault, TimeoutError):
        return "down"


async def _ask(pool: Pool) -> State:
    connection = await pool.acquire(fresh=True)
    try:
        connection.begin(head_only=False)
        connection.write(
            b"GET /health HTTP/1.1\r\nhost: "
            + pool.host_header
            + b"\r\nx-request-id: probe\r\nconnection: close\r\n\r\n"
        )
        await connection.head
        parts = []
        while (part := await connection.chunk()) is not None:
            parts.append(part)
        return read_state(connection.status, b"".join(parts))
    finally:
        pool.discard(connection)


def read_state(status: int, body: bytes) -> State:
    """Read a service's health answer: any status but 2xx is down; an answer of 2xx may call itself degraded."""
    if not 200 <= status < 300:
        return "down"
    try:
        document: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return "degraded"
    said = document.get("status") if isinstance(document, dict) else None
    return "ok" if said == "ok" else "degraded"


class HealthMonitor:
    """Probes all parts once a second, and at once when someone asks and the last look is older than half a second."""

    def __init__(self, probes: Mapping[str, Probe], clock: Clock) -> None:
        """Take one probe per part."""
        self._probes = probes
        self._clock = clock
        self._report: Health | None = None
        self._at = float("-inf")
        self._running: asyncio.Task[Health] | None = None

    @property
    def latest(self) -> Health | None:
        """The last report, however old; None before the first."""
        return self._report

    async def report(self) -> Health:
        """Give a report that is at most half a second old; all who ask at once share one look."""
        if self._report is not None and self._clock.monotonic() - self._at <= FRESH_S:
            return self._report
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._look())
        return await asyncio.shield(self._running)

    async def watch(self) -> None:
        """Keep the report fresh until cancelled."""
        try:
            while True:
                await self.report()
                await self._clock.sleep(LOOK_S)
        finally:
            if self._running is not None:
                self._running.cancel()

    async def _look(self) -> Health:
        # The age of a report counts from the beginning of its look, so that a slow probe makes no stale report fresh.
        started = self._clock.monotonic()
        names = list(self._probes)
        states = await asyncio.gather(*(self._probes[name]() for name in names), return_exceptions=True)
        parts: dict[str, State] = {}
        for name, state in zip(names, states, strict=True):
            if isinstance(state, BaseException):
                log.error("health probe failed", part=name, reason=type(state).__name__)
                parts[name] = "down"
            else:
                parts[name] = state
        report = summarise(parts)
        if self._report is None or report != self._report:
            log.info("health of the whole", status=report.status, **parts)
        self._report, self._at = report, started
        return report
