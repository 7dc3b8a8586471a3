"""Ending what is left of a home without its supervisor: ``python -m judgify.supervisor.sweep [--kill]``.

`judgify down` runs it last. Without ``--kill`` it only says what runs. A process counts as ours by the mark that the
supervisor gave it, or by process id *and* start time in the state on disk; never by its name.
"""

import argparse
import contextlib
import json
import signal
import sys
from pathlib import Path

import psutil

from judgify.kit.settings import Settings
from judgify.supervisor.process import alive, marked, wait_gone
from judgify.supervisor.store import DiskState

_GRACE_S = 10.0
_ROUNDS = 2  # the engine may have started a supervisor in the very moment that it was ended itself


def left_over(home: Path) -> dict[int, str]:
    """Process id → unit, of everything of this home that runs; the supervisor itself is called ``supervisor``."""
    if not (home / "supervisor").exists():
        return {}
    found: dict[int, str] = {}
    for record in DiskState(home).load_units().values():
        for process in record.living:
            if alive(process.pid, process.identity):
                found[process.pid] = record.name
    found.update({pid: unit for pid, unit, _ in marked(home)})
    with contextlib.suppress(OSError, ValueError):
        own = json.loads((home / "supervisor" / "process.json").read_bytes())
        if alive(int(own["pid"]), str(own["identity"])):
            found[int(own["pid"])] = "supervisor"
    return found


def end(home: Path) -> dict[int, str]:
    """End all of it: the supervisor first, then politely, then the hard way. Gives what could not be ended."""
    for _ in range(_ROUNDS):
        units = left_over(home)
        if not units:
            break
        _end_round(units)
    return left_over(home)


def _end_round(units: dict[int, str]) -> None:
    ordered = sorted(units, key=lambda pid: (units[pid] != "supervisor", units[pid] in {"postgres", "redis"}))
    for stores in (False, True):
        batch = [pid for pid in ordered if (units[pid] in {"postgres", "redis"}) == stores]
        _end_batch(batch, units)


def _end_batch(pids: list[int], units: dict[int, str]) -> None:
    processes = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            process.send_signal(signal.SIGINT if units[pid] == "postgres" else signal.SIGTERM)
            processes.append(process)
    stubborn = wait_gone([process.pid for process in processes], _GRACE_S)
    for process in processes:
        if process.pid in stubborn:
            with contextlib.suppress(psutil.Error):
                process.kill()
    wait_gone(stubborn, 3)


def main() -> int:
    """Print what is left as JSON; 1 when something is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kill", action="store_true", help="end what is left")
    arguments = parser.parse_args()
    home = Settings.from_env().home
    left = end(home) if arguments.kill else left_over(home)
    rows = [{"pid": pid, "unit": unit} for pid, unit in left.items()]
    sys.stdout.write(json.dumps(rows) + "\n")
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
