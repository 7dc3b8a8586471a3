"""Starting a supervisor that outlives its starter: `judgify up` does, and the response engine when it finds it dead."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

MARK: Final = "JUDGIFY_SUPERVISED"
"""Variable that every process started by a supervisor carries: ``<home>:<unit>:<index>``. It finds a process whose id
was lost because the supervisor was killed between starting it and writing that down."""

LOG: Final = "logs/supervisor.log"
"""Where the supervisor's own log is, under the home."""


def launch(home: Path, environ: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
    """Start a supervisor for this home in a session of its own; returns at once, before it answers.

    When one runs for this home already, the new one ends by itself with exit code 1. The caller should poll the
    returned process now and then while it lives itself, so that no zombie stays.

    Raises:
        OSError: the log folder or the interpreter cannot be used.
    """
    env = {name: value for name, value in (os.environ if environ is None else environ).items() if name != MARK}
    env["JUDGIFY_HOME"] = str(home)
    log = home / LOG
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "judgify.supervisor"],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=env,
            cwd=home,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
