"""How late a page goes out that falls due among 100,000 others, beside a bare table of timers, on both stores."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from ruamel.yaml import YAML
from tests.support.installation import ROOT, Installation
from tests.support.stores import Postgres

from bench.process import free_port
from bench.report import Row
from judgify.kit.clock import SystemClock
from judgify.kit.ids import new_id
from judgify.response import timeline as t
from judgify.response.model import ENGINE, Actor, IncidentKey, Page, Signal
from judgify.response.ports import Store, Tx
from judgify.response.stores.postgres.store import PostgresStore
from judgify.response.stores.sqlite import SqliteStore

P50_RATIO: Final = 3.0
P99_RATIO: Final = 5.0
P99_MS: Final = 25.0
LEAD_S: Final = 6.0
"""From the writing of the last row to the first that is due; the bare table has as long for its timers."""
INCIDENTS: Final = 50
_CHUNK: Final = 5_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    pending: int
    pages: int
    span_s: float


def measure(*, pending: int = 100_000, pages: int = 5_000, span_s: float = 10.0, rounds: int = 1) -> list[Row]:
    """Give p50 and p99 on SQLite and on PostgreSQL in milliseconds, each beside the timers of the same run."""
    size = Size(pending, pages, span_s)
    found: dict[str, list[float]] = {"SQLite": [], "PostgreSQL": [], "timers": []}
    with tempfile.TemporaryDirectory(prefix="judgify-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        for number in range(rounds):
            folder = Path(name) / f"{number}"
            folder.mkdir(mode=0o755)
            found["timers"] += _bare(folder, size)
            found["SQLite"] += _sqlite(folder / "a", size)
            found["PostgreSQL"] += _postgres(folder / "b", size)
    p50, p99 = median(found["timers"]), _p99(found["timers"])
    rows: list[Row] = []
    for store in ("SQLite", "PostgreSQL"):
        times = found[store]
        note = f"{pending:,} pages pending, {pages:,} due within {span_s:g} s; longest {max(times):.1f} ms"
        what = f"page due to request on the wire, {store}"
        rows.append(Row(f"{what}, p50", median(times), "ms", ("timers", p50), ceiling=P50_RATIO, note=note))
        rows.append(Row("the same, p99", _p99(times), "ms", ("timers", p99), ceiling=P99_RATIO, most=P99_MS))
    return rows


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


def _bare(folder: Path, size: Size) -> list[float]:
    with _sink(folder / "timers.json", size) as (port, arrived):
        start = time.monotonic() + LEAD_S
        words = [str(port), str(size.pending), str(size.pages), str(start), str(size.span_s)]
        subprocess.run([sys.executable, "-m", "bench.timers", "bare", *words], cwd=ROOT, check=True)
        return _late(arrived(), start, size)


def _late(arrived: list[list[float]], start: float, size: Size) -> list[float]:
    first: dict[int, float] = {}
    for number, at in arrived:
        first.setdefault(int(number), at)
    if len(first) < size.pages:
        raise RuntimeError(f"{size.pages - len(first)} of {size.pages} pages never came")
    return [max(0.0, at - start - number * size.span_s / size.pages) * 1000 for number, at in first.items()]


@contextmanager
def _sink(out: Path, size: Size) -> Iterator[tuple[int, Callable[[], list[list[float]]]]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.timers", "sink", str(port), str(size.pages), str(out)], cwd=ROOT
    )

    def arrived() -> list[list[float]]:
        process.wait(120)
        found: list[list[float]] = json.loads(out.read_text())
        return found

    try:
        time.sleep(1)
        yield port, arrived
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _sqlite(folder: Path, size: Size) -> list[float]:
    return _engine(folder, size, {}, lambda home: SqliteStore(home / "response" / "response.db"))


def _postgres(folder: Path, size: Size) -> list[float]:
    folder.mkdir(mode=0o755, exist_ok=True)
    server = Postgres(folder / "postgres").create()
    try:
        url = server.url
        variables = {"JUDGIFY_RESPONSE_DATABASE_URL": url}
        return _engine(folder, size, variables, lambda _: PostgresStore(url, engine="bench-seed"))
    finally:
        server.stop()


def _engine(folder: Path, size: Size, variables: dict[str, str], store_of: Callable[[Path], Store]) -> list[float]:
    folder.mkdir(mode=0o755, exist_ok=True)
    guide = folder / "guide"
    shutil.copytree(ROOT / "guide", guide)
    with _sink(folder / "arrived.json", size) as (port, arrived):
        _page_to(guide)
        platform = Installation(JUDGIFY_GUIDE=str(guide), JUDGIFY_EGRESS_ALLOW=f"127.0.0.1:{port}", **variables)
        secrets = platform.home / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "bench_url").write_text(f"http://127.0.0.1:{port}/")
        try:
            platform.ok("up", "--detach")
            start = asyncio.run(_seed(store_of(platform.home), size))
            return _late(arrived(), start, size)
        finally:
            platform.remove()


async def _seed(store: Store, size: Size) -> float:
    """Write the rows beside the running engine; give the monotonic moment at which the first is due."""
    await store.open()
    clock = SystemClock()
    now = clock.now()
    incidents = [f"INC-BENCH-{index:04d}" for index in range(INCIDENTS)]
    for incident_id in incidents:
        await store.write(lambda tx, incident_id=incident_id: _incident(tx, incident_id, now))  # type: ignore[misc]
    far = now + timedelta(hours=2)
    for first in range(0, size.pending, _CHUNK):
        numbers = range(first, min(first + _CHUNK, size.pending))
        rows = [_row(incidents, 1_000_000 + number, far + timedelta(milliseconds=number), now) for number in numbers]
        await store.write(lambda tx, rows=rows: tx.save_pages(rows))  # type: ignore[misc]
    start, wall = clock.monotonic() + LEAD_S, clock.now() + timedelta(seconds=LEAD_S)
    gap = size.span_s / size.pages
    due = [_row(incidents, number, wall + timedelta(seconds=number * gap), now) for number in range(size.pages)]
    await store.write(lambda tx: tx.save_pages(due))
    await store.close()
    return start


def _row(incidents: list[str], number: int, due: datetime, now: datetime) -> Page:
    return Page(
        id=new_id("pg"),
        incident_id=incidents[number % len(incidents)],
        kind="notice",
        person=f"bench-{number}",
        role="devops",
        channel="bench",
        row="1",
        due_at=due,
        created_at=now,
        # An announcement of an incident that is over: nothing but the clock makes it due or takes it back.
        payload={"announcement": "internal", "text": {"ko": "측정", "en": "bench"}},
    )


def _incident(tx: Tx, incident_id: str, now: datetime) -> None:
    values: dict[str, Any] = {"service": "gateway", "signal": "odd", "source": "alertmanager"}
    signal = Signal(id=new_id("sig"), observed_at=now, received_at=now, **values)
    opened = t.IncidentOpened(
        id=incident_id,
        key=IncidentKey(root="gateway", failure_class="unknown", drill=incident_id),
        title="측정",
        severity="P1",
        rule="bench",
        reason="bench",
        signal=signal,
        started_at=now,
    )
    done = [
        t.ChecklistDone(item=item, how="machine", detail="bench")
        for item in ("receipt_confirmed", "management_reported", "announced")
    ]
    tx.append(incident_id, ENGINE, now, [opened])
    tx.append(incident_id, Actor(kind="person", name="bench"), now, [*done, t.IncidentResolved(reason="bench")])


def _page_to(guide: Path) -> None:
    yaml = YAML()
    path = guide / "channels.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"))
    document["channels"]["bench"] = {
        "kind": "http",
        "label": {"ko": "측정", "en": "bench"},
        "enabled": True,
        "wakes": True,
        "severities": ["P0"],
        "kinds": ["page"],
        "url": "secret:bench_url",
    }
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
