"""Processes of a benchmark: started here, waited for, ended by pid; pinned to cores when asked."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

START_S: Final = 30.0


def free_port() -> int:
    """Give a port that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    argv: Sequence[str], *, port: int, log: Path, env: Mapping[str, str] | None = None, cores: set[int] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; it is up once `port` takes connections. Raises with its log if it is not."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            argv, env=None if env is None else dict(env), stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
    try:
        if cores:
            os.sched_setaffinity(process.pid, cores)
        _wait(process, port, log)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen on {port}: {log.read_text(errors='replace')[-2000:]}")


def service_env(home: Path, **extra: str) -> dict[str, str]:
    """Give the environment of a Judgify process with a state folder of its own."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("JUDGIFY_", "OPENAI_", "DATABASE"))
    }
    source = str(Path(__file__).resolve().parents[1] / "src")
    return {**kept, "PYTHONPATH": source, "JUDGIFY_HOME": str(home), **extra}


def python(module: str, *arguments: str) -> list[str]:
    """Give the command line that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def middle(samples: Sequence[dict[str, Any]], key: str) -> dict[str, Any]:
    """Give the sample whose `key` is the median."""
    wanted = median(sorted(one[key] for one in samples)[: len(samples) | 1])
    return min(samples, key=lambda one: abs(one[key] - wanted))
