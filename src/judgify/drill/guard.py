"""`python -m judgify.drill.guard`: puts back what a drill had changed when the drill dies before it could.

It holds the reading end of a pipe whose other end only the drill has: its end, however it comes, is the end of the
file. A drill that ended as it should has put everything back itself, and nothing is left to do.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from judgify.drill.undo import Undo
from judgify.kit.client import ServiceClient
from judgify.kit.clock import SystemClock
from judgify.kit.settings import Settings
from judgify.kit.supervisor_client import SupervisorClient


@contextmanager
def guarded(settings: Settings) -> Iterator[None]:
    """Let a guard watch while a drill runs; it outlives a killed drill, and ends with one that ends."""
    guard = subprocess.Popen(
        [sys.executable, "-m", "judgify.drill.guard"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **settings.environ},
        start_new_session=True,
    )
    try:
        yield
    finally:
        if guard.stdin is not None:
            guard.stdin.close()
        guard.wait()


async def put_back(settings: Settings) -> list[str]:
    """Undo what the journal still holds; gives what could not be undone."""
    undo = Undo(settings.home)
    if not undo.entries:
        return []
    clock = SystemClock()
    async with (
        SupervisorClient(settings.home, clock=clock, by="drill") as supervisor,
        ServiceClient(settings.url("gateway"), clock=clock, token=settings.cli_token) as gateway,
    ):
        return await undo.run(supervisor, gateway)


def main() -> int:
    """Wait for the end of the drill, then put back what is left; 1 when something could not be."""
    sys.stdin.buffer.read()
    return 1 if asyncio.run(put_back(Settings.from_env())) else 0


if __name__ == "__main__":
    sys.exit(main())
