"""Programs of others, as they are, against a real engine: Alertmanager, Prometheus, amtool, PagerDuty's client."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pagerduty
import pytest
from bench.process import free_port, running
from bench.tools import Missing, program, shared_files
from tests.support.engine_home import EngineHome, engine_home

TOKEN = "intake-token-of-a-test-0123456789abcdef"


@pytest.fixture(scope="module")
def home() -> Iterator[EngineHome]:
    with engine_home() as engine:
        path = engine.folder / "secrets" / "intake_token"
        path.write_text(TOKEN)
        path.chmod(0o600)
        engine.until(lambda: engine.api.get("/api/v2/status", headers=bearer()).status_code == 200)
        yield engine


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def tool(name: str) -> tuple[str, dict[str, str]]:
    try:
        return program(name)
    except Missing as missing:
        pytest.skip(str(missing))


def signals(home: EngineHome) -> list[dict[str, Any]]:
    """Every signal of every incident, with its incident's root."""
    found = []
    for incident in home.get("/incidents"):
        whole = home.get(f"/incidents/{incident['id']}")
        found += [{**signal, "incident": whole} for signal in whole["signals"]]
    return found


def of(home: EngineHome, name: str) -> Any:
    return home.until(lambda: next((one for one in signals(home) if one["signal"] == name), None))


def test_alertmanager_delivers_through_its_webhook_and_its_pagerduty_receiver(home: EngineHome, tmp_path: Path) -> None:
    path, env = tool("prometheus-alertmanager")
    (tmp_path / "am.yml").write_text(f"""
route:
  receiver: webhook
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes: [{{receiver: events, matchers: ['alertname="DiskNearlyFull"']}}]
receivers:
  - name: webhook
    webhook_configs:
      - url: {home.url}/api/v2/response/intake/alertmanager
        http_config: {{authorization: {{credentials: {TOKEN}}}}}
  - name: events
    pagerduty_configs:
      - url: {home.url}/v2/enqueue
        routing_key: {TOKEN}
        class: '{{{{ .GroupLabels.alertname }}}}'
        component: '{{{{ .CommonLabels.job }}}}'
""")
    port = free_port()
    argv = [
        path, f"--config.file={tmp_path}/am.yml", f"--storage.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    with shared_files("prometheus"), running(argv, port=port, log=tmp_path / "am.log", env=env):
        address = f"http://127.0.0.1:{port}/api/v2/alerts"
        for name in ("QueueGrows", "DiskNearlyFull"):
            labels = {"alertname": name, "job": "logging-service", "severity": "warning"}
            assert home.api.post(address, json=[{"labels": labels}], headers={"Authorization": ""}).status_code == 200
        webhook = of(home, "queue_grows")
        assert (webhook["service"], webhook["source"]) == ("logging", "alertmanager")
        event = of(home, "disk_nearly_full")
        assert (event["service"], event["source"]) == ("logging", "pagerduty")


def test_amtool_adds_and_queries_alerts(home: EngineHome) -> None:
    path, env = tool("amtool")
    base = [path, f"--alertmanager.url={home.url.replace('http://', f'http://any:{TOKEN}@')}"]

    def run(*arguments: str) -> str:
        done = subprocess.run([*base, *arguments], env=env, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("alert", "add", "alertname=TapeTorn", "job=action-service", "--annotation=summary=the tape is torn")
    assert of(home, "tape_torn")["service"] == "action"
    listed = json.loads(run("alert", "query", "alertname=TapeTorn", "-o", "json"))
    assert [one["labels"]["alertname"] for one in listed] == ["TapeTorn"]
    assert json.loads(run("alert", "query", "alertname=Nothing", "-o", "json")) == []
    denied = subprocess.run(
        [path, f"--alertmanager.url={home.url}", "alert", "add", "alertname=X"],
        env=env,
        capture_output=True,
        check=False,
    )
    assert denied.returncode != 0


def test_prometheus_posts_its_alerts_here(home: EngineHome, tmp_path: Path) -> None:
    path, env = tool("prometheus")
    (tmp_path / "rules.yml").write_text("""
groups:
  - name: test
    interval: 1s
    rules:
      - {alert: ClockTicks, expr: vector(1), labels: {job: notification-service}, annotations: {summary: it ticks}}
""")
    (tmp_path / "prometheus.yml").write_text(f"""
global: {{evaluation_interval: 1s}}
rule_files: [{tmp_path}/rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["{home.url.removeprefix("http://")}"]}}]
      authorization: {{credentials: {TOKEN}}}
""")
    port = free_port()
    argv = [
        path, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--rules.alert.resend-delay=1s",
    ]  # fmt: skip
    with running(argv, port=port, log=tmp_path / "prometheus.log", env=env):
        found = of(home, "clock_ticks")
    assert (found["service"], found["text"]) == ("notification", "it ticks")


class TlsEndsBefore(httpx2.HTTPTransport):
    """What a reverse proxy does: the client speaks https, the engine hears http."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(scheme="http")
        return super().handle_request(request)


def events_client(key: str, home: EngineHome) -> pagerduty.EventsApiV2Client:
    address = home.url.replace("http://", "https://")
    return pagerduty.EventsApiV2Client(key, base_url=address, transport=TlsEndsBefore())


def kinds(home: EngineHome, incident: str) -> list[str]:
    return [entry["type"] for entry in home.get(f"/incidents/{incident}/timeline?limit=500")]


def test_pagerdutys_own_client_triggers_and_resolves(home: EngineHome) -> None:
    with events_client(TOKEN, home) as client:
        details = {"alertname": "PumpStopped", "service": "judgment"}
        key = client.trigger("the pump stopped", "pump-1", severity="critical", custom_details=details)
        assert key
        found = of(home, "pump_stopped")
        assert found["incident"]["severity"] in {"P0", "P1"}
        assert client.acknowledge(key) == key
        assert client.resolve(key) == key
        incident = found["incident"]["id"]
        assert {"note-added", "signal-cleared"} <= set(kinds(home, incident))
        client.send_change_event(payload={"summary": "release 2.1.0", "source": "judgment"})
        home.until(lambda: "change-reported" in kinds(home, incident))
    with events_client("wrong", home) as stranger, pytest.raises(pagerduty.Error):
        stranger.trigger("x", "y")


def test_a_burst_of_thousands_is_durable_and_one_incident_for_each_root(home: EngineHome) -> None:
    services = ("gateway", "judgment", "dashboard")
    for start in range(0, 3_000, 100):
        alerts = [
            {"labels": {"alertname": "Flood", "job": services[n % 3], "instance": f"i{n}"}}
            for n in range(start, start + 100)
        ]
        answer = home.api.post("/api/v2/alerts", json=alerts, headers=bearer())
        assert (answer.status_code, answer.content) == (200, b"")
    gauge = "judgify_response_signals_waiting 0.0"
    home.until(lambda: gauge in home.api.get("/metrics").text, 60)
    shown = home.api.get("/api/v2/alerts", params={"filter": 'alertname="Flood"'}, headers=bearer()).json()
    assert len(shown) == 3_000
    roots = [incident["root"] for incident in home.get("/incidents") if incident["state"] not in {"closed", "resolved"}]
    assert len(roots) == len(set(roots))


def test_strangers_and_hostile_bodies_get_a_clear_refusal_in_the_form_of_their_way_in(home: EngineHome) -> None:
    own = "/api/v2/response"
    none = {"Authorization": ""}
    for path in (f"{own}/signals", f"{own}/intake/grafana", f"{own}/intake/json/x", "/heartbeat/watchdog"):
        refused = home.api.post(path, json={}, headers=none)
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:judgify:problem:unauthenticated")
    told = home.api.post("/api/v2/alerts", json=[], headers={"Authorization": "Bearer wrong"})
    assert told.status_code == 401
    assert isinstance(told.json(), str)
    wrong = home.api.post("/v2/enqueue", json={"routing_key": "wrong", "event_action": "trigger"}, headers=none)
    assert (wrong.status_code, wrong.json()["errors"]) == (400, ["Invalid routing key"])
    lacking = home.api.post("/v2/enqueue", json={"routing_key": TOKEN, "event_action": "trigger"}, headers=none)
    assert (lacking.status_code, lacking.json()["status"]) == (400, "invalid event")
    wide = {f"l{n}": "x" for n in range(10_000)}
    for body in (b"{", b"\xff", b"[" * 100_000, json.dumps([{"labels": wide}]).encode(), b'[{"labels": {}}]'):
        answer = home.api.post("/api/v2/alerts", content=body, headers=bearer())
        assert answer.status_code == 400, body[:40]
        assert isinstance(answer.json(), str)
        assert home.api.post(f"{own}/intake/alertmanager", content=body, headers=bearer()).status_code in {400, 422}
        assert home.api.post("/v2/change/enqueue", content=body).status_code == 400
    assert home.api.post(f"{own}/signals", content=b"x" * 9_000_000, headers=bearer()).status_code == 413
    assert home.api.post(f"{own}/intake/json/nothing", json={}, headers=bearer()).status_code == 404
    assert home.api.post("/heartbeat/nobody", headers=bearer()).status_code == 404
    beat = home.api.post("/heartbeat/watchdog", headers=bearer())
    assert (beat.status_code, beat.json()["data"]["missing"]) == (202, False)
    made = home.post("/heartbeats", name="job", every_s=60)
    assert made["source"] == "api"
    assert {one["name"] for one in home.get("/heartbeats")} == {"watchdog", "job"}
    assert home.post("/heartbeats/job/forget") == {"forgotten": "job"}
    cloud = {"specversion": "1.0", "id": "1", "source": "/x/judgment", "type": "a.disk_low"}
    headers = {**bearer(), "Content-Type": "application/cloudevents+json"}
    taken = home.api.post(f"{own}/intake/cloudevents", content=json.dumps(cloud), headers=headers)
    assert taken.status_code == 202, taken.text
    for path in ("/api/v2/status", "/api/v2/receivers", "/api/v2/silences", "/api/v2/alerts/groups"):
        assert home.api.get(path, headers=none).status_code == 401
        assert home.api.get(path, headers=bearer()).status_code == 200
    assert home.api.get("/api/v2/alerts", params={"filter": "x"}, headers=bearer()).status_code == 422
