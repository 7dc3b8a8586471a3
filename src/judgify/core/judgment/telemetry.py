"""This host's own readings, judged every few seconds while the service runs, by the workflow `host-telemetry`.

Off with `JUDGIFY_HOST_TELEMETRY=false`.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from judgify.core.contracts.wire import JudgmentOptions, JudgmentRequest
from judgify.core.judgment.desk import Desk
from judgify.kit.clock import Clock
from judgify.kit.errors import JudgifyError, NotFound
from judgify.kit.log import get_logger

log = get_logger("judgify.judgment.telemetry")
WORKFLOW: Final = "host-telemetry"
EVERY_S: Final = 5.0
SUBJECT: Final = "service:judgment"


def read_host(folder: Path) -> dict[str, Any]:
    """Read load per processor, memory and disk in percent. The disk is the one that holds `folder`."""
    memory = psutil.virtual_memory()
    processors = psutil.cpu_count() or 1
    return {
        "load_per_cpu": round(psutil.getloadavg()[0] / processors, 2),
        "memory_percent": memory.percent,
        "disk_percent": psutil.disk_usage(str(folder)).percent,
        "swap_percent": psutil.swap_memory().percent,
        "processors": processors,
    }


class Telemetry:
    """The background task that judges the host."""

    def __init__(self, desk: Desk, folder: Path, clock: Clock, *, every_s: float = EVERY_S) -> None:
        """Judge through `desk`, as any other input is judged."""
        self._desk = desk
        self._folder = folder
        self._clock = clock
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="host telemetry")

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        known_missing = False
        while True:
            try:
                await self.once()
            except NotFound:
                # Deactivated on purpose, or not installed yet: said once, and looked for again.
                if not known_missing:
                    log.info("host telemetry waits for its workflow", workflow=WORKFLOW)
                known_missing = True
            except (JudgifyError, OSError) as error:
                log.warning("the host was not judged", reason=str(error)[:200])
            else:
                known_missing = False
            await self._clock.sleep(self._every_s)

    async def once(self) -> None:
        """Read the host and judge the reading."""
        reading = await asyncio.to_thread(read_host, self._folder)
        request = JudgmentRequest(
            input_data=msgspec.Raw(msgspec.json.encode(reading)),
            workflow_name=WORKFLOW,
            options=JudgmentOptions(trace=False),
        )
        await self._desk.one(request, SUBJECT)
