"""A hundred alerts a second, some or all of them the first of an incident: from the alert to its page on the wire.

The alerts are sent at their moments whatever became of those before; what waits for a free connection is timed, too.
Incidents are ended a second after their alert was answered. Beside it stand Alertmanager with `group_wait: 0s` under
the same load, and what the disk takes meanwhile.
"""

import asyncio
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from ruamel.yaml import YAML
from tests.support.installation import ROOT, Installation

from bench.process import free_port, running
from bench.report import Row
from bench.sink import Sink, sink
from bench.tools import program, shared_files
from judgify.kit.clock import SystemClock, iso

RATE: Final = 100.0
P50_MS: Final = 5.0
P99_MS: Final = 25.0
OPEN_S: Final = 1.0
"""How long an incident stays open."""
WARM: Final = 200
"""Alerts that are sent before the first that counts."""
CONNECTIONS: Final = 16
LINGER_S: Final = 3.0
"""How long pages are waited for after the last alert."""
LOST_MS: Final = 60_000.0
"""What counts for an alert whose page did not come while its incident was open."""
_MARK: Final = "wire[0-9]{7}x"
_ALERTMANAGER: Final = """
route: {{receiver: page, group_by: [alertname, n], group_wait: 0s, group_interval: 1s, repeat_interval: 24h}}
receivers:
  - name: page
    webhook_configs: [{{url: "http://127.0.0.1:{port}/", send_resolved: false}}]
"""


@dataclass(frozen=True, slots=True)
class Party:
    """A server that pages: where, how an alert is posted to it, and how what came of it is ended."""

    port: int
    sink: Sink
    folder: Path
    """On the disk that it writes to."""
    alert: Callable[[str], bytes]
    """Gives the request that posts an alert with a mark."""
    ending: Callable[[bytes], bytes | None]
    """Gives the request that ends what an answer tells of, where there is one."""


def measure(*, seconds: float = 30) -> list[Row]:
    """Give p50 and p99 in milliseconds of both, and what a write to the disk takes meanwhile."""
    rows = []
    for every, what in ((10, "one in ten of a new root"), (1, "each of a root of its own")):
        alerts = int(seconds * RATE)
        with _engine() as party, _writes(party.folder) as writes:
            ours, answered = asyncio.run(_load(party, alerts, every))
        with _alertmanager() as party:
            theirs, _ = asyncio.run(_load(party, alerts, every))
        note = f"{alerts:,} alerts, {what}, resolved {OPEN_S:g} s later; {len(ours):,} pages"
        if late := ours.count(LOST_MS):
            note += f", {late} OF THEM NOT THERE BY THEN"
        durable = f"answered as durable p50 {median(answered):.1f} p99 {_p99(answered):.1f} ms"
        disk = f"write and fsync of 4 KiB in the same run p50 {median(writes):.2f} p99 {_p99(writes):.2f} ms"
        named = f"alerts at {RATE:g}/s, {what}, to the page on the wire"
        p50, p99 = ("Alertmanager", median(theirs)), ("Alertmanager", _p99(theirs))
        rows += [
            Row(f"{named}, p50", median(ours), "ms", p50, most=P50_MS, note=f"{note}; {disk}"),
            Row("the same, p99", _p99(ours), "ms", p99, most=P99_MS, note=durable),
        ]
    return rows


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


class _Wire:
    """Connections to a server, each for one request at a time."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def open(self, port: int) -> None:
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> bytes:
        """Give the body of the answer; raises unless it is a success."""
        reader, writer = await self._free.get()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
        body = await reader.readexactly(int(length or 0))
        self._free.put_nowait((reader, writer))
        if not head.startswith(b"http/1.1 2"):
            raise RuntimeError(f"{head[:40]!r} {body[:300]!r}")
        return body

    def close(self) -> None:
        while not self._free.empty():
            self._free.get_nowait()[1].close()


async def _load(party: Party, alerts: int, every: int) -> tuple[list[float], list[float]]:
    """Give the milliseconds from an alert's sending to its page on the wire, and to its answer.

    Each `every`th alert is of a new root and counts; the others repeat the last such one.
    """
    wire = _Wire()
    await wire.open(party.port)
    sent: dict[str, float] = {}
    answered: dict[str, float] = {}

    async def one(mark: str) -> None:
        body = await wire.ask(party.alert(mark))
        answered[mark] = time.perf_counter()
        ending = party.ending(body)
        if ending is not None:
            await asyncio.sleep(OPEN_S)
            await wire.ask(ending)

    began = time.perf_counter() + 0.1
    async with asyncio.TaskGroup() as group:
        for number in range(WARM + alerts):
            left = began + number / RATE - time.perf_counter()
            await asyncio.sleep(max(0.0, left))
            mark = f"wire{number - number % every:07}x"
            if number % every:
                group.create_task(wire.ask(party.alert(mark)))
                continue
            sent[mark] = time.perf_counter()
            group.create_task(one(mark))
    await asyncio.sleep(LINGER_S)
    wire.close()
    arrived = party.sink.arrived()
    counted = list(sent)[WARM // every :]
    return (
        [(arrived[mark] - sent[mark]) * 1000 if mark in arrived else LOST_MS for mark in counted],
        [(answered[mark] - sent[mark]) * 1000 for mark in counted],
    )


def _post(path: str, document: object, token: str = "") -> bytes:
    body = json.dumps(document).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def _writes(folder: Path) -> Iterator[list[float]]:
    """Write and force 4 KiB to the disk ten times a second meanwhile; give the milliseconds of each."""
    found: list[float] = []
    over = threading.Event()

    def write() -> None:
        with (folder / "bench-writes").open("wb", buffering=0) as file:
            while not over.wait(0.1):
                began = time.perf_counter()
                file.write(bytes(4096))
                os.fsync(file.fileno())
                found.append((time.perf_counter() - began) * 1000)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


@contextmanager
def _engine() -> Iterator[Party]:
    with sink(_MARK) as place, tempfile.TemporaryDirectory(prefix="judgify-bench-") as name:
        guide = Path(name) / "guide"
        shutil.copytree(ROOT / "guide", guide)
        _page_to(guide)
        Path(name).chmod(0o755)
        platform = Installation(JUDGIFY_GUIDE=str(guide), JUDGIFY_EGRESS_ALLOW=f"127.0.0.1:{place.port}")
        secrets = platform.home / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "bench_url").write_text(f"http://127.0.0.1:{place.port}/")

        @cache
        def token() -> str:
            return platform.settings.cli_token

        def alert(mark: str) -> bytes:
            labels = {"alertname": "OddThing", "service": mark, "severity": "critical"}
            one = {"status": "firing", "labels": labels, "annotations": {"summary": mark}, "fingerprint": mark}
            one["startsAt"] = iso(SystemClock().now())
            whole = {"version": "4", "status": "firing", "alerts": [one]}
            return _post("/api/v2/response/intake/alertmanager", whole, token())

        def ending(body: bytes) -> bytes | None:
            # In a burst the answer names no incident; such a one stays open.
            found = [one["incident_id"] for one in json.loads(body)["data"]]
            path = "/api/v2/response/incidents/{}/resolve"
            reason = {"reason": "measured"}
            return _post(path.format(found[0]), reason, token()) if found else None

        try:
            platform.ok("up", "--detach")
            yield Party(platform.settings.ports.of("response"), place, platform.home, alert, ending)
        finally:
            platform.remove()


def _page_to(guide: Path) -> None:
    """Have every page go over HTTP, none of them in a digest; the local mailbox is for before there is a channel."""
    channel = {
        "kind": "http",
        "label": {"ko": "측정", "en": "bench"},
        "enabled": True,
        "wakes": True,
        "severities": ["P0", "P1", "P2", "P3"],
        "kinds": ["page"],
        "url": "secret:bench_url",
    }

    def channels(document: Any) -> None:
        document["channels"]["mailbox"]["enabled"] = False
        document["channels"]["bench"] = channel

    _edit(guide / "channels.yaml", channels)
    _edit(guide / "intake.yaml", lambda document: document["storm"].update(pages=1_000, within_s=1, roots=1_000))


def _edit(path: Path, change: Callable[[Any], None]) -> None:
    yaml = YAML()
    document = yaml.load(path.read_text(encoding="utf-8"))
    change(document)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


@contextmanager
def _alertmanager() -> Iterator[Party]:
    with sink(_MARK) as place, tempfile.TemporaryDirectory(prefix="judgify-bench-") as name:
        folder = Path(name)
        (folder / "alertmanager.yml").write_text(_ALERTMANAGER.format(port=place.port))
        path, env = program("prometheus-alertmanager")
        port = free_port()
        argv = [
            path, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=error",
        ]  # fmt: skip

        def alert(mark: str) -> bytes:
            return _post("/api/v2/alerts", [{"labels": {"alertname": "OddThing", "n": mark, "severity": "critical"}}])

        with shared_files("prometheus"), running(argv, port=port, log=folder / "log", env=env):
            yield Party(port, place, folder, alert, lambda _: None)
