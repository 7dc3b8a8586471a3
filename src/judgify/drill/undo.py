"""What a drill changed and has to put back: written down before each change, undone at the end or by a guard.

A drill may be killed at any moment. The journal on the disk is what makes it leave everything as it was all the same.
"""

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from judgify.kit.client import ServiceClient
from judgify.kit.errors import Conflict, JudgifyError, NotFound
from judgify.kit.files import write_atomic
from judgify.kit.supervisor_client import SupervisorClient
from judgify.kit.supervisor_types import UnitSpec

Entry = dict[str, Any]
_HEALTHY_S: Final = 30.0


class Undo:
    """The journal of one home, one drill at a time. An entry is written down before the change that it undoes."""

    def __init__(self, home: Path) -> None:
        """Read what a drill that was cut off left behind, if any."""
        self.path = home / "drills" / "undo.json"
        self.entries: list[Entry] = []
        try:
            self.entries = list(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            self.entries = []

    def _note(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._save()

    def _save(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.entries:
            write_atomic(self.path, json.dumps(self.entries, ensure_ascii=False).encode())
        else:
            self.path.unlink(missing_ok=True)

    def environment(self, unit: str, names: list[str], before: dict[str, str]) -> None:
        """Note the variables of a unit as they are before they are set."""
        kept = {name: before[name] for name in names if name in before}
        self._note({"do": "env", "unit": unit, "set": kept, "unset": [name for name in names if name not in before]})

    def limits(self, unit: str, memory_bytes: int | None) -> None:
        """Note a unit's memory limit as it is before it is changed."""
        self._note({"do": "limits", "unit": unit, "memory_bytes": memory_bytes})

    def definition(self, spec: UnitSpec, bad_release: str) -> None:
        """Note a unit's definition before a bad release is defined over it."""
        self._note({"do": "define", "spec": spec.model_dump(mode="json"), "bad_release": bad_release})

    def process(self, pid: int) -> None:
        """Note a process that the drill started."""
        self._note({"do": "end", "pid": pid, "began": psutil.Process(pid).create_time()})

    def file(self, path: Path) -> None:
        """Note a file that the drill makes."""
        self._note({"do": "file", "path": str(path)})

    def account(self, name: str) -> None:
        """Note an account that is open only while the drill lasts."""
        self._note({"do": "account", "name": name})

    async def run(self, supervisor: SupervisorClient, gateway: ServiceClient) -> list[str]:
        """Undo all entries, the newest first, and give in words what could not be put back; those entries stay."""
        left: list[Entry] = []
        faults: list[str] = []
        for entry in reversed(self.entries):
            try:
                await _undo(entry, supervisor, gateway)
            except NotFound:
                continue
            except (JudgifyError, OSError, psutil.Error) as error:
                left.insert(0, entry)
                reason = error.detail if isinstance(error, JudgifyError) else str(error)
                faults.append(
                    f"could not put back {entry['do']} of {entry.get('unit', entry.get('name', ''))}: {reason}"
                )
        self.entries = left
        self._save()
        return faults


async def _undo(entry: Entry, supervisor: SupervisorClient, gateway: ServiceClient) -> None:
    reason = "the drill is over"
    match entry["do"]:
        case "env":
            await supervisor.set_env(
                entry["unit"], to_set=entry["set"], to_unset=entry["unset"], reason=reason, wait_s=_HEALTHY_S
            )
        case "limits":
            await supervisor.set_limits(entry["unit"], memory_bytes=entry["memory_bytes"], reason=reason)
        case "define":
            spec = UnitSpec.model_validate(entry["spec"])
            if (await supervisor.unit(spec.name)).release == entry["bad_release"]:
                # The engine did not come to it. A rollback marks the release, so that nothing ever returns to it.
                with suppress(Conflict):
                    await supervisor.rollback(spec.name, reason=reason, wait_s=_HEALTHY_S, grace_s=3.0)
            bad = (await supervisor.unit(spec.name)).release == entry["bad_release"]
            # What runs is as before by now: this makes no revision, and restarts nothing.
            await supervisor.define(spec, reason=reason, restart=bad, wait_s=_HEALTHY_S if bad else None)
        case "account":
            await gateway.request("PATCH", f"/api/v2/auth/users/{entry['name']}", json={"disabled": True})
        case "file":
            await asyncio.to_thread(Path(entry["path"]).unlink, missing_ok=True)
        case _:
            await asyncio.to_thread(_end, int(entry["pid"]), float(entry["began"]))


def _end(pid: int, began: float) -> None:
    try:
        process = psutil.Process(pid)
        if process.create_time() == began:
            os.kill(pid, signal.SIGTERM)
            process.wait(5)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        os.kill(pid, signal.SIGKILL)
