"""HTTP load from wrk: one thread, N connections, latencies as wrk measures them."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.tools import program

_SCRIPT = """
wrk.method = %(method)s
wrk.body = %(body)s
%(headers)s
done = function(summary, latency, requests)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
            + summary.errors.timeout
  io.write(string.format('\\n@@{"requests":%%d,"seconds":%%f,"errors":%%d,"p50":%%f,"p95":%%f,"p99":%%f,"max":%%f}\\n',
    summary.requests, summary.duration / 1e6, bad, latency:percentile(50) / 1000, latency:percentile(95) / 1000,
    latency:percentile(99) / 1000, latency.max / 1000))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What one connection asks again and again."""

    url: str
    method: str = "GET"
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def press(load: Load, connections: int, seconds: float, folder: Path, *, core: int | None = None) -> dict[str, Any]:
    """Ask for `seconds` over `connections`: requests/s (`rate`), p50, p95, p99 in ms, and `errors`."""
    script = folder / "wrk.lua"
    quoted = json.dumps(load.body) if load.body is not None else "nil"
    headers = "\n".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in load.headers)
    script.write_text(_SCRIPT % {"method": json.dumps(load.method), "body": quoted, "headers": headers})
    path, env = program("wrk")
    pin = [] if core is None else ["taskset", "-c", str(core)]
    done = subprocess.run(
        [*pin, path, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(script), load.url],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.split("@@")[1])
    return {**found, "rate": found["requests"] / found["seconds"]}
