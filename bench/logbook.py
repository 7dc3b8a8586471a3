"""Log intake and the guide's query, measured on this machine: a PostgreSQL and the real service, each a process.

Run it as `python -m bench.logbook` from the repository's folder, or call `measure`. The yardstick in the same run is a
plain binary COPY of the same rows, by the same driver, into a table without an index.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import asyncpg
from tests.support.core_process import CoreProcess, Home
from tests.support.stores import Postgres

from judgify.kit.clock import SystemClock

CLOCK = SystemClock()
PATH = "/api/v2/logging/lines"
GUIDE = "level:ERROR AND @timestamp:[now-15m TO now]"
SERVICES = ("gateway", "judgment", "workflow", "action", "notification", "dashboard")


def document(number: int, moment: datetime) -> dict[str, Any]:
    """Give a line as our services write them: every hundredth is an error."""
    bad = number % 100 == 0
    return {
        "timestamp": moment.isoformat(),
        "level": "ERROR" if bad else "INFO",
        "service": SERVICES[number % len(SERVICES)],
        "message": f"upstream {number % 7} did not answer within 3 s" if bad else f"request {number} answered in 12 ms",
        "request_id": f"req_{number:026d}",
        "fields": {"logger": "judgify.core.gateway", "path": "/api/v2/judgment/execute", "duration_ms": 12.5},
    }


def bodies(count: int, size: int, first: int, span: timedelta) -> list[bytes]:
    """Give NDJSON bodies with `count` lines in all, their times spread evenly over the span before now."""
    now = CLOCK.now()
    made = []
    for start in range(0, count, size):
        lines = [
            json.dumps(document(first + number, now - span * (1 - number / count)))
            for number in range(start, min(count, start + size))
        ]
        made.append("\n".join(lines).encode())
    return made


@contextlib.contextmanager
def platform() -> Iterator[tuple[Home, CoreProcess, Postgres]]:
    """Start a PostgreSQL and a logging service on free ports; end both."""
    with tempfile.TemporaryDirectory(prefix="judgify-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = Postgres(folder / "server").create()
        try:
            home = Home(folder / "home", server.url)
            (home.folder / "logs").mkdir(exist_ok=True)
            service = CoreProcess(home, "logging").start("/ready")
            try:
                yield home, service, server
            finally:
                service.stop()
        finally:
            server.stop()


def _send(home: Home, work: Iterator[bytes]) -> list[float]:
    """Send bodies over one connection until there are none left; give the time of each in seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", home.ports["logging"], timeout=30)
    headers = {"Authorization": f"Bearer {home.token('service')}", "Content-Type": "application/x-ndjson"}
    times = []
    for body in work:
        started = time.perf_counter()
        connection.request("POST", PATH, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 201:
            raise RuntimeError(f"{answer.status}: {content[:300]!r}")
        times.append(time.perf_counter() - started)
    connection.close()
    return times


class _Shared:
    """One iterator for several threads."""

    def __init__(self, items: list[bytes]) -> None:
        self._items = iter(items)

    def __iter__(self) -> "_Shared":
        return self

    def __next__(self) -> bytes:
        return next(self._items)


def load(home: Home, made: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Send all bodies over so many connections; give the seconds it took and the time of each."""
    shared = _Shared(made)
    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        times = [one for found in pool.map(lambda _: _send(home, shared), range(connections)) for one in found]
    return time.perf_counter() - started, times


async def copied(url: str, made: list[bytes]) -> float:
    """Give the lines per second of a plain COPY of the same rows, a commit for each body."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE plain (time timestamptz, level text, service text, message text, request_id text, fields json)"
    )
    batches = [
        [
            (datetime.fromisoformat(one["timestamp"]), one["level"], one["service"], one["message"], one["request_id"],
             json.dumps(one["fields"]))
            for one in map(json.loads, body.splitlines())
        ]
        for body in made
    ]  # fmt: skip
    started = time.perf_counter()
    for batch in batches:
        await connection.copy_records_to_table("plain", records=batch)
    took = time.perf_counter() - started
    await connection.execute("DROP TABLE plain")
    await connection.close()
    return sum(map(len, batches)) / took


def asked(home: Home, times: int, parameters: dict[str, str]) -> dict[str, float]:
    """Ask one query again and again; give median and p99 in milliseconds and the number of rows."""
    took = []
    rows = 0
    with home.client("logging", "viewer") as client:
        for _ in range(times):
            started = time.perf_counter()
            answer = client.get(PATH, params=parameters)
            took.append((time.perf_counter() - started) * 1000)
            answer.raise_for_status()
            rows = len(answer.json()["data"])
    return {"p50_ms": median(took), "p99_ms": quantiles(took, n=100)[98], "rows": rows}


async def measure(
    *, lines: int = 400_000, batch: int = 2_000, connections: int = 4, corpus: int = 1_000_000, queries: int = 60
) -> dict[str, Any]:
    """Measure intake and the guide's query; see the module's text.

    `lines_per_s` counts from the first byte sent to the last 201; each line of it is durable. The query runs over at
    least `corpus` lines spread over 24 hours, through the service's own route.
    """
    made = await asyncio.to_thread(bodies, lines, batch, 0, timedelta(seconds=30))
    with platform() as (home, _, server):
        await asyncio.to_thread(load, home, made[: max(1, len(made) // 10)], connections)  # warm
        took, times = await asyncio.to_thread(load, home, made, connections)
        yardstick = await copied(server.url, made)
        found: dict[str, Any] = {
            "lines": lines,
            "batch": batch,
            "connections": connections,
            "lines_per_s": lines / took,
            "commit_p50_ms": median(times) * 1000,
            "commit_p99_ms": quantiles(times, n=100)[98] * 1000,
            "copy_lines_per_s": yardstick,
            "ratio": lines / took / yardstick,
        }
        if corpus:
            filler = await asyncio.to_thread(bodies, corpus, 10_000, lines, timedelta(hours=24))
            await asyncio.to_thread(load, home, filler, 2)
            connection = await asyncpg.connect(server.url)
            await connection.execute("ANALYZE logging.line")
            found["corpus"] = await connection.fetchval("SELECT count(*) FROM logging.line")
            await connection.close()
            for name, parameters in (
                ("guide_query", {"q": GUIDE, "limit": "100"}),
                ("by_level", {"level": "ERROR", "from": (CLOCK.now() - timedelta(minutes=15)).isoformat()}),
            ):
                with contextlib.suppress(Exception):
                    found[name] = await asyncio.to_thread(asked, home, queries, parameters)
        return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="log intake and the guide's query")
    parser.add_argument("--lines", type=int, default=400_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--corpus", type=int, default=1_000_000)
    chosen = vars(parser.parse_args())
    print(json.dumps(asyncio.run(measure(**chosen)), indent=2))


if __name__ == "__main__":
    main()
