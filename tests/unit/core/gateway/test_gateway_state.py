"""Health of the whole, the traffic switch, what is held of sessions, and metrics: decided without I/O."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from judgify.core.gateway.door import RedisDoor
from judgify.core.gateway.health import HealthMonitor, read_state, summarise
from judgify.core.gateway.metric import GatewayMetrics
from judgify.core.gateway.record import FRESH_S, OUTAGE_S, Record, RecordCache
from judgify.core.gateway.traffic import Traffic, TrafficSwitch, read_switch
from judgify.kit.clock import FakeClock
from judgify.kit.errors import Unavailable
from judgify.kit.web import State

START = datetime(2026, 1, 5, tzinfo=UTC)
ALL: dict[str, State] = dict.fromkeys(
    ("workflow", "judgment", "action", "notification", "logging", "dashboard", "database", "redis"), "ok"
)


def test_only_judgment_and_the_database_bring_the_whole_down() -> None:
    assert summarise(ALL).status == "ok"
    for name in ALL:
        report = summarise({**ALL, name: "down"})
        assert report.status == ("down" if name in {"judgment", "database"} else "degraded")
        assert summarise({**ALL, name: "degraded"}).status == "degraded"
    assert summarise({}).status == "down"


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, b'{"status":"ok"}', "ok"),
        (200, b'{"status":"degraded"}', "degraded"),
        (200, b"{}", "degraded"),
        (200, b"[]", "degraded"),
        (200, b"<html>", "degraded"),
        (503, b'{"status":"ok"}', "down"),
        (404, b"", "down"),
    ],
)
def test_a_services_own_word_is_read_strictly(status: int, body: bytes, state: State) -> None:
    assert read_state(status, body) == state


async def test_a_report_is_shared_while_fresh_and_a_broken_probe_is_down() -> None:
    clock = FakeClock(START)
    looked = 0

    async def good() -> State:
        nonlocal looked
        looked += 1
        return "ok"

    async def broken() -> State:
        raise RuntimeError

    monitor = HealthMonitor({"judgment": good, "database": good, "redis": broken}, clock)
    assert monitor.latest is None
    first = await monitor.report()
    assert (first.status, first.parts["redis"]) == ("degraded", "down")
    await monitor.report()
    assert looked == 2
    await clock.advance(0.6)
    assert await monitor.report() == first
    assert looked == 4


def test_the_switch_is_read_or_refused() -> None:
    assert read_switch('{"blocked":true,"retry_after_s":5,"reason":"x"}') == Traffic(True, 5, "x")
    assert read_switch('{"blocked":false,"retry_after_s":true,"reason":null}') == Traffic(False, 60, "")
    assert read_switch('{"blocked":true,"retry_after_s":-1}').retry_after_s == 60
    for bad in ("", "[]", "{}", '{"blocked":1}', '{"blocked":"true"}'):
        with pytest.raises(ValueError, match=r".*"):
            read_switch(bad)


def test_the_switch_follows_its_file(tmp_path: Path) -> None:
    path = tmp_path / "traffic.json"
    switch = TrafficSwitch(path, FakeClock(START))
    switch.look()
    switch.check()
    path.write_text('{"blocked":true,"retry_after_s":7}')
    switch.look()
    with pytest.raises(Unavailable) as caught:
        switch.check()
    assert caught.value.fields["retry_after_s"] == 7
    path.write_text("broken")
    switch.look()
    assert switch.state.blocked
    switch.look()
    path.unlink()
    switch.look()
    assert not switch.state.blocked


class _Source:
    def __init__(self) -> None:
        self.asked = 0
        self.up = True
        self.active = True

    async def load(self) -> Record:
        self.asked += 1
        if not self.up:
            raise Unavailable
        return Record(active=self.active, subject="mina", role="viewer")


async def test_a_record_is_asked_for_every_five_seconds_and_believed_ten_minutes_in_an_outage() -> None:
    clock = FakeClock(START)
    cache = RecordCache(RedisDoor(None), clock)
    source = _Source()
    assert (await cache.get("session:a", source.load)).active
    await cache.get("session:a", source.load)
    assert source.asked == 1
    await clock.advance(FRESH_S)
    source.up = False
    assert (await cache.get("session:a", source.load)).active
    assert source.asked == 2
    # Within a second of a failure the database is left alone, for other names too.
    with pytest.raises(Unavailable):
        await cache.get("session:b", source.load)
    assert source.asked == 2
    await clock.advance(OUTAGE_S - FRESH_S)
    assert (await cache.get("session:a", source.load)).active
    await clock.advance(FRESH_S)
    with pytest.raises(Unavailable):
        await cache.get("session:a", source.load)
    source.up, source.active = True, False
    await clock.advance(1)
    assert not (await cache.get("session:a", source.load)).active


async def test_an_end_is_known_at_once_and_forgetting_asks_again() -> None:
    clock = FakeClock(START)
    cache = RecordCache(RedisDoor(None), clock)
    source = _Source()
    await cache.get("session:a", source.load)
    await cache.put("session:a", Record(active=False))
    assert not (await cache.get("session:a", source.load)).active
    await cache.forget(["session:a", "session:unknown"])
    await cache.forget([])
    assert (await cache.get("session:a", source.load)).active
    assert source.asked == 2
    cache.age_memory(FRESH_S)
    await cache.get("session:a", source.load)
    assert source.asked == 3
    cache.clear_memory()
    await cache.get("session:a", source.load)
    assert source.asked == 4


async def test_active_users_are_distinct_subjects_of_five_minutes() -> None:
    clock = FakeClock(START)
    metrics = GatewayMetrics(clock)
    metrics.seen("a", clock.monotonic())
    metrics.seen("a", clock.monotonic())
    metrics.seen("b", clock.monotonic())
    assert metrics.active() == 2
    await clock.advance(299)
    metrics.seen("b", clock.monotonic())
    await clock.advance(2)
    assert metrics.active() == 1
    metrics.observe("GET", "/live", 200, 0.01)
    metrics.observe("GET", "/live", 200, 0.01)
    metrics.observe("BREW", "unmatched", 405, 0.01)
    text = metrics.render([("judgment", 3, 2)], 0.5, blocked=True).decode()
    assert 'api_request_queue_depth{upstream="judgment"} 3.0' in text
    assert 'http_requests_total{job="api-gateway-service",method="GET",route="/live",status="200"} 2.0' in text
    assert 'method="other"' in text
    assert "BREW" not in text
