"""The local supervisor as the engine's orchestrator: a thin client, and the one who starts a dead supervisor again."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Self

from judgify.kit.clock import Clock
from judgify.kit.log import get_logger
from judgify.kit.secrets import mask
from judgify.kit.settings import Settings
from judgify.kit.supervisor_client import SupervisorClient
from judgify.kit.supervisor_types import Change, Event, Resources, Traffic, Unit

log = get_logger("judgify.response.local")

_BY: Final = "engine"
_GRACE_S: Final = 3.0
"""Seconds that a service which does not pass its probes gets for its stop: an incident does not wait for what hangs."""
_REVIVE_WITHIN_S: Final = 10.0
# By way of a process that ends at once: as a child of the engine's, the supervisor would be counted, and limited, as a
# part of the engine's unit.
_DETACH: Final = (
    "import sys, pathlib; from judgify.kit.supervisor_launch import launch; launch(pathlib.Path(sys.argv[1]))"
)


class LocalOrchestrator:
    """Implements `ports.Orchestrator` on the supervisor of this home.

    Every method raises `Unavailable` (slug `no-supervisor`) while the supervisor is dead, and the supervisor's own
    error kind otherwise. The same operation id sent again acts once.
    """

    def __init__(
        self, settings: Settings, clock: Clock, *, timeout_s: float = 3.0, environ: Mapping[str, str] | None = None
    ) -> None:
        """Speak to the supervisor of `settings.home`; one that has to be started gets `environ` (default: ours)."""
        self._environ = os.environ if environ is None else environ
        self._settings = settings
        self._clock = clock
        self._timeout_s = timeout_s
        self._reader = SupervisorClient(settings.home, clock=clock, by=_BY, timeout_s=timeout_s)
        self._reviving = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Use as a context manager to close the connections at its end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._reader.close()

    async def units(self) -> tuple[Unit, ...]:
        """Give all units."""
        return tuple(await self._reader.units())

    async def unit(self, name: str) -> Unit:
        """Give one unit; `NotFound` for an unknown one."""
        return await self._reader.unit(name)

    async def logs(self, name: str, lines: int = 100) -> tuple[str, ...]:
        """Give the newest log lines of a unit's first process, oldest first, with what looks like a secret masked."""
        return tuple(mask(line) for line in await self._reader.logs(name, lines=lines))

    async def resources(self, name: str) -> Resources:
        """Give what a unit uses; `Conflict` when it does not run."""
        return await self._reader.resources(name)

    async def events(self, after: int = 0, limit: int = 20) -> tuple[Event, ...]:
        """Give events with id > after, oldest first; with `after` below zero the newest `limit` ones."""
        return tuple(await self._reader.events(after=after, limit=limit))

    async def start(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Start a unit; starting a running one changes nothing."""
        async with self._as(by) as client:
            return await client.start(name, reason=reason, operation_id=operation_id)

    async def stop(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Stop a unit."""
        async with self._as(by) as client:
            return await client.stop(name, reason=reason, operation_id=operation_id)

    async def restart(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Restart a unit: a new revision with the same release."""
        async with self._as(by) as client:
            return await client.restart(name, reason=reason, operation_id=operation_id, grace_s=_GRACE_S)

    async def roll_back(self, name: str, *, by: str, reason: str, operation_id: str) -> Change:
        """Go back to the newest revision with another release that had been healthy; `Conflict` without one.

        A release that was itself rolled back from is passed over.
        """
        async with self._as(by) as client:
            return await client.rollback(name, reason=reason, operation_id=operation_id, grace_s=_GRACE_S)

    async def scale(self, name: str, replicas: int, *, by: str, reason: str, operation_id: str) -> Change:
        """Change the number of processes of a unit."""
        async with self._as(by) as client:
            return await client.scale(name, replicas, reason=reason, operation_id=operation_id)

    async def set_env(
        self,
        name: str,
        set_: Mapping[str, str],
        unset: Sequence[str] = (),
        *,
        by: str,
        reason: str,
        operation_id: str,
    ) -> Change:
        """Set and unset variables of a unit, which restarts it; `previous` holds the arguments of the undo."""
        async with self._as(by) as client:
            return await client.set_env(name, to_set=set_, to_unset=unset, reason=reason, operation_id=operation_id)

    async def set_limits(
        self,
        name: str,
        *,
        memory_bytes: int | None = None,
        cpu_millis: int | None = None,
        by: str,
        reason: str,
        operation_id: str,
    ) -> Change:
        """Change what a unit may use; a limit not given stays."""
        given = {"memory_bytes": memory_bytes, "cpu_millis": cpu_millis}
        limits = {key: value for key, value in given.items() if value is not None}
        async with self._as(by) as client:
            return await client.set_limits(name, reason=reason, operation_id=operation_id, **limits)

    async def block_traffic(self, retry_after_s: int, *, by: str, reason: str, operation_id: str) -> Traffic:
        """Let the gateway answer 503 with Retry-After to all but health and metrics."""
        async with self._as(by) as client:
            return await client.set_traffic(
                blocked=True, retry_after_s=retry_after_s, reason=reason, operation_id=operation_id
            )

    async def unblock_traffic(self, *, by: str, reason: str, operation_id: str) -> Traffic:
        """Let traffic through again."""
        async with self._as(by) as client:
            return await client.set_traffic(blocked=False, reason=reason, operation_id=operation_id)

    async def traffic(self) -> Traffic:
        """Give the state of the gateway's switch."""
        return await self._reader.traffic()

    async def alive(self) -> bool:
        """Tell whether the supervisor answers. Never raises."""
        return await self._reader.alive()

    async def revive(self) -> bool:
        """Start a dead supervisor as a process of its own that outlives this one; True when one answers now.

        A supervisor that lives, or that somebody else starts meanwhile, makes the new process end by itself: the home's
        lock lets one serve. Two calls at once start one.
        """
        async with self._reviving:
            if await self.alive():
                return True
            log.warning("the supervisor does not answer; starting it")
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                _DETACH,
                str(self._settings.home),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                env=dict(self._environ),
            )
            await process.wait()
            deadline = self._clock.monotonic() + _REVIVE_WITHIN_S
            while self._clock.monotonic() < deadline:
                if await self.alive():
                    return True
                await self._clock.sleep(0.1)
            return await self.alive()

    def _as(self, by: str) -> SupervisorClient:
        return SupervisorClient(self._settings.home, clock=self._clock, by=by, timeout_s=self._timeout_s)
