"""Running the supervisor's own small programs: they know the units, the command line does not."""

import json
import subprocess
import sys
from typing import Any

from judgify.kit.errors import Unavailable


def preflight() -> list[dict[str, str]]:
    """What has to be right before `up` can work: check, level (ok, warning, error), text, mend."""
    return [dict(finding) for finding in _run("judgify.supervisor.preflight")]


def left_over(*, kill: bool) -> list[dict[str, Any]]:
    """Processes of this installation that still run; with ``kill`` they are ended first."""
    return [dict(row) for row in _run("judgify.supervisor.sweep", *(["--kill"] if kill else []))]


def _run(module: str, *arguments: str) -> list[Any]:
    done = subprocess.run(  # noqa: S603 - our own modules, by argument list
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    try:
        # Log lines may come first; the answer is the last line.
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Unavailable(f"{module} failed ({done.returncode}): {last}") from None
    return list(answer)
