"""Durable judgments through the gateway beside a bare FastAPI POST; the memory of idle services; the time of `up`."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psutil
from tests.support.installation import Installation

from bench.process import free_port, middle, python, running
from bench.report import Row
from bench.wrk import Load, press
from judgify.drill.load import DOCUMENT, WORKFLOW

FLOOR: Final = 0.35
P99_MS: Final = 60.0
IDLE_MB: Final = 80.0
CONNECTIONS: Final = (1, 16, 64)
PATH: Final = "/api/v2/judgment/execute"
BODY: Final = json.dumps({"workflow_name": WORKFLOW, "input_data": {"value": 71.5}})
SERVICES: Final = ("gateway", "workflow", "judgment", "action", "notification", "logging", "dashboard")


def measure(*, seconds: float = 8, rounds: int = 3, settle_s: float = 20) -> list[Row]:
    """Bring an installation up, let it come to rest, and measure; both endpoints are pressed in turns."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="judgify-bench-") as name:
        folder = Path(name)
        began = time.perf_counter()
        platform = Installation()
        try:
            platform.ok("up", "--detach")
            rows.append(Row("up to ten healthy units", time.perf_counter() - began, "s", most=30))
            time.sleep(settle_s)
            rows += _memory(platform)
            rows += _throughput(platform, folder, seconds, rounds)
        finally:
            platform.remove()
    return rows


def _memory(platform: Installation) -> list[Row]:
    sizes = {name: psutil.Process(pid).memory_info().rss / 1e6 for name, pid in platform.pids().items()}
    worst = max(SERVICES, key=lambda name: sizes[name])
    told = ", ".join(f"{name} {sizes[name]:.0f}" for name in (*SERVICES, "response"))
    return [Row("idle service, the largest", sizes[worst], "MB", most=IDLE_MB, note=told)]


def _throughput(platform: Installation, folder: Path, seconds: float, rounds: int) -> list[Row]:
    platform.call("POST", "/api/v2/workflow/workflows?activate=true", json=DOCUMENT).raise_for_status()
    head = (("Authorization", f"Bearer {platform.settings.cli_token}"), ("Content-Type", "application/json"))
    ours = Load(platform.settings.url("gateway") + PATH, "POST", BODY, head)
    bare = free_port()
    rows = []
    with running(python("bench.bare", str(bare)), port=bare, log=folder / "bare.log"):
        theirs = Load(f"http://127.0.0.1:{bare}{PATH}", "POST", BODY, head)
        for load in (ours, theirs):
            press(load, 16, 2, folder)
        for connections in CONNECTIONS:
            yardstick: list[dict[str, Any]] = []
            result: list[dict[str, Any]] = []
            for _ in range(rounds):
                yardstick.append(press(theirs, connections, seconds, folder))
                result.append(press(ours, connections, seconds, folder))
            rows += _rows(connections, middle(result, "rate"), middle(yardstick, "rate"))
    return rows


def _rows(connections: int, ours: dict[str, Any], bare: dict[str, Any]) -> list[Row]:
    held = connections == max(CONNECTIONS)
    name = f"durable judgment through the gateway, {connections} connections"
    note = f"p50 {ours['p50']:.1f} p95 {ours['p95']:.1f} p99 {ours['p99']:.1f} ms; errors {ours['errors']}"
    rows = [Row(name, ours["rate"], "/s", ("bare FastAPI", bare["rate"]), floor=FLOOR if held else None, note=note)]
    if held:
        rows.append(Row("the same, p99", ours["p99"], "ms", most=P99_MS))
    return rows
