"""The logging service is away under load, killed in the middle of a batch: does every line arrive exactly once?

Run it as `python -m bench.log_outage --seconds 60`. Lines reach the log on both ways: a process of ours writes to its
log file, and a client sends batches over HTTP under idempotency keys, each until it is answered with 201. Two logging
services share the work. Both are killed at once (SIGKILL); when they are back, PostgreSQL is killed and started, too.
Every line carries a number of its own; the numbers kept are compared with those sent.
"""

import argparse
import asyncio
import http.client
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
from tests.support.core_process import CoreProcess, Home

from bench.logbook import PATH, platform

_LOADER = """
import itertools, sys, time
from judgify.kit import log
log.configure("loader")
logger = log.get_logger("loader")
for number in itertools.count():
    logger.info("a line under load", number=number)
    time.sleep(1 / float(sys.argv[1]))
"""
_BATCH = 50
_ARRIVE_S = 90.0


class Sender(threading.Thread):
    """Sends numbered batches, each again under its key until the service says that it is kept."""

    def __init__(self, homes: list[Home]) -> None:
        super().__init__(name="sender")
        self._homes = homes
        self._ending = threading.Event()
        self.sent = 0
        self.tries = 0

    def run(self) -> None:
        """Send until told to end; the batch that is under way is sent to its end."""
        while not self._ending.is_set():
            lines = [
                json.dumps(
                    {"level": "INFO", "service": "sender", "message": "m", "fields": {"number": self.sent + one}}
                )
                for one in range(_BATCH)
            ]
            body = "\n".join(lines).encode()
            while not self._once(body, f"batch-{self.sent}"):
                self._ending.wait(0.05)
            self.sent += _BATCH

    def end(self) -> None:
        """End after the present batch."""
        self._ending.set()
        self.join(_ARRIVE_S)

    def _once(self, body: bytes, key: str) -> bool:
        self.tries += 1
        home = self._homes[self.tries % len(self._homes)]
        connection = http.client.HTTPConnection("127.0.0.1", home.ports["logging"], timeout=10)
        try:
            connection.request(
                "POST", PATH, body, {"Authorization": f"Bearer {home.token('service')}", "Idempotency-Key": key}
            )
            return connection.getresponse().status == 201
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def outage(seconds: float, rate: int = 500) -> dict[str, Any]:
    """Run the story with an outage of so many seconds at `rate` lines a second; give what was sent, kept, missing."""
    with platform() as (home, service, server):
        twin = CoreProcess(Home(home.folder, server.url), "logging").start("/ready")
        path = home.folder / "logs" / "loader.log"
        with path.open("ab") as log:
            loader = subprocess.Popen([sys.executable, "-c", _LOADER, str(rate)], stdout=log, env=home.environ)
        sender = Sender([home, twin.home])
        sender.start()
        try:
            _until(lambda: _lines(path) >= rate and sender.sent >= 10 * _BATCH)
            service.kill()
            twin.kill()
            before, down = _lines(path), time.perf_counter()
            _until(lambda: time.perf_counter() - down >= seconds, seconds + 10)
            during = _lines(path) - before
            service.start("/ready")
            twin.start("/ready")
            server.kill()
            server.start()
            service.wait_for("/ready")
            back = time.perf_counter()
        finally:
            loader.terminate()
            loader.wait(10)
            sender.end()
        try:
            written = _lines(path)
            kept = asyncio.run(_kept(server.url, written + sender.sent))
        finally:
            twin.stop()
        wanted = Counter({("loader", number): 1 for number in range(written)})
        wanted.update({("sender", number): 1 for number in range(sender.sent)})
        return {
            "outage_s": seconds,
            "lines_in_file": written,
            "written_during_outage": during,
            "lines_over_http": sender.sent,
            "tries_over_http": sender.tries,
            "missing": sum((wanted - kept).values()),
            "twice": sum((kept - wanted).values()),
            "all_there_s": round(time.perf_counter() - back, 1),
        }


async def _kept(url: str, wanted: int) -> Counter[tuple[str, int]]:
    connection = await asyncpg.connect(url)
    condition = "service IN ('loader', 'sender') AND fields->>'number' IS NOT NULL"
    try:
        async with asyncio.timeout(_ARRIVE_S):
            while await connection.fetchval(f"SELECT count(*) FROM logging.line WHERE {condition}") < wanted:  # noqa: ASYNC110, S608 - the database is what is asked; ours
                await asyncio.sleep(0.2)
    except TimeoutError:
        pass  # what is missing is told below
    rows = await connection.fetch(
        f"SELECT service, (fields->>'number')::int AS number, count(*) AS count FROM logging.line WHERE {condition} "  # noqa: S608 - ours
        "GROUP BY 1, 2"
    )
    await connection.close()
    return Counter({(row["service"], row["number"]): row["count"] for row in rows})


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def _until(condition: Callable[[], bool], within_s: float = 30) -> None:
    deadline = time.perf_counter() + within_s
    while not condition():
        if time.perf_counter() > deadline:
            raise TimeoutError("it did not come so far in time")
        time.sleep(0.05)


def main() -> int:
    """Run and print; 1 when a line is missing or there twice."""
    parser = argparse.ArgumentParser(description="log lines through an outage of the logging service")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=500)
    chosen = parser.parse_args()
    found = outage(chosen.seconds, chosen.rate)
    print(json.dumps(found, indent=2))
    return 1 if found["missing"] or found["twice"] else 0


if __name__ == "__main__":
    sys.exit(main())
