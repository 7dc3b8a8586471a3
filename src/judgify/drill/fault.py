"""Breaking things for real: the processes of a unit get SIGKILL, as from an out-of-memory kill."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from judgify.kit.errors import Conflict
from judgify.kit.supervisor_client import SupervisorClient


@dataclass(frozen=True, slots=True)
class Injected:
    """What was done: which processes of which unit got SIGKILL."""

    unit: str
    pids: Sequence[int]


async def kill(supervisor: SupervisorClient, unit: str) -> Injected:
    """Send SIGKILL to every main process of a unit; `Conflict` when none runs.

    The supervisor is only asked which processes they are: it learns of the deaths like anybody else.
    """
    state = await supervisor.unit(unit)
    pids = [instance.pid for instance in state.instances if instance.exited_at is None]
    if not pids:
        raise Conflict(f"the unit {unit} does not run, so there is nothing to kill; start it first: judgify up")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return Injected(unit, pids)
