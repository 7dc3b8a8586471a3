"""Ten thousand alerts at once: durable, in their incidents, and beside Alertmanager's own intake in the same run."""

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import httpx
from tests.support.installation import Installation

from bench.process import free_port, running
from bench.report import Row
from bench.tools import program, shared_files

ALERTS: Final = 10_000
WITHIN_S: Final = 5.0
BATCHED: Final = (100, 4)
SINGLE: Final = (1, 256)
"""Alerts in a request, and connections that send one after another."""
_ALERTMANAGER: Final = """
route: {receiver: none, group_by: [alertname], group_wait: 30s}
receivers: [{name: none}]
"""
Rate = tuple[float, int]
"""Alerts a second, and requests that were not answered 200."""


def measure(*, alerts: int = ALERTS, rounds: int = 3) -> list[Row]:
    """Give the rates of both in turns, the time to durability and to incidents, and the growth of memory."""
    ours: dict[tuple[int, int], list[float]] = {BATCHED: [], SINGLE: []}
    theirs: dict[tuple[int, int], list[float]] = {BATCHED: [], SINGLE: []}
    folded: list[float] = []
    with _engine() as engine, _alertmanager() as other:
        before = engine.memory_mb()
        for number in range(-1, rounds):
            for way in (BATCHED, SINGLE):
                rate = _load(other, "", way, alerts, number)
                began = time.perf_counter()
                mine = _load(engine.port, engine.token, way, alerts, number)
                engine.taken()
                if number >= 0:  # the first round warms both up
                    theirs[way].append(rate)
                    ours[way].append(mine)
                    folded.append(time.perf_counter() - began)
        grown = engine.memory_mb() - before
        total = alerts * 2 * (rounds + 1)
    batched, single = median(ours[BATCHED]), median(ours[SINGLE])
    shown = f"{alerts:,} distinct alerts, {BATCHED[1]} connections; the median of {rounds} rounds in turns"
    return [
        Row(
            "alert intake, batches of 100",
            batched,
            "alerts/s",
            ("Alertmanager", median(theirs[BATCHED])),
            floor=1.0,
            note=f"{shown}; ours is durable when answered, theirs is in memory",
        ),
        Row(
            "alert intake, single posts",
            single,
            "alerts/s",
            ("Alertmanager", median(theirs[SINGLE])),
            floor=0.5,
            note=f"{SINGLE[1]} connections",
        ),
        Row(f"{alerts:,} alerts durable, batches of 100", alerts / batched, "s", most=WITHIN_S),
        Row(f"{alerts:,} alerts durable, single posts", alerts / single, "s", most=WITHIN_S),
        Row(f"{alerts:,} alerts in their incidents", median(folded), "s", note="from the first request"),
        Row("memory grown by a storm", grown, "MB", note=f"{total:,} alerts, {alerts:,} of them distinct at a time"),
    ]


class _Engine:
    def __init__(self, platform: Installation) -> None:
        self._platform = platform
        self.port = platform.settings.ports.of("response")
        self.token = platform.settings.cli_token
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False)
        self._http.headers["Authorization"] = f"Bearer {self.token}"
        self._pid = _listener(self.port)

    def taken(self) -> None:
        """Return once every signal is in its incident."""
        until = time.perf_counter() + 120
        while "judgify_response_signals_waiting 0.0" not in self._http.get("/metrics").text:
            if time.perf_counter() > until:
                raise RuntimeError("the signals are not in their incidents after two minutes")
            time.sleep(0.02)

    def memory_mb(self) -> float:
        """Give the resident memory of the engine."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _listener(port: int) -> int:
    """Give the pid of the process that listens on a port of this machine."""
    wanted = f":{port:04X} "
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    inodes = {line.split()[9] for line in lines if wanted in f"{line.split()[1]} " and line.split()[3] == "0A"}
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            for link in folder.iterdir():
                if str(link.readlink()).removeprefix("socket:[").rstrip("]") in inodes:
                    return int(folder.parent.name)
    raise RuntimeError(f"no process of ours listens on {port}")


@contextmanager
def _engine() -> Iterator[_Engine]:
    platform = Installation()
    try:
        platform.ok("up", "--detach")
        yield _Engine(platform)
    finally:
        platform.remove()


@contextmanager
def _alertmanager() -> Iterator[int]:
    with tempfile.TemporaryDirectory(prefix="judgify-bench-") as name:
        folder = Path(name)
        (folder / "alertmanager.yml").write_text(_ALERTMANAGER)
        path, env = program("prometheus-alertmanager")
        port = free_port()
        argv = [
            path, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=error",
        ]  # fmt: skip
        with shared_files("prometheus"), running(argv, port=port, log=folder / "log", env=env):
            yield port


def _load(port: int, token: str, way: tuple[int, int], alerts: int, number: int) -> float:
    batch, connections = way
    bodies = [_request(token, range(first, min(alerts, first + batch)), number) for first in range(0, alerts, batch)]
    took, refused = asyncio.run(_send(port, bodies, connections))
    if refused:
        raise RuntimeError(f"{refused} of {len(bodies)} requests were not answered 200")
    return alerts / took


def _request(token: str, numbers: Sequence[int], round_number: int) -> bytes:
    alerts = [
        {
            "labels": {
                "alertname": "DiskWillFill",
                "instance": f"host-{n}-{round_number}:9100",
                "job": "judgment-service",
                "severity": "warning",
            },
            "annotations": {"summary": f"the disk of host-{n} will fill"},
            "generatorURL": "http://prometheus/graph",
        }
        for n in numbers
    ]
    body = json.dumps(alerts).encode()
    head = (
        f"POST /api/v2/alerts HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send(port: int, bodies: list[bytes], connections: int) -> Rate:
    waiting = list(reversed(bodies))
    refused = 0

    async def one() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            writer.write(waiting.pop())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            refused += head.split(b" ", 2)[1] != b"200"
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
            if length and int(length):
                await reader.readexactly(int(length))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return time.perf_counter() - began, refused
