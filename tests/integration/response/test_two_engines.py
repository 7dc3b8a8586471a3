"""Two real engine processes on one real PostgreSQL: one is frozen and woken, then the other is killed."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from ruamel.yaml import YAML
from tests.support import short_lease_engine
from tests.support.stores import free_port
from tests.support.supervised import supervised

from judgify.kit.clock import SystemClock
from judgify.kit.secrets import NAMES, ensure_secret, read_secret
from judgify.response.guide.loader import default_guide_dir

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
CLOCK = SystemClock()
SOURCE = Path(__file__).parents[3]
LEASE_S = short_lease_engine.LEASE_S
SLACK_S = 12.0
"""What a busy machine may take on top of a lease until the last of many pages has come."""
API = "/api/v2/response"


@dataclass(frozen=True)
class Arrival:
    """One page as it came off the wire."""

    key: str
    incident: str
    labelled: bool
    at: float


@dataclass
class Sink:
    """Where pages arrive; while it holds, it reads them and does not answer."""

    arrivals: list[Arrival] = field(default_factory=list)
    holding: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def open(self) -> Iterator[int]:
        """Listen on a free port."""
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                page = json.loads(self.rfile.read(int(self.headers["content-length"])))
                key, held = str(page["dedup_key"]), sink.holding.is_set()
                incident = key.partition(":")[0]
                sink.arrivals.append(Arrival(key, incident, bool(page["possibly_repeat"]), CLOCK.monotonic()))
                if held:
                    sink.release.wait(60)
                with suppress(OSError):
                    self.send_response(200)
                    self.send_header("content-length", "0")
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            self.release.set()
            server.shutdown()
            server.server_close()

    def of(self, incidents: set[str], since: float = 0.0) -> list[Arrival]:
        """Give what came of these incidents."""
        return [one for one in list(self.arrivals) if one.incident in incidents and one.at >= since]


@dataclass
class Engine:
    """One engine process."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"
    api: httpx.Client
    log: Path

    def state(self) -> str:
        """Tell whether it is ready, or ended; empty while neither."""
        if self.process.poll() is not None:
            return "ended"
        return "ready" if self.ready() else ""

    def ready(self) -> bool:
        with suppress(httpx.TransportError):
            return self.api.get("/ready").status_code == 200
        return False

    def signals(self, *services: str) -> None:
        """Send one critical alert for each service."""
        alike = {"signal": "odd_thing", "severity": "critical"}
        alerts = [{"service": one, "fingerprint": one, **alike} for one in services]
        answer = self.api.post(f"{API}/signals", json=alerts)
        assert answer.status_code == 202, answer.text

    def incidents(self, *services: str) -> set[str]:
        """Give the incidents of these services, as far as there are any."""
        rows = self.api.get(f"{API}/incidents", params={"limit": 100}).json()["data"]
        return {row["id"] for row in rows if row["root"] in services}

    def fenced(self) -> float:
        """How many claimed pages it held back."""
        text = self.api.get("/metrics").text
        found = re.findall(r"^judgify_response_pages_fenced_total\{.*\} (\S+)$", text, re.MULTILINE)
        return sum(float(value) for value in found)

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@dataclass
class Pair:
    """Two engines, the sink that both page through, and their database."""

    one: Engine
    two: Engine
    sink: Sink
    url: str

    def opened(self, engine: Engine, *services: str) -> set[str]:
        """Send alerts to an engine; give the incidents, one for each."""
        engine.signals(*services)
        self.until(lambda: len(engine.incidents(*services)) == len(services))
        return engine.incidents(*services)

    def until(self, condition: Callable[[], Any], within_s: float = 60.0) -> Any:
        """Wait until a condition gives something, and give it."""
        deadline = CLOCK.monotonic() + within_s
        while not (found := condition()):
            assert CLOCK.monotonic() < deadline, self.last_words()
            asyncio.run(CLOCK.sleep(0.02))
        return found

    def last_words(self) -> str:
        """Give the ends of both engines' logs."""
        return "\n".join(engine.log.read_text()[-2_000:] for engine in (self.one, self.two))

    def rows(self, incidents: set[str]) -> Counter[tuple[str, str]]:
        """Count the pages whose time has come through the sink's channel, by engine and state."""

        async def ask() -> Any:
            connection = await asyncpg.connect(self.url)
            try:
                return await connection.fetch(
                    "SELECT claimed_by, body ->> 'state' AS state FROM response.page WHERE incident_id = ANY($1)"
                    " AND channel = 'http' AND body ->> 'row' LIKE '0:%' AND (body ->> 'repeat')::int = 0",
                    list(incidents),
                )
            finally:
                await connection.close()

        return Counter((row["claimed_by"], row["state"]) for row in asyncio.run(ask()))

    def states(self, incidents: set[str]) -> Counter[str]:
        """Count the pages by state."""
        found: Counter[str] = Counter()
        for (_, state), count in self.rows(incidents).items():
            found[state] += count
        return found


def _guide(folder: Path) -> Path:
    """The shipped guide, with a channel that reaches a sink of ours, and no digests."""
    guide = folder / "guide"
    shutil.copytree(default_guide_dir(), guide)
    yaml = YAML()
    for name, change in (("channels.yaml", _through_http), ("intake.yaml", _no_digest)):
        document = yaml.load((guide / name).read_text(encoding="utf-8"))
        change(document)
        with (guide / name).open("w", encoding="utf-8") as file:
            yaml.dump(document, file)
    return guide


def _through_http(document: Any) -> None:
    document["channels"]["http"].update(enabled=True, kinds=["page", "report"])
    document["channels"]["mailbox"]["enabled"] = False


def _no_digest(document: Any) -> None:
    document["storm"]["pages"] = 1_000


@pytest.fixture
def pair(tmp_path: Path, postgres_url: str) -> Iterator[Pair]:
    sink, guide = Sink(), _guide(tmp_path)
    with asyncio.Runner() as runner, sink.open() as port:
        around = supervised()
        home = runner.run(around.__aenter__())
        for name in NAMES:
            ensure_secret(home.path, name)
        engines: list[Engine] = []
        for name in ("one", "two"):
            number = free_port()
            environ = {
                **os.environ,
                **home.environ,
                "PYTHONPATH": f"{SOURCE / 'src'}{os.pathsep}{SOURCE}",
                "JUDGIFY_GUIDE": str(guide),
                "JUDGIFY_PAGE_URL": f"http://127.0.0.1:{port}/",
                "JUDGIFY_EGRESS_ALLOW": f"127.0.0.1:{port}",
                "JUDGIFY_RESPONSE_DATABASE_URL": postgres_url,
                "JUDGIFY_ENGINE": name,
                "JUDGIFY_PORT_RESPONSE": str(number),
                "TEST_LEASE_S": str(LEASE_S),
            }
            log = tmp_path / f"{name}.log"
            with log.open("wb") as out:
                command = [sys.executable, "-m", "tests.support.short_lease_engine"]
                process = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
            headers = {"Authorization": f"Bearer {read_secret(home.path, 'cli_token')}", "X-Judgify-OS-User": "tester"}
            api = httpx.Client(base_url=f"http://127.0.0.1:{number}", headers=headers, timeout=30, trust_env=False)
            engines.append(Engine(name, number, process, api, log))
        made = Pair(engines[0], engines[1], sink, postgres_url)
        try:
            assert made.until(lambda: made.one.state() and made.two.state()) == "ready", made.last_words()
            yield made
        finally:
            for engine in engines:
                engine.api.close()
                engine.tell(signal.SIGCONT)
                engine.process.kill()
                engine.process.wait(20)
            runner.run(around.__aexit__(None, None, None))


def test_one_frozen_and_woken_then_the_other_killed(pair: Pair) -> None:
    one, two, sink = pair.one, pair.two, pair.sink
    # The first engine has many pages under way, and more that it has claimed and has no room for.
    two.tell(signal.SIGSTOP)
    sink.holding.set()
    incidents = pair.opened(one, *(f"twin-{number}" for number in range(20)))
    pair.until(lambda: len(sink.of(incidents)) >= 32 and pair.rows(incidents)["one", "claimed"] > 32 + 10)
    one.tell(signal.SIGSTOP)
    frozen_at = CLOCK.monotonic()
    under_way = sink.of(incidents)
    held = pair.rows(incidents)["one", "claimed"] - len(under_way)
    sink.holding.clear()
    # Meanwhile somebody takes one of them over at the second engine.
    two.tell(signal.SIGCONT)
    taken = min(incidents, key=lambda name: len(sink.of({name})))
    assert two.api.post(f"{API}/incidents/{taken}/ack", json={}).status_code == 200
    acknowledged_at = CLOCK.monotonic()
    # What the first one held comes through the second once its claims are over, and says that it may be a repeat.
    pair.until(lambda: {state for _, state in pair.rows(incidents)} <= {"sent", "withdrawn"})
    again = sink.of(incidents, frozen_at)
    assert max(one.at for one in again) < frozen_at + LEASE_S + SLACK_S
    told = {one.key for one in under_way}
    assert all(one.labelled for one in again if one.key in told)
    assert {key for key in told if not key.startswith(taken)} <= {one.key for one in again}
    # Woken, the first sends nothing of it, and what its receivers answer now changes nothing.
    before = pair.states(incidents)
    woken_at = CLOCK.monotonic()
    sink.release.set()
    one.tell(signal.SIGCONT)
    pair.until(lambda: one.ready() and one.fenced() >= held)
    assert sink.of(incidents, woken_at) == []
    assert pair.states(incidents) == before
    assert max(Counter(one.key for one in sink.of(incidents)).values()) <= 2
    assert not [one for one in sink.of({taken}, acknowledged_at) if ":page:" in one.key]

    # The second engine dies with pages under way.
    one.tell(signal.SIGSTOP)
    sink.release.clear()
    sink.holding.set()
    incidents = pair.opened(two, "twin-a", "twin-b")
    pair.until(lambda: len(sink.of(incidents)) == 2 * 5)
    two.process.kill()
    killed_at = CLOCK.monotonic()
    sink.holding.clear()
    one.tell(signal.SIGCONT)
    pair.until(lambda: pair.rows(incidents)["one", "sent"] == 2 * 5)
    again = sink.of(incidents, killed_at)
    assert max(one.at for one in again) < killed_at + LEASE_S + SLACK_S
    assert all(one.labelled for one in again)
    assert Counter(one.key for one in again) == Counter({one.key: 1 for one in sink.of(incidents)})
