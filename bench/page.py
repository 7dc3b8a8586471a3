"""From an alert's webhook to the page on the wire, beside Alertmanager with `group_wait: 0s`."""

import http.client
import json
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from ruamel.yaml import YAML
from tests.support.installation import ROOT, Installation

from bench.process import free_port, running
from bench.report import Row
from bench.tools import program, shared_files
from judgify.kit.clock import SystemClock, iso

P99_MS: Final = 25.0
PACE_S: Final = 0.5
"""Rest between two alerts, whose incident is ended in it: one page is timed here, not a storm."""
_ALERTMANAGER: Final = """
route: {{receiver: page, group_by: [alertname, n], group_wait: 0s, group_interval: 1s, repeat_interval: 24h}}
receivers:
  - name: page
    webhook_configs: [{{url: "http://127.0.0.1:{port}/", send_resolved: false}}]
"""


Parties = tuple["Wire", Callable[[str], None], Callable[[], None]]
"""Where pages arrive, how an alert is sent, and how its incident is ended."""


class Wire:
    """Where pages arrive: a web server that notes when each came."""

    def __init__(self) -> None:
        """Listen on a free port of this machine."""
        self.arrived: queue.Queue[tuple[float, str]] = queue.Queue()
        arrived = self.arrived

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                at = time.perf_counter()
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                arrived.put((at, body))
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, mark: str, timeout_s: float = 10) -> float:
        """Give the moment at which the first page with this mark came."""
        until = time.perf_counter() + timeout_s
        while (left := until - time.perf_counter()) > 0:
            try:
                at, body = self.arrived.get(timeout=left)
            except queue.Empty:
                break
            if mark in body:
                return at
        raise RuntimeError(f"no page with {mark} came within {timeout_s:g} s")

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def measure(*, pages: int = 150) -> list[Row]:
    """Give p50 and p99 of both in milliseconds."""
    with _engine() as (wire, send, end):
        ours = _times(wire, send, end, pages)
    with _alertmanager() as (wire, send, end):
        theirs = _times(wire, send, end, pages)
    note = f"Alertmanager p50 {median(theirs):.1f} p99 {_p99(theirs):.1f} ms; {pages} pages each"
    return [
        Row("alert webhook to page on the wire, p50", median(ours), "ms", ("Alertmanager", median(theirs))),
        Row("the same, p99", _p99(ours), "ms", ("Alertmanager", _p99(theirs)), most=P99_MS, note=note),
    ]


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100)[98]


def _times(wire: Wire, send: Callable[[str], None], end: Callable[[], None], pages: int) -> list[float]:
    found = []
    for number in range(-10, pages):
        mark = f"bench{number + 100_000}x"
        began = time.perf_counter()
        send(mark)
        took = (wire.wait_for(mark) - began) * 1000
        if number >= 0:  # the first ones warm up
            found.append(took)
        end()
        time.sleep(PACE_S)
    return found


@contextmanager
def _engine() -> Iterator[Parties]:
    wire = Wire()
    with tempfile.TemporaryDirectory(prefix="judgify-bench-") as name:
        guide = Path(name) / "guide"
        shutil.copytree(ROOT / "guide", guide)
        _page_to(guide)
        Path(name).chmod(0o755)
        platform = Installation(JUDGIFY_GUIDE=str(guide), JUDGIFY_EGRESS_ALLOW=f"127.0.0.1:{wire.port}")
        secrets = platform.home / "secrets"
        secrets.mkdir(mode=0o700)
        (secrets / "bench_url").write_text(f"http://127.0.0.1:{wire.port}/")
        try:
            platform.ok("up", "--detach")
            connection = http.client.HTTPConnection("127.0.0.1", platform.settings.ports.of("response"), timeout=20)
            headers = {"Authorization": f"Bearer {platform.settings.cli_token}", "Content-Type": "application/json"}
            opened: list[str] = []

            def send(mark: str) -> None:
                labels = {"alertname": "OddThing", "service": mark, "severity": "critical"}
                alert = {"status": "firing", "labels": labels, "annotations": {"summary": mark}, "fingerprint": mark}
                alert["startsAt"] = iso(SystemClock().now())
                body = json.dumps({"version": "4", "status": "firing", "alerts": [alert]})
                connection.request("POST", "/api/v2/response/intake/alertmanager", body, headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 202:
                    raise RuntimeError(f"{answer.status}: {text[:300]!r}")
                opened.append(json.loads(text)["data"][0]["incident_id"])

            def end() -> None:
                path = f"/api/v2/response/incidents/{opened.pop()}/resolve"
                connection.request("POST", path, json.dumps({"reason": "measured"}), headers)
                connection.getresponse().read()

            yield wire, send, end
        finally:
            platform.remove()
            wire.close()


def _page_to(guide: Path) -> None:
    yaml = YAML()
    path = guide / "channels.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"))
    document["channels"]["bench"] = {
        "kind": "http",
        "label": {"ko": "측정", "en": "bench"},
        "enabled": True,
        "wakes": True,
        "severities": ["P0", "P1", "P2", "P3"],
        "kinds": ["page"],
        "url": "secret:bench_url",
    }
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    # One page is timed here, again and again; a person who is paged that often would be told in a digest.
    path = guide / "intake.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"))
    document["storm"]["pages"] = 1_000
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


@contextmanager
def _alertmanager() -> Iterator[Parties]:
    wire = Wire()
    with tempfile.TemporaryDirectory(prefix="judgify-bench-") as name:
        folder = Path(name)
        (folder / "alertmanager.yml").write_text(_ALERTMANAGER.format(port=wire.port))
        path, env = program("prometheus-alertmanager")
        port = free_port()
        argv = [
            path, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=error",
        ]  # fmt: skip
        with shared_files("prometheus"), running(argv, port=port, log=folder / "log", env=env):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

            def send(mark: str) -> None:
                body = json.dumps([{"labels": {"alertname": "OddThing", "n": mark, "severity": "critical"}}])
                connection.request("POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"Alertmanager answers {answer.status}")

            yield wire, send, lambda: None
    wire.close()
